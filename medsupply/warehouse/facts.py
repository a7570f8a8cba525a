"""Everything known at a moment about a report day, read from the record and the reference tables."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import polars as pl

from medsupply.facts import Facts
from medsupply.tables.core import CORE
from medsupply.tables.deliveries import REFERENCE
from medsupply.warehouse import site_rows
from medsupply.warehouse.database.connection import Warehouse

STOCK_DAYS, DISPENSING_DAYS = 182, 83

_GAPS = """
    SELECT q.delivery_id, q.holder_id, q.day AS counted_on, q.vnr
    FROM ops.quarantine q JOIN ops.deliveries d USING (delivery_id)
    WHERE q.source = 'stock' AND q.day BETWEEN :first AND :last AND d.received_at <= :known_at
      AND q.holder_id IS NOT NULL AND q.vnr IS NOT NULL AND (q.released_at IS NULL OR q.released_at > :known_at)
"""
_RELEASED = """
    SELECT delivery_id, count(*) AS released FROM ops.quarantine
    WHERE source = 'stock' AND released_at <= :known_at GROUP BY delivery_id
"""
# The newest list sent again unchanged is a duplicate and stores nothing, yet tells that it still holds.
_LISTS = """
    WITH standing AS (
        SELECT source, received_at, sha256 FROM ops.deliveries
        WHERE verdict IN ('accepted', 'partly', 'held') AND received_at <= :known_at
          AND (withdrawn_at IS NULL OR withdrawn_at > :known_at) AND (NOT held OR released_at <= :known_at)
          AND source <> 'stock' AND source <> 'dispensing')
    SELECT source, received_at FROM (
        SELECT * FROM standing
        UNION ALL
        SELECT d.source, d.received_at, d.sha256 FROM ops.deliveries d JOIN standing s USING (source, sha256)
        WHERE d.verdict = 'duplicate' AND d.received_at <= :known_at AND NOT EXISTS (
            SELECT FROM standing n
            WHERE n.source = s.source AND n.received_at > s.received_at AND n.received_at <= d.received_at)) told
    ORDER BY source, received_at, sha256
"""


def facts(wh: Warehouse, as_of: date, known_at: datetime) -> Facts:
    """The facts about ``as_of`` as known at ``known_at``; stock and dispensing stay lazy."""
    first = as_of - timedelta(days=STOCK_DAYS)
    found = site_rows.snapshots(wh, "stock", first, as_of, known_at)
    standing = site_rows.standing(found)
    stock = site_rows.StockRows(site_rows.index(wh, "stock", first, as_of, known_at), found, standing)
    gaps = wh.read(_GAPS, first=first, last=as_of, known_at=known_at)
    return Facts(
        as_of=as_of,
        known_at=known_at,
        reference={source: known_reference(wh, source, known_at) for source in CORE},
        lists=wh.read(_LISTS, known_at=known_at),
        stock=stock.between(first, as_of),
        stock_between=stock.between,
        stamps=_stamps(standing, wh.read(_RELEASED, known_at=known_at)),
        snapshots=standing.select("holder_id", counted_on=pl.col("day")).sort("holder_id", "counted_on"),
        gaps=_standing_gaps(gaps, standing),
        dispensing=dispensing(wh, as_of - timedelta(days=DISPENSING_DAYS), as_of, known_at),
        dispensing_between=lambda first, last: dispensing(wh, first, last, known_at),
    )


def known_reference(wh: Warehouse, source: str, known_at: datetime) -> pl.DataFrame:
    """Versions of the rows of a reference source known at ``known_at``.

    The earliest version of a list also holds for every moment before it (design, section 6).
    """
    table = CORE[source]
    rows = wh.rows(table, "known_from <= :known_at", known_at=known_at)
    if not rows.height and source in REFERENCE:
        rows = wh.rows(table, f"known_from = (select min(known_from) from {table.full_name})")  # noqa: S608
    known_to = pl.when(pl.col("known_to") <= known_at).then(pl.col("known_to"))
    return rows.with_columns(known_to).drop("delivery_id")


def dispensing(wh: Warehouse, first: date, last: date, known_at: datetime) -> pl.LazyFrame:
    """Dispensing rows that stand in [first, last]: per key the one received last; nil rows too."""
    return site_rows.dispensing(wh, first, last, known_at)


def _stamps(standing: pl.DataFrame, released: pl.DataFrame) -> pl.DataFrame:
    """What the rows of a snapshot follow from: its delivery, and how many rows of it were released by then."""
    joined = standing.join(released, on="delivery_id", how="left")
    stamp = pl.format("{}+{}", "delivery_id", pl.col("released").fill_null(0))
    return joined.select("holder_id", counted_on="day", stamp=stamp)


def _standing_gaps(gaps: pl.DataFrame, standing: pl.DataFrame) -> pl.DataFrame:
    """Packages with a quarantined row in a snapshot that stands; a corrected snapshot has no old gaps."""
    chosen = standing.select("delivery_id", "holder_id", counted_on=pl.col("day"))
    kept = gaps.join(chosen, on=["delivery_id", "holder_id", "counted_on"], how="semi")
    return kept.select("holder_id", "counted_on", "vnr").unique().sort("holder_id", "counted_on", "vnr")
