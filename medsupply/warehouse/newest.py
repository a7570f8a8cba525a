"""The reference tables after the newest delivery: one step of the fold instead of all, with the same result."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import polars as pl
import sqlalchemy as sa

from medsupply.sources.catalogue import Kind, Source
from medsupply.tables.base import Table
from medsupply.tables.core import CORE
from medsupply.warehouse.database import bulk
from medsupply.warehouse.database.reading import read_frame
from medsupply.warehouse.reference import refold
from medsupply.warehouse.storage import record
from medsupply.warehouse.storage.store import Store
from medsupply.warehouse.versions import DELIVERY, KNOWN_FROM, KNOWN_TO, fold, last_of

_OTHERS = """
    SELECT max(received_at) AS last,
           coalesce(bool_or(withdrawn_at >= :at OR (held AND released_at >= :at)), false) AS decided
    FROM ops.deliveries
    WHERE source = :source AND verdict IN ('accepted', 'partly', 'held')
      AND (NOT held OR released_at IS NOT NULL) AND parts > 0 AND delivery_id <> ALL(:ids)
"""
_SAME_MOMENT = """
    SELECT delivery_id, parts FROM ops.deliveries
    WHERE source = :source AND verdict IN ('accepted', 'partly') AND NOT held AND parts > 0 AND received_at = :at
    ORDER BY sha256
"""
_CASTS: dict[type[pl.DataType], str] = {pl.Date: "date", pl.Datetime: "timestamptz", pl.Int64: "bigint"}


def add(
    connection: sa.Connection,
    store: Store,
    source: Source,
    ids: Sequence[str],
    at: datetime,
    *,
    only: Sequence[object] | None = None,
) -> int:
    """Bring the table of ``source`` up to date after plain deliveries received at ``at``; returns the rows written.

    Where anything that counts is newer, all is folded again. ``only``: as in ``refold``.
    """
    if only is not None and not len(only):
        return 0
    rows = _of_moment(connection, store, source, at) if _are_newest(connection, source, ids, at) else None
    old = _known(connection, source, rows, only) if rows is not None else None
    if rows is None or old is None or _has_later(old, source, at):
        return refold(connection, store, source, only=only)
    open_then = pl.col(KNOWN_TO).is_null() | (pl.col(KNOWN_TO) >= at)
    stood = old.filter((pl.col(KNOWN_FROM) < at) & open_then).select(*rows.columns, KNOWN_FROM)
    full_list = source.kind is Kind.FULL_LIST
    folded = fold([(at, rows)], list(source.row_key), full_list=full_list, current=stood)
    touched = old.filter(open_then | (pl.col(KNOWN_FROM) == at))
    return _exchange(connection, CORE[source.name], touched, folded)


def _are_newest(connection: sa.Connection, source: Source, ids: Sequence[str], at: datetime) -> bool:
    """Whether no other delivery counts later. Events of one moment stand beside each other, lists do not."""
    values = {"source": source.name, "at": at, "ids": list(ids)}
    last, decided = read_frame(connection, _OTHERS, values).row(0)
    return not decided and (last is None or last < at or (last == at and source.kind is Kind.EVENTS))


def _of_moment(connection: sa.Connection, store: Store, source: Source, at: datetime) -> pl.DataFrame:
    """What the deliveries of a moment say together, in the types of the table."""
    batch = read_frame(connection, _SAME_MOMENT, {"source": source.name, "at": at})
    found = record.scan(store, source.name, batch.iter_rows()).filter(pl.col(KNOWN_FROM) <= at).collect()
    order = pl.col(DELIVERY).replace_strict(batch[DELIVERY], pl.int_range(batch.height, eager=True), default=None)
    rows = CORE[source.name].conform(found.sort(order, maintain_order=True)).drop(KNOWN_TO)
    return last_of([rows], list(source.row_key))


def _known(
    connection: sa.Connection, source: Source, rows: pl.DataFrame, only: Sequence[object] | None
) -> pl.DataFrame:
    """Versions of the rows that ``rows`` may change: of the same keys, or for a full list of all in its scopes."""
    table = CORE[source.name]
    names = ", ".join(f't."{name}"' for name in table.columns)
    if source.kind is Kind.EVENTS:
        join, values = _matching(table, rows.select(source.row_key))
        found = read_frame(connection, f"SELECT {names} FROM {table.full_name} t JOIN {join[0]} ON {join[1]}", values)  # noqa: S608
    else:
        scope = f'WHERE t."{source.scope[0]}" = ANY(:only)' if only is not None else ""
        found = read_frame(connection, f"SELECT {names} FROM {table.full_name} t {scope}", {"only": list(only or [])})  # noqa: S608
    return table.conform(found)


def _has_later(old: pl.DataFrame, source: Source, at: datetime) -> bool:
    """Whether a change of these rows is as late as the deliveries, or for events later."""
    moments = pl.concat([old[KNOWN_FROM], old[KNOWN_TO]]).drop_nulls()
    return bool((moments > at).any() if source.kind is Kind.EVENTS else (moments >= at).any())


def _exchange(connection: sa.Connection, table: Table, before: pl.DataFrame, after: pl.DataFrame) -> int:
    """Put ``after`` in the place of ``before``, writing the differences only."""
    rows = table.conform(after)
    gone = before.join(rows, on=before.columns, how="anti", nulls_equal=True)
    new = rows.join(before, on=rows.columns, how="anti", nulls_equal=True)
    if gone.height:
        (source, condition), values = _matching(table, gone.select(table.key))
        connection.execute(sa.text(f"DELETE FROM {table.full_name} t USING {source} WHERE {condition}"), values)  # noqa: S608
    return bulk.copy(connection, table, new)


def _matching(table: Table, keys: pl.DataFrame) -> tuple[tuple[str, str], dict[str, list[str]]]:
    """SQL that stands for ``keys`` as a table, how rows of ``table`` ``t`` meet it, and its values."""
    names = [f"k{number}" for number in range(keys.width)]
    arrays = ", ".join(f"CAST(:{name} AS text[])" for name in names)
    conditions = []
    for name, (column, dtype) in zip(names, keys.schema.items(), strict=True):
        cast = _CASTS.get(type(dtype))
        conditions.append(
            f't."{column}" = CAST(n.{name} AS {cast})' if cast else f'CAST(t."{column}" AS text) = n.{name}'
        )
    values = {name: keys[column].cast(pl.String).to_list() for name, column in zip(names, keys.columns, strict=True)}
    return (f"unnest({arrays}) AS n({', '.join(names)})", " AND ".join(conditions)), values
