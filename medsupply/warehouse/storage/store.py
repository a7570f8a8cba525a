"""Files of the archive and the record: written whole or not at all, never changed.

A folder is used by rename after fsync; an ``s3://`` address by whole-object puts, which are atomic there.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from ctypes import CDLL, get_errno
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from medsupply.errors import WarehouseError

PART = ".part"
# From this many files on the whole file system is synchronised once: ten times as fast as file by file.
MANY = 8


class Store(Protocol):
    """What archive and record need of a place for files."""

    def put(self, name: str, data: bytes) -> None: ...

    def put_all(self, files: Mapping[str, bytes]) -> None: ...

    def get(self, name: str) -> bytes: ...

    def exists(self, name: str) -> bool: ...

    def size(self, name: str) -> int | None:
        """Bytes of a file; None where it is not there."""
        ...

    def delete(self, name: str) -> None: ...

    def names(self, prefix: str) -> Iterator[str]: ...

    def location(self, name: str) -> str:
        """Where polars scans the file."""
        ...


class FolderStore:
    """Files under a local folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, name: str, data: bytes) -> None:
        """Write ``data`` under ``name``; see ``put_all``."""
        self.put_all({name: data})

    def put_all(self, files: Mapping[str, bytes]) -> None:
        """Write each under its name: temporary names, disk, rename, disk of the folders. Raises WarehouseError."""
        places = {self.root / name: data for name, data in files.items()}
        parts = {path: path.with_name(f".{path.name}.{uuid4().hex}{PART}") for path in places}
        folders = {path.parent for path in places}
        try:
            for folder in folders:
                folder.mkdir(parents=True, exist_ok=True)
            for path, data in places.items():
                parts[path].write_bytes(data)
            _sync(parts.values(), folders)
            for path, part in parts.items():
                part.replace(path)
            for folder in folders:
                _sync_path(folder)
        except OSError as error:
            for part in parts.values():
                part.unlink(missing_ok=True)
            raise WarehouseError(
                f"{self.root} cannot be written ({error.strerror})", "Free space or correct MEDSUPPLY_ARCHIVE_URL"
            ) from error

    def get(self, name: str) -> bytes:
        try:
            return (self.root / name).read_bytes()
        except OSError as error:
            raise WarehouseError(
                f"{self.root / name} cannot be read ({error.strerror})", "Restore it from the backup of the archive"
            ) from error

    def exists(self, name: str) -> bool:
        return (self.root / name).exists()

    def size(self, name: str) -> int | None:
        path = self.root / name
        return path.stat().st_size if path.is_file() else None

    def delete(self, name: str) -> None:
        (self.root / name).unlink(missing_ok=True)

    def names(self, prefix: str) -> Iterator[str]:
        for path in sorted((self.root / prefix).rglob("*")):
            if path.is_file():
                yield str(path.relative_to(self.root))

    def location(self, name: str) -> str:
        return str(self.root / name)


def open_store(url: str) -> Store:
    """The store that ``url`` (a folder or s3://bucket/prefix) names."""
    if url.startswith("s3://"):
        from medsupply.warehouse.storage.store_s3 import BucketStore

        return BucketStore(url)
    return FolderStore(Path(url.removeprefix("file://")))


def _sync(files: Iterable[Path], folders: Iterable[Path]) -> None:
    """Wait until ``files`` are on the disk."""
    files = list(files)
    if len(files) < MANY or not _SYNCFS:
        for file in files:
            _sync_path(file)
        return
    for folder in {folder.stat().st_dev: folder for folder in folders}.values():
        handle = os.open(folder, os.O_RDONLY)
        try:
            if _SYNCFS(handle) != 0:
                raise OSError(get_errno(), os.strerror(get_errno()))
        finally:
            os.close(handle)


def _sync_path(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _syncfs() -> Callable[[int], int] | None:
    """Linux' call for a whole file system, where it tells of failed writes (5.8 and later)."""
    release = tuple(int(part) for part in platform.release().split(".")[:2] if part.isdigit())
    if platform.system() != "Linux" or release < (5, 8):
        return None
    found: Callable[[int], int] | None = getattr(CDLL(None, use_errno=True), "syncfs", None)
    return found


_SYNCFS = _syncfs()
