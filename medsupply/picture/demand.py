"""Demand: the trailing mean of the last 84 days by reporter, package and area, and the demand of whole weeks."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from medsupply.picture.master import Master
from medsupply.picture.reach import STATE_RESERVE, county_areas, holder_areas

WINDOW_DAYS = 84
FULL_COVERAGE_DAYS = 28


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


def trailing_packs(dispensing: pl.LazyFrame, as_of: date) -> pl.DataFrame:
    """Mean demand a day by reporter, county of the row and package over [as_of - 83, as_of].

    ``reporter_id``, ``county_code``, ``vnr``, ``daily_packs``, ``packs`` (sum of the window), ``dispensings`` (sum).
    """
    window = dispensing.filter(pl.col("day").is_between(as_of - timedelta(days=WINDOW_DAYS - 1), as_of))
    reported = window.select("reporter_id", "day").unique().collect()
    weights = day_weights(reported)
    return (
        window.filter(pl.col("vnr") != "")
        .join(weights.lazy(), on=["reporter_id", "day"])
        .group_by("reporter_id", "county_code", "vnr")
        .agg(
            daily_packs=(net_packs() * pl.col("weight")).sum(),
            packs=net_packs().sum(),
            # A sender that gives no counts is taken at a dispensing a pack, so that it is not mistaken for low demand.
            dispensings=pl.coalesce("dispensings", "packs").sum(),
        )
        .sort("reporter_id", "county_code", "vnr")
        .collect()
    )


def demand_areas(demand: pl.DataFrame, holders: pl.DataFrame) -> pl.DataFrame:
    """``demand`` rows in every area they belong to: of a holder where it serves, of others in the row's county."""
    served = holder_areas(holders).rename({"holder_id": "reporter_id"})
    known = holders.select(reporter_id="holder_id")
    of_holders = demand.join(served, on="reporter_id")
    others = demand.join(known, on="reporter_id", how="anti")
    of_others = others.join(county_areas(others["county_code"]), on="county_code")
    return pl.concat([of_holders, of_others.select(of_holders.columns)])


def reporting_areas(dispensing: pl.LazyFrame, as_of: date, holders: pl.DataFrame) -> pl.DataFrame:
    """``area`` where some reporter reported in the window, nil rows too: there, what nobody dispensed is a zero."""
    window = pl.col("day").is_between(as_of - timedelta(days=WINDOW_DAYS - 1), as_of)
    reporters = dispensing.filter(window).select("reporter_id", "county_code").unique().collect()
    return demand_areas(reporters, holders).select("area").unique().sort("area")


def all_holders(current: pl.DataFrame) -> pl.DataFrame:
    """Every holder in the newest list, closed ones too: what it dispensed while open stays where it served."""
    typed = current.with_columns(holder_type=pl.col("holder_type").cast(pl.String))
    return typed.select("holder_id", "holder_type", "county_code", "serves", "valid_to").sort("holder_id")


def _grains(demand: pl.DataFrame, master: Master) -> pl.DataFrame:
    packages = master.packages.filter(pl.col("medicine_id").is_not_null())
    has_units = pl.col("units_per_pack").is_not_null()
    medicines = packages.select("vnr", "medicine_id", per_pack="units_per_pack", has_units=has_units)
    families = packages.select("vnr", medicine_id="family_id", per_pack="family_units_per_pack", has_units=has_units)
    return demand.join(pl.concat([medicines, families.drop_nulls("medicine_id")]), on="vnr")


def area_demand(demand: pl.DataFrame, holders: pl.DataFrame, master: Master) -> pl.DataFrame:
    """Trailing demand by area and medicine or family.

    ``area``, ``medicine_id``, ``trailing_demand_units``, ``dispensings_84``, ``demand_packs``, ``shared``, ``broken``.
    """
    by_package = (
        demand_areas(demand, holders)
        .group_by("area", "vnr")
        .agg(pl.col("daily_packs", "packs", "dispensings").sum(), shared=pl.col("shared").any())
    )
    no_units = pl.col("per_pack").is_null() & (pl.col("packs") != 0)
    return (
        _grains(by_package, master)
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


def site_demand(demand: pl.DataFrame, master: Master) -> pl.DataFrame:
    """Trailing demand by reporter and medicine or family: ``holder_id``, ``medicine_id``, ``daily_units``."""
    rows = _grains(demand.rename({"reporter_id": "holder_id"}), master).sort("holder_id", "medicine_id", "vnr")
    return rows.group_by("holder_id", "medicine_id", maintain_order=True).agg(
        daily_units=(pl.col("daily_packs") * pl.col("per_pack")).sum()
    )


def countable_holders(holders: pl.DataFrame) -> pl.DataFrame:
    """Holders that count in a figure: all but the state reserve."""
    return holders.filter(pl.col("holder_type") != STATE_RESERVE)
