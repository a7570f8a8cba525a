"""The processes of the private server: running its programs, finding its postmaster, clearing away what a kill left."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import structlog

from medsupply.errors import WarehouseError, WarehouseUnavailable
from medsupply.warehouse.database.places import Places

log = structlog.get_logger()


def drop_stale_pid(places: Places) -> None:
    """Remove lock files whose number belongs to another program by now, or to a server killed and not yet buried.

    PostgreSQL itself sees through a number that no process has; the file stays then, since it guards shared memory.
    """
    for file in (places.data / "postmaster.pid", places.socket_file.with_name(f"{places.socket_file.name}.lock")):
        process = _named_process(file)
        if process is not None and not _is_postmaster(process, places):
            log.info("stale lock file removed", file=str(file), process=process.pid)
            file.unlink()


def end_orphans(places: Places) -> None:
    """End backends whose server is dead: a busy one does not notice, and holds the memory that a new one needs.

    SIGQUIT makes a backend leave at once; what it had not committed is undone by the recovery that follows.
    """
    orphans = [process for process in psutil.process_iter(["name"]) if _is_orphan(process, places)]
    for process in orphans:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGQUIT)
    _, alive = psutil.wait_procs(orphans, timeout=3)
    for process in alive:
        process.kill()
    psutil.wait_procs(alive, timeout=3)


def _is_orphan(process: psutil.Process, places: Places) -> bool:
    """Whether this is a PostgreSQL process at home in our data folder whose parent is no PostgreSQL any more."""
    try:
        if not process.name().startswith("postgres") or process.cwd() != str(places.data):
            return False
        parent = process.parent()
        return not _is_postmaster(process, places) and (parent is None or not parent.name().startswith("postgres"))
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False  # gone, or another user's: then PostgreSQL itself says that the memory is in use


def _named_process(file: Path) -> psutil.Process | None:
    """The process whose number stands in the first line of a lock file; None when there is none."""
    try:
        return psutil.Process(int(file.read_text(encoding="ascii").split("\n", 1)[0]))
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
        return None


def _is_postmaster(process: psutil.Process, places: Places) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE and str(places.data) in process.cmdline()
    except psutil.NoSuchProcess:
        return False


def postmaster(places: Places) -> int | None:
    """The process number of the running server, None when there is none."""
    process = _named_process(places.data / "postmaster.pid")
    return process.pid if process is not None and _is_postmaster(process, places) else None


def run_program(places: Places, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program of PostgreSQL as the server's user, in its own session; its words end up in ``stdout``."""
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
    uid, gid = (places.uid, places.gid) if places.other_user else (None, None)
    groups: list[int] | None = [] if places.other_user else None
    said = places.base / f"said-{os.getpid()}"
    with said.open("w+", encoding="utf-8", errors="replace") as file:
        said.unlink()  # a pipe would stay open in the detached server, and the reader would wait for its end
        try:
            done = subprocess.run(
                [str(places.programs / program), *arguments],
                user=uid,
                group=gid,
                extra_groups=groups,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd="/",
                env=environment,
                umask=0o077,
                start_new_session=True,
                check=False,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise _not_run(places, program, error) from error
        file.seek(0)
        return subprocess.CompletedProcess(done.args, done.returncode, stdout=file.read())


def _not_run(places: Places, program: str, error: Exception) -> WarehouseError:
    return WarehouseError(
        f"{places.programs / program} cannot be run as user {places.uid} ({error})",
        "Run medsupply as an ordinary user, or set MEDSUPPLY_DATABASE_URL to a served PostgreSQL",
    )


def tail(path: Path, start: int) -> str:
    """What was written to a log after byte ``start``, at most its last 4000 bytes."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(start)
        return file.read()[-4000:].decode(errors="replace")


def start_error(places: Places, what: str, said: str) -> WarehouseError:
    """The error of a failed initdb or start, with what to do about it."""
    lower = said.lower()
    if "no space left" in lower:
        return WarehouseError(f"{what}: the disk that holds {places.base} is full", "Free space on it, then run again")
    if "permission denied" in lower or "invalid permissions" in lower or "wrong ownership" in lower:
        return WarehouseError(f"{what}: {_last_line(said)}", f"Give {places.base} to the user {places.uid} only")
    if "incompatible with server" in lower:
        return WarehouseError(f"{what}: {_last_line(said)}", "Set MEDSUPPLY_HOME to a new folder, or use its version")
    if "shared memory" in lower or "still in use" in lower or "could not create semaphores" in lower:
        return WarehouseUnavailable(f"{what}: {_last_line(said)}", "End the processes left behind, then run again")
    return WarehouseError(f"{what}: {_last_line(said)}", f"Read {places.log}; nothing was deleted")


def _last_line(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    telling = [line for line in lines if "FATAL" in line or "PANIC" in line or "error:" in line]
    return (telling or lines or ["it says nothing"])[-1]
