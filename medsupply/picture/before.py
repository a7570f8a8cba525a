"""Demand before a shortage: what was asked for a day when stock last stood above its floor.

Dispensing falls with stock, so that trailing demand grows smaller the longer nothing is there. The days before are
measured again from the deliveries, for the few medicines at their floor, not read from earlier pictures: a past day
asked for alone has the figures it has in a row of days.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
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
    if still.is_empty():
        return found[0]
    few = _of(master, still)
    past, screen = _Past(facts, few.packages["vnr"], reported), Screen(facts, few, rules, still)
    for days in past.weeks():
        if still.is_empty():
            break
        most = screen.most_units(past.counted(days), days, still)
        for day in days:
            some = still.join(screen.above(most, past.span(day), day, still), on=KEY, how="semi")
            if some.height:
                found.append(_above(past, day, few, rules, some))
                still = still.join(found[-1], on=KEY, how="anti")
    return pl.concat(found).sort(KEY)


def _above(past: _Past, day: date, master: Master, rules: Rules, rows: pl.DataFrame) -> pl.DataFrame:
    """Those of ``rows`` whose stock was above the floor on ``day``, with the demand of that day."""
    few = _of(master, rows)
    facts = past.on(day, few.packages["vnr"])
    held = holding(facts, rules.picture.usable_reserve)
    stock = area_units(facts, held, few)
    some = rows.join(stock.filter(pl.col("stock_units") > 0), on=KEY, how="semi")
    if some.is_empty():
        return pl.DataFrame(schema=_FOUND)
    needed = needs(facts, past.span(day).demand(day, few.packages["vnr"]), few)
    figures = rounded(with_floor(some, stock, needed, held.reach, rules))
    above = figures.filter(pl.col("stock_units") > pl.col("floor_units"))
    trailing = pl.col("trailing_demand_units")
    return above.select(*KEY, demand_before_on=pl.lit(day), demand_before_trailing_units=trailing)


def _of(master: Master, rows: pl.DataFrame) -> Master:
    """The packages of the medicines and families of ``rows``."""
    vnr = package_grains(master).join(rows, on="medicine_id", how="semi")["vnr"].unique()
    return replace(master, packages=master.packages.filter(pl.col("vnr").is_in(vnr.implode())))


@dataclass(frozen=True)
class _Part:
    """What was counted, by day, and what was dispensed, over some weeks; ``reported``: by whom at all."""

    stock: dict[date, pl.DataFrame]
    dispensed: pl.DataFrame
    reported: pl.DataFrame


class _Past:
    """Stock and dispensing of a few packages on the days before a report day: each file is read once, newest first."""

    def __init__(self, facts: Facts, vnr: pl.Series, reported: pl.DataFrame) -> None:
        self.facts = facts
        self.mine = pl.col("vnr").is_in(vnr.implode())
        # What fills a gap is put there once, so that no day looks for gaps again.
        self.gaps = facts.gaps.filter(self.mine)
        self.nothing = facts.stock.filter(pl.lit(False)).select(COUNTED).collect()
        self.known = _Part({}, facts.dispensing.filter(pl.lit(False)).select(DISPENSED).collect(), reported)
        self.first = facts.as_of
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
        self._reach(days[-1])
        return pl.concat([self.known.stock.get(day, self.nothing) for day in _days(oldest_carried(days[-1]), days[0])])

    def on(self, day: date, vnr: pl.Series) -> Facts:
        """The facts about ``day`` and the packages ``vnr``; nothing of dispensing, see :meth:`span`."""
        self._reach(day)  # what was not read would look like nothing held
        mine = pl.col("vnr").is_in(vnr.implode())

        def between(first: date, last: date) -> pl.LazyFrame:
            parts = [self.known.stock.get(one, self.nothing) for one in _days(first, last)]
            return pl.concat(parts).lazy().filter(mine)

        near = between(oldest_carried(day), day)
        return replace(self.facts, as_of=day, stock=near, stock_between=between, gaps=self.gaps.clear())

    def span(self, day: date) -> Span:
        """Dispensing of the packages in the window of ``day``, and more."""
        self._reach(day)
        if self._span is None:
            days = _days(self.first - timedelta(days=WINDOW_DAYS - 1), self.facts.as_of)
            self._span = Span.of(self.known.reported, self.known.dispensed, days)
        return self._span

    def _reach(self, day: date) -> None:
        while day < self.first:
            part, known = self._before(self.first), self.known
            self.first -= timedelta(days=DAYS_AT_ONCE)
            dispensed, reported = pl.concat([part.dispensed, known.dispensed]), [part.reported, known.reported]
            self.known = _Part(known.stock | part.stock, dispensed, pl.concat(reported).unique())
            self._span = None

    def _before(self, end: date) -> _Part:
        """What the weeks before ``end`` add: snapshots that stand in them, dispensing at the start of their windows."""
        first, newest = end - timedelta(days=DAYS_AT_ONCE), end == self.facts.as_of
        carried = oldest_carried(first), (end if newest else oldest_carried(end)) - timedelta(days=1)
        one, start = timedelta(days=1), end - timedelta(days=WINDOW_DAYS - 1)
        rows = [self.facts.dispensing_of(start - timedelta(days=DAYS_AT_ONCE), start - one)]
        if newest:
            rows.append(self.facts.dispensing.filter(pl.col("day").is_between(start, end - one)))
        dispensed = [some.filter(self.mine).select(DISPENSED) for some in rows]
        mine, told = pl.collect_all([pl.concat(dispensed), rows[0].select(*REPORTED).unique()])
        return _Part(self._stock(*carried), mine, told)

    def _stock(self, first: date, last: date) -> dict[date, pl.DataFrame]:
        facts = replace(self.facts, gaps=self.gaps)
        counted, sources = set(facts.snapshots["counted_on"].unique()), gap_sources(facts)
        days = [day for day in _days(first, last) if day in counted]
        rows = [without_gaps(facts, day, day, sources).filter(self.mine).select(COUNTED) for day in days]
        return dict(zip(days, pl.collect_all(rows), strict=True))


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]
