"""The inbox: ``<folder>/<source>/<any name>``; reference first; a file is moved only after its delivery is stored."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from medsupply.errors import InputError
from medsupply.sources.catalogue import SOURCES
from medsupply.tables.deliveries import REFERENCE
from medsupply.warehouse.connection import Warehouse
from medsupply.warehouse.failpoints import reached
from medsupply.warehouse.intake import Progress, Verdict, load_one

DONE = ".done"


@dataclass(frozen=True)
class Waiting:
    """A file that waits."""

    source: str
    path: Path

    @property
    def reference(self) -> bool:
        return self.source in REFERENCE


def waiting(folder: Path, *, settle: float = 0.0, now: Callable[[], float] = time.time) -> list[Waiting]:
    """Files that wait, reference sources first, then by source and name. A file still growing is left for later.

    ``settle``: seconds for which a file must have been unchanged. Links and hidden files are passed over. Raises
    InputError for a folder that names no source: its files would wait for ever.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder", "Create it, with one folder per source inside")
    found = []
    for place in sorted(folder.iterdir()):
        if not place.is_dir() or place.name.startswith("."):
            continue
        if place.name not in SOURCES:
            raise InputError(f"{place} names no source", f"Use one of {', '.join(SOURCES)}")
        for path in sorted(place.iterdir()):
            plain = path.is_file() and not path.is_symlink() and not path.name.startswith(".")
            if plain and now() - path.stat().st_mtime >= settle:
                found.append(Waiting(place.name, path))
    order = {source: number for number, source in enumerate((*REFERENCE, *SOURCES))}
    return sorted(found, key=lambda one: (not one.reference, order[one.source], one.path.name))


def take(
    wh: Warehouse, folder: Path, *, received_at: datetime, settle: float = 0.0, progress: Progress | None = None
) -> list[Verdict]:
    """Load all that waits, one transaction and one move per file."""
    files = waiting(folder, settle=settle)
    verdicts = []
    for number, one in enumerate(files, start=1):
        verdicts.append(take_one(wh, one, received_at=received_at))
        if progress:
            progress(number, len(files), one.path.name)
    return verdicts


def take_one(wh: Warehouse, one: Waiting, *, received_at: datetime) -> Verdict:
    """Load one waiting file and move it to ``.done`` beside it."""
    verdict = load_one(wh, one.source, one.path, received_at=received_at, identity=identity(one.path))
    _move(one.path)
    reached("published")
    return verdict


def identity(path: Path) -> str:
    """What makes this very file known again: device, inode and time, not its name."""
    found = path.stat()
    return f"{found.st_dev}:{found.st_ino}:{found.st_mtime_ns}"


def _move(path: Path) -> None:
    target = path.parent / DONE / path.name
    target.parent.mkdir(exist_ok=True)
    number = 0
    while target.exists():
        number += 1
        target = path.parent / DONE / f"{path.name}.{number}"
    path.replace(target)
