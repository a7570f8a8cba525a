"""The past of packages as arrays, from what was counted, dispensed and told up to an origin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import polars as pl

from medsupply.forecast.calendar import Array, Mask
from medsupply.forecast.outages import Notices
from medsupply.forecast.waits import Ints, Packages

HISTORY_DAYS = 364
PERMIT_SHOWS = 4
GRANTED = {"vnr": pl.String, "day": pl.Date, "packs": pl.Float64}
PROMISED = {"vnr": pl.String, "announced_on": pl.Date, "expected_on": pl.Date}
TOLD = {
    "vnr": pl.String,
    "start": pl.Date,
    "end": pl.Date,
    "ended": pl.Boolean,
    "known_from": pl.Date,
    "known_to": pl.Date,
}


@dataclass(frozen=True)
class Past:
    """``days`` in order; ``stock`` and ``demand`` [days, columns] in units, nan where not counted; ``series`` and
    ``vnr`` of each column, columns of a series side by side, series in order.

    ``told``: TOLD, what notices said and from which day to before which (null: still). ``granted``: GRANTED,
    permits to take from a reserve: so many packs (null: any) that come then are no supply. ``promised``: PROMISED,
    supply announced to the country. ``per_pack``: units in a pack of each column (empty: not known).
    """

    days: tuple[date, ...]
    series: tuple[str, ...]
    vnr: tuple[str, ...]
    stock: Array
    demand: Array
    told: pl.DataFrame
    granted: pl.DataFrame
    promised: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=PROMISED))
    per_pack: Array = field(default_factory=lambda: np.ones(0))

    @property
    def names(self) -> tuple[str, ...]:
        """The series, each once."""
        return tuple(dict.fromkeys(self.series))

    @property
    def medicine(self) -> Ints:
        place = {name: k for k, name in enumerate(self.names)}
        return np.array([place[one] for one in self.series], dtype=np.int64)

    @property
    def first_of(self) -> Ints:
        return np.flatnonzero(np.diff(self.medicine, prepend=-1))

    def by_series(self, values: Array) -> Array:
        """Sums of the last axis, columns to series."""
        return np.asarray(np.add.reduceat(values, self.first_of, axis=-1))


@dataclass(frozen=True)
class Told:
    """What was told by day [days, columns]: days to the stated end of a notice in force (inf: open, nan: none); days to
    the start of one and its stated length; units a permit may have brought; days to the arrival of what was announced.
    """

    to_end: Array
    start: Array
    length: Array
    granted: Array
    promised: Array


def told_by_day(past: Past) -> Told:
    """What was known of notices on each day. A day's newest statement of a package holds."""
    shape = past.stock.shape
    to_end, start, length = (np.full(shape, np.nan) for _ in range(3))
    columns: dict[str, list[int]] = {}
    for k, vnr in enumerate(past.vnr):
        columns.setdefault(vnr, []).append(k)
    first, total = past.days[0], len(past.days)
    running = past.told.filter(~pl.col("ended")).sort("known_from", "start", "vnr")
    for row in running.iter_rows(named=True):
        a = max((row["known_from"] - first).days, 0)
        b = total if row["known_to"] is None else min((row["known_to"] - first).days, total)
        begins = (row["start"] - first).days
        ends = np.inf if row["end"] is None else (row["end"] - first).days
        now, ahead = np.arange(max(a, begins), b), np.arange(a, min(b, begins))
        for k in columns.get(row["vnr"], ()):
            if len(now):
                to_end[now, k] = ends - now
            if len(ahead):
                start[ahead, k], length[ahead, k] = begins - ahead, ends - begins
    return Told(to_end, start, length, _granted(past, columns), _promised(past, columns))


def _granted(past: Past, columns: dict[str, list[int]]) -> Array:
    """Units [days, columns] that a permit to take from a reserve may have brought: on its day and the days after."""
    found = np.zeros(past.stock.shape)
    for vnr, on, packs in past.granted.select("vnr", "day", "packs").iter_rows():
        at = (on - past.days[0]).days
        for k in columns.get(vnr, ()):
            units = packs * past.per_pack[k] if packs is not None and len(past.per_pack) else np.inf
            shown = found[max(at, 0) : max(at + PERMIT_SHOWS, 0), k]
            np.maximum(shown, units, out=shown)
    return found


def while_silent(stock: Array, demand: Array, silent: Mask) -> Array:
    """``stock`` [days, packages] where nothing is taken to arrive while the wholesaler of a package is ``silent`` (as
    ``stock``): what is dispensed leaves it. At its last count it would keep what it has sent to pharmacies since, so
    that the same packs stood twice and looked like supply that came."""
    found = stock.copy()
    for day in np.flatnonzero(silent.any(axis=1)):
        if day:
            found[day] = np.where(silent[day], np.maximum(found[day - 1] - demand[day], 0.0), stock[day])
    return found


def _promised(past: Past, columns: dict[str, list[int]]) -> Array:
    """Days to the stated arrival of what was announced on each day [days, columns]; of several the nearest."""
    found = np.full(past.stock.shape, np.nan)
    rows = past.promised.select("vnr", "announced_on", "expected_on").drop_nulls().sort("expected_on", descending=True)
    for vnr, told, due in rows.iter_rows():
        at = (told - past.days[0]).days
        if 0 <= at < len(found) and due >= told:
            found[at, columns.get(vnr, [])] = (due - told).days
    return found


def packages_at(past: Past, told: Told, at: int, days: int = HISTORY_DAYS) -> Packages:
    """The packages as they stand at the end of day number ``at``; nothing later is inside."""
    since = slice(max(0, at - days), at + 1)
    return Packages(
        past.medicine,
        past.stock[since],
        past.demand[since],
        told.to_end[since],
        ~np.isnan(told.start[since]),
        told.granted[since],
        told.start[at],
        told.length[at],
        told.promised[since],
    )


def notices_at(past: Past, at: int) -> Notices:
    """Every notice told by day number ``at``: as first told, and when it ended."""
    origin = past.days[at]
    place = {vnr: k for k, vnr in reversed(list(enumerate(past.vnr)))}
    known = past.told.filter((pl.col("known_from") <= origin) & pl.col("vnr").is_in(list(place)))
    one = known.sort("known_from", "vnr", "start").group_by("vnr", "start", maintain_order=True)
    rows = one.agg(
        told=pl.col("known_from").first(),
        stated=pl.col("end").first(),
        ended=pl.col("end").filter(pl.col("ended")).last(),
    )
    stated = _relative(rows["stated"], origin)
    return Notices(
        np.array([place[vnr] for vnr in rows["vnr"]], dtype=np.int64),
        _relative(rows["told"], origin),
        _relative(rows["start"], origin),
        np.where(np.isnan(stated), np.inf, stated),
        _relative(rows["ended"], origin),
    )


def _relative(days: Sequence[date | None] | pl.Series, origin: date) -> Array:
    return np.array([np.nan if day is None else (day - origin).days for day in days], dtype=float)
