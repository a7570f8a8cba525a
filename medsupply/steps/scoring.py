"""Score stored demand forecasts when their first four weeks have come in: against the trailing mean, series by series.

A forecast is used for cover only where it won on its last two scored origins (design, section 7).
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import polars as pl

from medsupply.steps.demand import weekly_series
from medsupply.tables.forecast import SERIES_SCORES
from medsupply.warehouse.database import bulk
from medsupply.warehouse.database.connection import Warehouse

WEEKS, TRAILING_WEEKS = 4, 12
LEVELS = tuple(range(10, 100, 10))
_KEY = ["medicine_id", "county_code"]


def score_demand(wh: Warehouse, cutoff: date, known_at: datetime) -> int:
    """Score every stored forecast whose first four weeks are complete at ``cutoff``; returns the series scored."""
    due = wh.read(
        "select distinct cutoff from forecast.demand_series where measure = 'units' and cutoff <= :last"
        " and known_at <= :known_at and cutoff not in"
        " (select cutoff from forecast.series_scores where measure = 'units') order by cutoff",
        last=cutoff - timedelta(weeks=WEEKS),
        known_at=known_at,
    )
    if due.is_empty():
        return 0
    weekly = weekly_series(wh, cutoff, known_at)
    scored = [_scored(wh, weekly, origin, known_at) for origin in due["cutoff"]]
    rows = pl.concat(scored)
    with wh.transaction() as connection:
        bulk.upsert(connection, SERIES_SCORES, rows)
    return rows.height


def _scored(wh: Warehouse, weekly: pl.DataFrame, origin: date, known_at: datetime) -> pl.DataFrame:
    columns = ", ".join(f"q{level}" for level in LEVELS)
    forecast = wh.read(
        f"select distinct on (medicine_id, county_code, week) medicine_id, county_code, week, {columns}"  # noqa: S608
        " from forecast.demand where measure = 'units' and cutoff = :origin and known_at <= :known_at"
        f" and horizon <= {WEEKS} order by medicine_id, county_code, week, known_at desc",
        origin=origin,
        known_at=known_at,
    )
    first = origin - timedelta(weeks=TRAILING_WEEKS) + timedelta(days=1)
    before = weekly.filter(pl.col("week").is_between(first, origin)).group_by(_KEY).agg(trailing=pl.col("units").mean())
    actual = weekly.select(*_KEY, "week", actual="units").drop_nulls()
    joined = forecast.join(actual, on=[*_KEY, "week"]).join(before, on=_KEY)
    return pinball(joined).with_columns(measure=pl.lit("units"), cutoff=pl.lit(origin), known_at=pl.lit(known_at))


def pinball(rows: pl.DataFrame) -> pl.DataFrame:
    """Mean pinball loss of the quantiles and of the trailing mean by series.

    ``rows``: medicine_id, county_code, week, q10 .. q90, actual, trailing.
    """
    losses = [_loss(pl.col(f"q{level}"), level / 100) for level in LEVELS]
    plain = [_loss(pl.col("trailing"), level / 100) for level in LEVELS]
    return (
        rows.with_columns(own=pl.mean_horizontal(losses), other=pl.mean_horizontal(plain))
        .group_by(_KEY)
        .agg(pinball=pl.col("own").mean(), pinball_trailing=pl.col("other").mean())
        .with_columns(beat_trailing=pl.col("pinball") < pl.col("pinball_trailing"))
        .sort(_KEY)
    )


def _loss(quantile: pl.Expr, level: float) -> pl.Expr:
    miss = pl.col("actual") - quantile
    return pl.max_horizontal(level * miss, (level - 1) * miss)
