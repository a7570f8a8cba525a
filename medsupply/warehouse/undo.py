"""Withdraw a delivery, release what waits, make the warehouse again from the archive. Each is an event with a trace."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import sqlalchemy as sa

from medsupply.errors import InputError
from medsupply.sources.catalogue import SOURCES
from medsupply.tables.core import CORE
from medsupply.tables.ops import AUDIT, DELIVERIES, QUARANTINE, SNAPSHOTS
from medsupply.warehouse import bulk, record
from medsupply.warehouse.connection import Warehouse
from medsupply.warehouse.intake import known_codes, load_one
from medsupply.warehouse.reference import refold
from medsupply.warehouse.release import release_hold, release_rows
from medsupply.warehouse.store import open_store

Progress = Callable[[int, int, str], None]


def withdraw(wh: Warehouse, delivery_id: str, *, author: str, reason: str, at: datetime) -> None:
    """From ``at`` on the delivery's rows do not count; pictures known before keep them."""
    source = _source_of(wh, delivery_id)
    with wh.transaction() as connection:
        query = sa.text("update ops.deliveries set withdrawn_at = :at where delivery_id = :id and withdrawn_at is null")
        if not connection.execute(query, {"at": at, "id": delivery_id}).rowcount:
            raise InputError(f"{delivery_id} is withdrawn already", "Nothing is left to do")
        if not SOURCES[source].is_site:
            refold(connection, open_store(wh.settings.archive_url), SOURCES[source])
        _audit(connection, at, "withdraw", delivery_id, author, reason)


def release(
    wh: Warehouse, delivery_id: str, *, lines: Sequence[int] | None, author: str, reason: str, at: datetime
) -> int:
    """Release held snapshots or a held list, and rows of the quarantine whose reason is gone; returns how many."""
    _source_of(wh, delivery_id)
    store, known = open_store(wh.settings.archive_url), known_codes(wh)
    with wh.transaction() as connection:
        done = 0 if lines else release_hold(connection, store, delivery_id, at=at)
        done += release_rows(connection, store, delivery_id, known, at=at, by=author, lines=lines)
        if done:
            _audit(connection, at, "release", delivery_id, author, reason)
    return done


def rebuild(wh: Warehouse, *, progress: Progress | None = None) -> int:
    """Empty deliveries, record and reference, and load every archived file again as it was received."""
    store = open_store(wh.settings.archive_url)
    names = [name for name in store.names("raw") if name.endswith(".json")]
    notes = sorted((json.loads(store.get(name)) for name in names), key=lambda one: (one["received_at"], one["sha256"]))
    with wh.transaction() as connection:
        for table in (DELIVERIES, SNAPSHOTS, QUARANTINE, *CORE.values()):
            connection.execute(sa.delete(table.sql))
    with TemporaryDirectory(prefix="medsupply-rebuild-") as folder:
        for number, note in enumerate(notes, start=1):
            path = Path(folder) / note["file_name"]
            path.write_bytes(store.get(record.raw_name(note["source"], note["sha256"])))
            received_at = datetime.fromisoformat(note["received_at"])
            load_one(
                wh, note["source"], path, received_at=received_at, sender=note["sender"], identity=note["identity"]
            )
            path.unlink()
            if progress:
                progress(number, len(notes), note["file_name"])
    return len(notes)


def sweep(wh: Warehouse) -> int:
    """Delete record files of deliveries that were never committed; returns how many."""
    store = open_store(wh.settings.archive_url)
    valid = wh.read("select delivery_id, source, parts from ops.deliveries where parts > 0")
    kept = {
        record.part_name(source, delivery_id, part)
        for delivery_id, source, parts in valid.iter_rows()
        for part in range(parts)
    }
    orphans = [name for name in store.names("record") if name not in kept]
    for name in orphans:
        store.delete(name)
    return len(orphans)


def _source_of(wh: Warehouse, delivery_id: str) -> str:
    found = wh.read("select source from ops.deliveries where delivery_id = :id", id=delivery_id)
    if not found.height:
        raise InputError(f"There is no delivery {delivery_id!r}", "See analyst.deliveries for their names")
    return str(found.item())


def _audit(connection: sa.Connection, at: datetime, action: str, subject: str, author: str, reason: str) -> None:
    row = {"at": at, "action": action, "subject": subject, "author": author, "reason": reason}
    bulk.copy(connection, AUDIT, pl.DataFrame([row], schema=AUDIT.dtypes()))
