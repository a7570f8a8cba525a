"""Demand of whole weeks, as it is fed to the forecast, and dispensing summed by day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import polars as pl

from medsupply.picture.demand import demand_areas, net_packs
from medsupply.picture.master import Master
from medsupply.picture.rounding import rounded
from medsupply.tables.picture import DEMAND_WEEKLY, DISPENSING_DAILY

USUAL_WEEKS = 12
_KEY = ["week", "area", "medicine_id"]


def weekly_demand(
    dispensing: pl.LazyFrame,
    holders: pl.DataFrame,
    master: Master,
    weeks: Sequence[date],
    known_at: datetime,
    stocked: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Demand of each of ``weeks`` (Mondays) per area and medicine or family, as ``picture.demand_weekly`` declares it.

    The trailing formula over the week's seven days: per reporter the mean over its reported days, times 7. A reporter
    that was silent all week enters with its usual share: its part of the demand of the twelve weeks before; the week is
    marked. ``dispensing`` should reach 12 weeks before the first of ``weeks``; ``holders``: every holder registered.
    A medicine without demand in a week in which its area reported is a zero of that week once it was ever dispensed in
    the rows given. ``stocked`` (medicine_id, area): further series that are to have zeros.
    """
    first = min(weeks) - timedelta(weeks=USUAL_WEEKS)
    rows = dispensing.filter(pl.col("day").is_between(first, max(weeks) + timedelta(days=6)))
    rows = rows.with_columns(week=pl.col("day").dt.truncate("1w"))
    reported = _reported(rows)
    by_reporter = _by_reporter(rows, reported)
    silent = _silent(reported, list(weeks), holders)
    heard = _area_weeks(by_reporter, holders, master)
    shares = _silent_shares(heard, by_reporter, silent, holders, master)
    grid = _grid(heard, reported, holders, list(weeks), stocked)
    joined = grid.join(heard, on=_KEY, how="left").join(shares, on=_KEY, how="left")
    share = pl.col("silent_share").fill_null(0.0)
    units = pl.when(share < 1).then(pl.col("units").fill_null(0.0) / (1 - share))
    return DEMAND_WEEKLY.conform(
        rounded(
            joined.with_columns(
                known_at=pl.lit(known_at), county_code="area", units=units, silent_share=share, marked=share > 0
            )
        )
    ).sort("medicine_id", "county_code", "week")


def _reported(rows: pl.LazyFrame) -> pl.DataFrame:
    """``week``, ``reporter_id``, ``county_code`` (first of its rows), ``days`` reported in the week."""
    return (
        rows.group_by("week", "reporter_id")
        .agg(days=pl.col("day").n_unique(), county_code=pl.col("county_code").min())
        .sort("week", "reporter_id")
        .collect()
    )


def _by_reporter(rows: pl.LazyFrame, reported: pl.DataFrame) -> pl.DataFrame:
    """Packs of a week by reporter, county and package: 7 x mean over its reported days."""
    packs = (
        rows.filter(pl.col("vnr") != "")
        .group_by("week", "reporter_id", "county_code", "vnr")
        .agg(packs=net_packs().sum())
    )
    sums = packs.sort("week", "reporter_id", "county_code", "vnr").collect()
    days = reported.select("week", "reporter_id", "days")
    return sums.join(days, on=["week", "reporter_id"]).with_columns(packs=pl.col("packs") * 7 / pl.col("days"))


def _in_grains(packs: pl.DataFrame, master: Master) -> pl.DataFrame:
    packages = master.packages
    medicines = packages.select("vnr", "medicine_id", per_pack="units_per_pack")
    families = packages.select("vnr", medicine_id="family_id", per_pack="family_units_per_pack")
    both = pl.concat([medicines, families]).drop_nulls()
    return packs.join(both, on="vnr").with_columns(units=pl.col("packs") * pl.col("per_pack"))


def _area_weeks(by_reporter: pl.DataFrame, holders: pl.DataFrame, master: Master) -> pl.DataFrame:
    placed = demand_areas(by_reporter, holders).group_by("week", "area", "vnr").agg(pl.col("packs").sum())
    rows = _in_grains(placed, master).sort(*_KEY, "vnr")
    return rows.group_by(_KEY, maintain_order=True).agg(pl.col("units").sum())


