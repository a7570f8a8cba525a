"""What is planted near the last day of a nation that shall have something to show: shortages, silence, dirt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl

from medsupply.simulate import dirt
from medsupply.simulate.dirt import Expected
from medsupply.simulate.files import next_morning
from medsupply.simulate.living import Plan, Planted, Regime, Spoiling
from medsupply.simulate.writing import csv_text, gz

PLAN = Plan(
    outages=(
        Planted(8, 76, 190),
        Planted(16, 58, 160),
        Planted(4, 36, 120),
        Planted(23, 62, 140),
        Planted(12, 42, 110),
        Planted(29, 30, 90, 0.5),
    ),
    # A use is added, another medicine takes over: what was learnt of their demand holds no more.
    regimes=(Regime(2, 70, 1.6), Regime(11, 56, 0.5)),
    spoiling=(Spoiling(5, 14, 0.5, 8), Spoiling(3, 20, 0.6, 6)),
)
SILENT_FOR = 7
TENFOLD, COMMA, LATE, DIRTY_DISPENSING, TWICE, DIRTY, REFUSED, SHORT, BOM = 8, 7, 6, 5, 4, 3, 2, 1, 9
LATE_BY = timedelta(hours=30)
HELD_FROM = 50
"""Snapshots of fewer rows are not held when they get shorter."""


@dataclass(frozen=True)
class File:
    """One delivery to write."""

    name: str
    data: bytes
    received_at: datetime
    expected: Expected
    event: str = ""
    corrects: str = ""
    """The holder whose snapshot of the day it corrects."""


def files_of(source: str, day: date, rows: pl.DataFrame, left: int) -> Iterator[File]:
    """The files of a day near the end, ``left`` days before the last one, with what is planted in them."""
    text, name, at = csv_text(rows), f"{source}-{day}.csv.gz", next_morning(day)
    clean = Expected(rows.height, rows.height)
    if source == "dispensing":
        if left == DIRTY_DISPENSING:
            spoilt, expected = dirt.dirty_dispensing(text, day)
            yield File(name, gz(spoilt.encode()), at, expected, "dirty rows")
        elif left == LATE:
            yield File(name, gz(text.encode()), at + LATE_BY, clean, "30 hours late")
        else:
            yield File(name, gz(text.encode()), at, clean)
        return
    yield from _stock_files(name, day, rows, text, left, clean)


def _stock_files(name: str, day: date, rows: pl.DataFrame, text: str, left: int, clean: Expected) -> Iterator[File]:
    at, holder = next_morning(day), _largest(rows)
    if left == DIRTY:
        spoilt, expected = dirt.dirty_stock(text, day)
        yield File(name, gz(spoilt.encode()), at, expected, "dirty rows")
    elif left == TENFOLD:
        spoilt, own = dirt.tenfold(text, holder)
        count = own.count("\n") - 1
        yield File(name, gz(spoilt.encode()), at, clean, f"a row of {holder} ten times too large")
        later = at + timedelta(days=1, hours=5)
        name, expected = f"stock-{day}-corrected.csv", Expected(count, count)
        yield File(name, own.encode(), later, expected, f"corrected by {holder} in {name}", holder)
    elif left == SHORT:
        cut = dirt.shortened(text, holder)
        count = cut.count("\n") - 1
        large = rows.filter(pl.col("holder_id") == holder).height >= HELD_FROM
        expected = Expected(count, count, verdict="held" if large else "accepted", note=f"snapshot of {holder} cut")
        yield File(name, gz(cut.encode()), at, expected, f"snapshot of {holder} cut to a third")
    elif left == COMMA:
        yield File(name, gz(csv_text(rows, decimal_comma=True).encode()), at, clean, "decimal commas")
    elif left == BOM:
        yield File(name, gz(b"\xef\xbb\xbf" + text.encode()), at, clean, "byte order mark")
    else:
        yield File(name, gz(text.encode()), at, clean)
    if left == TWICE:
        again = Expected(0, 0, verdict="duplicate")
        yield File(f"stock-{day}-again.csv.gz", gz(text.encode()), at + timedelta(hours=2), again, "sent twice")
    if left == REFUSED:
        for other, data in dirt.refused_files(text).items():
            yield File(other, data, at + timedelta(hours=1), dirt.REFUSED, "cannot be read")


def _largest(rows: pl.DataFrame) -> str:
    """The dispensing holder with the most rows."""
    sites = rows.filter(~pl.col("holder_id").str.contains("^[WMV]"))
    counts = sites.group_by("holder_id").len().sort(["len", "holder_id"], descending=[True, False])
    return str(counts["holder_id"][0])
