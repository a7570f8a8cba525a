"""Measure: every figure of the picture that needs no forecast, per area and medicine or family."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from datetime import date

import polars as pl

from medsupply.areas import AREAS, COUNTRY
from medsupply.facts import Facts
from medsupply.picture.before import demand_before
from medsupply.picture.completeness import completeness
from medsupply.picture.demand import Demand, trailing_packs
from medsupply.picture.floor import Holding, Reach, area_units, holding, needs, with_floor
from medsupply.picture.master import Master
from medsupply.picture.notices import dispensed_shares, medicine_notices, notices_late, package_notices
from medsupply.picture.obligations import obligations
from medsupply.picture.purchases import COUNTY_ATC, bought_in_a_year, purchases_of_week
from medsupply.picture.rounding import rounded
from medsupply.picture.sites import Sites, WeekCache, conversions
from medsupply.picture.stock import Today, stock_daily, stocked_before
from medsupply.picture.strengths import MASS_IN_MG
from medsupply.picture.usual import Past, area_usual, out_shares, past, place_usual
from medsupply.rules import Rules
from medsupply.tables.picture import COMPLETENESS, MEASURED, OBLIGATIONS, STOCK_DAILY, USUAL_UNITS
from medsupply.tables.picture import STATE_RESERVE as STATE_RESERVE_TABLE


@dataclass(frozen=True)
class Measurement:
    """What measure derives; each frame as its table of ``tables.picture`` declares it."""

    measured: pl.DataFrame
    stock_daily: pl.DataFrame
    usual_units: pl.DataFrame
    completeness: pl.DataFrame
    obligations: pl.DataFrame
    state_reserve: pl.DataFrame

    def frames(self) -> dict[str, pl.DataFrame]:
        return {item.name: getattr(self, item.name) for item in fields(self)}


@dataclass(frozen=True)
class _Parts:
    """What the figures are put together from."""

    held: Holding
    demand: Demand
    sites: Sites
    past: Past
    owed: pl.DataFrame


def measure(facts: Facts, master: Master, rules: Rules, cache: WeekCache | None = None) -> Measurement:
    """Measure the picture of ``facts.as_of``. ``cache`` keeps the sums of past weeks; it changes no figure."""
    held = holding(facts, rules.picture.usable_reserve)
    reach = held.reach
    sites = Sites(facts, reach.holders, master, rules.picture.usable_reserve, cache)
    with ThreadPoolExecutor(1) as beside:  # two long readings of different files, side by side
        demand = beside.submit(trailing_packs, facts.dispensing, facts.as_of)
        parts = _Parts(
            held=held,
            sites=sites,
            past=past(facts, sites),
            owed=obligations(facts, master, reach.holders),
            demand=demand.result(),
        )
    before = stocked_before(facts, reach.heard, held.today.holders)
    daily = stock_daily(facts, held.today, before, reach.holders, reach.heard, master)
    usual = place_usual(facts, parts.past.usual, sites, reach.holders, reach.heard)
    state = _state_reserve(facts, held.by_state, held.release, master)
    return Measurement(
        measured=_with_demand_before(rounded(_figures(facts, master, rules, parts)), facts, master, rules, parts),
        stock_daily=STOCK_DAILY.conform(rounded(daily)),
        usual_units=USUAL_UNITS.conform(rounded(usual)),
        completeness=COMPLETENESS.conform(completeness(facts, reach.holders, parts.demand.reported)),
        obligations=OBLIGATIONS.conform(rounded(parts.owed)),
        state_reserve=STATE_RESERVE_TABLE.conform(rounded(state)),
    )


def _with_demand_before(
    figures: pl.DataFrame, facts: Facts, master: Master, rules: Rules, parts: _Parts
) -> pl.DataFrame:
    short = figures.filter(pl.col("stock_units") <= pl.col("floor_units"))
    before = demand_before(facts, master, rules, parts.demand.reported, short)
    return MEASURED.conform(figures.join(before, on=["area", "medicine_id"], how="left", maintain_order="left"))


def _figures(facts: Facts, master: Master, rules: Rules, parts: _Parts) -> pl.DataFrame:
    reach, today = parts.held.reach, parts.held.today
    stock = area_units(facts, parts.held, master)
    needed = needs(facts, parts.demand, master)
    packages = package_notices(facts, master)
    # While the list is late, a stated end that has passed takes no row away: only the next list says how it went on.
    may_go_on = pl.col("notices_listed").fill_null(False) & bool(notices_late(facts))
    notices = medicine_notices(packages).with_columns(may_go_on=may_go_on)
    purchases, week = purchases_of_week(facts)
    out = out_shares(parts.past.had, parts.sites, today, parts.demand, reach.heard, reach.areas, master)
    base = _rows(master, stock, needed.by_medicine, notices, reach, purchases)
    key = ["area", "medicine_id"]
    joined = (
        with_floor(base, stock, needed, reach, rules)
        .join(area_usual(parts.past.usual, parts.sites, reach.areas, reach.heard), on=key, how="left")
        .join(out, on=key, how="left")
        .join(notices, on="medicine_id", how="left")
        .join(dispensed_shares(needed.by_package, packages), on=key, how="left")
        .join(purchases.select("area", "purchases_atc", "purchases"), on=["area", "purchases_atc"], how="left")
        .join(_short_families(parts.owed), on="family_id", how="left")
    )
    marketed = master.medicines.filter(pl.col("marketed_packages") > 0)["atc"].unique()
    return _other_figures(_usual_figures(joined), facts, week, marketed).sort("county_code", "medicine_id")


def _rows(
    master: Master,
    stock: pl.DataFrame,
    demand: pl.DataFrame,
    notices: pl.DataFrame,
    reach: Reach,
    purchases: pl.DataFrame,
) -> pl.DataFrame:
    """Area x medicine or family: critical, in stock, dispensed in 84 days, or under a notice.

    Critical medicines and those under notice, as the newest list says however late it is, stand in the country and in
    every area where a holder must report; where none does, an area has the critical ones whose purchases are known.
    """
    columns = ["medicine_id", "grain", "family_id", "atc", "unit", "critical", "marketed_packages", "marketed_holders"]
    medicines = master.medicines.select(
        *columns,
        "special_permit_articles",
        "critical_class",
        "season_from",
        "season_to",
        market_state=pl.col("state"),
        ddd_units=ddd_units(),
    )
    noticed = notices.filter((pl.col("notices_open") > 0) | pl.col("may_go_on"))["medicine_id"]
    wanted = medicines.filter(pl.col("critical") | pl.col("medicine_id").is_in(noticed.implode()))
    reporting = pl.DataFrame({"area": sorted({COUNTRY, *reach.areas["area"]})}, schema={"area": pl.String})
    everywhere = wanted.select("medicine_id").join(reporting, how="cross")
    stocked = stock.filter(pl.col("packs") > 0).select("medicine_id", "area")
    dispensed = demand.filter(pl.col("demand_packs") != 0).select("medicine_id", "area")
    bought = _bought(medicines, purchases)
    pairs = pl.concat([everywhere, stocked, dispensed, bought]).unique()
    in_family = medicines.filter(pl.col("grain") == "medicine").group_by("family_id").agg(n=pl.len().cast(pl.Int64))
    medicines = medicines.join(in_family, on="family_id", how="left").with_columns(
        other_medicines=pl.max_horizontal(pl.col("n").fill_null(0) - 1, pl.lit(0))
    )
    known = pairs.join(medicines, on="medicine_id").filter(pl.col("area").is_in(list(AREAS)))
    atc = pl.when(pl.col("area") == COUNTRY).then(pl.col("atc")).otherwise(pl.col("atc").str.head(COUNTY_ATC))
    return known.with_columns(purchases_atc=pl.when(~pl.col("area").str.starts_with("Y")).then(atc))


def ddd_units() -> pl.Expr:
    """mg in a defined daily dose, for families counted in mg whose ATC code has a DDD in g, mg or mcg."""
    in_mg = pl.col("ddd_unit").str.to_lowercase().replace_strict(MASS_IN_MG, default=None, return_dtype=pl.Float64)
    dose = pl.col("ddd") * in_mg
    return pl.when((pl.col("grain") == "family") & (pl.col("unit") == "mg") & (dose > 0)).then(dose)


def _bought(medicines: pl.DataFrame, purchases: pl.DataFrame) -> pl.DataFrame:
    county = purchases.filter(pl.col("area") != COUNTRY).select("area", head="purchases_atc")
    critical = medicines.filter(pl.col("critical")).select("medicine_id", head=pl.col("atc").str.head(COUNTY_ATC))
    return critical.join(county, on="head").select("medicine_id", "area")


def _short_families(owed: pl.DataFrame) -> pl.DataFrame:
    return owed.group_by("family_id").agg(obligation_short=pl.col("short").any())


def _usual_figures(joined: pl.DataFrame) -> pl.DataFrame:
    """Usual units, reporting share and state; null where nothing is known."""
    usual = pl.col("usual_units").fill_null(0.0)
    plain = pl.col("holders_heard") / pl.col("holders_valid")
    known = pl.col("counted") & (pl.col("holders_valid") > 0)
    return joined.with_columns(
        dispensings_84=pl.when(pl.col("demand_known")).then(pl.col("dispensings_84").fill_null(0.0)),
        reporting_share=pl.when(usual > 0).then(pl.col("usual_units_heard") / usual).otherwise(plain),
        usual_units=pl.when(known).then(usual),
        usual_units_heard=pl.when(known).then(pl.col("usual_units_heard").fill_null(0.0)),
        usual_units_silent=pl.when(known).then(pl.col("usual_units_silent").fill_null(0.0)),
        shared=pl.col("shared").fill_null(False) | pl.col("shared_demand").fill_null(False),
        state=_state(pl.col("heard")),
    )


def _state(heard: pl.Expr) -> pl.Expr:
    """State of the stock figure: discontinued, missing, not_stocked, late or reported."""
    return (
        pl.when(pl.col("market_state") == "discontinued")
        .then(pl.lit("discontinued"))
        .when(~heard)
        .then(pl.lit("missing"))
        .when(pl.col("packs").fill_null(0.0) <= 0)
        .then(pl.lit("not_stocked"))
        .when(pl.col("late"))
        .then(pl.lit("late"))
        .otherwise(pl.lit("reported"))
    )


def _other_figures(joined: pl.DataFrame, facts: Facts, week: date | None, marketed: pl.Series) -> pl.DataFrame:
    """Notice shares, demand in the year, and the stamps. ``marketed``: ATC codes with a package on the market."""
    bought = bought_in_a_year(facts)
    by_dispensing = pl.col("dispensed_share").is_not_null()
    # What was bought may have been another form of the substance, which need not stand in the picture itself.
    off_market = pl.col("atc").is_in(bought.implode()) & ~pl.col("atc").is_in(marketed.implode())
    demanded = (pl.col("demand_packs").fill_null(0.0) > 0) | off_market
    known = by_dispensing | pl.col("notice_packages_share").is_not_null()
    return joined.with_columns(
        as_of=pl.lit(facts.as_of),
        known_at=pl.lit(facts.known_at),
        county_code=pl.col("area"),
        notice_share=pl.coalesce("dispensed_share", "notice_packages_share"),
        notice_share_84=pl.coalesce("dispensed_share_84", "notice_packages_share_84"),
        notice_basis=pl.when(known).then(
            pl.when(by_dispensing).then(pl.lit("dispensing")).otherwise(pl.lit("packages"))
        ),
        notices_open=pl.col("notices_open").fill_null(0),
        notices_late=pl.lit(notices_late(facts), dtype=pl.Boolean) & pl.col("notices_listed").fill_null(False),
        dispensed_year=demanded,
        purchases_week=pl.when(pl.col("purchases").is_not_null()).then(pl.lit(week, dtype=pl.Date)),
        holders_valid=pl.col("holders_valid").fill_null(0),
        holders_heard=pl.col("holders_heard").fill_null(0),
    )


def _state_reserve(facts: Facts, held: Today, release: pl.DataFrame, master: Master) -> pl.DataFrame:
    """State reserve by medicine and family, released packs apart."""
    rows = pl.DataFrame({"vnr": held.packages.ids, "packs": held.packs.sum(axis=0)}).join(release, on="vnr", how="left")
    rows = rows.join(conversions(master), on="vnr").with_columns(pl.col("released_packs").fill_null(0.0))
    kept = (pl.col("packs") - pl.col("released_packs")) * pl.col("per_pack")
    return (
        rows.sort("medicine_id", "vnr")
        .group_by("medicine_id", maintain_order=True)
        .agg(
            as_of=pl.lit(facts.as_of),
            known_at=pl.lit(facts.known_at),
            units=kept.sum(),
            released_units=(pl.col("released_packs") * pl.col("per_pack")).sum(),
        )
    )
