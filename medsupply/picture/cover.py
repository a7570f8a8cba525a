"""Daily demand and what follows from it: cover days and the run-out columns beside them."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from medsupply.picture.before import LOOK_BACK_DAYS
from medsupply.picture.rounding import SIGNIFICANT_DIGITS

FORECAST_DAYS = 14
KEY = ["county_code", "medicine_id"]


def newest_forecast(forecast: pl.DataFrame | None, days: pl.DataFrame) -> pl.DataFrame:
    """Of ``days`` (area, medicine, ``day``) the newest forecast with cutoff in [day - 14, day] that beat the trailing
    mean: ``cutoff``, ``daily_units``."""
    schema = {"county_code": pl.String, "medicine_id": pl.String, "cutoff": pl.Date, "daily_units": pl.Float64}
    if forecast is None or forecast.is_empty():
        return pl.DataFrame(schema=schema)
    good = forecast.filter(pl.col("beat_trailing").fill_null(False) & pl.col("daily_units").is_not_null())
    near = good.join(days.drop_nulls("day"), on=KEY).filter(_is_recent(pl.col("day")))
    return near.sort("cutoff").unique(KEY, keep="last", maintain_order=True).select(*schema)


def _is_recent(day: pl.Expr) -> pl.Expr:
    return pl.col("cutoff").is_between(day - timedelta(days=FORECAST_DAYS), day)


def last_before(previous: pl.DataFrame | None, as_of: date) -> pl.DataFrame:
    """Of the newest earlier picture: level and reporting share, the last complete day with its level, and the demand
    before a shortage that it knew of (``carried``)."""
    schema = {
        "county_code": pl.String,
        "medicine_id": pl.String,
        "carried": pl.Float64,
        "carried_on": pl.Date,
        "before_share": pl.Float64,
        "before_as_of": pl.Date,
        "before_level": pl.String,
        "before_complete_day": pl.Date,
        "before_complete_level": pl.String,
    }
    if previous is None or previous.is_empty():
        return pl.DataFrame(schema=schema)
    earlier = previous.filter(pl.col("as_of") < as_of).sort("as_of", "known_at")
    newest = earlier.unique(KEY, keep="last", maintain_order=True)
    return newest.select(
        *KEY,
        carried=pl.col("demand_before_units"),
        carried_on=pl.col("demand_before_on"),
        before_share=pl.col("reporting_share"),
        before_as_of=pl.col("as_of"),
        before_level=pl.col("level"),
        before_complete_day=pl.col("last_complete_day"),
        before_complete_level=pl.col("last_complete_level"),
    )


def with_demand(frame: pl.DataFrame, forecast: pl.DataFrame | None) -> pl.DataFrame:
    """daily_demand_units, demand_basis, demand_forecast_cutoff, demand_before_units, demand_before_on.

    Of a shortage longer than measure looks back, the picture before carries what it knew of its beginning.
    """
    of_day = newest_forecast(forecast, frame.select(*KEY, day="as_of"))
    of_before = newest_forecast(forecast, frame.select(*KEY, day="demand_before_on"))
    of_before = of_before.select(*KEY, daily_units_before="daily_units")
    joined = frame.join(of_day, on=KEY, how="left", maintain_order="left")
    joined = joined.join(of_before, on=KEY, how="left", maintain_order="left")
    short = (pl.col("stock_units") <= pl.col("floor_units")).fill_null(False)
    longer = short & (pl.col("carried_on") < pl.col("as_of") - timedelta(days=LOOK_BACK_DAYS)).fill_null(False)
    begun = pl.coalesce("daily_units_before", "demand_before_trailing_units", pl.when(longer).then("carried"))
    on = pl.coalesce("demand_before_on", pl.when(longer).then("carried_on"))
    joined = joined.with_columns(before=begun, demand_before_on=on)
    now = pl.coalesce("daily_units", "trailing_demand_units")
    held = (pl.col("before") > now).fill_null(pl.col("before").is_not_null())
    by_forecast = pl.col("daily_units").is_not_null()
    basis = (
        pl.when(held)
        .then(pl.lit("before_shortage"))
        .when(by_forecast)
        .then(pl.lit("forecast"))
        .when(now.is_not_null())
        .then(pl.lit("trailing"))
    )
    return joined.with_columns(
        daily_demand_units=pl.when(held).then(pl.col("before")).otherwise(now),
        demand_basis=basis,
        demand_forecast_cutoff=pl.when(by_forecast & ~held).then(pl.col("cutoff")),
        demand_before_units=pl.col("before"),
    )


def with_cover(frame: pl.DataFrame) -> pl.DataFrame:
    """cover_days, cover_days_high, cover_days_with_reserve: null where demand is 0 or not known."""
    demand = pl.when(pl.col("daily_demand_units") > 0).then(pl.col("daily_demand_units"))
    high = (pl.col("stock_units") + pl.col("usual_units_silent").fill_null(0.0)).round_sig_figs(SIGNIFICANT_DIGITS)
    return frame.with_columns(
        stock_usual=high,
        cover_days=pl.col("stock_units") / demand,
        cover_days_high=high / demand,
        cover_days_with_reserve=(pl.col("stock_units") + pl.col("reserve_units").fill_null(0.0)) / demand,
    )


_RUN_OUT = {
    "run_out_p14": ("p", 14),
    "run_out_p28": ("p", 28),
    "run_out_p56": ("p", 56),
    "run_out_p84": ("p", 84),
    "run_out_p14_with_reserve": ("p_with_reserve", 14),
    "run_out_p14_announced": ("p_announced", 14),
    "run_out_p84_announced": ("p_announced", 84),
}


def with_run_out(frame: pl.DataFrame, run_out: pl.DataFrame | None, as_of: date) -> pl.DataFrame:
    """The run-out columns of the picture's day; null where the forecast gives none."""
    if run_out is None or run_out.is_empty():
        empty = [pl.lit(None, dtype=pl.Float64).alias(name) for name in _RUN_OUT]
        return frame.with_columns(*empty, run_out_on=pl.lit(None, dtype=pl.Date))
    of_day = run_out.filter(pl.col("as_of") == as_of).sort("known_at")
    newest = of_day.unique([*KEY, "horizon_days"], keep="last", maintain_order=True)
    on = pl.col("run_out_on") if "run_out_on" in newest.columns else pl.lit(None, dtype=pl.Date)
    wide = newest.group_by(KEY, maintain_order=True).agg(
        *(
            pl.col(value).filter(pl.col("horizon_days") == days).first().alias(name)
            for name, (value, days) in _RUN_OUT.items()
        ),
        run_out_on=on.drop_nulls().first(),
    )
    return _at_floor_now(frame.join(wide, on=KEY, how="left", maintain_order="left"), as_of)


