"""Everything known at a moment about a report day, read from the record and the reference tables."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import polars as pl

from medsupply.facts import Facts
from medsupply.sources.catalogue import SOURCES
from medsupply.tables.core import CORE
from medsupply.tables.deliveries import REFERENCE
from medsupply.warehouse import record
from medsupply.warehouse.connection import Warehouse
from medsupply.warehouse.store import Store, open_store

STOCK_DAYS, DISPENSING_DAYS = 182, 83

_STANDING = """
    SELECT s.delivery_id, s.holder_id, s.day, d.received_at, d.sha256, d.parts
    FROM ops.snapshots s JOIN ops.deliveries d USING (delivery_id)
    WHERE s.source = :source AND s.day BETWEEN :first AND :last AND d.received_at <= :known_at
      AND (d.withdrawn_at IS NULL OR d.withdrawn_at > :known_at)
      AND coalesce(s.released_at <= :known_at, NOT s.held)
"""
_GAPS = """
    SELECT q.delivery_id, q.holder_id, q.day AS counted_on, q.vnr
    FROM ops.quarantine q JOIN ops.deliveries d USING (delivery_id)
    WHERE q.source = 'stock' AND q.day BETWEEN :first AND :last AND d.received_at <= :known_at
      AND q.holder_id IS NOT NULL AND q.vnr IS NOT NULL AND (q.released_at IS NULL OR q.released_at > :known_at)
"""
_LISTS = """
    SELECT source, received_at FROM ops.deliveries
    WHERE verdict IN ('accepted', 'partly', 'held') AND received_at <= :known_at
      AND (withdrawn_at IS NULL OR withdrawn_at > :known_at) AND (NOT held OR released_at <= :known_at)
      AND source <> 'stock' AND source <> 'dispensing'
    ORDER BY source, received_at, sha256
"""


def facts(wh: Warehouse, as_of: date, known_at: datetime, *, dispensing_days: int = DISPENSING_DAYS) -> Facts:
    """The facts about ``as_of`` as known at ``known_at``; stock and dispensing stay lazy."""
    store = open_store(wh.settings.archive_url)
    standing = _standing_snapshots(wh, as_of, known_at)
    first = as_of - timedelta(days=STOCK_DAYS)
    gaps = wh.read(_GAPS, first=first, last=as_of, known_at=known_at)
    return Facts(
        as_of=as_of,
        known_at=known_at,
        reference={source: known_reference(wh, source, known_at) for source in CORE},
        lists=wh.read(_LISTS, known_at=known_at),
        stock=_stock(store, standing, known_at),
        snapshots=standing.select("holder_id", counted_on=pl.col("day")).sort("holder_id", "counted_on"),
        gaps=_standing_gaps(gaps, standing),
        dispensing=dispensing(wh, as_of - timedelta(days=dispensing_days), as_of, known_at),
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
    store = open_store(wh.settings.archive_url)
    found = wh.read(_STANDING, source="dispensing", first=first, last=last, known_at=known_at)
    key = list(SOURCES["dispensing"].row_key)
    columns = SOURCES["dispensing"].contract.column_names()
    ranked = _ranked(found)
    rows = record.scan(store, "dispensing", _files(found)).filter(
        pl.col("day").is_between(first, last) & (pl.col("known_from") <= known_at)
    )
    rows = rows.join(ranked.lazy(), on="delivery_id")
    # Only a reporter and day that came more than once can hold a key twice.
    days = found.rename({"holder_id": "reporter_id"}).group_by("reporter_id", "day").len()
    several = days.filter(pl.col("len") > 1).drop("len").lazy()
    once = rows.join(several, on=["reporter_id", "day"], how="anti")
    corrected = rows.join(several, on=["reporter_id", "day"], how="semi")
    latest = corrected.sort("rank").unique(subset=key, keep="last")
    return pl.concat([once.select(columns), latest.select(columns)])


def _standing_snapshots(wh: Warehouse, as_of: date, known_at: datetime) -> pl.DataFrame:
    """Per holder and day the snapshot that stands: received last, then the larger hash."""
    first = as_of - timedelta(days=STOCK_DAYS)
    found = wh.read(_STANDING, source="stock", first=first, last=as_of, known_at=known_at)
    return found.sort("received_at", "sha256").unique(subset=["holder_id", "day"], keep="last")


def _stock(store: Store, standing: pl.DataFrame, known_at: datetime) -> pl.LazyFrame:
    columns = SOURCES["stock"].contract.column_names()
    chosen = standing.select("delivery_id", "holder_id", counted_on=pl.col("day")).lazy()
    rows = record.scan(store, "stock", _files(standing)).filter(
        (pl.col("known_from") <= known_at) & (pl.col("vnr") != "")
    )
    return rows.join(chosen, on=["delivery_id", "holder_id", "counted_on"], how="semi").select(columns)


def _standing_gaps(gaps: pl.DataFrame, standing: pl.DataFrame) -> pl.DataFrame:
    """Packages with a quarantined row in a snapshot that stands; a corrected snapshot has no old gaps."""
    chosen = standing.select("delivery_id", "holder_id", counted_on=pl.col("day"))
    kept = gaps.join(chosen, on=["delivery_id", "holder_id", "counted_on"], how="semi")
    return kept.select("holder_id", "counted_on", "vnr").unique().sort("holder_id", "counted_on", "vnr")


def _files(found: pl.DataFrame) -> list[tuple[str, int]]:
    return list(found.select("delivery_id", "parts").unique().sort("delivery_id").iter_rows())


def _ranked(found: pl.DataFrame) -> pl.DataFrame:
    order = found.select("delivery_id", "received_at", "sha256").unique().sort("received_at", "sha256")
    return order.select("delivery_id").with_row_index("rank")
