"""What judge reads of the forecasts known at a moment."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import polars as pl

from medsupply.picture.cover import FORECAST_DAYS
from medsupply.tables.forecast import RUN_OUT
from medsupply.warehouse.database.connection import Warehouse

_DAILY_DEMAND = """
    SELECT DISTINCT ON (s.medicine_id, s.county_code, s.cutoff)
           s.medicine_id, s.county_code, s.cutoff, s.daily_units, s.surge,
           coalesce((
               SELECT count(*) = 2 AND bool_and(beat_trailing) FROM (
                   SELECT beat_trailing FROM forecast.series_scores c
                   WHERE c.measure = 'units' AND c.medicine_id = s.medicine_id AND c.county_code = s.county_code
                     AND c.cutoff < s.cutoff AND c.known_at <= :known_at
                   ORDER BY c.cutoff DESC LIMIT 2) last), false) AS beat_trailing
    FROM wanted w JOIN forecast.demand_series s
      ON s.cutoff BETWEEN w.oldest AND w.newest
     AND (w.medicine_id IS NULL OR (s.medicine_id, s.county_code) = (w.medicine_id, w.county_code))
    WHERE s.measure = 'units' AND s.known_at <= :known_at
    ORDER BY s.medicine_id, s.county_code, s.cutoff, s.known_at DESC
"""
_OF_ALL = """
    WITH wanted AS (
        SELECT CAST(:oldest AS date) AS oldest, CAST(:newest AS date) AS newest,
               CAST(NULL AS text) AS medicine_id, CAST(NULL AS text) AS county_code)
"""
_OF_SOME = """
    WITH wanted AS (
        SELECT day - :days AS oldest, day AS newest, medicine_id, county_code
        FROM unnest(CAST(:medicines AS text[]), CAST(:counties AS text[]), CAST(:on AS date[]))
          AS given(medicine_id, county_code, day))
"""


def run_out(wh: Warehouse, as_of: date, known_at: datetime) -> pl.DataFrame | None:
    """Run-out of the day, the newest simulation known."""
    found = wh.rows(
        RUN_OUT,
        "as_of = :as_of and known_at = (select max(known_at) from forecast.run_out"
        " where as_of = :as_of and known_at <= :known_at)",
        as_of=as_of,
        known_at=known_at,
    )
    return found if found.height else None


def daily_demand(wh: Warehouse, measured: pl.DataFrame, as_of: date, known_at: datetime) -> pl.DataFrame | None:
    """Daily demand of forecasts, and whether they beat the trailing mean: with a cutoff in the 14 days up to ``as_of``,
    and of the rows of ``measured`` at their floor, up to the last day above it."""
    days = {"oldest": as_of - timedelta(days=FORECAST_DAYS), "newest": as_of}
    found = wh.read(_OF_ALL + _DAILY_DEMAND, **days, known_at=known_at)
    short = measured.drop_nulls("demand_before_on")
    if short.height:
        keys = {"medicines": "medicine_id", "counties": "county_code", "on": "demand_before_on"}
        given = {name: short[column].to_list() for name, column in keys.items()}
        earlier = wh.read(_OF_SOME + _DAILY_DEMAND, **given, days=FORECAST_DAYS, known_at=known_at)
        found = (
            pl.concat([found, earlier]).unique(["medicine_id", "county_code", "cutoff"]) if earlier.height else found
        )
    return found.sort("medicine_id", "county_code", "cutoff") if found.height else None


def index(wh: Warehouse, as_of: date, known_at: datetime) -> pl.DataFrame | None:
    """Purchases expected of the last complete weeks known."""
    found = wh.read(
        "select distinct on (atc, county_code, week) atc, county_code, week, expected, surge"
        " from forecast.index_expected where week <= :as_of and known_at <= :known_at"
        " order by atc, county_code, week, known_at desc",
        as_of=as_of,
        known_at=known_at,
    )
    return found if found.height else None