def _at_floor_now(frame: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """At or below the floor now: 1, today, also where the stock was corrected after it was simulated. Where it was at
    the floor then and is not as known now, nothing was estimated of the stock that stands: null."""
    names = [*_RUN_OUT, "run_out_on"]
    of_other = ((pl.col("run_out_on") == as_of) & (pl.col("stock_units") > pl.col("floor_units"))).fill_null(False)
    frame = frame.with_columns(pl.when(~of_other).then(pl.col(name)).alias(name) for name in names)
    with_reserve = (pl.col("stock_units") + pl.col("reserve_units").fill_null(0.0)).round_sig_figs(SIGNIFICANT_DIGITS)
    low = {
        name: ((with_reserve if value == "p_with_reserve" else pl.col("stock_units")) <= pl.col("floor_units"))
        for name, (value, _) in _RUN_OUT.items()
    }
    told = [
        pl.when(held.fill_null(False) & pl.col(name).is_not_null()).then(1.0).otherwise(pl.col(name)).alias(name)
        for name, held in low.items()
    ]
    today = low["run_out_p14"].fill_null(False) & pl.col("run_out_p14").is_not_null()
    return frame.with_columns(*told, run_out_on=pl.when(today).then(pl.lit(as_of)).otherwise(pl.col("run_out_on")))


def with_index(frame: pl.DataFrame, expected: pl.DataFrame | None, forecast: pl.DataFrame | None) -> pl.DataFrame:
    """demand_index and what it is of; ``surge`` where purchases or demand stood above the 97.5 % forecast twice."""
    schema = {"purchases_atc": pl.String, "county_code": pl.String, "purchases_week": pl.Date, "expected": pl.Float64}
    table = pl.DataFrame(schema={**schema, "index_surge": pl.Boolean})
    if expected is not None and not expected.is_empty():
        surge = pl.col("surge") if "surge" in expected.columns else pl.lit(None, dtype=pl.Boolean)
        table = expected.select(
            "county_code", "expected", purchases_atc="atc", purchases_week="week", index_surge=surge
        )
    joined = frame.join(table, on=["purchases_atc", "county_code", "purchases_week"], how="left", maintain_order="left")
    positive = pl.when(pl.col("expected") > 0).then(pl.col("expected"))
    joined = _with_surge(joined, forecast)
    return joined.with_columns(
        demand_index=pl.col("purchases") / positive,
        demand_index_expected=pl.col("expected"),
        demand_index_week=pl.when(pl.col("purchases").is_not_null()).then(pl.col("purchases_week")),
        surge=pl.col("index_surge").fill_null(False) | pl.col("demand_surge").fill_null(False),
    )


def _with_surge(frame: pl.DataFrame, forecast: pl.DataFrame | None) -> pl.DataFrame:
    as_of = frame["as_of"][0]
    if forecast is None or forecast.is_empty() or "surge" not in forecast.columns:
        return frame.with_columns(demand_surge=pl.lit(None, dtype=pl.Boolean))
    recent = forecast.filter(_is_recent(pl.lit(as_of)))
    newest = recent.sort("cutoff").unique(KEY, keep="last", maintain_order=True)
    return frame.join(newest.select(*KEY, demand_surge="surge"), on=KEY, how="left", maintain_order="left")
