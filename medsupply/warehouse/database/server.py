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
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import structlog

from medsupply.errors import WarehouseError, WarehouseUnavailable
from medsupply.settings import Settings
from medsupply.warehouse.database.accounts import create_private
from medsupply.warehouse.database.connecting import ADMIN, START_SECONDS
from medsupply.warehouse.database.places import MAJOR, PORT, Places, find_places
from medsupply.warehouse.database.processes import (
    drop_stale_pid,
    end_orphans,
    postmaster,
    run_program,
    start_error,
    tail,
)
from medsupply.warehouse.database.secrets import ensure_secret, secret_path

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
            done = run_program(places, "pg_ctl", "-D", str(places.data), "-m", mode, "-w", "-t", "30", "stop")
            if done.returncode == 0:
                return True
    raise WarehouseUnavailable(f"The database did not stop: {done.stdout.strip()}", f"Read {places.log}, try again")


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
        made = run_program(places, "initdb", "-D", str(draft), *options, *access)
    finally:
        password.unlink()
    if made.returncode:
        _drop_debris(places)
        raise start_error(places, "The database cannot be made", made.stdout)
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
        drop_stale_pid(places)
        end_orphans(places)
        before = places.log.stat().st_size if places.log.exists() else 0
        options = f"-c unix_socket_directories={shlex.quote(str(places.socket))}"
        arguments = ["-D", str(places.data), "-l", str(places.log), "-o", options, "-w", "-t", f"{START_SECONDS:.0f}"]
        done = run_program(places, "pg_ctl", *arguments, "start")
        if done.returncode == 0:
            log.info("database started", folder=str(places.data))
            return
        said = done.stdout + tail(places.log, before)
        if "still in use" not in said or time.monotonic() > deadline:
            raise start_error(places, "The database does not start", said)
        time.sleep(0.2)
