"""Probabilities of running out set right by how the service's own earlier ones turned out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from hashlib import sha256
from itertools import accumulate

import polars as pl

from medsupply.areas import COUNTRY
from medsupply.forecast.calibration import set_right
from medsupply.forecast.crossing import days_as_corrected
from medsupply.forecast.running import happened
from medsupply.picture.reasons import Reason
from medsupply.tables.forecast import HORIZON_DAYS
from medsupply.warehouse.database.connection import Warehouse

# Half a year of weekly report days whose longest horizon is over.
LOOK_BACK = 7 * 26 + max(HORIZON_DAYS)
PAIRS = {"horizon_days": pl.Int64, "origin": pl.Date, "p": pl.Float64, "event": pl.Boolean}
# Series of areas that are looked back at: a full nation has 70,000, and these teach as much.
AREAS_READ = 2000
_TOLD = """
    SELECT DISTINCT ON (as_of, medicine_id, county_code, horizon_days) as_of, {series} AS medicine_id,
           horizon_days AS horizon, coalesce(p_simulated, p) AS p
    FROM forecast.run_out
    WHERE {which} AND as_of BETWEEN :first AND :last AND mod(CAST(:as_of AS date) - as_of, 7) = 0
      AND known_at <= :known_at
    ORDER BY as_of, medicine_id, county_code, horizon_days, known_at DESC
"""
_STOOD = """
    SELECT DISTINCT ON (medicine_id, county_code, as_of) {series} AS medicine_id, as_of AS day, stock_units,
           floor_units, {judged} AS judged
    FROM {table}
    WHERE {which} AND as_of BETWEEN :first AND :last AND known_at <= :known_at
    ORDER BY medicine_id, county_code, as_of, known_at DESC
"""
_COUNTRY = {"series": "medicine_id", "which": "county_code = '99'", "table": "picture.measured", "judged": "true"}
# The situation has what is measured too, and finds the rows of a medicine without reading all of half a year.
_AREAS = {
    "series": "medicine_id || '|' || county_code",
    "which": "county_code <> '99' AND medicine_id = ANY(:medicines)",
    "table": "picture.situation",
    "judged": f"NOT '{Reason.LOW_DEMAND}' = ANY(reasons)",
}


def corrected(wh: Warehouse, found: pl.DataFrame, state: pl.DataFrame, as_of: date, known_at: datetime) -> pl.DataFrame:
    """Rows of run_out, corrected: those of the country by the country's past, those of areas by that of all areas.

    An area has few events of its own; together they have enough, and err the same way. ``state``: medicine_id,
    county_code, stock_units, floor_units of the day.
    """
    at_floor = (pl.col("stock_units") <= pl.col("floor_units")).fill_null(False)
    floor = state.select("medicine_id", "county_code", at_floor=at_floor)
    rows = found.join(floor, on=["medicine_id", "county_code"], how="left", maintain_order="left")
    rows = rows.with_columns(pl.col("at_floor").fill_null(False))
    national = pl.col("county_code") == COUNTRY
    country = set_right(rows.filter(national), past_pairs(wh, as_of, known_at))
    areas = set_right(rows.filter(~national), past_pairs(wh, as_of, known_at, _some(rows.filter(~national))))
    return days_as_corrected(pl.concat([country, areas.select(country.columns)]).drop("at_floor"))


def _some(areas: pl.DataFrame) -> list[str]:
    """Medicines with about AREAS_READ series in areas: the same ones from day to day."""
    sizes = areas.group_by("medicine_id").agg(series=pl.col("county_code").n_unique()).sort("medicine_id")
    ordered = sorted(sizes.iter_rows(), key=lambda one: sha256(one[0].encode()).digest())
    upto = accumulate(series for _, series in ordered)
    return [one for (one, _), total in zip(ordered, upto, strict=True) if total <= AREAS_READ]


def past_pairs(wh: Warehouse, as_of: date, known_at: datetime, in_areas: Sequence[str] | None = None) -> pl.DataFrame:
    """PAIRS of the country, a report day a week: what was simulated, and whether stock reached that day's floor.

    ``in_areas``: of these medicines in areas instead, where there are dispensings enough for a level.
    """
    first = as_of - timedelta(days=LOOK_BACK)
    last = as_of - timedelta(days=min(HORIZON_DAYS))
    words, some = (_COUNTRY, {}) if in_areas is None else (_AREAS, {"medicines": list(in_areas)})
    told = wh.read(_TOLD.format(**words), **some, first=first, last=last, as_of=as_of, known_at=known_at)
    if told.is_empty():
        return pl.DataFrame(schema=PAIRS)
    history = wh.read(_STOOD.format(**words), **some, first=first, last=as_of, known_at=known_at)
    judged = pl.col("judged") & (pl.col("stock_units") > pl.col("floor_units"))
    frames = []
    for origin in told["as_of"].unique().sort():
        over = [days for days in HORIZON_DAYS if origin + timedelta(days=days) <= as_of]
        start = history.filter((pl.col("day") == origin) & judged)
        ahead = history.filter(pl.col("day").is_between(origin, origin + timedelta(days=max(over))))
        events = happened(start.rename({"day": "as_of"}), ahead.drop("floor_units"), over)
        pairs = told.filter(pl.col("as_of") == origin).join(events, on=["medicine_id", "horizon"])
        frames.append(pairs.select("p", "event", horizon_days="horizon", origin="as_of").select(list(PAIRS)))
    return pl.concat(frames).cast(PAIRS)  # type: ignore[arg-type]
