"""Everything known at a moment about a report day, read from the record and the reference tables."""

from __future__ import annotations

from dataclasses import dataclass
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

# Snapshots of the deliveries that count at a moment; a held one does not count before its release.
_SNAPSHOTS = """
    SELECT s.delivery_id, s.holder_id, s.day, d.received_at, d.sha256, d.parts,
           coalesce(s.released_at <= :known_at, NOT s.held) AS counts
    FROM ops.snapshots s JOIN ops.deliveries d USING (delivery_id)
    WHERE s.source = :source AND s.day BETWEEN :first AND :last AND d.received_at <= :known_at
      AND (d.withdrawn_at IS NULL OR d.withdrawn_at > :known_at)
"""
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
_LISTS = """
    SELECT source, received_at FROM ops.deliveries
    WHERE verdict IN ('accepted', 'partly', 'held') AND received_at <= :known_at
      AND (withdrawn_at IS NULL OR withdrawn_at > :known_at) AND (NOT held OR released_at <= :known_at)
      AND source <> 'stock' AND source <> 'dispensing'
    ORDER BY source, received_at, sha256
"""


def facts(wh: Warehouse, as_of: date, known_at: datetime, *, dispensing_days: int = DISPENSING_DAYS) -> Facts:
    """The facts about ``as_of`` as known at ``known_at``; stock and dispensing stay lazy."""
    first = as_of - timedelta(days=STOCK_DAYS)
    found = wh.read(_SNAPSHOTS, source="stock", first=first, last=as_of, known_at=known_at)
    standing = _standing(found)
    stock = _StockRows(open_store(wh.settings.archive_url), found, standing, known_at)
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
    found = wh.read(_SNAPSHOTS, source="dispensing", first=first, last=last, known_at=known_at).filter("counts")
    pairs = found.rename({"holder_id": "reporter_id"})
    # Only a reporter and day that came more than once can hold a key twice.
    several = pairs.filter(pl.len().over("reporter_id", "day") > 1).select("delivery_id", "reporter_id", "day")
    mixed = pl.col("delivery_id").is_in(several["delivery_id"].implode())
    once, twice = (
        _dispensed(store, part, first, last, known_at) for part in (found.filter(~mixed), found.filter(mixed))
    )
    columns = SOURCES["dispensing"].contract.column_names()
    once = pl.concat([once, _without(twice, several.select("reporter_id", "day").unique(), "reporter_id")])
    corrected = twice.filter(pl.col("reporter_id").is_in(several["reporter_id"].unique().implode()))
    corrected = corrected.join(several.lazy(), on=["delivery_id", "reporter_id", "day"], how="semi")
    ranked = corrected.join(_ranked(found).lazy(), on="delivery_id").sort("rank")
    latest = ranked.unique(subset=list(SOURCES["dispensing"].row_key), keep="last")
    return pl.concat([once.select(columns), latest.select(columns)])


def _dispensed(store: Store, found: pl.DataFrame, first: date, last: date, known_at: datetime) -> pl.LazyFrame:
    rows = record.scan(store, "dispensing", _files(found))
    return rows.filter(pl.col("day").is_between(first, last) & (pl.col("known_from") <= known_at))


def _standing(found: pl.DataFrame) -> pl.DataFrame:
    """Per holder and day the snapshot that stands: received last, then the larger hash."""
    counting = found.filter("counts").sort("received_at", "sha256")
    return counting.unique(subset=["holder_id", "day"], keep="last", maintain_order=True)


@dataclass(frozen=True)
class _StockRows:
    """Rows of the snapshots that stand. Nearly every delivery stands whole: only in the others rows are looked up."""

    store: Store
    found: pl.DataFrame
    standing: pl.DataFrame
    known_at: datetime

    def between(self, first: date, last: date) -> pl.LazyFrame:
        """Rows counted in [first, last], from the files that hold such rows."""
        days = pl.col("day").is_between(first, last)
        standing, found = self.standing.filter(days), self.found.filter(days)
        key = ["delivery_id", "holder_id", "day"]
        others = found.join(standing, on=key, how="anti").select(key).rename({"day": "counted_on"})
        mixed = pl.col("delivery_id").is_in(others["delivery_id"].unique().implode())
        whole = self._rows(standing.filter(~mixed), first, last)
        partly = _without(self._rows(standing.filter(mixed), first, last), others, "holder_id")
        return pl.concat([whole, partly]).select(SOURCES["stock"].contract.column_names())

    def _rows(self, standing: pl.DataFrame, first: date, last: date) -> pl.LazyFrame:
        rows = record.scan(self.store, "stock", _files(standing))
        known = pl.col("known_from") <= self.known_at
        return rows.filter(pl.col("counted_on").is_between(first, last) & known & (pl.col("vnr") != ""))


def _without(rows: pl.LazyFrame, few: pl.DataFrame, who: str) -> pl.LazyFrame:
    """``rows`` without those that ``few`` names by all its columns. Only rows of the same ``who`` are joined: a
    national day has millions of rows and a handful of corrections."""
    if few.is_empty():
        return rows
    named = pl.col(who).is_in(few[who].unique().implode())
    kept = rows.filter(named).join(few.lazy(), on=few.columns, how="anti")
    return pl.concat([rows.filter(~named), kept])


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


def _files(found: pl.DataFrame) -> list[tuple[str, int]]:
    return list(found.select("delivery_id", "parts").unique().sort("delivery_id").iter_rows())


def _ranked(found: pl.DataFrame) -> pl.DataFrame:
    order = found.select("delivery_id", "received_at", "sha256").unique().sort("received_at", "sha256")
    return order.select("delivery_id").with_row_index("rank")
