"""Usual units of holders, who of them is heard of, and which dispensing holders have run out."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from medsupply.facts import Facts
from medsupply.picture.sites import Sites

USUAL_FROM, USUAL_TO = 31, 4
HAD_FROM, HAD_TO = 83, 28


def _snapshots(facts: Facts, first: date, last: date) -> pl.DataFrame:
    window = facts.snapshots.filter(pl.col("counted_on").is_between(first, last))
    return window.group_by("holder_id").agg(snapshots=pl.len().cast(pl.Int64))


def usual_units(facts: Facts, sites: Sites, holders: pl.DataFrame, heard: pl.DataFrame) -> pl.DataFrame:
    """Usual units of valid holders: mean usable units over their snapshots in [D-31, D-4], absent = 0.

    ``holder_id``, ``medicine_id``, ``usual``, ``heard``.
    """
    first, last = facts.as_of - timedelta(days=USUAL_FROM), facts.as_of - timedelta(days=USUAL_TO)
    counts = _snapshots(facts, first, last)
    sums = sites.sums(first, last).group_by("holder_id", "medicine_id", maintain_order=True).agg(pl.col("units").sum())
    usual = sums.join(counts, on="holder_id").join(holders.select("holder_id"), on="holder_id", how="semi")
    known = heard.select("holder_id", heard=pl.lit(True))
    return (
        usual.join(known, on="holder_id", how="left")
        .select(
            "holder_id",
            "medicine_id",
            usual=pl.col("units") / pl.col("snapshots"),
            heard=pl.col("heard").fill_null(False),
        )
        .sort("holder_id", "medicine_id")
    )


def area_usual(usual: pl.DataFrame, areas: pl.DataFrame) -> pl.DataFrame:
    """By area and medicine: ``usual_units``, ``usual_units_heard``, ``usual_units_silent``."""
    rows = usual.join(areas, on="holder_id").sort("area", "medicine_id", "holder_id")
    return rows.group_by("area", "medicine_id", maintain_order=True).agg(
        usual_units=pl.col("usual").sum(),
        usual_units_heard=pl.col("usual").filter(pl.col("heard")).sum(),
        usual_units_silent=pl.col("usual").filter(~pl.col("heard")).sum(),
    )


def area_holders(holders: pl.DataFrame, areas: pl.DataFrame, heard: pl.DataFrame) -> pl.DataFrame:
    """By area: ``holders_valid``, ``holders_heard``."""
    known = heard.select("holder_id", heard=pl.lit(True))
    rows = areas.join(holders.select("holder_id"), on="holder_id", how="semi").join(known, on="holder_id", how="left")
    return rows.group_by("area").agg(
        holders_valid=pl.len().cast(pl.Int64), holders_heard=pl.col("heard").fill_null(False).sum().cast(pl.Int64)
    )


def out_shares(
    facts: Facts, sites: Sites, today: pl.DataFrame, demand: pl.DataFrame, heard: pl.DataFrame, areas: pl.DataFrame
) -> pl.DataFrame:
    """By area and medicine ``out_share``: demand of dispensing holders that had it and have none / of all that had it.

    ``today``: holder x medicine ``units`` usable now; ``demand``: holder x medicine ``daily_units``.
    """
    first, last = facts.as_of - timedelta(days=HAD_FROM), facts.as_of - timedelta(days=HAD_TO)
    counts = _snapshots(facts, first, last)
    had = sites.sums(first, last).group_by("holder_id", "medicine_id", maintain_order=True).agg(pl.col("had").sum())
    had = had.join(counts, on="holder_id").filter(2 * pl.col("had") >= pl.col("snapshots"))
    had = had.join(heard, on="holder_id", how="semi").join(demand, on=["holder_id", "medicine_id"])
    now = today.select("holder_id", "medicine_id", now="units")
    rows = had.join(now, on=["holder_id", "medicine_id"], how="left").with_columns(
        none=pl.col("now").fill_null(0.0) <= 0
    )
    placed = rows.join(areas, on="holder_id").sort("area", "medicine_id", "holder_id")
    shares = placed.group_by("area", "medicine_id", maintain_order=True).agg(
        out=pl.col("daily_units").filter(pl.col("none")).sum(), total=pl.col("daily_units").sum()
    )
    return shares.filter(pl.col("total") > 0).select("area", "medicine_id", out_share=pl.col("out") / pl.col("total"))
