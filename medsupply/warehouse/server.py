"""The private PostgreSQL of one MEDSUPPLY_HOME: made, started and recovered by whoever needs it first.

The server is detached: it outlives the command that started it, also when that is killed. Commands attach and never
stop it; :func:`down` does. One file lock per home keeps two starters apart; the kernel frees it when its holder dies.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shlex
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import psycopg
import structlog

from medsupply.errors import WarehouseError, WarehouseUnavailable
from medsupply.settings import Settings
from medsupply.warehouse.places import MAJOR, PORT, Places, find_places
from medsupply.warehouse.secrets import ensure_secret, secret_path

ADMIN = "medsupply_admin"
START_SECONDS = 60.0
# A little more than a start may take: who waits longer than that waits for something stuck.
LOCK_SECONDS = 90.0
CONFIGURATION = f"""
# Written by medsupply when the server was made.
listen_addresses = ''
unix_socket_permissions = 0700
port = {PORT}
password_encryption = 'scram-sha-256'
max_connections = 200
shared_buffers = 256MB
work_mem = 32MB
maintenance_work_mem = 256MB
max_wal_size = 4GB
wal_compression = on
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
"""

log = structlog.get_logger()


def ensure(settings: Settings) -> Places:
    """The running private server of ``settings.home``, started (and made) when it does not run.

    Raises WarehouseUnavailable when it does not come up in time, WarehouseError when it cannot be made or read.
    """
    places = find_places(settings.home)
    if _ready(places).is_file() and listening(places):
        return places
    with _locked(places):
        if not listening(places):
            _check_version(places)
            if not (places.data / "PG_VERSION").is_file():
                _create(places)
            _start(places)
        if not _ready(places).is_file():
            from medsupply.warehouse.accounts import create_private

            create_private(settings, places)
            _ready(places).touch(mode=0o600)
    return places


def down(settings: Settings) -> bool:
    """Stop the private server; False when none ran. Raises WarehouseUnavailable when it does not stop."""
    if not settings.home.is_dir():
        return False
    places = find_places(settings.home)
    with _locked(places):
        if postmaster(places) is None:
            return False
        for mode in ("fast", "immediate"):
            done = _run(places, "pg_ctl", "-D", str(places.data), "-m", mode, "-w", "-t", "30", "stop")
            if done.returncode == 0:
                return True
    raise WarehouseUnavailable(f"The database did not stop: {done.stdout.strip()}", f"Read {places.log}, try again")


def airflow_database_url(settings: Settings) -> tuple[str, str]:
    """The addresses (psycopg, asyncpg) of Airflow's own database in the private server; both made when needed."""
    from medsupply.warehouse import accounts

    return accounts.airflow_database_url(settings)


def listening(places: Places) -> bool:
    """Whether a server answers on the socket (it may still be recovering)."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(places.socket_file))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except BlockingIOError:
            return True  # its queue is full: it is there and busy
        except PermissionError as error:
            raise WarehouseError(
                f"The database socket {places.socket} belongs to another user",
                "Run as the user who started it or as root, or set MEDSUPPLY_HOME to a folder of your own",
            ) from error
    return True


def admin_connection(places: Places, database: str = "postgres") -> psycopg.Connection:
    """A connection as the superuser of the private server, each statement its own transaction."""
    password = ensure_secret(places.home, ADMIN)
    return patient_connect(
        host=str(places.socket), port=PORT, user=ADMIN, password=password, dbname=database, autocommit=True
    )


def patient_connect(*, autocommit: bool = False, **parameters: str | int) -> psycopg.Connection:
    """Connect, waiting while the server starts or recovers. Raises WarehouseUnavailable when that takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            return psycopg.connect(**parameters, autocommit=autocommit)  # type: ignore[arg-type]
        except psycopg.OperationalError as error:
            if "starting up" not in str(error) and "recovery" not in str(error):
                raise
            if time.monotonic() > deadline:
                raise WarehouseUnavailable(
                    f"The database is still recovering after {START_SECONDS:.0f} s", "Wait and run again"
                ) from error
        time.sleep(0.1)


def _ready(places: Places) -> Path:
    return secret_path(places.home, f".made-{MAJOR}")


@contextlib.contextmanager
def _locked(places: Places) -> Iterator[None]:
    with os.fdopen(os.open(places.lock, os.O_RDWR | os.O_CREAT, 0o600), "r+", encoding="ascii") as file:
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise _stale_lock(places, file.read()) from error
                time.sleep(0.05)
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        yield


