"""What the run-out simulation is told about supply: announcements, notices, and how inflow answered stock before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from medsupply.areas import COUNTRY
from medsupply.facts import Facts
from medsupply.forecast.lateness import Lateness, learn_lateness, match_arrivals
from medsupply.picture.flows import DIGITS, Flows
from medsupply.picture.master import Master
from medsupply.picture.notices import in_force, newest_revisions
from medsupply.picture.sites import conversions

INFLOW_HOLDERS = ("wholesaler", "mah", "thl")
HISTORY_DAYS, STILL_EXPECTED_DAYS, SHARE_DAYS = 182, 120, 84


@dataclass(frozen=True)
class Supply:
    """Frames as ``forecast.run_out`` reads them."""

    announced: pl.DataFrame
    notices: pl.DataFrame
    history: pl.DataFrame
    lateness: Lateness


def supply(facts: Facts, master: Master, flows: Flows) -> Supply:
    """Supply as known; ``flows`` reach back as far as the stock does."""
    units = conversions(master)
    announced = _announced(facts, units)
    national = _national(flows, units)
    past = (
        match_arrivals(announced.filter(pl.col("expected_on") <= facts.as_of), national) if announced.height else None
    )
    return Supply(
        announced=_waiting(announced, past, facts.as_of),
        notices=_notices(facts, flows.left, units),
        history=_history(facts.as_of, flows, units),
        lateness=learn_lateness(past, _ends(facts)),
    )


def _announced(facts: Facts, units: pl.DataFrame) -> pl.DataFrame:
    """Announcements of the country in units: only to wholesalers, companies and THL; else a transfer."""
    holders = facts.current("holders").with_columns(pl.col("holder_type").cast(pl.String))
    inflow = holders.filter(pl.col("holder_type").is_in(INFLOW_HOLDERS)).select("holder_id")
    rows = facts.current("supply").join(inflow, on="holder_id", how="semi").join(units, on="vnr")
    rows = rows.filter(pl.col("announced_on") <= facts.as_of)
    return rows.select(
        "medicine_id",
        pl.lit(COUNTRY).alias("county_code"),
        "announced_on",
        "expected_on",
        units=pl.col("packs") * pl.col("per_pack"),
        certainty=pl.col("certainty").cast(pl.String),
    ).sort("medicine_id", "expected_on", "announced_on", "units")


def _waiting(announced: pl.DataFrame, past: pl.DataFrame | None, as_of: date) -> pl.DataFrame:
    """What has not come: expected later, or overdue and not seen in the inflow."""
    later = announced.filter(pl.col("expected_on") > as_of)
    if past is None:
        return later
    overdue = past.filter(
        pl.col("arrived_on").is_null() & (pl.col("expected_on") >= as_of - timedelta(days=STILL_EXPECTED_DAYS))
    )
    return pl.concat([later, overdue.select(announced.columns)])


def _national(flows: Flows, units: pl.DataFrame) -> pl.DataFrame:
    """Net inflow of the country by medicine and day in units: over all holders, so that transfers cancel."""
    rows = flows.country.join(units, on="vnr").with_columns(units=pl.col("inflow") * pl.col("per_pack"))
    sums = rows.group_by("medicine_id", "day").agg(pl.col("units").sum())
    return sums.select("medicine_id", pl.lit(COUNTRY).alias("county_code"), "day", "units").sort("medicine_id", "day")


def _history(as_of: date, flows: Flows, units: pl.DataFrame) -> pl.DataFrame:
    """By complete week with a count on its Sunday: stock at its end, net inflow, demand; notices are in the stock law
    through their share."""
    stood = _in_areas(flows.places, flows, units, ("inflow", "balance"))
    left = _in_areas(flows.left_places, flows, units, ("packs",))
    joined = stood.drop_nulls("balance").join(left, on=["medicine_id", "county_code", "week"], how="left")
    joined = joined.join(_upstream(flows, units), on=["medicine_id", "county_code", "week"], how="left")
    complete = pl.col("week") + pl.duration(days=6) <= as_of
    return (
        joined.filter(complete)
        .select(
            "medicine_id",
            "county_code",
            "week",
            stock_units="balance",
            inflow_units="inflow",
            demand_units=pl.col("packs").fill_null(0.0),
            notice_share=pl.lit(None, dtype=pl.Float64),
            upstream_units="upstream_units",
        )
        .sort("medicine_id", "county_code", "week")
    )


def _upstream(flows: Flows, units: pl.DataFrame) -> pl.DataFrame:
    """What lay with holders that count in the country alone: wholesalers, companies and THL, who feed the areas."""
    there = flows.places.filter(pl.col("place") == COUNTRY).join(units, on="vnr")
    there = there.with_columns(upstream_units=pl.col("balance") * pl.col("per_pack"))
    rows = there.group_by("medicine_id", "week").agg(_known_sum("upstream_units").round(DIGITS))
    return rows.with_columns(county_code=pl.lit(COUNTRY))


def _in_areas(rows: pl.DataFrame, flows: Flows, units: pl.DataFrame, names: tuple[str, ...]) -> pl.DataFrame:
    """Packs by place and package as units by area and medicine; what nobody counted stays null."""
    lying = rows.join(flows.areas, on="place").group_by("vnr", "area", "week").agg(_known_sum(name) for name in names)
    counted = lying.join(units, on="vnr").with_columns(pl.col(name) * pl.col("per_pack") for name in names)
    key = ["medicine_id", pl.col("area").alias("county_code"), "week"]
    return counted.group_by(key).agg(_known_sum(name).round(DIGITS) for name in names)


def _known_sum(name: str) -> pl.Expr:
    return pl.when(pl.col(name).is_not_null().any()).then(pl.col(name).sum()).alias(name)


def _notices(facts: Facts, left: pl.DataFrame, units: pl.DataFrame) -> pl.DataFrame:
    """Notices in force or to come, with their share of the medicine's demand of the last 84 days."""
    recent = left.filter(pl.col("day") > facts.as_of - timedelta(days=SHARE_DAYS))
    used = recent.group_by("vnr").agg(pl.col("packs").sum())
    by_package = units.join(used, on="vnr", how="left").with_columns(
        used=pl.col("packs").fill_null(0.0) * pl.col("per_pack")
    )
    share = (pl.col("used") / pl.col("used").sum().over("medicine_id")).fill_nan(None)
    plain = 1.0 / pl.len().over("medicine_id")
    shares = by_package.with_columns(share=pl.coalesce(share, plain)).select("vnr", "medicine_id", "share")
    coming = ~pl.col("ended") & (pl.col("start") > facts.as_of)
    notices = newest_revisions(facts).filter(in_force(facts.as_of) | coming)
    open_end = pl.when(pl.col("end") < date(9999, 1, 1)).then(pl.col("end"))
    rows = notices.with_columns(end=open_end).join(shares, on="vnr")
    return rows.select("medicine_id", pl.lit(COUNTRY).alias("county_code"), "share", "start", "end").sort(
        "medicine_id", "start", "end", "share"
    )


def _ends(facts: Facts) -> pl.DataFrame | None:
    """Stated ends of notices against the last that was stated: how ends slip."""
    rows = facts.reference["fimea_shortages"]
    if rows.is_empty():
        return None
    order = rows.sort("known_from").group_by("vnr", "saatavuushairioalkupaiva", maintain_order=True)
    ends = order.agg(
        stated_end=pl.col("saatavuushairioloppupaiva").first(),
        end=pl.col("saatavuushairioloppupaiva").last(),
        revisions=pl.len(),
        over=(pl.col("voimassa").cast(pl.String) == "E").any(),
    )
    sane = (pl.col("end") < date(9999, 1, 1)) & (pl.col("stated_end") < date(9999, 1, 1))
    return ends.filter(sane & (pl.col("over") | (pl.col("revisions") > 1))).select("stated_end", "end")
