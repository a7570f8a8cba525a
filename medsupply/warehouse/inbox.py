"""The inbox: ``<folder>/<source>/<any name>``; reference first; a file is moved only after its delivery is stored."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog

from medsupply.errors import InputError
from medsupply.sources.catalogue import SOURCES
from medsupply.tables.deliveries import REFERENCE
from medsupply.warehouse import intake
from medsupply.warehouse.connection import Warehouse
from medsupply.warehouse.failpoints import reached
from medsupply.warehouse.intake import Progress, Verdict

DONE = ".done"
GROUP = 64
log = structlog.get_logger()


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

    ``settle``: seconds for which a file must have been unchanged. Links and hidden files are passed over; a folder
    that names no source is told in the log and stops nothing else. Raises InputError for a folder that is none.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder", "Create it, with one folder per source inside")
    found = []
    for place in sorted(folder.iterdir()):
        if not place.is_dir() or place.name.startswith("."):
            continue
        if place.name not in SOURCES:
            log.warning("folder names no source; its files wait", folder=str(place), sources=sorted(SOURCES))
            continue
        for path in sorted(place.iterdir()):
            plain = path.is_file() and not path.is_symlink() and not path.name.startswith(".")
            if plain and (settle <= 0 or now() - path.stat().st_mtime >= settle):
                found.append(Waiting(place.name, path))
    order = {source: number for number, source in enumerate((*REFERENCE, *SOURCES))}
    return sorted(found, key=lambda one: (not one.reference, order[one.source], one.path.name))


def take(
    wh: Warehouse, folder: Path, *, received_at: datetime, settle: float = 0.0, progress: Progress | None = None
) -> list[Verdict]:
    """Load all that waits, one transaction per file; a file is moved when its delivery is on the disk."""
    files = waiting(folder, settle=settle)
    items = [item for one in files if (item := _item(one)) is not None]
    verdicts: list[Verdict] = []
    stored: list[intake.Item] = []
    try:
        for item, verdict in intake.load_each(wh, items, received_at=received_at, durable=False):
            verdicts.append(verdict)
            stored.append(item)
            if len(stored) >= GROUP:
                _publish(wh, stored)
            if progress:
                progress(len(verdicts), len(items), item.path.name)
    finally:
        _publish(wh, stored)
    return verdicts


def take_one(wh: Warehouse, one: Waiting, *, received_at: datetime) -> Verdict:
    """Load one waiting file and move it to ``.done`` beside it."""
    item = intake.Item(one.source, one.path, intake.identity(one.path))
    verdict = intake.load_one(wh, item.source, item.path, received_at=received_at, file_identity=item.identity)
    _move(item)
    reached("published")
    return verdict


def _item(one: Waiting) -> intake.Item | None:
    try:
        return intake.Item(one.source, one.path, intake.identity(one.path))
    except FileNotFoundError:
        return None  # another loader was faster


def _publish(wh: Warehouse, stored: list[intake.Item]) -> None:
    """Move what is stored, once it is on the disk for sure."""
    if not stored:
        return
    intake.settle(wh)
    for item in stored:
        _move(item)
        reached("published")
    stored.clear()


def _move(item: intake.Item) -> None:
    """Move a file beside the others that are done; one that grew after it was read comes back for the next run."""
    path, target = item.path, item.path.parent / DONE / item.path.name
    target.parent.mkdir(exist_ok=True)
    number = 0
    while target.exists():
        number += 1
        target = path.parent / DONE / f"{path.name}.{number}"
    # Gone: another loader was faster.
    with contextlib.suppress(FileNotFoundError):
        path.replace(target)
        if intake.identity(target) != item.identity and not path.exists():
            log.warning("changed while it was loaded; it is taken again", file=path.name)
            target.replace(path)
