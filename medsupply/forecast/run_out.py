"""Run-out: one simulation of stock, demand and supply per medicine and area; every figure from the same paths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from hashlib import sha256
from typing import Any

import numpy as np
import polars as pl

from medsupply.areas import COUNTRY
from medsupply.forecast.calendar import Array
from medsupply.forecast.inbound import Inbound, inbound
from medsupply.forecast.lateness import DEFAULT_LATE, DEFAULT_SLIP, Lateness
from medsupply.forecast.simulate import Draws, Outcome, Start, simulate
from medsupply.forecast.supply import DEFAULT_ANSWER, LONGEST, SupplyLaw, learn_supply
from medsupply.forecast.workers import Progress
from medsupply.tables.forecast import HORIZON_DAYS

DAYS = max(HORIZON_DAYS)
TRAILING_SPREAD, NOISE_SPREAD = 0.15, 0.25
UNKNOWN_HAZARD = 0.5
CHUNK = 8
SHARES = {"run_out_on": 0.5, "run_out_early": 0.1, "run_out_late": 0.9}
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
    medicines = known["medicine_id"].unique(maintain_order=True).to_list()
    frames = [pl.DataFrame(schema=RUN_OUT_SCHEMA)]
    for at in range(0, len(medicines), CHUNK):
        part = known.filter(pl.col("medicine_id").is_in(medicines[at : at + CHUNK]))
        frames.append(_chunk(part, as_of, Sources(demand or DemandPaths(as_of), law, coming), n_paths, seed))
        if progress:
            progress(min(at + CHUNK, len(medicines)), len(medicines))
    return pl.concat(frames).sort("medicine_id", "county_code", "horizon_days")


@dataclass(frozen=True)
class Sources:
    """Where the draws come from."""

    demand: DemandPaths
    law: SupplyLaw
    coming: Inbound


def _chunk(part: pl.DataFrame, as_of: date, sources: Sources, n_paths: int, seed: int) -> pl.DataFrame:
    """Some medicines in all areas: the country first, its wholesalers feed the areas on the same path."""
    country = part.filter(pl.col("county_code") == COUNTRY)
    areas = part.filter(pl.col("county_code") != COUNTRY)
    frames, available = [], {}
    if country.height:
        outcome, frame = _simulate(country, as_of, sources, None, n_paths, seed)
        available = {m: outcome.available[:, k] for k, m in enumerate(country["medicine_id"].to_list())}
        frames.append(frame)
    if areas.height:
        everything = np.ones((DAYS, n_paths))
        fed = np.stack([available.get(medicine, everything) for medicine in areas["medicine_id"]], axis=1)
        frames.append(_simulate(areas, as_of, sources, fed, n_paths, seed)[1])
    return pl.concat(frames)


def _simulate(
    part: pl.DataFrame, as_of: date, sources: Sources, fed: Array | None, n_paths: int, seed: int
) -> tuple[Outcome, pl.DataFrame]:
    rows = list(part.iter_rows(named=True))
    draws = [_drawn(row, as_of, sources, n_paths, seed) for row in rows]
    demand, announced, stopped, chance, noise = (np.stack([one[k].T for one in draws], axis=1) for k in range(5))
    start = _start(part, sources.law, np.stack([one[5] for one in draws]))
    outcome = simulate(start, Draws(demand, announced, stopped, chance, noise, fed))
    notice = stopped.max(axis=(0, 2)) > 0
    return outcome, _rows(part, outcome, as_of, notice)


def _drawn(row: Mapping[str, Any], as_of: date, sources: Sources, n_paths: int, seed: int) -> tuple[Array, ...]:
    """Draws of one series: demand, lateness, notices and silent holders' stock are the same futures in all areas."""
    key = (str(row["medicine_id"]), str(row["county_code"]))
    shared = _number(f"{key[0]}|{as_of}|{seed}")
    own = np.random.default_rng([shared, _number(key[1])])
    daily = _daily(sources.demand, key, row, as_of, n_paths, np.random.default_rng([shared, 1]))
    supply = sources.coming.of(key, 7.0 * row["trailing_demand_units"], n_paths, np.random.default_rng([shared, 2]))
    chance = own.random((n_paths, DAYS))
    noise = own.standard_normal((n_paths, DAYS))
    return (
        daily,
        supply.announced,
        supply.notice_share,
        chance,
        noise,
        np.random.default_rng([shared, 3]).random(n_paths),
    )


def _number(text: str) -> int:
    return int.from_bytes(sha256(text.encode()).digest()[:8], "big")


