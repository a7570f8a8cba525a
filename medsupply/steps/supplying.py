"""What the run-out simulation is told about supply: announcements, notices, and how inflow answered stock before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from medsupply.areas import COUNTRY
from medsupply.facts import Facts
from medsupply.forecast.lateness import Lateness, learn_lateness, match_arrivals
from medsupply.picture.inflow import net_inflow
from medsupply.picture.master import Master
from medsupply.picture.notices import in_force, newest_revisions
from medsupply.picture.reach import holder_areas, valid_holders
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


def supply(facts: Facts, master: Master, dispensing: pl.DataFrame) -> Supply:
    """Supply as known; ``dispensing`` reaches back as far as the stock does."""
    stock = facts.stock.collect()
    units = conversions(master)
    holders = valid_holders(facts).filter(pl.col("holder_type").cast(pl.String) != "state_reserve")
    flows = _flows(stock, facts.snapshots, dispensing, units, holders)
    announced = _announced(facts, units)
    national = flows.filter(pl.col("county_code") == COUNTRY)
    past = (
        match_arrivals(announced.filter(pl.col("expected_on") <= facts.as_of), national) if announced.height else None
    )
    waiting = _waiting(announced, past, facts.as_of)
    return Supply(
        announced=waiting,
        notices=_notices(facts, master, dispensing, units),
        history=_history(stock, facts, flows, dispensing, units, holders),
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


def _flows(
    stock: pl.DataFrame, snapshots: pl.DataFrame, dispensing: pl.DataFrame, units: pl.DataFrame, holders: pl.DataFrame
) -> pl.DataFrame:
    """Net inflow by medicine, area and day in units: in the country over all holders, so that transfers cancel."""
    known = holders.select("holder_id")
    per_holder = net_inflow(
        stock.join(known, on="holder_id", how="semi"), snapshots.join(known, on="holder_id", how="semi"), dispensing
    )
    rows = per_holder.join(units, on="vnr").with_columns(units=pl.col("packs") * pl.col("per_pack"))
    areas = _areas(holders)
    placed = rows.join(areas, on="holder_id").select("medicine_id", "county_code", day="to_on", units="units")
    return (
        placed.group_by("medicine_id", "county_code", "day")
        .agg(pl.col("units").sum())
        .sort("medicine_id", "county_code", "day")
    )


def _areas(holders: pl.DataFrame) -> pl.DataFrame:
    """holder_id, county_code: every area the holder counts in, the country too."""
    return holder_areas(holders).select("holder_id", county_code="area").unique()


def _history(
    stock: pl.DataFrame,
    facts: Facts,
    flows: pl.DataFrame,
    dispensing: pl.DataFrame,
    units: pl.DataFrame,
    holders: pl.DataFrame,
) -> pl.DataFrame:
    """By week: stock at its end, net inflow, demand; notices are in the stock law through their share."""
    key = ["medicine_id", "county_code", "week"]
    week = {"week": pl.col("day").dt.truncate("1w")}
    inflow = flows.with_columns(**week).group_by(key).agg(inflow_units=pl.col("units").sum())
    areas = _areas(holders)
    sundays = stock.filter(pl.col("counted_on").dt.weekday() == 7)
    balance = (
        sundays.join(units, on="vnr")
        .join(areas, on="holder_id")
        .group_by("medicine_id", "county_code", pl.col("counted_on").dt.truncate("1w").alias("week"))
        .agg(stock_units=(pl.col("packs") * pl.col("per_pack")).sum())
    )
    left = (
        dispensing.filter(pl.col("vnr") != "")
        .join(units, on="vnr")
        .join(areas.rename({"holder_id": "reporter_id", "county_code": "area"}), on="reporter_id")
        .with_columns(**week)
        .group_by("medicine_id", pl.col("area").alias("county_code"), "week")
        .agg(demand_units=(pl.col("packs") * pl.col("per_pack")).sum())
    )
    joined = balance.join(inflow, on=key, how="left").join(left, on=key, how="left")
    complete = pl.col("week") + pl.duration(days=6) <= facts.as_of
    return (
        joined.filter(complete)
        .with_columns(pl.col("demand_units").fill_null(0.0), notice_share=pl.lit(None, dtype=pl.Float64))
        .sort(key)
    )


def _notices(facts: Facts, master: Master, dispensing: pl.DataFrame, units: pl.DataFrame) -> pl.DataFrame:
    """Notices in force or to come, with their share of the medicine's demand of the last 84 days."""
    recent = dispensing.filter(pl.col("day") > facts.as_of - timedelta(days=SHARE_DAYS))
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
