"""Kela purchases behind the demand index: the last complete week known, per ATC code and area."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from medsupply.areas import COUNTRY
from medsupply.days import last_complete_week
from medsupply.facts import Facts

NATION_LEVEL, COUNTY_LEVEL, COUNTY_ATC = 5, 2, 3


def monday(year: pl.Expr, week: pl.Expr) -> pl.Expr:
    """The Monday of an ISO week."""
    fourth = pl.date(year, 1, 4)
    return (fourth - pl.duration(days=fourth.dt.weekday() - 1) + pl.duration(weeks=week - 1)).cast(pl.Date)


def weekly_purchases(facts: Facts) -> pl.DataFrame:
    """``purchases_atc``, ``area``, ``week``, ``purchases``: level 5 for 99, level 2 for counties."""
    rows = facts.current("kela_purchases").with_columns(
        area=pl.col("aluekoodi").str.replace(r"\.0$", "").str.zfill(2), week=monday(pl.col("vuosi"), pl.col("viikko"))
    )
    national = (pl.col("area") == COUNTRY) & (pl.col("atc_taso") == NATION_LEVEL)
    county = (pl.col("area") != COUNTRY) & (pl.col("atc_taso") == COUNTY_LEVEL)
    kept = rows.filter(national | county).unique(["atc_koodi", "area", "week"], keep="first", maintain_order=True)
    return kept.select("area", "week", purchases_atc="atc_koodi", purchases="var_n_ostot").sort(
        "area", "purchases_atc", "week"
    )


def purchases_of_week(facts: Facts) -> tuple[pl.DataFrame, date | None]:
    """Purchases of the last complete week known on as_of, and its Monday (None without any)."""
    weekly = weekly_purchases(facts).filter(pl.col("week") <= last_complete_week(facts.as_of))
    week = weekly["week"].max()
    if not isinstance(week, date):
        return weekly, None
    return weekly.filter(pl.col("week") == week), week


def bought_in_a_year(facts: Facts) -> pl.Series:
    """ATC codes with a purchase in the country in the 52 weeks before as_of."""
    since = facts.as_of - timedelta(weeks=52)
    weekly = weekly_purchases(facts).filter((pl.col("area") == COUNTRY) & pl.col("week").is_between(since, facts.as_of))
    return weekly.filter(pl.col("purchases") > 0)["purchases_atc"].unique().sort()
