"""Random passwords in files that only their owner reads: MEDSUPPLY_HOME/secrets, mode 0600."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from medsupply.errors import WarehouseError

FOLDER = "secrets"


def secret_path(home: Path, name: str) -> Path:
    """Where the password of ``name`` lies."""
    return home / FOLDER / name


def read_secret(home: Path, name: str) -> str | None:
    """The password of ``name``, or None where there is none. Raises WarehouseError when it cannot be read."""
    path = secret_path(home, name)
    try:
        return path.read_text(encoding="ascii").strip() or None
    except FileNotFoundError:
        return None
    except OSError as error:
        raise WarehouseError(
            f"The password file {path} cannot be read ({error.strerror})",
            "Run as the user who owns MEDSUPPLY_HOME, or set MEDSUPPLY_HOME to a folder of your own",
        ) from error


def ensure_secret(home: Path, name: str) -> str:
    """The password of ``name``, made now when there is none. A half-written file is never seen."""
    found = read_secret(home, name)
    if found:
        return found
    path = secret_path(home, name)
    try:
        return _write_once(path, secrets.token_urlsafe(24))
    except OSError as error:
        raise WarehouseError(
            f"The password file {path} cannot be written ({error.strerror})",
            "Make MEDSUPPLY_HOME writable, or free space on its disk",
        ) from error


def _write_once(path: Path, password: str) -> str:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
        file.write(password)
        file.flush()
        os.fsync(file.fileno())
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)  # the first one wins, so that two processes agree
    draft.unlink()
    return path.read_text(encoding="ascii").strip()
