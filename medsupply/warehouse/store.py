"""Files of the archive and the record: written whole or not at all, never changed.

A folder is used by rename after fsync; an ``s3://`` address by whole-object puts, which are atomic there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from medsupply.errors import WarehouseError


class Store(Protocol):
    """What archive and record need of a place for files."""

    def put(self, name: str, data: bytes) -> None: ...

    def get(self, name: str) -> bytes: ...

    def exists(self, name: str) -> bool: ...

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
        """Write ``data`` under ``name``: temporary name, fsync, rename, fsync of the folder."""
        path = self.root / name
        part = path.with_name(f".{path.name}.{uuid4().hex}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
            _sync_folder(path.parent)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise WarehouseError(
                f"{path} cannot be written ({error.strerror})", "Free space or correct MEDSUPPLY_ARCHIVE_URL"
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
        from medsupply.warehouse.store_s3 import BucketStore

        return BucketStore(url)
    return FolderStore(Path(url.removeprefix("file://")))


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
