"""Probabilities of running out set right by how the service's own earlier ones turned out."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import polars as pl

from medsupply.areas import COUNTRY
from medsupply.forecast.calibration import set_right
from medsupply.forecast.crossing import days_as_corrected
from medsupply.forecast.running import happened
from medsupply.tables.forecast import HORIZON_DAYS
from medsupply.warehouse.database.connection import Warehouse

# Half a year of weekly report days whose longest horizon is over.
LOOK_BACK = 7 * 26 + max(HORIZON_DAYS)
PAIRS = {"horizon_days": pl.Int64, "origin": pl.Date, "p": pl.Float64, "event": pl.Boolean}
_TOLD = """
    SELECT DISTINCT ON (as_of, medicine_id, horizon_days) as_of, medicine_id, horizon_days AS horizon,
           coalesce(p_simulated, p) AS p
    FROM forecast.run_out
    WHERE county_code = '99' AND as_of BETWEEN :first AND :last AND mod(CAST(:as_of AS date) - as_of, 7) = 0
      AND known_at <= :known_at
    ORDER BY as_of, medicine_id, horizon_days, known_at DESC
"""
_MEASURED = """
    SELECT DISTINCT ON (medicine_id, as_of) medicine_id, as_of AS day, stock_units, floor_units FROM picture.measured
    WHERE county_code = '99' AND as_of BETWEEN :first AND :last AND known_at <= :known_at
    ORDER BY medicine_id, as_of, known_at DESC
"""


def corrected(wh: Warehouse, found: pl.DataFrame, state: pl.DataFrame, as_of: date, known_at: datetime) -> pl.DataFrame:
    """Rows of run_out, those of the country corrected; areas have few events of their own and stay as simulated.

    ``state``: medicine_id, county_code, stock_units, floor_units of the day.
    """
    at_floor = (pl.col("stock_units") <= pl.col("floor_units")).fill_null(False)
    floor = state.select("medicine_id", "county_code", at_floor=at_floor)
    rows = found.join(floor, on=["medicine_id", "county_code"], how="left", maintain_order="left")
    rows = rows.with_columns(pl.col("at_floor").fill_null(False))
    national = pl.col("county_code") == COUNTRY
    right = set_right(rows.filter(national), past_pairs(wh, as_of, known_at))
    areas = rows.filter(~national).with_columns(p_simulated=pl.col("p"))
    both = pl.concat([right, areas.select(right.columns)]).drop("at_floor")
    return days_as_corrected(both)


def past_pairs(wh: Warehouse, as_of: date, known_at: datetime) -> pl.DataFrame:
    """PAIRS of the country, a report day a week: what was simulated, and whether stock reached that day's floor."""
    first = as_of - timedelta(days=LOOK_BACK)
    last = as_of - timedelta(days=min(HORIZON_DAYS))
    told = wh.read(_TOLD, first=first, last=last, as_of=as_of, known_at=known_at)
    if told.is_empty():
        return pl.DataFrame(schema=PAIRS)
    history = wh.read(_MEASURED, first=first, last=as_of, known_at=known_at)
    frames = []
    for origin in told["as_of"].unique().sort():
        over = [days for days in HORIZON_DAYS if origin + timedelta(days=days) <= as_of]
        start = history.filter((pl.col("day") == origin) & (pl.col("stock_units") > pl.col("floor_units")))
        events = happened(start.rename({"day": "as_of"}), history.drop("floor_units"), over)
        pairs = told.filter(pl.col("as_of") == origin).join(events, on=["medicine_id", "horizon"])
        frames.append(pairs.select("p", "event", horizon_days="horizon", origin="as_of").select(list(PAIRS)))
    return pl.concat(frames).cast(PAIRS)  # type: ignore[arg-type]
