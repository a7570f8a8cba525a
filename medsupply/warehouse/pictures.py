"""Stores what measure and judge derive: one version per report day and moment known; nothing is overwritten."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import sqlalchemy as sa

from medsupply.errors import InputError
from medsupply.tables.base import Table
from medsupply.tables.picture import (
    COMPLETENESS,
    DISPENSING_DAILY,
    OBLIGATIONS,
    PICTURES,
    STATE_RESERVE,
    STOCK_DAILY,
    USUAL_UNITS,
)
from medsupply.warehouse.database.bulk import replace, upsert
from medsupply.warehouse.database.connection import Warehouse

# Stage -> tables whose rows of a replaced version retention may delete: the record gives them again.
SUMS = {
    "measured": (STOCK_DAILY, USUAL_UNITS, COMPLETENESS, OBLIGATIONS, STATE_RESERVE),
    "dispensing": (DISPENSING_DAILY,),
}


def store(
    wh: Warehouse,
    stage: str,
    as_of: date,
    known_at: datetime,
    frames: Mapping[Table, pl.DataFrame],
    *,
    always: bool = False,
    rules_version: str | None = None,
) -> datetime:
    """Store one version of ``stage`` of a day, and tell under which moment it is known.

    Facts that did not change since the version before give no new version, unless ``always``. The frames of tables
    without ``known_at`` in their key (medicines, packages) replace what is there when this is the newest version.
    """
    content = content_of(frames)
    with wh.transaction() as connection:
        # One writer per report day and stage: the second waits and then finds the same content.
        lock = sa.text("SELECT pg_advisory_xact_lock(hashtext(:what))")
        connection.execute(lock, {"what": f"{stage} {as_of}"})
        before = _version_before(connection, stage, as_of, known_at)
        if before is not None and before.content == content and before.dropped_at is None and not always:
            return _utc(before.known_at)
        shared = [table for table in frames if "known_at" not in table.key]
        for table in frames:
            if table not in shared:
                _store_version(connection, table, frames[table], as_of, known_at)
        upsert(connection, PICTURES, _registration(stage, as_of, known_at, frames, content, rules_version))
        if shared:
            # Days are measured side by side: whoever comes last must see which day is the newest.
            connection.execute(lock, {"what": f"{stage}, newest"})
            if _is_newest(connection, stage, as_of, known_at):
                for table in shared:
                    connection.execute(sa.delete(table.sql))
                    upsert(connection, table, frames[table])
    return known_at


def content_of(frames: Mapping[Table, pl.DataFrame]) -> str:
    """SHA-256 over the rows of ``frames``, sorted, without ``known_at``."""
    digest = hashlib.sha256()
    for table in sorted(frames, key=lambda one: one.full_name):
        rows = table.conform(frames[table]).drop("known_at", strict=False)
        lists = [name for name, dtype in rows.schema.items() if isinstance(dtype, pl.List)]
        rows = rows.with_columns(pl.col(name).list.join("\x1f") for name in lists).sort(rows.columns)
        digest.update(table.full_name.encode())
        digest.update(rows.write_csv().encode())
    return digest.hexdigest()


def version(wh: Warehouse, stage: str, as_of: date, known_at: datetime) -> datetime | None:
    """The moment of the newest version of ``stage`` of a day that was known at ``known_at``."""
    with wh.engine.connect() as connection:
        found = _version_before(connection, stage, as_of, known_at)
    return _utc(found.known_at) if found is not None else None


def stored(wh: Warehouse, table: Table, stage: str, as_of: date, known_at: datetime) -> pl.DataFrame:
    """The rows of ``table`` in the newest version known; empty when there is none.

    Raises InputError where retention has deleted them: gone is not empty.
    """
    with wh.engine.connect() as connection:
        found = _version_before(connection, stage, as_of, known_at)
    if found is None:
        return table.empty()
    if found.dropped_at is not None and table in SUMS.get(stage, ()):
        raise InputError(
            f"{table.full_name} of {as_of} as known at {known_at:%Y-%m-%d %H:%M} was deleted by retention",
            f"Make it again: medsupply picture --as-of {as_of} --known-at {known_at.isoformat()}",
        )
    moment = _utc(found.known_at)
    return wh.rows(table, f"{day_column(table)} = :as_of and known_at = :moment", as_of=as_of, moment=moment)


def day_column(table: Table) -> str:
    """The column of the report day."""
    return next(name for name in ("as_of", "week", "day") if name in table.columns)


def _store_version(
    connection: sa.Connection, table: Table, frame: pl.DataFrame, as_of: date, known_at: datetime
) -> None:
    rows = frame.with_columns(pl.lit(known_at).alias("known_at"))
    replace(connection, table, rows, **{day_column(table): as_of, "known_at": known_at})


def _version_before(
    connection: sa.Connection, stage: str, as_of: date, known_at: datetime
) -> sa.Row[Any, Any, Any] | None:
    table = PICTURES.sql.c
    query = (
        sa.select(table.known_at, table.content, table.dropped_at)
        .where(table.stage == stage, table.as_of == as_of, table.known_at <= known_at)
        .order_by(table.known_at.desc())
        .limit(1)
    )
    return connection.execute(query).first()


def _is_newest(connection: sa.Connection, stage: str, as_of: date, known_at: datetime) -> bool:
    """Whether no version about a later day, or of this day but known later, is stored."""
    table = PICTURES.sql.c
    later = sa.or_(table.as_of > as_of, sa.and_(table.as_of == as_of, table.known_at > known_at))
    query = sa.select(sa.func.count()).where(table.stage == stage, later)
    return connection.execute(query).scalar_one() == 0


def _registration(
    stage: str,
    as_of: date,
    known_at: datetime,
    frames: Mapping[Table, pl.DataFrame],
    content: str,
    rules_version: str | None,
) -> pl.DataFrame:
    row = {
        "as_of": as_of,
        "known_at": known_at,
        "stage": stage,
        "rules_version": rules_version,
        "rows": sum(frame.height for frame in frames.values()),
        "content": content,
    }
    return pl.DataFrame([row], schema=PICTURES.dtypes())


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)