def _stale_lock(places: Places, holder: str) -> WarehouseUnavailable:
    return WarehouseUnavailable(
        f"Process {holder or 'unknown'} has held {places.lock} for over {LOCK_SECONDS:.0f} s",
        "It starts or stops the database; when it hangs, end it and run again (the lock frees itself)",
    )


def _check_version(places: Places) -> None:
    file = places.data / "PG_VERSION"
    found = file.read_text(encoding="ascii").strip() if file.is_file() else MAJOR
    others = [] if file.is_file() else sorted(path.name for path in places.base.glob("[0-9]*") if path.name.isdigit())
    if found != MAJOR or others:
        raise WarehouseError(
            f"{places.base} holds the data of PostgreSQL {others[0] if others else found}; "
            f"this medsupply reads version {MAJOR}",
            "Dump it with the medsupply that wrote it and load it here, or set MEDSUPPLY_HOME to a new folder",
        )


def _create(places: Places) -> None:
    """initdb beside the final place, then a rename: a killed attempt leaves nothing that looks like a database."""
    _ready(places).unlink(missing_ok=True)
    _drop_debris(places)
    draft = places.base / f"draft-{os.getpid()}"
    password = draft.with_suffix(".password")
    password.touch(mode=0o600)
    password.write_text(ensure_secret(places.home, ADMIN), encoding="ascii")
    os.chown(password, places.uid, places.gid)
    options = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    access = [f"--username={ADMIN}", "--auth=scram-sha-256", f"--pwfile={password}", "--no-instructions"]
    try:
        made = _run(places, "initdb", "-D", str(draft), *options, *access)
    finally:
        password.unlink()
    if made.returncode:
        _drop_debris(places)
        raise _explained(places, "The database cannot be made", made.stdout)
    with (draft / "postgresql.conf").open("a", encoding="ascii") as file:
        file.write(CONFIGURATION)
    draft.rename(places.data)


def _drop_debris(places: Places) -> None:
    for path in places.base.glob("draft-*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _start(places: Places) -> None:
    """Start the server; what a kill -9 left behind of the one before is ended first."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        _drop_stale_pid(places)
        _end_orphans(places)
        before = places.log.stat().st_size if places.log.exists() else 0
        options = f"-c unix_socket_directories={shlex.quote(str(places.socket))}"
        arguments = ["-D", str(places.data), "-l", str(places.log), "-o", options, "-w", "-t", f"{START_SECONDS:.0f}"]
        done = _run(places, "pg_ctl", *arguments, "start")
        if done.returncode == 0:
            log.info("database started", folder=str(places.data))
            return
        said = done.stdout + _tail(places.log, before)
        if "still in use" not in said or time.monotonic() > deadline:
            raise _explained(places, "The database does not start", said)
        time.sleep(0.2)


def _drop_stale_pid(places: Places) -> None:
    """Remove a postmaster.pid whose number now belongs to another program (after a restart of the machine).

    PostgreSQL itself sees through a number that no process has; the file stays then, since it guards shared memory.
    """
    process = _named_process(places)
    if process is not None and not _is_postmaster(process, places):
        log.info("stale postmaster.pid removed", process=process.pid)
        (places.data / "postmaster.pid").unlink()


def _end_orphans(places: Places) -> None:
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


def _named_process(places: Places) -> psutil.Process | None:
    """The living process whose number postmaster.pid names."""
    try:
        return psutil.Process(int((places.data / "postmaster.pid").read_text(encoding="ascii").split("\n", 1)[0]))
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
        return None


def _is_postmaster(process: psutil.Process, places: Places) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE and str(places.data) in process.cmdline()
    except psutil.NoSuchProcess:
        return False


def postmaster(places: Places) -> int | None:
    """The process number of the running server, None when there is none."""
    process = _named_process(places)
    return process.pid if process is not None and _is_postmaster(process, places) else None


def _run(places: Places, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program of PostgreSQL as the server's user, in its own session; its words end up in ``stdout``."""
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
    uid, gid = (places.uid, places.gid) if places.other_user else (None, None)
    groups: list[int] | None = [] if places.other_user else None
    said = places.base / f"said-{os.getpid()}"
    with said.open("w+", encoding="utf-8", errors="replace") as file:
        said.unlink()  # a pipe would stay open in the detached server, and the reader would wait for its end
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
        file.seek(0)
        return subprocess.CompletedProcess(done.args, done.returncode, stdout=file.read())


def _tail(path: Path, start: int) -> str:
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(start)
        return file.read()[-4000:].decode(errors="replace")


def _explained(places: Places, what: str, said: str) -> WarehouseError:
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
