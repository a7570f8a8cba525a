"""A week of snapshots summed by holder and package: what a window of days is put together from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl

from medsupply.picture.dense import Array, Axis, add_up

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


class _Sums:
    """Holders x packages of some days; the axes grow with what comes."""

    def __init__(self) -> None:
        self.holders, self.packages = Axis([]), Axis([])
        self.packs = self.reserve = np.zeros((0, 0))
        self.bits = self.free_bits = np.zeros((0, 0), np.uint8)

    def add(self, day: date, rows: pl.DataFrame) -> None:
        """Rows of ``day``: holder_id, vnr, packs, reserve_packs."""
        at = self._at(rows)
        here, held = (add_up(self.packs.shape, *at, rows[name].to_numpy()) for name in ("packs", "reserve_packs"))
        self.packs += here
        self.reserve += held
        self.bits |= (here > 0).astype(np.uint8) << day.weekday()
        self.free_bits |= (here > held).astype(np.uint8) << day.weekday()

    def _at(self, rows: pl.DataFrame) -> tuple[Array, Array]:
        """Positions of the rows; ids that are new become part of the axes first."""
        holder = rows["holder_id"].cast(self.holders.enum, strict=False)
        package = rows["vnr"].cast(self.packages.enum, strict=False)
        if holder.null_count() or package.null_count():
            self._grow(rows["holder_id"].unique(), rows["vnr"].unique())
            return self.holders.codes(rows["holder_id"]), self.packages.codes(rows["vnr"])
        return (
            holder.to_physical().to_numpy().astype(np.int64),
            package.to_physical().to_numpy().astype(np.int64),
        )

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
    good = pl.col("expires_on").is_null() | (pl.col("expires_on") > pl.col("counted_on"))
    sums = _Sums()
    for day, rows in days:
        some = rows.filter(good & (pl.col("packs") > 0))
        sums.add(day, some.select("holder_id", "vnr", "packs", pl.col("reserve_packs").fill_null(0.0)).collect())
    return sums.frame()
