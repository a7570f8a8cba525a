"""Snapshots and lists that are suddenly short are stored but held: the one before stands as late.

The rule is for the accident of a cut file: the one before had 50 rows or more and more than 20 % of them are gone.
"""

from __future__ import annotations

from datetime import datetime

import polars as pl
import sqlalchemy as sa

from medsupply.sources.catalogue import Source
from medsupply.warehouse.reading import read_frame

MIN_ROWS = 50
MAX_LOSS = 0.2

_BEFORE = """
    SELECT DISTINCT ON (n.holder_id, n.day) n.holder_id, n.day, s.rows AS rows_before
    FROM unnest(CAST(:holders AS text[]), CAST(:days AS date[])) AS n(holder_id, day)
    JOIN ops.snapshots s ON s.source = 'stock' AND s.holder_id = n.holder_id AND s.day <= n.day
    JOIN ops.deliveries d ON d.delivery_id = s.delivery_id
    WHERE d.withdrawn_at IS NULL AND d.received_at <= :received_at
      AND (NOT s.held OR s.released_at IS NOT NULL)
    ORDER BY n.holder_id, n.day, s.day DESC, d.received_at DESC, d.sha256 DESC
"""


def is_short(rows: pl.Expr, before: pl.Expr) -> pl.Expr:
    """Whether ``rows`` is so much shorter than ``before`` that it must be looked at."""
    return (before >= MIN_ROWS) & (rows < (1 - MAX_LOSS) * before)


def held_snapshots(connection: sa.Connection, snapshots: pl.DataFrame, received_at: datetime) -> pl.DataFrame:
    """``snapshots`` (holder_id, day, rows) with ``held``, by the snapshot that stood before each of them."""
    days = snapshots["day"].to_list()
    params = {"holders": snapshots["holder_id"].to_list(), "days": days, "received_at": received_at}
    before = read_frame(connection, _BEFORE, params)
    before = before.with_columns(pl.col("day").cast(pl.Date), pl.col("rows_before").cast(pl.Int64))
    # Within one file the snapshot of the day before is the one before.
    joined = snapshots.join(before, on=["holder_id", "day"], how="left").sort("holder_id", "day")
    within = pl.col("rows").shift(1).over("holder_id", order_by="day")
    return joined.with_columns(
        is_short(pl.col("rows"), pl.coalesce(within, pl.col("rows_before"))).fill_null(False).alias("held")
    ).drop("rows_before")


def list_is_held(connection: sa.Connection, source: Source, delivery_id: str, rows: int, received_at: datetime) -> bool:
    """Whether a full list is held: the list that stands before it is much longer. Scoped lists are not compared."""
    from medsupply.sources.catalogue import Kind

    if source.kind is not Kind.FULL_LIST or source.scope:
        return False
    query = sa.text(
        "select rows_accepted from ops.deliveries where source = :source and delivery_id <> :id"
        " and verdict in ('accepted', 'partly', 'held') and withdrawn_at is null"
        " and (not held or released_at is not null) and received_at <= :received_at"
        " order by received_at desc, sha256 desc limit 1"
    )
    before = connection.execute(
        query, {"source": source.name, "id": delivery_id, "received_at": received_at}
    ).scalar_one_or_none()
    return before is not None and before >= MIN_ROWS and rows < (1 - MAX_LOSS) * before
