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


def net_packs() -> pl.Expr:
    """Packs that left less packs returned."""
    return pl.col("packs") - pl.col("returned_packs").fill_null(0.0)


def day_weights(reported: pl.DataFrame) -> pl.DataFrame:
    """``reporter_id``, ``day``, ``weight``: what a unit of that day counts in the reporter's mean demand a day.

    1/7 x 1/(reported days of that weekday); a weekday never reported counts 0 with 28 or more reported days, with fewer
    the plain mean over the reported days stands.
    """
    weekday = pl.col("day").dt.weekday()
    days = reported.unique().with_columns(
        same_weekday=pl.len().over("reporter_id", weekday),
        weekdays=weekday.n_unique().over("reporter_id"),
        reported_days=pl.len().over("reporter_id"),
    )
    plain = (pl.col("weekdays") < 7) & (pl.col("reported_days") < FULL_COVERAGE_DAYS)
    weight = pl.when(plain).then(1.0 / pl.col("reported_days")).otherwise(1.0 / 7.0 / pl.col("same_weekday"))
    return days.select("reporter_id", "day", weight=weight).sort("reporter_id", "day")


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
    weights = day_weights(seen.select("reporter_id", "day").unique())
    pairs = seen.select("reporter_id", "county_code").unique()
    # Nearly every reporter writes rows of one county; joining texts on 25 million rows costs seconds.
    one_county = pairs.height == pairs["reporter_id"].n_unique()
    line = pl.col("reporter_id") if one_county else pl.concat_str("reporter_id", "county_code", separator="|")
    reporters = seen.select("reporter_id", "county_code", line=line).unique().sort("line")
    lines, packages = Axis(reporters["line"]), Axis(named)
    daily, packs, dispensings = (np.zeros((len(lines), len(packages))) for _ in range(3))
    weight = _weight_array(weights, reporters, lines, days)
    for first, last in parts:
        part = pl.col("day").is_between(first, last) & (pl.col("vnr") != "")
        at = position(line, lines, pl.col("vnr"), packages)
        day = (pl.col("day") - days[0]).dt.total_days()
        rows = window.filter(part).select(at=at, day=day, net=net_packs(), counted=_counted_dispensings()).collect()
        where, net = rows["at"].to_numpy(), rows["net"].to_numpy()
        daily += add_up(daily.shape, where, net * weight[where // len(packages), rows["day"].to_numpy()])
        packs += add_up(daily.shape, where, net)
        dispensings += add_up(daily.shape, where, rows["counted"].to_numpy())
    return Demand(seen, reporters, lines, packages, daily, packs, dispensings)


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


def _weight_array(weights: pl.DataFrame, reporters: pl.DataFrame, lines: Axis, days: list[date]) -> Array:
    """Lines x days: what a unit of that day counts in the line's mean demand a day."""
    rows = reporters.join(weights, on="reporter_id")
    found = np.zeros((len(lines), len(days)))
    day = (rows["day"] - days[0]).dt.total_days().to_numpy()
    found[lines.codes(rows["line"]), day] = rows["weight"].to_numpy()
    return found


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


def area_packages(demand: Demand, holders: pl.DataFrame) -> pl.DataFrame:
    """Demand by area and package: ``area``, ``vnr``, ``daily_packs``, ``packs``, ``dispensings``, ``shared``."""
    placed = demand_areas(demand.reporters, holders)
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
