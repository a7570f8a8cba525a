"""Demand: the trailing mean of the last 84 days by reporter, package and area, and the demand of whole weeks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from medsupply.picture.dense import Array, Axis, add_up, long, members, position
from medsupply.picture.master import Master
from medsupply.picture.reach import STATE_RESERVE, county_areas, holder_areas
from medsupply.picture.stock import package_grains

WINDOW_DAYS = 84
FULL_COVERAGE_DAYS = 28
DAYS_AT_ONCE = 14
Columns = tuple[Array, ...]


def net_packs() -> pl.Expr:
    """Packs that left less packs returned."""
    return pl.col("packs") - pl.col("returned_packs").fill_null(0.0)


def day_weights(reported: Array) -> Array:
    """Reporters x days, whole weeks: what a unit of that day counts in the reporter's mean demand a day, from whether
    the day is ``reported``.

    1/7 x 1/(reported days of that weekday); a weekday never reported counts 0 with 28 or more reported days, with fewer
    the plain mean over the reported days stands.
    """
    weeks = reported.reshape(len(reported), reported.shape[1] // 7, 7)
    same_weekday, days = weeks.sum(axis=1), reported.sum(axis=1)
    plain = ((same_weekday > 0).sum(axis=1) < 7) & (days < FULL_COVERAGE_DAYS)
    share = np.where(plain[:, None], 1.0 / np.maximum(days, 1)[:, None], 1.0 / 7.0 / np.maximum(same_weekday, 1))
    return np.asarray(np.where(weeks, share[:, None, :], 0.0).reshape(reported.shape))


@dataclass(frozen=True)
class Demand:
    """Dispensing of the last 84 days, arrays of reporters x packages in packs: ``daily`` (mean a day), ``packs`` (sum),
    ``dispensings`` (sum). A reporter that writes rows of several counties has one line for each (``reporters``).
    ``reported``: which reporter wrote rows of which day and county."""

    reported: pl.DataFrame
    reporters: pl.DataFrame
    lines: Axis
    packages: Axis
    daily: Array
    packs: Array
    dispensings: Array


def trailing_packs(dispensing: pl.LazyFrame, as_of: date) -> Demand:
    """Mean demand a day by reporter, county of the row and package over [as_of - 83, as_of], days in order."""
    days = [as_of - timedelta(days=n) for n in range(WINDOW_DAYS - 1, -1, -1)]
    window = dispensing.filter(pl.col("day").is_between(days[0], as_of))
    parts = [(days[n], days[min(n + DAYS_AT_ONCE, WINDOW_DAYS) - 1]) for n in range(0, WINDOW_DAYS, DAYS_AT_ONCE)]
    seen, named = _named(window, parts)
    lines, packages = Lines.of(seen, days), Axis(named)
    sums = np.zeros((3, len(lines.axis), len(packages)))
    for first, last in parts:
        rows = lines.positions(window.filter(pl.col("day").is_between(first, last)), packages)
        sums += _sums(lines.weights(0), rows, len(packages))
    return Demand(seen, lines.reporters, lines.axis, packages, *sums)


def _sums(weight: Array, rows: Columns, packages: int) -> Array:
    """Mean a day, packs and dispensings of ``rows``, as :meth:`Lines.positions` gives them: 3 x lines x packages."""
    where, _, net, counted = rows
    others = (add_up((len(weight), packages), where, values) for values in (net, counted))
    return np.stack([_mean(weight, rows, packages), *others])


def _mean(weight: Array, rows: Columns, packages: int) -> Array:
    where, day, net, _ = rows
    return add_up((len(weight), packages), where, net * weight[where // max(packages, 1), day])


@dataclass(frozen=True)
class Lines:
    """Who wrote rows, reporter by county (``line``), on which of ``days`` (``wrote``), and on which its reporter did
    anywhere (``reported``): lines x days."""

    days: list[date]
    reporters: pl.DataFrame
    axis: Axis
    wrote: Array
    reported: Array

    @classmethod
    def of(cls, seen: pl.DataFrame, days: list[date]) -> Lines:
        """From ``seen``: reporter_id, day, county_code, each once."""
        reporters = seen.select("reporter_id", "county_code").unique()
        # Nearly every reporter writes rows of one county; joining texts on 25 million rows costs seconds.
        one_county = reporters.height == reporters["reporter_id"].n_unique()
        line = pl.col("reporter_id") if one_county else pl.concat_str("reporter_id", "county_code", separator="|")
        reporters = reporters.with_columns(line=line).sort("line")
        axis, ids = Axis(reporters["line"]), Axis(reporters["reporter_id"])
        wrote, reported = np.zeros((len(axis), len(days)), bool), np.zeros((len(ids), len(days)), bool)
        day = (seen["day"] - days[0]).dt.total_days().to_numpy()
        wrote[axis.codes(seen.select(line=line)["line"]), day] = True
        reported[ids.codes(seen["reporter_id"]), day] = True
        return cls(days, reporters, axis, wrote, reported[ids.codes(reporters["reporter_id"])])

    def weights(self, start: int) -> Array:
        """Lines x days: weights of the WINDOW_DAYS days from the ``start``th on."""
        return day_weights(self.reported[:, start : start + WINDOW_DAYS])

    def positions(self, rows: pl.LazyFrame, packages: Axis) -> Columns:
        """Of rows with a package: place in lines x packages, number of the day, net packs, dispensings."""
        one_county = self.reporters["line"].equals(self.reporters["reporter_id"])
        line = pl.col("reporter_id") if one_county else pl.concat_str("reporter_id", "county_code", separator="|")
        at = position(line, self.axis, pl.col("vnr"), packages)
        day = (pl.col("day") - self.days[0]).dt.total_days()
        named = rows.filter(pl.col("vnr") != "")
        found = named.select(at=at, day=day, net=net_packs(), counted=_counted_dispensings()).collect()
        return tuple(found[name].to_numpy() for name in found.columns)


@dataclass(frozen=True)
class Span:
    """Dispensing of a few packages over more days than one window, in memory: rows in order of days."""

    reported: pl.DataFrame
    lines: Lines
    packages: Axis
    rows: Columns

    @classmethod
    def of(cls, reported: pl.DataFrame, rows: pl.DataFrame, days: list[date]) -> Span:
        """``reported``: reporter_id, day, county_code of all rows of ``days``; ``rows``: those of the few packages."""
        lines, packages = Lines.of(reported, days), Axis(rows.filter(pl.col("vnr") != "")["vnr"])
        return cls(reported, lines, packages, lines.positions(rows.sort("day", maintain_order=True).lazy(), packages))

    def demand(self, as_of: date, vnr: pl.Series) -> Demand:
        """What :func:`trailing_packs` gives on ``as_of``, of the packages ``vnr``."""
        start, rows = self._window(as_of)
        sums = _sums(self.lines.weights(start), rows, len(self.packages))
        wrote = self.lines.wrote[:, start : start + WINDOW_DAYS].any(axis=1)
        reporters = self.lines.reporters.filter(pl.lit(pl.Series(wrote)))
        asked = self.packages.mask(vnr)
        packages = Axis(self.packages.ids.filter(pl.Series(asked)))
        return Demand(self.reported, reporters, self.lines.axis, packages, *sums[:, :, asked])

    def daily(self, as_of: date) -> Array:
        """Mean demand a day on ``as_of``, in packs: lines x packages."""
        start, rows = self._window(as_of)
        return _mean(self.lines.weights(start), rows, len(self.packages))

    def _window(self, as_of: date) -> tuple[int, Columns]:
        """The first day of the window that ends on ``as_of``, by number, and the rows of its days."""
        start = (as_of - self.lines.days[0]).days - (WINDOW_DAYS - 1)
        window = slice(*np.searchsorted(self.rows[1], [start, start + WINDOW_DAYS]))
        where, day, net, counted = (column[window] for column in self.rows)
        return start, (where, day - start, net, counted)


def _named(window: pl.LazyFrame, parts: list[tuple[date, date]]) -> tuple[pl.DataFrame, pl.Series]:
    """``reporter_id``, ``day``, ``county_code`` of the rows, each once; and the packages."""
    key = ("reporter_id", "day", "county_code")
    # Rows of one reporter and day lie together: comparing neighbours leaves few texts to sort out.
    differs = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift()) for name in key)
    found = []
    for first, last in parts:
        rows = window.filter(pl.col("day").is_between(first, last))
        found.append(pl.collect_all([rows.select(key).filter(differs).unique(), rows.select(pl.col("vnr").unique())]))
    seen = pl.concat([one for one, _ in found]).unique()
    vnr = pl.concat([one for _, one in found])["vnr"].unique()
    return seen, vnr.filter(vnr != "")


def _counted_dispensings() -> pl.Expr:
    """Dispensings; a sender that gives no counts is taken at one a pack, so that it is not mistaken for low demand."""
    return pl.coalesce("dispensings", "packs")


def demand_areas(demand: pl.DataFrame, holders: pl.DataFrame) -> pl.DataFrame:
    """``demand`` rows in every area they belong to: of a holder where it serves, of others in the row's county."""
    served = holder_areas(holders).rename({"holder_id": "reporter_id"})
    known = holders.select(reporter_id="holder_id")
    of_holders = demand.join(served, on="reporter_id")
    others = demand.join(known, on="reporter_id", how="anti")
    of_others = others.join(county_areas(others["county_code"]), on="county_code")
    return pl.concat([of_holders, of_others.select(of_holders.columns)])


