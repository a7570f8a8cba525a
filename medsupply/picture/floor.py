"""Stock against its floor on one day: what holders have that may be used, and k days of trailing demand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from medsupply.areas import COUNTRY
from medsupply.facts import Facts
from medsupply.picture.demand import Demand, all_holders, area_demand, countable_holders, demand_areas
from medsupply.picture.demand import area_packages as demand_by_package
from medsupply.picture.master import Master
from medsupply.picture.reach import STATE_RESERVE, heard_of, holder_areas, valid_holders
from medsupply.picture.stock import Today, area_stock, permitted, released, stock_today
from medsupply.picture.stock import area_packages as stock_by_package
from medsupply.picture.usual import area_holders
from medsupply.rules import Rules


@dataclass(frozen=True)
class Reach:
    """Holders that count, where they count, and who of them is heard of."""

    holders: pl.DataFrame
    areas: pl.DataFrame
    heard: pl.DataFrame


@dataclass(frozen=True)
class Holding:
    """What is held on a day, the state reserve apart, and what of that a release has let out."""

    reach: Reach
    today: Today
    by_state: Today
    release: pl.DataFrame


def holding(facts: Facts, usable_reserve: Sequence[str]) -> Holding:
    """What was held on ``facts.as_of``."""
    everyone = valid_holders(facts)
    holders = countable_holders(everyone)
    reach = Reach(holders, holder_areas(holders), heard_of(facts, holders))
    state = everyone.filter(pl.col("holder_type") == STATE_RESERVE)
    by_state = stock_today(facts, heard_of(facts, state), state, ())
    today = stock_today(facts, reach.heard, holders, usable_reserve)
    return Holding(reach, today, by_state, released(facts, by_state))


def area_units(facts: Facts, held: Holding, master: Master) -> pl.DataFrame:
    """Stock by area and medicine or family, as :func:`medsupply.picture.stock.area_stock` gives it."""
    by_package = stock_by_package(held.today, held.reach.areas)
    return area_stock(by_package, master, permitted(facts, held.today), held.release)


@dataclass(frozen=True)
class Needs:
    """Demand by area: of packages, of medicines and families, and the areas in which anybody reported (``known``)."""

    by_package: pl.DataFrame
    by_medicine: pl.DataFrame
    known: pl.DataFrame


def needs(facts: Facts, demand: Demand, master: Master) -> Needs:
    """``demand`` where its reporters serve."""
    placed = demand_areas(demand.reporters, all_holders(facts.current("holders")))
    by_package = demand_by_package(demand, placed)
    areas = placed.select("area", demand_known=pl.lit(True)).unique()
    return Needs(by_package, area_demand(by_package, master), areas)


def with_floor(rows: pl.DataFrame, stock: pl.DataFrame, needed: Needs, reach: Reach, rules: Rules) -> pl.DataFrame:
    """``rows`` (area, medicine_id, unit, ...) with stock, reserve, trailing demand and floor; null where nothing is
    known, zero only where reported. What the figures come from stands beside them."""
    key = ["area", "medicine_id"]
    joined = (
        rows.join(stock, on=key, how="left")
        .join(needed.by_medicine, on=key, how="left", suffix="_demand")
        .join(area_holders(reach.holders, reach.areas, reach.heard), on="area", how="left")
        .join(needed.known, on="area", how="left")
    )
    counted = pl.col("unit").is_not_null() & ~pl.col("broken").fill_null(False)
    heard = pl.col("holders_heard").fill_null(0) > 0
    needs_known = pl.col("demand_known").is_not_null() & pl.col("unit").is_not_null()
    needs_known &= ~pl.col("broken_demand").fill_null(False)
    released_only = pl.col("stock_units").is_not_null()
    country, days = pl.col("area") == COUNTRY, rules.picture
    floor_days = pl.when(country).then(days.floor_days_country).otherwise(days.floor_days_area)
    trailing = pl.when(needs_known).then(pl.col("trailing_demand_units").fill_null(0.0))
    return joined.with_columns(
        stock_units=pl.when(counted & (heard | released_only)).then(pl.col("stock_units").fill_null(0.0)),
        reserve_units=pl.when(counted & heard).then(pl.col("reserve_units").fill_null(0.0)),
        trailing_demand_units=trailing,
        floor_units=floor_days * trailing,
        counted=counted,
        heard=heard,
    )
