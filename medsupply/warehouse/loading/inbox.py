"""The inbox: ``<folder>/<source>/<any name>``; reference first; a file is moved only after its delivery is stored.

A file that holds something personal is deleted then, not moved: nothing of it is kept anywhere.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
import structlog

from medsupply.errors import InputError
from medsupply.sources.catalogue import SOURCES
from medsupply.sources.personal import holds_code
from medsupply.tables.deliveries import REFERENCE
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.database.engine import explained
from medsupply.warehouse.loading import intake
from medsupply.warehouse.loading.failpoints import reached
from medsupply.warehouse.loading.intake import Progress, Verdict

DONE = ".done"
# The name of a file between its place and its deletion; one that a kill left so goes back and is known again.
LEAVING = ".personal-"
# Bytes of a name, to which a number may be added; the rest of a longer one is cut.
NAME_BYTES = 240
GROUP = 64
_PERSONAL = sa.text("""
    SELECT d.delivery_id FROM ops.deliveries d LEFT JOIN ops.deliveries first ON first.delivery_id = d.duplicate_of
    WHERE d.delivery_id = any(:ids)
      AND coalesce(first.reason_code, d.reason_code) IN ('personal_code', 'personal_column')
""")
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
        _put_back(place)
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
    return take_files(wh, waiting(folder, settle=settle), received_at=received_at, progress=progress)


def take_files(
    wh: Warehouse, files: Sequence[Waiting], *, received_at: datetime, progress: Progress | None = None
) -> list[Verdict]:
    """Load ``files`` of the inbox in their order, as :func:`take` does; those already gone are passed over."""
    items = [item for one in files if (item := _item(one)) is not None]
    verdicts: list[Verdict] = []
    stored: list[tuple[intake.Item, Verdict]] = []
    try:
        for item, verdict in intake.load_each(wh, items, received_at=received_at, durable=False):
            verdicts.append(verdict)
            stored.append((item, verdict))
            if len(stored) >= GROUP:
                _publish(wh, stored)
            if progress:
                progress(len(verdicts), len(items), item.path.name)
    finally:
        _publish(wh, stored)
    return verdicts


def _item(one: Waiting) -> intake.Item | None:
    try:
        return intake.Item(one.source, one.path, intake.identity(one.path))
    except FileNotFoundError:
        return None  # another loader was faster


def _publish(wh: Warehouse, stored: list[tuple[intake.Item, Verdict]]) -> None:
    """Move what is stored, once it is on the disk for sure; delete what is personal."""
    if not stored:
        return
    intake.settle(wh)
    personal = _personal(wh, [verdict for _, verdict in stored])
    for item, verdict in stored:
        _leave(item, personal=verdict.delivery_id in personal)
        reached("published")
    stored.clear()


def _personal(wh: Warehouse, verdicts: Sequence[Verdict]) -> set[str]:
    """Those of the deliveries that were refused as personal, or repeat one that was."""
    ids = [one.delivery_id for one in verdicts if one.verdict in ("refused", "duplicate")]
    if not ids:
        return set()
    with explained(), wh.engine.connect() as connection:
        return set(connection.scalars(_PERSONAL, {"ids": ids}))


def _leave(item: intake.Item, *, personal: bool) -> None:
    """Out of the inbox; one that grew after it was read comes back for the next run."""
    path = item.path
    target = _free(path.parent, f"{LEAVING}{path.name}") if personal else _free(path.parent / DONE, path.name)
    target.parent.mkdir(exist_ok=True)
    # Gone: another loader was faster.
    with contextlib.suppress(FileNotFoundError):
        path.replace(target)
        if intake.identity(target) != item.identity and not path.exists():
            log.warning("changed while it was loaded; it is taken again", file=path.name)
            target.replace(path)
        elif personal:
            target.unlink()


def _free(folder: Path, name: str) -> Path:
    """A name in ``folder`` that no file has, and that says nothing personal."""
    plain = f"withheld{Path(name).suffix}" if holds_code(name) and not name.startswith(LEAVING) else name
    plain = os.fsdecode(os.fsencode(plain)[:NAME_BYTES])
    target, number = folder / plain, 0
    while target.exists():
        number += 1
        target = folder / f"{plain}.{number}"
    return target


def _put_back(place: Path) -> None:
    """What a loader that was killed had no time to delete."""
    for path in place.glob(f"{LEAVING}*"):
        with contextlib.suppress(FileNotFoundError):  # another loader is faster
            path.replace(_free(place, path.name.removeprefix(LEAVING)))
