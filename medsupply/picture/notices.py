"""Shortage notices: which are in force, and what share of a medicine they cover."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from medsupply.days import HELSINKI
from medsupply.facts import Facts
from medsupply.picture.master import Master
from medsupply.sources.catalogue import SOURCES

AHEAD_DAYS = 84
GOES_ON_DAYS = 28
_START, _END = "saatavuushairioalkupaiva", "saatavuushairioloppupaiva"


def newest_revisions(facts: Facts) -> pl.DataFrame:
    """The newest revision known of each notice: ``vnr``, ``start``, ``end``, ``ended``, ``ended_on``, ``company``.

    A package that stands in the newest list is as that list says, a start that was moved included; one that left the
    lists keeps what the last list said of it. ``ended_on``: day of the first list that showed the notice as ended (E).
    """
    rows = facts.reference["fimea_shortages"].with_columns(voimassa=pl.col("voimassa").cast(pl.String))
    listed = pl.col("known_to").is_null()
    newest = (
        pl.when(listed.any().over("vnr"))
        .then(listed)
        .otherwise(pl.col("known_to") == pl.col("known_to").max().over("vnr"))
    )
    ended = rows.filter(pl.col("voimassa") == "E").group_by("vnr", _START).agg(first_ended=pl.col("known_from").min())
    revisions = rows.filter(newest).join(ended, on=["vnr", _START], how="left")
    return revisions.select(
        "vnr",
        start=_START,
        end=_END,
        ended=pl.col("voimassa") == "E",
        ended_on=pl.col("first_ended").dt.convert_time_zone(HELSINKI.key).dt.date(),
        announced_on="ilmoituspaiva",
        company="yritys",
    ).sort("vnr", "start")


def in_force(day: date) -> pl.Expr:
    """Whether a revision is in force on ``day``: start <= day <= end, and not ended by a list of that day or before."""
    return (
        (pl.col("start") <= day)
        & (pl.col("end").is_null() | (pl.col("end") >= day))
        & (~pl.col("ended") | (pl.lit(day) < pl.col("ended_on")))
    )


def package_notices(facts: Facts, master: Master) -> pl.DataFrame:
    """Packages with ``under`` (notices in force), ``under_84`` (also starting, or leaving the market, within 84 days),
    ``goes_on`` (in force, and its stated end 28 days or more away) and ``listed`` (the newest list has one that had not
    ended by then: how it went on, only the next list can say)."""
    day = facts.as_of
    list_day = min(newest_list(facts) or day, day)
    ahead = day + timedelta(days=AHEAD_DAYS)
    starts = ~pl.col("ended") & (pl.col("start") > day) & (pl.col("start") <= ahead)
    starts = starts & (pl.col("end").is_null() | (pl.col("end") >= pl.col("start")))
    long_end = pl.col("end").is_null() | (pl.col("end") >= day + timedelta(days=GOES_ON_DAYS))
    listed = in_force(day) | (~pl.col("ended") & (pl.col("end").is_null() | (pl.col("end") >= list_day)))
    by_vnr = (
        newest_revisions(facts)
        .group_by("vnr")
        .agg(
            under=in_force(day).sum().cast(pl.Int64),
            starts=starts.any(),
            goes_on=(in_force(day) & long_end).any(),
            listed=listed.any(),
        )
    )
    packages = master.packages.join(by_vnr, on="vnr", how="left").with_columns(
        pl.col("under").fill_null(0), pl.col("starts", "goes_on", "listed").fill_null(False)
    )
    leaves = (pl.col("left_market_on") > day) & (pl.col("left_market_on") <= ahead)
    return packages.with_columns(under_84=(pl.col("under") > 0) | pl.col("starts") | leaves.fill_null(False))


def newest_list(facts: Facts) -> date | None:
    """Day on which the newest list of notices came; None where none is known."""
    received = facts.lists.filter(pl.col("source") == "fimea_shortages")["received_at"].max()
    return None if received is None else received.astimezone(HELSINKI).date()  # type: ignore[union-attr]


def notices_late(facts: Facts) -> bool | None:
    """Whether the newest list of notices is late by its rhythm; None where no list is known."""
    newest = newest_list(facts)
    if newest is None:
        return None
    late_after = SOURCES["fimea_shortages"].late_after_days
    return late_after is not None and (facts.as_of - newest).days > late_after


def _in_grain(packages: pl.DataFrame, key: str) -> pl.DataFrame:
    """Package form of the shares, and what else is counted over the packages of a medicine or family."""
    original = (pl.col("marketed") & ~pl.col("parallel_import")).any()
    counted = pl.col("marketed") & ~(pl.col("parallel_import") & original)
    under, under_84, goes_on = pl.col("under") > 0, pl.col("under_84"), pl.col("goes_on")
    holders = pl.col("holder_key").filter(counted).drop_nulls().n_unique()
    return (
        packages.filter(pl.col(key).is_not_null())
        .group_by(medicine_id=key)
        .agg(
            notice_packages_share=under.filter(counted).mean(),
            notice_packages_share_84=under_84.filter(counted).mean(),
            notice_packages_share_28=goes_on.filter(counted).mean(),
            notices_open=pl.col("under").sum(),
            notices_listed=pl.col("listed").any(),
            single_holder_notice=(holders == 1) & under.filter(counted).any(),
        )
    )


def medicine_notices(packages: pl.DataFrame) -> pl.DataFrame:
    """By medicine and family: shares of marketed packages under notice, notices in force, a single holder's notice."""
    both = [_in_grain(packages, "medicine_id"), _in_grain(packages, "family_id")]
    return pl.concat(both).sort("medicine_id")


def dispensed_shares(by_package: pl.DataFrame, packages: pl.DataFrame) -> pl.DataFrame:
    """Share of the dispensing of 84 days whose package is under notice, by area and medicine or family.

    ``by_package``: area, vnr, packs. ``area``, ``medicine_id``, ``dispensed_share``, ``dispensed_share_84``; only where
    something was dispensed.
    """
    flags = packages.filter(pl.col("medicine_id").is_not_null())
    medicines = flags.select("vnr", "medicine_id", "under", "under_84", per_pack="units_per_pack")
    families = flags.select("vnr", "under", "under_84", medicine_id="family_id", per_pack="family_units_per_pack")
    grains = pl.concat([medicines, families.select(medicines.columns)]).drop_nulls(["medicine_id", "per_pack"])
    rows = by_package.join(grains, on="vnr").with_columns(units=pl.col("packs") * pl.col("per_pack"))
    shares = (
        rows.sort("area", "medicine_id", "vnr")
        .group_by("area", "medicine_id", maintain_order=True)
        .agg(
            total=pl.col("units").sum(),
            under_units=pl.col("units").filter(pl.col("under") > 0).sum(),
            under_84_units=pl.col("units").filter(pl.col("under_84")).sum(),
        )
    )
    return shares.filter(pl.col("total") > 0).select(
        "area",
        "medicine_id",
        dispensed_share=pl.col("under_units") / pl.col("total"),
        dispensed_share_84=pl.col("under_84_units") / pl.col("total"),
    )
