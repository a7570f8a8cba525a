"""Site rows of the record: from the files of closed days, and from those of single deliveries for the rest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import polars as pl
import sqlalchemy as sa

from medsupply.sources.catalogue import SOURCES
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.database.reading import read_frame
from medsupply.warehouse.storage import record
from medsupply.warehouse.storage.store import Store, open_store

# A held snapshot does not count before its release, a withdrawn delivery not after its withdrawal.
_SNAPSHOTS = """
    SELECT s.delivery_id, s.holder_id, s.day, d.received_at, d.sha256,
           coalesce(s.released_at <= :known_at, NOT s.held)
               AND (d.withdrawn_at IS NULL OR d.withdrawn_at > :known_at) AS counts
    FROM ops.snapshots s JOIN ops.deliveries d USING (delivery_id)
    WHERE s.source = :source AND s.day BETWEEN :first AND :last AND d.received_at <= :known_at
"""
_COMPACTED = "SELECT day, file_name FROM ops.compacted_days WHERE source = :source AND day BETWEEN :first AND :last"
# ``partial``: a closed day's file holds rows of the part too, of another day.
_LOOSE = """
    SELECT DISTINCT s.delivery_id, s.day, p.part,
        EXISTS (SELECT 1 FROM ops.compacted_parts c WHERE c.delivery_id = s.delivery_id AND c.part = p.part) AS partial
    FROM ops.snapshots s JOIN ops.deliveries d USING (delivery_id)
    CROSS JOIN LATERAL generate_series(0, d.parts - 1) AS p(part)
    WHERE s.source = :source AND s.day BETWEEN :first AND :last AND d.received_at <= :known_at
      AND NOT EXISTS (SELECT 1 FROM ops.compacted_parts c
                      WHERE c.delivery_id = s.delivery_id AND c.part = p.part AND c.day = s.day)
"""
# Of one delivery: the files of its closed days, and its own files that hold anything else.
_DAYS_OF = """
    SELECT DISTINCT d.file_name FROM ops.compacted_parts p JOIN ops.compacted_days d USING (source, day)
    WHERE p.delivery_id = :id ORDER BY 1
"""
_PARTS_OF = """
    SELECT p.part FROM ops.deliveries d CROSS JOIN LATERAL generate_series(0, d.parts - 1) AS p(part)
    WHERE d.delivery_id = :id AND (
        NOT EXISTS (SELECT 1 FROM ops.compacted_parts c WHERE c.delivery_id = d.delivery_id AND c.part = p.part)
        OR EXISTS (SELECT 1 FROM ops.snapshots s WHERE s.delivery_id = d.delivery_id AND NOT EXISTS (
            SELECT 1 FROM ops.compacted_parts c
            WHERE c.delivery_id = s.delivery_id AND c.part = p.part AND c.day = s.day)))
    ORDER BY 1
