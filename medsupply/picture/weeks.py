"""A week of snapshots summed by holder and package: what a window of days is put together from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl

from medsupply.picture.dense import Axis, add_up, position

WEEK_DAYS = 7


def mondays(first: date, last: date) -> list[date]:
    """Mondays of the weeks that [first, last] touches."""
    start = first - timedelta(days=first.weekday())
    return [start + timedelta(days=n) for n in range(0, (last - start).days + 1, WEEK_DAYS)]


def overlap(first: date, last: date, window: tuple[date, date]) -> tuple[date, date] | None:
    """The days of [first, last] that lie in ``window``."""
    start, end = max(first, window[0]), min(last, window[1])
    return (start, end) if start <= end else None


def bits_of(first: date, last: date) -> int:
    """Days of one week as bits, Monday the lowest."""
    return sum(1 << (first + timedelta(days=n)).weekday() for n in range((last - first).days + 1))


class Sums:
    """Holders x packages of some days. With given axes what is not on them is left out; without, they grow."""

    def __init__(self, holders: Axis | None = None, packages: Axis | None = None) -> None:
        self.grows = holders is None
        self.holders, self.packages = holders or Axis([]), packages or Axis([])
        shape = (len(self.holders), len(self.packages))
        self.packs, self.reserve = np.zeros(shape), np.zeros(shape)
        self.bits, self.free_bits = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)

    def add(self, day: date, stock: pl.LazyFrame) -> None:
        """Stock rows of ``day``; lots expired on it are left out, and what there is no pack of."""
        good = pl.col("expires_on").is_null() | (pl.col("expires_on") > pl.col("counted_on"))
        rows = stock.filter(good & (pl.col("packs") > 0))
        found = self._placed(rows)
        if self.grows and found["at"].null_count():
            ids = rows.select("holder_id", "vnr")
            self._grow(*(ids.select(pl.col(name).unique()).collect().to_series() for name in ("holder_id", "vnr")))
            found = self._placed(rows)
        elif found["at"].null_count():
            found = found.drop_nulls("at")
        at, held = found["at"].to_numpy(), found["reserve_packs"].to_numpy()
        some = held > 0
        here, kept = (
            add_up(self.packs.shape, at, found["packs"].to_numpy()),
            add_up(self.packs.shape, at[some], held[some]),
        )
        self.packs += here
        self.reserve += kept
        self.bits |= (here > 0).astype(np.uint8) << day.weekday()
        self.free_bits |= (here > kept).astype(np.uint8) << day.weekday()

    def _placed(self, rows: pl.LazyFrame) -> pl.DataFrame:
        """``at`` (null: not on the axes), ``packs``, ``reserve_packs``."""
        at = position(pl.col("holder_id"), self.holders, pl.col("vnr"), self.packages)
        return rows.select("packs", pl.col("reserve_packs").fill_null(0.0), at=at).collect()

    def _grow(self, holders: pl.Series, packages: pl.Series) -> None:
        rows, columns = Axis([*self.holders.ids, *holders]), Axis([*self.packages.ids, *packages])
        at = np.ix_(rows.codes(self.holders.ids), columns.codes(self.packages.ids))
        for name in ("packs", "reserve", "bits", "free_bits"):
            old = getattr(self, name)
            new = np.zeros((len(rows), len(columns)), old.dtype)
            new[at] = old
            setattr(self, name, new)
        self.holders, self.packages = rows, columns

    def frame(self) -> pl.DataFrame:
        row, column = np.nonzero(self.bits)
        return pl.DataFrame(
            {
                "holder_id": self.holders.named(row),
                "vnr": self.packages.named(column),
                "packs": self.packs[row, column],
                "reserve_packs": self.reserve[row, column],
                "bits": self.bits[row, column],
                "free_bits": self.free_bits[row, column],
            }
        )


def week_of(days: Sequence[tuple[date, pl.LazyFrame]]) -> pl.DataFrame:
    """Stock rows of days of one week by holder and package (as enumerations), lots expired on their day left out.

    ``packs`` and ``reserve_packs``: sums over the days; ``bits``: days on which there was any pack, ``free_bits``: any
    besides the reserve. What a snapshot has 0 packs of is no row.
    """
    sums = Sums()
    for day, rows in days:
        sums.add(day, rows)
    return sums.frame()
