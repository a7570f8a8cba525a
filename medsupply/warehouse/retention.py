"""Retention: what may go after a time, counted before and noted for ever in ``ops.retained``.

Archive and record never go. Of the rest only what can be computed again, what the archive holds too, or the text of
what is told elsewhere: no figure becomes zero by it, and whoever asks for what is gone is told so.
Killed at any point, the next run ends what was noted, with the same limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import polars as pl
import sqlalchemy as sa
import structlog

from medsupply.tables.ops import RETAINED
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.database.locks import one_writer
from medsupply.warehouse.loading.failpoints import reached
from medsupply.warehouse.retained_kinds import KINDS, TEXTS, Found, Kind, find_texts, forget_texts

log = structlog.get_logger()
TOLD = pl.Schema({
    "kind": pl.String(), "keep_days": pl.Int64(), "rows": pl.Int64(), "bytes": pl.Int64(),
    "oldest": pl.Datetime("us", "UTC"), "what": pl.String(),
})  # fmt: skip
_NOTE = """
    INSERT INTO ops.retained (at, kind, keep_days, before, rows, bytes, oldest)
    VALUES (:at, :kind, :days, :before, :rows, :bytes, :oldest)
    ON CONFLICT (at, kind) DO UPDATE SET rows = retained.rows + EXCLUDED.rows, bytes = retained.bytes + EXCLUDED.bytes,
        oldest = least(retained.oldest, EXCLUDED.oldest), finished_at = NULL
"""
_END = "UPDATE ops.retained SET finished_at = :now WHERE at = :at AND kind = :kind"


def retain(wh: Warehouse, *, at: datetime, dry_run: bool = False) -> pl.DataFrame:
    """Delete what is older than its setting says; ``dry_run``: only count it.

    Returns per kind: kind, keep_days (0: for ever), rows, bytes, oldest, what.
    """
    told = []
    for kind in KINDS:
        days = kind.days(wh.settings)
        found = Found()
        if not dry_run:
            _resume(wh, kind, at)
        if days:
            found = (_counted if dry_run else _deleted)(wh, kind, at, days)
        told.append((kind.name, days, found.rows, found.bytes, found.oldest, kind.what))
        if found.rows and not dry_run:
            log.info("deleted", kind=kind.name, rows=found.rows, bytes=found.bytes)
    return pl.DataFrame(told, schema=TOLD, orient="row")


def _counted(wh: Warehouse, kind: Kind, at: datetime, days: int) -> Found:
    with wh.engine.connect() as connection:
        return kind.find(wh, connection, at - timedelta(days=days))


def _deleted(wh: Warehouse, kind: Kind, at: datetime, days: int) -> Found:
    """Files do not come back with a transaction: their note is on the disk before they go."""
    before = at - timedelta(days=days)
    with wh.transaction() as connection:
        one_writer(connection)
        found = kind.find(wh, connection, before)
        if not found.rows:
            return found
        note = {"at": at, "kind": kind.name, "days": days, "before": before}
        connection.execute(sa.text(_NOTE), note | {"rows": found.rows, "bytes": found.bytes, "oldest": found.oldest})
        if not kind.outside:
            _end(wh, connection, kind, at=at, before=before, now=at)
    reached("retention_noted")
    if kind.outside:
        _end_outside(wh, kind, at=at, before=before, now=at)
    if kind.after:
        kind.after(wh, at)
    return found


def _resume(wh: Warehouse, kind: Kind, now: datetime) -> None:
    """End what a run that was killed had noted."""
    left = wh.rows(RETAINED, "kind = :kind AND finished_at IS NULL", kind=kind.name)
    for at, before in left.select("at", "before").iter_rows():
        _end_outside(wh, kind, at=at, before=before, now=now)


def _end_outside(wh: Warehouse, kind: Kind, *, at: datetime, before: datetime, now: datetime) -> None:
    with wh.transaction() as connection:
        one_writer(connection)
        _end(wh, connection, kind, at=at, before=before, now=now)


def _end(
    wh: Warehouse, connection: sa.Connection, kind: Kind, *, at: datetime, before: datetime, now: datetime
) -> None:
    kind.delete(wh, connection, before, at)
    reached("retention_deleted")
    connection.execute(sa.text(_END), {"now": now, "at": at, "kind": kind.name})


def forget_again(connection: sa.Connection, event: Mapping[str, Any]) -> None:
    """In a rebuild: the texts of quarantine that had been deleted, and their note where the database is a new one."""
    at, before = (datetime.fromisoformat(event[name]) for name in ("at", "before"))
    known = connection.scalar(
        sa.text("SELECT count(*) FROM ops.retained WHERE at = :at AND kind = :kind"), {"at": at, "kind": TEXTS}
    )
    found = find_texts(connection, before)
    if not known and found.rows:
        note = {"at": at, "kind": TEXTS, "days": event["keep_days"], "before": before}
        connection.execute(sa.text(_NOTE), note | {"rows": found.rows, "bytes": found.bytes, "oldest": found.oldest})
        connection.execute(sa.text(_END), {"now": at, "at": at, "kind": TEXTS})
    forget_texts(connection, before)