def daily_demand(demand: DemandPaths, row: Mapping[str, Any], as_of: date, n_paths: int, seed: int) -> Array:
    """Demand a day [paths, days] of a row of the state, the same futures as ``run_out`` draws with ``seed``."""
    key = (str(row["medicine_id"]), str(row["county_code"]))
    shared = _number(f"{key[0]}|{as_of}|{seed}")
    return _daily(demand, key, row, as_of, n_paths, np.random.default_rng([shared, 1]))


def _daily(
    demand: DemandPaths,
    key: tuple[str, str],
    row: Mapping[str, Any],
    as_of: date,
    n_paths: int,
    rng: np.random.Generator,
) -> Array:
    """Demand a day [paths, days]: the week's path over seven; around the trailing mean where there is no forecast."""
    paths = demand.paths.get(key)
    if paths is None:
        level = np.exp(TRAILING_SPREAD * rng.standard_normal((n_paths, 1)))
        noise = np.exp(NOISE_SPREAD * rng.standard_normal((n_paths, DAYS // 7)))
        return np.repeat(row["trailing_demand_units"] * level * noise, 7, axis=1)
    picked = paths[np.arange(n_paths) % len(paths)]
    days = [as_of + timedelta(days=d) for d in range(1, DAYS + 1)]
    week = np.clip([(day - demand.first_week).days // 7 for day in days], 0, picked.shape[1] - 1)
    return np.asarray(picked[:, week] / 7.0)


def _start(part: pl.DataFrame, law: SupplyLaw, uniform: Array) -> Start:
    """Where the paths start and how supply behaves; a series without history fills towards the stock it has now."""
    filled = part.with_columns(
        high=pl.max_horizontal(pl.coalesce("stock_units_high", "stock_units"), "stock_units"),
        reserve=pl.col("reserve_units").fill_null(0.0),
    )
    stock, high, reserve = (filled[name].cast(pl.Float64).to_numpy() for name in ("stock_units", "high", "reserve"))
    position = law.position()
    at = [position.get((m, c)) for m, c in part.select("medicine_id", "county_code").iter_rows()]
    usual = np.array([stock[i] if j is None else law.usual[j] for i, j in enumerate(at)])
    return Start(
        stock=stock[:, None] + (high - stock)[:, None] * uniform,
        now=stock,
        reserve=reserve,
        floor=part["floor_units"].cast(pl.Float64).to_numpy(),
        weekly=7.0 * part["trailing_demand_units"].cast(pl.Float64).to_numpy(),
        hazard=np.array([np.full(LONGEST, UNKNOWN_HAZARD) if j is None else law.hazard[j] for j in at]),
        answer=np.array([DEFAULT_ANSWER if j is None else law.answer[j] for j in at], dtype=float),
        noise=np.array([0.5 if j is None else law.noise[j] for j in at]),
        elapsed=np.array([0 if j is None else law.elapsed[j] for j in at], dtype=float),
        usual=usual,
        upstream=part["upstream_units"].cast(pl.Float64).fill_null(float("nan")).to_numpy(),
    )


def _rows(part: pl.DataFrame, outcome: Outcome, as_of: date, notice: Array) -> pl.DataFrame:
    """Four rows, one per horizon, for every series of ``part``."""
    days = {name: _days(outcome.first_day, share, as_of) for name, share in SHARES.items()}
    frames = [
        part.select("medicine_id", "county_code").with_columns(
            pl.lit(as_of).alias("as_of"),
            pl.lit(horizon, dtype=pl.Int64).alias("horizon_days"),
            pl.Series("p", (outcome.first_day <= horizon).mean(axis=1)),
            pl.Series("p_announced", (outcome.first_day_announced <= horizon).mean(axis=1)),
            pl.Series("p_with_reserve", (outcome.first_day_with_reserve <= horizon).mean(axis=1)),
            *(pl.Series(name, values, dtype=pl.Date) for name, values in days.items()),
            pl.Series("unmet_units", outcome.unmet[:, horizon - 1]),
            pl.Series("notice_driven", notice),
        )
        for horizon in HORIZON_DAYS
    ]
    return pl.concat(frames).select(pl.col(name).cast(kind) for name, kind in RUN_OUT_SCHEMA.items())


def _days(first_day: Array, share: float, as_of: date) -> list[date | None]:
    """The day by which ``share`` of the paths of each series have reached the floor; None: later than the horizon."""
    at = np.quantile(first_day, share, axis=1, method="inverted_cdf")
    return [as_of + timedelta(days=int(day)) if day <= DAYS else None for day in at]


__all__ = ["RUN_OUT_SCHEMA", "SHARES", "DemandPaths", "daily_demand", "run_out"]
