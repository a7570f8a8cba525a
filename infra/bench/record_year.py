"""Does a year of full days slow the next one? python infra/bench/record_year.py [days, default 1 30 90].

Before each measured day the record is filled with full days that are closed: their rows are those of one made day with
other dates, written as compaction writes them, with their rows in ops. The measured day itself comes as files through
the inbox, is read as known at a moment, and compacted. What is built and what is measured stands in the output.
"""

from __future__ import annotations

import itertools
import sys
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import psutil
from nation_files import Nation, write_day, write_holders
from national_day import own_warehouse

from medsupply import flow
from medsupply.sources.catalogue import SOURCES
from medsupply.tables.ops import COMPACTED_DAYS, COMPACTED_PARTS, DELIVERIES, SNAPSHOTS
from medsupply.warehouse import site_rows
from medsupply.warehouse.database import bulk
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.storage import compaction, record
from medsupply.warehouse.storage.store import open_store

FIRST = date(2026, 1, 1)
GROUPS = ("received", "accepted", "quarantined", "duplicate")


def moment(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 4, tzinfo=UTC) + timedelta(days=1)


def build(wh: Warehouse, source: str, made: pl.DataFrame, day: date) -> None:
    """A closed day of ``source`` as compaction leaves it: its file, deliveries, snapshots, closed parts."""
    holder, at = SOURCES[source].contract.primary_key()[0], moment(day)
    rows = made.with_columns(
        pl.lit(day).alias(record.day_column(source)),
        pl.format("{}-{}-{}", pl.lit(source), pl.lit(str(day)), pl.col(holder)).alias("delivery_id"),
        known_from=pl.lit(at),
    )
    content = record.encode_day(source, rows)
    name = record.day_name(source, day, content)
    open_store(wh.settings.archive_url).put(name, content)
    per = rows.group_by("delivery_id", holder_id=holder).agg(rows=pl.len().cast(pl.Int64))
    named = {"source": pl.lit(source), "day": pl.lit(day)}
    counts = {f"{kind}_{group}": pl.lit(0.0) for kind in ("rows", "packs") for group in GROUPS}
    deliveries = per.with_columns(
        **(counts | {"rows_received": pl.col("rows"), "rows_accepted": pl.col("rows")}),
        source=pl.lit(source), file_name="delivery_id", sha256="delivery_id", received_at=pl.lit(at),
        verdict=pl.lit("accepted"), bytes_received=pl.lit(1), bytes_archived=pl.lit(1), held=pl.lit(False),
        parts=pl.lit(1), day_from=pl.lit(day), day_to=pl.lit(day),
    )  # fmt: skip
    closed = {"source": source, "day": day, "file_name": name, "rows": rows.height, "file_bytes": len(content)}
    with wh.transaction() as connection:
        bulk.copy(connection, DELIVERIES, deliveries)
        bulk.copy(connection, SNAPSHOTS, per.with_columns(**named, held=pl.lit(False)))
        bulk.copy(connection, COMPACTED_PARTS, per.select("delivery_id").with_columns(**named, part=pl.lit(0)))
        bulk.copy(connection, COMPACTED_DAYS, pl.DataFrame([closed | {"compacted_at": at}]))


def made_day(nation: Nation, source: str) -> pl.DataFrame:
    """The rows of one day in the types of the record."""
    frames = nation.stock(FIRST) if source == "stock" else nation.dispensing(FIRST)
    rows = pl.concat(frames).with_columns(line=pl.int_range(2, pl.len() + 2, dtype=pl.Int64))
    wanted = record.schema(source)
    return rows.select(
        (pl.col(name) if name in rows.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in wanted.items()
    )


def read_day(wh: Warehouse, day: date, at: datetime) -> int:
    found = site_rows.snapshots(wh, "stock", day, day, at)
    where = site_rows.index(wh, "stock", day, day, at)
    return site_rows.StockRows(where, found, site_rows.standing(found)).between(day, day).collect().height


def measured(wh: Warehouse, nation: Nation, number: int) -> str:
    day, folder = FIRST + timedelta(days=number - 1), wh.settings.home / "inbox"
    write_day(nation, day, folder)
    times = [time.monotonic()]
    flow.inbox(wh, folder, received_at=moment(day))
    times.append(time.monotonic())
    loose = read_day(wh, day, moment(day))
    times.append(time.monotonic())
    compaction.compact(wh, last=day, at=moment(day))
    times.append(time.monotonic())
    closed = read_day(wh, day, moment(day))
    times.append(time.monotonic())
    compaction.sweep(wh, at=moment(day) + timedelta(hours=2))
    times.append(time.monotonic())
    assert loose == closed
    took = [f"{later - earlier:.1f}" for earlier, later in itertools.pairwise(times)]
    names = ("inbox", "read the day", "compact both sources", "read the closed day", "sweep")
    told = ", ".join(f"{name} {spent} s" for name, spent in zip(names, took, strict=True))
    return f"day {number} (load {psutil.getloadavg()[0]:.1f}): {told}; {closed} rows"


def main() -> None:
    days = [int(word) for word in sys.argv[1:]] or [1, 30, 90]
    nation = Nation()
    made = {source: made_day(nation, source) for source in ("stock", "dispensing")}
    with own_warehouse() as wh:
        flow.load(wh, "holders", [write_holders(nation, wh.settings.home / "lists")], received_at=moment(FIRST))
        at = 1
        for number in days:
            for built in range(at, number):
                for source, rows in made.items():
                    build(wh, source, rows, FIRST + timedelta(days=built - 1))
            if number > at:
                print(f"days {at} to {number - 1} built as closed days of full size", flush=True)
            print(measured(wh, nation, number), flush=True)
            at = number + 1
        size = sum(path.stat().st_size for path in Path(wh.settings.archive_url, "record").rglob("*.parquet"))
        print(f"record of {at - 1} days: {size / 1e9:.2f} GB")


if __name__ == "__main__":
    main()