"""


def of_delivery(connection: sa.Connection, store: Store, source: str, delivery_id: str) -> pl.LazyFrame:
    """Every accepted row of one delivery, whether its days are closed or not, in order of lines."""
    days = read_frame(connection, _DAYS_OF, {"id": delivery_id})["file_name"]
    parts = read_frame(connection, _PARTS_OF, {"id": delivery_id})["part"]
    names = [*days, *(record.part_name(source, delivery_id, part) for part in parts)]
    rows = record.scan_files(store, source, names).filter(pl.col("delivery_id") == delivery_id)
    return rows.unique(subset="line").sort("line")


def snapshots(wh: Warehouse, source: str, first: date, last: date, known_at: datetime) -> pl.DataFrame:
    """``delivery_id``, ``holder_id``, ``day``, ``received_at``, ``sha256``, whether it ``counts`` at ``known_at``."""
    return wh.read(_SNAPSHOTS, source=source, first=first, last=last, known_at=known_at)


def standing(found: pl.DataFrame) -> pl.DataFrame:
    """Per holder and day the snapshot that stands: received last, then the larger hash."""
    counting = found.filter("counts").sort("received_at", "sha256")
    return counting.unique(subset=["holder_id", "day"], keep="last", maintain_order=True)


@dataclass(frozen=True)
class Index:
    """Where the rows of a source lie, as known at a moment: ``days`` (day, file_name) and ``loose`` parts."""

    store: Store
    source: str
    days: pl.DataFrame
    loose: pl.DataFrame
    known_at: datetime

    def rows(self, wanted: pl.DataFrame) -> pl.LazyFrame:
        """Rows known by then of the deliveries and days of ``wanted``; of other deliveries of a closed day too."""
        if not wanted.height:
            return pl.LazyFrame(schema=record.schema(self.source))
        days = self.days.join(wanted, on="day", how="semi").sort("day")
        loose = self.loose.join(wanted, on=["delivery_id", "day"], how="semi").sort("delivery_id", "part", "day")
        whole = loose.filter(~pl.col("partial")).select("delivery_id", "part").unique(maintain_order=True)
        names = [*days["file_name"], *(record.part_name(self.source, one, part) for one, part in whole.iter_rows())]
        parts = [record.scan_files(self.store, self.source, names), *self._partial(loose.filter("partial"))]
        day = pl.col(record.day_column(self.source))
        span = day.is_between(wanted["day"].min(), wanted["day"].max())
        return pl.concat(parts).filter(span & (pl.col("known_from") <= self.known_at))

    def _partial(self, loose: pl.DataFrame) -> list[pl.LazyFrame]:
        """Deliveries of several days some of which are closed: the file of the delivery, for the other days."""
        day = pl.col(record.day_column(self.source))
        grouped = loose.group_by("delivery_id", "part", maintain_order=True).agg("day")
        return [
            record.scan_files(self.store, self.source, [record.part_name(self.source, one, part)]).filter(
                day.is_in(days)
            )
            for one, part, days in grouped.iter_rows()
        ]


def index(wh: Warehouse, source: str, first: date, last: date, known_at: datetime) -> Index:
    """Where the rows of the days from ``first`` to ``last`` lie."""
    span = {"source": source, "first": first, "last": last}
    loose = wh.read(_LOOSE, known_at=known_at, **span)
    return Index(open_store(wh.settings.archive_url), source, wh.read(_COMPACTED, **span), loose, known_at)


@dataclass(frozen=True)
class StockRows:
    """Rows of the snapshots that stand. Nearly all do, so that the few that do not are taken out."""

    index: Index
    found: pl.DataFrame
    standing: pl.DataFrame

    def between(self, first: date, last: date) -> pl.LazyFrame:
        """Rows counted in [first, last], from the files that hold such rows; nil rows left out."""
        days = pl.col("day").is_between(first, last)
        standing, found = self.standing.filter(days), self.found.filter(days)
        key = ["delivery_id", "holder_id", "day"]
        others = found.join(standing, on=key, how="anti").select(key).rename({"day": "counted_on"})
        rows = self.index.rows(standing).filter(pl.col("vnr") != "")
        return _without(rows, others, "holder_id").select(SOURCES["stock"].contract.column_names())


def dispensing(wh: Warehouse, first: date, last: date, known_at: datetime) -> pl.LazyFrame:
    """Dispensing rows that stand in [first, last]: per key the one received last; nil rows too."""
    pairs = snapshots(wh, "dispensing", first, last, known_at).rename({"holder_id": "reporter_id"})
    key = ["delivery_id", "reporter_id", "day"]
    found, others = pairs.filter("counts"), pairs.filter(~pl.col("counts")).select(key)
    rows = _without(index(wh, "dispensing", first, last, known_at).rows(found), others, "reporter_id")
    # Only a reporter and day that came more than once can hold a key twice.
    several = found.filter(pl.len().over("reporter_id", "day") > 1).select(key)
    columns = SOURCES["dispensing"].contract.column_names()
    once = _without(rows, several.select("reporter_id", "day").unique(), "reporter_id").select(columns)
    corrected = rows.filter(pl.col("reporter_id").is_in(several["reporter_id"].unique().implode()))
    corrected = corrected.join(several.lazy(), on=key, how="semi").join(_ranked(found).lazy(), on="delivery_id")
    latest = corrected.sort("rank").unique(subset=list(SOURCES["dispensing"].row_key), keep="last")
    return pl.concat([once, latest.select(columns)])


def _without(rows: pl.LazyFrame, few: pl.DataFrame, who: str) -> pl.LazyFrame:
    """``rows`` without those that ``few`` names by all its columns. Only rows of the same ``who`` are joined: a
    national day has millions of rows and a handful of corrections."""
    if few.is_empty():
        return rows
    named = pl.col(who).is_in(few[who].unique().implode())
    kept = rows.filter(named).join(few.lazy(), on=few.columns, how="anti")
    return pl.concat([rows.filter(~named), kept])


def _ranked(found: pl.DataFrame) -> pl.DataFrame:
    order = found.select("delivery_id", "received_at", "sha256").unique().sort("received_at", "sha256")
    return order.select("delivery_id").with_row_index("rank")
