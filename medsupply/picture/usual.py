"""Usual units of holders, who of them is heard of, and which dispensing holders have run out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from medsupply.facts import Facts
from medsupply.picture.demand import Demand
from medsupply.picture.dense import Array, Axis, long, members
from medsupply.picture.master import Master
from medsupply.picture.sites import Sites, conversions
from medsupply.picture.stock import Today, placed

USUAL_FROM, USUAL_TO = 31, 4
HAD_FROM, HAD_TO = 83, 28


def _snapshots(facts: Facts, axis: Axis, first: date, last: date) -> Array:
    """Snapshots of each holder in [first, last]."""
    window = facts.snapshots.filter(
        pl.col("counted_on").is_between(first, last) & pl.col("holder_id").is_in(axis.ids.implode())
    )
    counts = window.group_by("holder_id").agg(n=pl.len())
    found = np.zeros(len(axis))
    found[axis.codes(counts["holder_id"])] = counts["n"].to_numpy()
    return found


@dataclass(frozen=True)
class Past:
    """What holders x medicines held: ``usual`` units (mean usable units over the snapshots in [D-31, D-4], absent = 0)
    and ``had`` (usable units in at least half of the snapshots in [D-83, D-28])."""

    usual: Array
    had: Array


def past(facts: Facts, sites: Sites) -> Past:
    """Usual units and who had what, in one pass over the site days."""
    usual = (facts.as_of - timedelta(days=USUAL_FROM), facts.as_of - timedelta(days=USUAL_TO))
    window = (facts.as_of - timedelta(days=HAD_FROM), facts.as_of - timedelta(days=HAD_TO))
    units, had = sites.windows(usual, window)
    counted = _snapshots(facts, sites.holder_axis, *usual)
    snapshots = _snapshots(facts, sites.holder_axis, *window)
    return Past(units / np.maximum(counted, 1)[:, None], (had > 0) & (2 * had >= snapshots[:, None]))


def area_usual(usual: Array, sites: Sites, areas: pl.DataFrame, heard: pl.DataFrame) -> pl.DataFrame:
    """By area and medicine: ``usual_units``, ``usual_units_heard``, ``usual_units_silent``."""
    axis = Axis(areas["area"])
    inside = members(axis, sites.holder_axis, areas, "area", "holder_id")
    known = sites.holder_axis.mask(heard["holder_id"])
    arrays = {
        "usual_units": inside @ usual,
        "usual_units_heard": (inside * known) @ usual,
        "usual_units_silent": (inside * ~known) @ usual,
    }
    return long(arrays, ("area", axis), ("medicine_id", sites.medicine_axis), arrays["usual_units"] != 0)


def place_usual(facts: Facts, usual: Array, sites: Sites, holders: pl.DataFrame, heard: pl.DataFrame) -> pl.DataFrame:
    """Usual units by county, kind of holder and medicine, as ``picture.usual_units`` declares them."""
    groups = (
        placed(holders).with_columns(area=pl.concat_str("county_code", "holder_type", separator="|")).drop_nulls("area")
    )
    rows = area_usual(usual, sites, groups, heard)
    return rows.with_columns(
        as_of=pl.lit(facts.as_of),
        known_at=pl.lit(facts.known_at),
        county_code=pl.col("area").str.split("|").list.get(0),
        holder_type=pl.col("area").str.split("|").list.get(1),
    )


def area_holders(holders: pl.DataFrame, areas: pl.DataFrame, heard: pl.DataFrame) -> pl.DataFrame:
    """By area: ``holders_valid``, ``holders_heard``."""
    known = heard.select("holder_id", heard=pl.lit(True))
    rows = areas.join(holders.select("holder_id"), on="holder_id", how="semi").join(known, on="holder_id", how="left")
    return rows.group_by("area").agg(
        holders_valid=pl.len().cast(pl.Int64), holders_heard=pl.col("heard").fill_null(False).sum().cast(pl.Int64)
    )


def _in_medicines(packs: Array, packages: Axis, medicines: Axis, master: Master) -> Array:
    """Packs of anything x packages as units of anything x medicines and families."""
    per_pack = conversions(master).filter(pl.col("vnr").is_in(packages.ids.implode()))
    matrix = np.zeros((len(packages), len(medicines)))
    matrix[packages.codes(per_pack["vnr"]), medicines.codes(per_pack["medicine_id"])] = per_pack["per_pack"].to_numpy()
    return np.asarray(packs @ matrix)


def _own_demand(demand: Demand, sites: Sites, master: Master) -> Array:
    """Trailing demand of holders x medicines; reporters that are no holder are left out."""
    by_line = _in_medicines(demand.daily, demand.packages, sites.medicine_axis, master)
    own = demand.reporters.filter(pl.col("reporter_id").is_in(sites.holder_axis.ids.implode()))
    summed = np.zeros((len(sites.holder_axis), len(sites.medicine_axis)))
    np.add.at(summed, sites.holder_axis.codes(own["reporter_id"]), by_line[demand.lines.codes(own["line"])])
    return summed


def out_shares(
    had: Array, sites: Sites, today: Today, demand: Demand, heard: pl.DataFrame, areas: pl.DataFrame, master: Master
) -> pl.DataFrame:
    """By area and medicine ``out_share``: demand of dispensing holders that had it and have none / of all that had it.

    Had it: usable units in at least half of the holder's snapshots in [D-83, D-28]; of holders heard of.
    """
    known = sites.holder_axis.mask(heard["holder_id"])
    needs = np.where(had & known[:, None], _own_demand(demand, sites, master), 0.0)
    now = _in_medicines(today.usable, today.packages, sites.medicine_axis, master)
    axis = Axis(areas["area"])
    inside = members(axis, sites.holder_axis, areas, "area", "holder_id")
    total, out = inside @ needs, inside @ np.where(now <= 0, needs, 0.0)
    shares = {"out_share": out / np.where(total > 0, total, 1.0)}
    return long(shares, ("area", axis), ("medicine_id", sites.medicine_axis), total > 0)