def all_holders(current: pl.DataFrame) -> pl.DataFrame:
    """Every holder in the newest list, closed ones too: what it dispensed while open stays where it served."""
    typed = current.with_columns(holder_type=pl.col("holder_type").cast(pl.String))
    return typed.select("holder_id", "holder_type", "county_code", "serves", "valid_to").sort("holder_id")


def area_packages(demand: Demand, placed: pl.DataFrame) -> pl.DataFrame:
    """Demand by area and package: ``area``, ``vnr``, ``daily_packs``, ``packs``, ``dispensings``, ``shared``.

    ``placed``: its reporters in their areas, by :func:`demand_areas`.
    """
    axis = Axis(placed["area"])
    inside = members(axis, demand.lines, placed, "area", "line")
    sharing = members(axis, demand.lines, placed.filter("shared"), "area", "line")
    present = ((demand.packs != 0) | (demand.dispensings != 0)).astype(float)
    arrays = {
        "daily_packs": inside @ demand.daily,
        "packs": inside @ demand.packs,
        "dispensings": inside @ demand.dispensings,
        "shared": sharing @ present > 0,
    }
    return long(arrays, ("area", axis), ("vnr", demand.packages), inside @ present > 0)


def area_demand(by_package: pl.DataFrame, master: Master) -> pl.DataFrame:
    """Trailing demand by area and medicine or family.

    ``area``, ``medicine_id``, ``trailing_demand_units``, ``dispensings_84``, ``demand_packs``, ``shared``, ``broken``.
    """
    no_units = pl.col("per_pack").is_null() & (pl.col("packs") != 0)
    return (
        by_package.join(package_grains(master), on="vnr")
        .sort("area", "medicine_id", "vnr")
        .group_by("area", "medicine_id", maintain_order=True)
        .agg(
            trailing_demand_units=(pl.col("daily_packs") * pl.col("per_pack")).sum(),
            dispensings_84=pl.col("dispensings").sum(),
            demand_packs=pl.col("packs").sum(),
            shared=pl.col("shared").any(),
            broken=(no_units & pl.col("has_units")).any(),
        )
    )


def countable_holders(holders: pl.DataFrame) -> pl.DataFrame:
    """Holders that count in a figure: all but the state reserve."""
    return holders.filter(pl.col("holder_type") != STATE_RESERVE)