def _before(week: date, column: str = "week") -> pl.Expr:
    """Whether ``column`` is one of the twelve weeks before ``week``."""
    return pl.col(column).is_between(week - timedelta(weeks=USUAL_WEEKS), week - timedelta(weeks=1))


def _silent(reported: pl.DataFrame, weeks: list[date], holders: pl.DataFrame) -> pl.DataFrame:
    """``week`` x ``reporter_id`` of reporters silent all week that reported in the twelve weeks before."""
    parts = []
    for week in sorted(set(weeks)):
        lately = reported.filter(_before(week)).select("reporter_id").unique()
        here = reported.filter(pl.col("week") == week)
        gone = lately.join(here, on="reporter_id", how="anti")
        parts.append(gone.select(pl.lit(week).alias("week"), "reporter_id"))
    return _still_valid(pl.concat(parts), holders).sort("week", "reporter_id")


def _still_valid(silent: pl.DataFrame, holders: pl.DataFrame) -> pl.DataFrame:
    """Without holders that closed before the week: they are not silent, they are gone."""
    if "valid_to" not in holders.columns:
        return silent
    ends = holders.select(reporter_id="holder_id", valid_to="valid_to")
    joined = silent.join(ends, on="reporter_id", how="left")
    return joined.filter(pl.col("valid_to").is_null() | (pl.col("valid_to") >= pl.col("week"))).drop("valid_to")


def _silent_shares(
    heard: pl.DataFrame, by_reporter: pl.DataFrame, silent: pl.DataFrame, holders: pl.DataFrame, master: Master
) -> pl.DataFrame:
    """``silent_share`` of a week, area and medicine: the silent reporters' part of the demand of the weeks before."""
    if silent.is_empty():
        return heard.select(_KEY).clear().with_columns(silent_share=pl.lit(None, dtype=pl.Float64))
    parts = []
    for (week,), gone in silent.group_by("week", maintain_order=True):
        own = by_reporter.filter(_before(week)).join(gone.select("reporter_id"), on="reporter_id", how="semi")
        missing = _area_weeks(own.with_columns(week=pl.lit(week)), holders, master).rename({"units": "missing_units"})
        past = heard.filter(_before(week)).sort("area", "medicine_id", "week")
        usual = past.group_by("area", "medicine_id", maintain_order=True).agg(usual=pl.col("units").sum())
        parts.append(missing.join(usual, on=["area", "medicine_id"]).filter(pl.col("usual") > 0))
    shares = pl.concat(parts)
    return shares.select(*_KEY, silent_share=(pl.col("missing_units") / pl.col("usual")).clip(0, 1))


def _grid(
    heard: pl.DataFrame, reported: pl.DataFrame, holders: pl.DataFrame, weeks: list[date], stocked: pl.DataFrame | None
) -> pl.DataFrame:
    """Week x area x medicine of every series known, in the weeks in which its area reported at all."""
    series = heard.select("area", "medicine_id").unique()
    if stocked is not None:
        series = pl.concat([series, stocked.select("area", "medicine_id")]).unique()
    reporting = demand_areas(reported.filter(pl.col("week").is_in(weeks)), holders).select("week", "area").unique()
    return reporting.join(series, on="area").select(_KEY)


def dispensing_daily(
    dispensing: pl.LazyFrame, master: Master, days: Sequence[date], known_at: datetime
) -> pl.DataFrame:
    """Dispensing of ``days`` by county, channel and package, as ``picture.dispensing_daily`` declares it."""
    rows = dispensing.filter(pl.col("day").is_in(list(days)) & (pl.col("vnr") != ""))
    key = ["day", "county_code", "channel", "vnr"]
    sums = (
        rows.with_columns(channel=pl.col("channel").cast(pl.String))
        .group_by(key)
        .agg(
            packs=net_packs().sum(),
            dispensings=pl.when(pl.col("dispensings").is_not_null().any()).then(pl.col("dispensings").sum()),
            reporters=pl.col("reporter_id").n_unique(),
        )
    )
    joined = sums.collect().join(master.units, on="vnr", how="left")
    units = pl.col("packs") * pl.col("units_per_pack")
    return DISPENSING_DAILY.conform(rounded(joined.with_columns(known_at=pl.lit(known_at), units=units))).sort(key)
