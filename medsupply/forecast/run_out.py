"""Run-out: one simulation of stock, demand and supply per medicine and area; every figure from the same paths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from hashlib import sha256

import numpy as np
import polars as pl

from medsupply.areas import COUNTRY
from medsupply.forecast.calendar import Array
from medsupply.forecast.inbound import Inbound, inbound
from medsupply.forecast.lateness import DEFAULT_LATE, DEFAULT_SLIP, Lateness
from medsupply.forecast.simulate import Outcome, Start, simulate
from medsupply.forecast.supply import LONGEST, SupplyLaw, learn_supply
from medsupply.forecast.workers import Progress
from medsupply.tables.forecast import HORIZON_DAYS

DAYS = max(HORIZON_DAYS)
TRAILING_SPREAD, NOISE_SPREAD = 0.15, 0.25
EMPTY_HISTORY = {
    "medicine_id": pl.String,
    "county_code": pl.String,
    "week": pl.Date,
    "stock_units": pl.Float64,
    "inflow_units": pl.Float64,
    "demand_units": pl.Float64,
    "notice_share": pl.Float64,
}
RUN_OUT_SCHEMA = {
    "as_of": pl.Date,
    "medicine_id": pl.String,
    "county_code": pl.String,
    "horizon_days": pl.Int64,
    "p": pl.Float64,
    "p_announced": pl.Float64,
    "p_with_reserve": pl.Float64,
    "run_out_on": pl.Date,
    "run_out_early": pl.Date,
    "run_out_late": pl.Date,
    "unmet_units": pl.Float64,
    "notice_driven": pl.Boolean,
}


@dataclass(frozen=True)
class DemandPaths:
    """``paths`` (medicine_id, county_code) -> [paths, weeks] units a week, weeks from ``first_week`` (a Monday) on."""

    first_week: date
    paths: Mapping[tuple[str, str], Array] = field(default_factory=dict)


def run_out(
    state: pl.DataFrame,
    as_of: date,
    *,
    demand: DemandPaths | None = None,
    announced: pl.DataFrame | None = None,
    notices: pl.DataFrame | None = None,
    history: pl.DataFrame | None = None,
    lateness: Lateness | None = None,
    n_paths: int = 400,
    seed: int = 1,
    progress: Progress | None = None,
) -> pl.DataFrame:
    """Probability of stock at or below the floor within 14, 28, 56 and 84 days: RUN_OUT_SCHEMA, sorted.

    ``state``: medicine_id, county_code, stock_units, stock_units_high (holders not heard of at their usual units; null:
    none), reserve_units (null: none), floor_units, trailing_demand_units (a day), upstream_units (stock of wholesalers,
    on rows of 99; null: not known). Rows without stock or demand are left out: nothing can be said.
    ``announced``: medicine_id, county_code, announced_on, expected_on, units, certainty. ``notices``: medicine_id,
    county_code, share (of the medicine's demand), start, end (null: open). ``history``: see ``learn_supply``.
    The same ``seed`` draws the same futures: what-ifs differ by what was changed, not by chance.
    """
    known = state.filter(
        pl.col("stock_units").is_not_null()
        & (pl.col("trailing_demand_units") > 0).fill_null(False)
        & pl.col("floor_units").is_not_null()
    ).sort("medicine_id", pl.col("county_code") != COUNTRY, "county_code")
    law = learn_supply(history if history is not None else pl.DataFrame(schema=EMPTY_HISTORY))
    coming = inbound(announced, notices, lateness or Lateness(DEFAULT_LATE, DEFAULT_SLIP), as_of)
    frames = []
    parts = known.partition_by("medicine_id", maintain_order=True)
    for done, part in enumerate(parts, 1):
        frames.append(_medicine(part, as_of, demand, law, coming, n_paths, seed))
        if progress and (done % 50 == 0 or done == len(parts)):
            progress(done, len(parts))
    empty = pl.DataFrame(schema=RUN_OUT_SCHEMA)
    return pl.concat([empty, *frames]).sort("medicine_id", "county_code", "horizon_days")


def _medicine(
    part: pl.DataFrame,
    as_of: date,
    demand: DemandPaths | None,
    law: SupplyLaw,
    coming: Inbound,
    n_paths: int,
    seed: int,
) -> pl.DataFrame:
    """All areas of one medicine, the country first: its wholesalers feed the areas on the same path."""
    medicine = str(part["medicine_id"][0])
    number = int.from_bytes(sha256(f"{medicine}|{as_of}|{seed}".encode()).digest()[:8], "big")
    position = law.position()
    available: Array | None = None
    frames = []
    for at, row in enumerate(part.iter_rows(named=True)):
        rng = np.random.default_rng([number, at])
        key = (medicine, str(row["county_code"]))
        daily = _daily(demand, key, row, as_of, n_paths, np.random.default_rng(number))
        start = _start(row, law, position.get(key), n_paths, np.random.default_rng(number + 1))
        supply = coming.of(key, start.usual_weekly, n_paths, np.random.default_rng(number + 2))
        outcome = simulate(start, daily, supply, available if key[1] != COUNTRY else None, rng)
        if key[1] == COUNTRY:
            available = outcome.available
        frames.append(_rows(row, outcome, as_of, supply.notice_share.max() > 0))
    return pl.concat(frames)


def _daily(
    demand: DemandPaths | None,
    key: tuple[str, str],
    row: Mapping[str, float],
    as_of: date,
    n_paths: int,
    rng: np.random.Generator,
) -> Array:
    """Demand a day [paths, days]: the week's path over seven; around the trailing mean where there is no forecast."""
    paths = demand.paths.get(key) if demand is not None else None
    if paths is None or demand is None:
        level = np.exp(TRAILING_SPREAD * rng.standard_normal((n_paths, 1)))
        noise = np.exp(NOISE_SPREAD * rng.standard_normal((n_paths, DAYS // 7)))
        return np.repeat(row["trailing_demand_units"] * level * noise, 7, axis=1)
    picked = paths[np.arange(n_paths) % len(paths)]
    days = [as_of + timedelta(days=d) for d in range(1, DAYS + 1)]
    week = np.clip([(day - demand.first_week).days // 7 for day in days], 0, picked.shape[1] - 1)
    return np.asarray(picked[:, week] / 7.0)


def _start(row: Mapping[str, float], law: SupplyLaw, j: int | None, n_paths: int, rng: np.random.Generator) -> Start:
    """Where the paths start and how supply behaves; a series without history behaves as the pool's defaults."""
    stock = float(row["stock_units"])
    high = row.get("stock_units_high")
    missing = max((high if high is not None else stock) - stock, 0.0)
    weekly = 7.0 * float(row["trailing_demand_units"])
    reserve = row.get("reserve_units")
    upstream = row.get("upstream_units")
    hazard, answer, noise, elapsed, usual = (
        (np.full(LONGEST, 0.5), np.array([0.7, 0.4]), 0.5, 0, stock)
        if j is None
        else (law.hazard[j], law.answer[j], float(law.noise[j]), int(law.elapsed[j]), float(law.usual[j]))
    )
    return Start(
        stock=stock + missing * rng.random(n_paths),
        now=stock,
        reserve=float(reserve) if reserve is not None else 0.0,
        floor=float(row["floor_units"]),
        usual_weekly=weekly,
        hazard=hazard,
        answer=answer,
        noise=noise,
        elapsed=elapsed,
        usual=usual,
        upstream=float(upstream) if upstream is not None else None,
    )


def _rows(row: Mapping[str, object], outcome: Outcome, as_of: date, notice: bool) -> pl.DataFrame:
    early, median, late = (_day(outcome.first_day, share, as_of) for share in (0.1, 0.5, 0.9))
    count = len(HORIZON_DAYS)
    return pl.DataFrame(
        {
            "as_of": [as_of] * count,
            "medicine_id": [row["medicine_id"]] * count,
            "county_code": [row["county_code"]] * count,
            "horizon_days": list(HORIZON_DAYS),
            "p": [_share(outcome.first_day, h) for h in HORIZON_DAYS],
            "p_announced": [_share(outcome.first_day_announced, h) for h in HORIZON_DAYS],
            "p_with_reserve": [_share(outcome.first_day_with_reserve, h) for h in HORIZON_DAYS],
            "run_out_on": [median] * count,
            "run_out_early": [early] * count,
            "run_out_late": [late] * count,
            "unmet_units": [float(outcome.unmet[:, h - 1].mean()) for h in HORIZON_DAYS],
            "notice_driven": [notice] * count,
        },
        schema=RUN_OUT_SCHEMA,
    )


def _share(first_day: Array, horizon: int) -> float:
    return float((first_day <= horizon).mean())


def _day(first_day: Array, share: float, as_of: date) -> date | None:
    """The day by which ``share`` of the paths have reached the floor; None: later than the horizon."""
    at = float(np.quantile(first_day, share, method="inverted_cdf"))
    return as_of + timedelta(days=int(at)) if at <= DAYS else None


__all__ = ["RUN_OUT_SCHEMA", "DemandPaths", "Sequence", "run_out"]
