"""Demand before a shortage: what was asked for a day when stock last stood above its floor.

Dispensing falls with stock, so that trailing demand grows smaller the longer nothing is there. The days before are
measured again from the deliveries, for the few medicines at their floor, not read from earlier pictures: a past day
asked for alone has the figures it has in a row of days.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import polars as pl

from medsupply.days import oldest_carried
from medsupply.facts import Facts
from medsupply.picture.demand import WINDOW_DAYS, Span
from medsupply.picture.floor import area_units, holding, needs, with_floor
from medsupply.picture.master import Master
from medsupply.picture.rounding import rounded
from medsupply.picture.screen import KEY, Screen
from medsupply.picture.sites import gap_sources, without_gaps
from medsupply.picture.stock import package_grains
from medsupply.rules import Rules

# What lies further back is in no trailing demand of the days between; the pictures of that time carry it on.
LOOK_BACK_DAYS = 84
DAYS_AT_ONCE = 28
REPORTED = ("reporter_id", "day", "county_code")
DISPENSED = (*REPORTED, "vnr", "packs", "returned_packs", "dispensings")
COUNTED = ("holder_id", "counted_on", "vnr", "packs", "reserve_packs", "expires_on")
_FOUND = {"area": pl.String, "medicine_id": pl.String, "demand_before_on": pl.Date}
_FOUND |= {"demand_before_trailing_units": pl.Float64}


def demand_before(
    facts: Facts, master: Master, rules: Rules, reported: pl.DataFrame, short: pl.DataFrame
) -> pl.DataFrame:
    """Of ``short`` (area, medicine_id, unit; at or below the floor on ``facts.as_of``) the last day above it.

    ``reported``: reporter_id, day, county_code of dispensing in [as_of - 83, as_of]. Returns ``area``,
    ``medicine_id``, ``demand_before_on``, ``demand_before_trailing_units`` (trailing demand of that day, a day); no row
    where no such day lies in the LOOK_BACK_DAYS before. Days on which stock or demand are not known are passed over.
    Packages are grouped as on ``facts.as_of``.
    """
    found, still = [pl.DataFrame(schema=_FOUND)], short.select(*KEY, "unit")
    past, screen = _Past(facts, _packages(master, still), reported), Screen(facts, master, rules, still)
    for days in past.weeks():
        most = screen.most_units(past.counted(days), days) if still.height else pl.DataFrame()
        for day in days if most.height else []:
            some = still.join(screen.above(most, past.span(day), day), on=KEY, how="semi")
            if some.height:
                found.append(_above(past, day, master, rules, some))
                still = still.join(found[-1], on=KEY, how="anti")
    return pl.concat(found).sort(KEY)


def _above(past: _Past, day: date, master: Master, rules: Rules, rows: pl.DataFrame) -> pl.DataFrame:
    """Those of ``rows`` whose stock was above the floor on ``day``, with the demand of that day."""
    vnr = _packages(master, rows)
    facts = past.on(day, vnr)
    held = holding(facts, rules.picture.usable_reserve)
    stock = area_units(facts, held, master)
    some = rows.join(stock.filter(pl.col("stock_units") > 0), on=KEY, how="semi")
    if some.is_empty():
        return pl.DataFrame(schema=_FOUND)
    needed = needs(facts, past.span(day).demand(day, _packages(master, some)), master)
    figures = rounded(with_floor(some, stock, needed, held.reach, rules))
    above = figures.filter(pl.col("stock_units") > pl.col("floor_units"))
    trailing = pl.col("trailing_demand_units")
    return above.select(*KEY, demand_before_on=pl.lit(day), demand_before_trailing_units=trailing)


def _packages(master: Master, rows: pl.DataFrame) -> pl.Series:
    return package_grains(master).join(rows, on="medicine_id", how="semi")["vnr"].unique().sort()


class _Past:
    """Stock and dispensing of a few packages on the days before a report day: each file is read once, newest first."""

    def __init__(self, facts: Facts, vnr: pl.Series, reported: pl.DataFrame) -> None:
        self.facts = facts
        self.mine = pl.col("vnr").is_in(vnr.implode())
        self.gaps = facts.gaps.filter(self.mine)
        self.stock: dict[date, pl.DataFrame] = {}
        self.nothing = facts.stock.filter(pl.lit(False)).select(COUNTED).collect()
        self.stock_from = facts.as_of
        self.reported = reported.select(*REPORTED)
        self.dispensed = facts.dispensing.filter(pl.lit(False)).select(DISPENSED).collect()
        self._span: Span | None = None

    def weeks(self) -> list[list[date]]:
        """The days before the report day since anything was counted, some weeks at a time, the newest first."""
        oldest = self.facts.as_of - timedelta(days=LOOK_BACK_DAYS)
        counted = pl.col("counted_on")
        first = self.facts.snapshots.filter(counted.is_between(oldest, self.facts.as_of))["counted_on"].min()
        if not isinstance(first, date):
            return []
        days = _days(first, self.facts.as_of - timedelta(days=1))[::-1]
        return [days[start : start + DAYS_AT_ONCE] for start in range(0, len(days), DAYS_AT_ONCE)]

    def counted(self, days: list[date]) -> pl.DataFrame:
        """Rows of the snapshots that may stand on ``days``, the newest of which is the first."""
        first = oldest_carried(days[-1])
        self._read_stock(first)
        return pl.concat([self.stock.get(day, self.nothing) for day in _days(first, days[0])])

    def on(self, day: date, vnr: pl.Series) -> Facts:
        """The facts about ``day`` and the packages ``vnr``; nothing of dispensing, see :meth:`demand`."""
        mine = pl.col("vnr").is_in(vnr.implode())

        def between(first: date, last: date) -> pl.LazyFrame:
            self._read_stock(first)
            parts = [self.stock.get(one, self.nothing) for one in _days(first, last)]
            return pl.concat(parts).lazy().filter(mine)

        near = between(oldest_carried(day), day)
        return replace(self.facts, as_of=day, stock=near, stock_between=between, gaps=self.gaps.clear())

    def span(self, day: date) -> Span:
        """Dispensing of the packages in the window of ``day``, and more."""
        first = day - timedelta(days=WINDOW_DAYS - 1)
        if self._span is None or first < self._span.lines.days[0]:
            self._span = self._read_dispensing(first)
        return self._span

    def _read_stock(self, first: date) -> None:
        if first >= self.stock_from:
            return
        start = min(first, self.stock_from - timedelta(days=DAYS_AT_ONCE))
        # What fills a gap is put there once, so that no day looks for gaps again.
        facts = replace(self.facts, gaps=self.gaps)
        counted, sources = set(facts.snapshots["counted_on"].unique()), gap_sources(facts)
        days = [day for day in _days(start, self.stock_from - timedelta(days=1)) if day in counted]
        rows = [without_gaps(facts, day, day, sources).filter(self.mine).select(COUNTED) for day in days]
        found = pl.collect_all(rows)
        self.stock |= dict(zip(days, found, strict=True))
        self.stock_from = start

    def _read_dispensing(self, first: date) -> Span:
        """Rows of the packages from some weeks before ``first`` on, and who reported at all in the days before."""
        start, as_of = first - timedelta(days=DAYS_AT_ONCE), self.facts.as_of
        window = as_of - timedelta(days=WINDOW_DAYS - 1)
        last = self._span.lines.days[0] - timedelta(days=1) if self._span else as_of - timedelta(days=1)
        rows = self.facts.dispensing_of(start, last)
        before = rows.filter(pl.col("day") < window).select(*REPORTED).unique()
        mine, told = pl.collect_all([rows.filter(self.mine).select(DISPENSED), before])
        self.dispensed, self.reported = pl.concat([mine, self.dispensed]), pl.concat([told, self.reported])
        return Span.of(self.reported, self.dispensed, _days(start, as_of))


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]
