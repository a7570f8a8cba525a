"""Run-out: one simulation of stock, demand and supply per medicine and area; every figure from the same paths."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from hashlib import sha256
from typing import Any

import numpy as np
import polars as pl

from medsupply.areas import AREAS, COUNTRY, COUNTY_CODES
from medsupply.forecast.calendar import Array
from medsupply.forecast.fed import NO_AREAS, WEEK, AreaLaw, FedStart, simulate_fed
from medsupply.forecast.inbound import Inbound, inbound
from medsupply.forecast.lateness import DEFAULT_LATE, DEFAULT_SLIP, Lateness
from medsupply.forecast.shares import Shares, area_paths
from medsupply.forecast.simulate import Draws, Ints, Outcome, Start, simulate
from medsupply.forecast.supply import DEFAULT_ANSWER, LONGEST, NO_HISTORY, SupplyLaw
from medsupply.forecast.workers import pool
from medsupply.tables.forecast import HORIZON_DAYS

DAYS = max(HORIZON_DAYS)
TRAILING_SPREAD, NOISE_SPREAD = 0.15, 0.25
UNKNOWN_HAZARD = 0.5
CHUNK = 8
SHARES = {"run_out_on": 0.5, "run_out_early": 0.1, "run_out_late": 0.9}
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
    """``paths`` (medicine_id, county_code) -> [paths, weeks] units a week, weeks from ``first_week`` (a Monday) on.

    An area without paths of its own takes its share of the country's where ``shares`` (by medicine) has one, drawn as
    at the fit of ``cutoff``. They are drawn when they are asked for: all areas of a nation at once are gigabytes.
    """

    first_week: date
    paths: Mapping[tuple[str, str], Array] = field(default_factory=dict)
    shares: Mapping[str, Shares] = field(default_factory=dict)
    cutoff: date | None = None

    def of(self, medicine: str, areas: Iterable[str]) -> dict[str, Array]:
        """Paths of a medicine by area, of those of ``areas`` that have any."""
        own = {area: self.paths[medicine, area] for area in areas if (medicine, area) in self.paths}
        missing = set(areas) - set(own)
        if not missing or medicine not in self.shares or COUNTRY not in own or self.cutoff is None:
            return own
        drawn = area_paths(own[COUNTRY], self.shares[medicine], COUNTY_CODES, medicine, self.cutoff)
        return {**{area: one for area, one in drawn.items() if area in missing}, **own}

    def only(self, medicines: Sequence[str]) -> DemandPaths:
        """The same of some medicines."""
        keys = [(medicine, area) for medicine in medicines for area in (COUNTRY, *AREAS)]
        paths = {key: self.paths[key] for key in keys if key in self.paths}
        shares = {one: self.shares[one] for one in medicines if one in self.shares}
        return DemandPaths(self.first_week, paths, shares, self.cutoff)


def run_out(
    state: pl.DataFrame,
    as_of: date,
    *,
    demand: DemandPaths | None = None,
    announced: pl.DataFrame | None = None,
    notices: pl.DataFrame | None = None,
    law: SupplyLaw | None = None,
    areas: AreaLaw | None = None,
    lateness: Lateness | None = None,
    available: Mapping[str, Array] | None = None,
    n_paths: int = 400,
    seed: int = 1,
    workers: int = 0,
) -> pl.DataFrame:
    """Probability of stock at or below the floor within 14, 28, 56 and 84 days: RUN_OUT_SCHEMA, sorted.

    ``state``: medicine_id, county_code, stock_units, stock_units_high (holders not heard of at their usual units; null:
    none), reserve_units (null: none), floor_units, trailing_demand_units (a day), upstream_units (stock of wholesalers,
    on rows of 99; null: not known). Rows without stock or demand are left out: nothing can be said.
    ``announced``: medicine_id, county_code, announced_on, expected_on, units, certainty. ``notices``: medicine_id,
    county_code, share (of the medicine's demand), start, end (null: open). ``law``: what history says of supply.
    ``available``: by medicine [days, paths] the share of what areas ask for that wholesalers can give, where it was
    simulated already; else the row of 99 tells. Where it is known, areas are fed by wholesalers as ``areas`` says; else
    they are supplied by ``law`` as the country is.
    The same ``seed`` draws the same futures: what-ifs differ by what was changed, not by chance. ``workers`` processes
    (0: here) give the same rows.
    """
    known = state.filter(
        pl.col("stock_units").is_not_null()
        & (pl.col("trailing_demand_units") > 0).fill_null(False)
        & pl.col("floor_units").is_not_null()
    ).sort("medicine_id", pl.col("county_code") != COUNTRY, "county_code")
    coming = inbound(announced, notices, lateness or Lateness(DEFAULT_LATE, DEFAULT_SLIP), as_of)
    sources = Sources(demand or DemandPaths(as_of), law or NO_HISTORY, coming, areas or NO_AREAS, available or {})
    job = partial(_chunk, as_of=as_of, n_paths=n_paths, seed=seed)
    with pool(workers) as processes:
        frames = processes.map(_call, job, list(_parts(known, sources)))
    return pl.concat([pl.DataFrame(schema=RUN_OUT_SCHEMA), *frames]).sort("medicine_id", "county_code", "horizon_days")


@dataclass(frozen=True)
class Sources:
    """Where the draws come from."""

    demand: DemandPaths
    law: SupplyLaw
    coming: Inbound
    areas: AreaLaw
    available: Mapping[str, Array]


Part = tuple[pl.DataFrame, Sources]


def _parts(known: pl.DataFrame, sources: Sources) -> Iterator[Part]:
    """Some medicines in all areas at a time, with what their draws come from."""
    position, fed_at = sources.law.position(), sources.areas.position()
    medicines = known["medicine_id"].unique(maintain_order=True).to_list()
    for at in range(0, len(medicines), CHUNK):
        some = medicines[at : at + CHUNK]
        part = known.filter(pl.col("medicine_id").is_in(some))
        keys = list(part.select("medicine_id", "county_code").iter_rows())
        law, areas = sources.law.of(keys, position), sources.areas.only(keys, fed_at)
        fed = {medicine: sources.available[medicine] for medicine in some if medicine in sources.available}
        yield part, Sources(sources.demand.only(some), law, sources.coming.only(some), areas, fed)


def _call(job: Callable[[Part], pl.DataFrame], part: Part) -> pl.DataFrame:
    return job(part)


def _chunk(given: Part, as_of: date, n_paths: int, seed: int) -> pl.DataFrame:
    """Some medicines in all areas: the country first, its wholesalers feed the areas on the same path."""
    part, sources = given
    national = pl.col("county_code") == COUNTRY
    country, areas = part.filter(national), part.filter(~national)
    frames, available = [pl.DataFrame(schema=RUN_OUT_SCHEMA)], dict(sources.available)
    if country.height:
        outcome, frame = _simulate(country, as_of, sources, n_paths, seed)
        told = zip(country.select("medicine_id", "upstream_units").iter_rows(), range(country.height), strict=True)
        known = {medicine: outcome.available[:, k] for (medicine, upstream), k in told if upstream is not None}
        available = known | available
        frames.append(frame)
    available = {medicine: one for medicine, one in available.items() if medicine not in sources.areas.otherwise}
    fed = pl.col("medicine_id").is_in(list(available))
    if (some := areas.filter(fed)).height:
        frames.append(_fed(some, as_of, sources, available, n_paths, seed))
    if (others := areas.filter(~fed)).height:
        frames.append(_simulate(others, as_of, sources, n_paths, seed)[1])
    return pl.concat(frames)


def _fed(
    part: pl.DataFrame, as_of: date, sources: Sources, available: Mapping[str, Array], n_paths: int, seed: int
) -> pl.DataFrame:
    """Areas that wholesalers feed: what those have is the same future as the country's."""
    weeks, stock = _weeks(sources.demand, as_of), part["stock_units"].cast(pl.Float64).to_numpy()
    shape = (len(stock), n_paths)
    demand, noise, uniform = np.empty((DAYS, *shape)), np.empty((DAYS // WEEK, *shape)), np.empty(shape)
    for k, (row, paths) in enumerate(zip(part.iter_rows(named=True), _paths(part, sources), strict=True)):
        shared, own = _seeds(row, as_of, seed)
        demand[:, k] = _daily(paths, row, weeks, n_paths, np.random.default_rng([shared, 1])).T
        noise[:, k] = np.random.default_rng([shared, own]).standard_normal((DAYS // WEEK, n_paths))
        uniform[k] = np.random.default_rng([shared, 3]).random(n_paths)
    keys = list(part.select("medicine_id", "county_code").iter_rows())
    high, reserve = _high(part)
    floor, trailing = (part[name].cast(pl.Float64).to_numpy() for name in ("floor_units", "trailing_demand_units"))
    between = stock[:, None] + (high - stock)[:, None] * uniform
    start = FedStart(between, stock, reserve, floor, WEEK * trailing, sources.areas.of(keys, stock))
    share = np.stack([available[medicine] for medicine in part["medicine_id"]], axis=1)
    notice = np.array([sources.coming.under_notice(key) for key in keys])
    return _rows(part, simulate_fed(start, demand, share, noise), as_of, notice)


def _paths(part: pl.DataFrame, sources: Sources) -> list[Array | None]:
    """Demand paths of every row; None: there are none."""
    areas = part.group_by("medicine_id", maintain_order=True).agg("county_code").iter_rows()
    paths = {medicine: sources.demand.of(medicine, {COUNTRY, *served}) for medicine, served in areas}
    return [paths[medicine].get(area) for medicine, area in part.select("medicine_id", "county_code").iter_rows()]


def _simulate(
    part: pl.DataFrame, as_of: date, sources: Sources, n_paths: int, seed: int
) -> tuple[Outcome, pl.DataFrame]:
    weeks = _weeks(sources.demand, as_of)
    draws = [
        _drawn(row, as_of, sources, paths, weeks, n_paths, seed)
        for row, paths in zip(part.iter_rows(named=True), _paths(part, sources), strict=True)
    ]
    demand, announced, stopped, chance, noise = (np.stack([one[k].T for one in draws], axis=1) for k in range(5))
    start = _start(part, sources.law, np.stack([one[5] for one in draws]))
    outcome = simulate(start, Draws(demand, announced, stopped, chance, noise))
    notice = stopped.max(axis=(0, 2)) > 0
    return outcome, _rows(part, outcome, as_of, notice)


def _drawn(
    row: Mapping[str, Any],
    as_of: date,
    sources: Sources,
    paths: Array | None,
    weeks: Ints,
    n_paths: int,
    seed: int,
) -> tuple[Array, ...]:
    """Draws of one series: demand, lateness, notices and silent holders' stock are the same futures in all areas."""
    key = (str(row["medicine_id"]), str(row["county_code"]))
    shared, mine = _seeds(row, as_of, seed)
    own = np.random.default_rng([shared, mine])
    daily = _daily(paths, row, weeks, n_paths, np.random.default_rng([shared, 1]))
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


def _seeds(row: Mapping[str, Any], as_of: date, seed: int) -> tuple[int, int]:
    """Of the medicine's futures, the same in all areas, and of the area's own."""
    return _number(f"{row['medicine_id']}|{as_of}|{seed}"), _number(str(row["county_code"]))


def _number(text: str) -> int:
    return int.from_bytes(sha256(text.encode()).digest()[:8], "big")


def daily_demand(demand: DemandPaths, row: Mapping[str, Any], as_of: date, n_paths: int, seed: int) -> Array:
    """Demand a day [paths, days] of a row of the state, the same futures as ``run_out`` draws with ``seed``."""
    medicine, area = str(row["medicine_id"]), str(row["county_code"])
    shared = _number(f"{medicine}|{as_of}|{seed}")
    paths = demand.of(medicine, {COUNTRY, area}).get(area)
    return _daily(paths, row, _weeks(demand, as_of), n_paths, np.random.default_rng([shared, 1]))


def _weeks(demand: DemandPaths, as_of: date) -> Ints:
    """The week of the demand paths that each day of the horizon lies in; those before the first are 0."""
    first = (as_of - demand.first_week).days + 1
    return np.maximum(np.arange(first, first + DAYS) // 7, 0)


def _daily(paths: Array | None, row: Mapping[str, Any], weeks: Ints, n_paths: int, rng: np.random.Generator) -> Array:
    """Demand a day [paths, days]: the week's path over seven; around the trailing mean where there is no forecast."""
    if paths is None:
        level = np.exp(TRAILING_SPREAD * rng.standard_normal((n_paths, 1)))
        noise = np.exp(NOISE_SPREAD * rng.standard_normal((n_paths, DAYS // 7)))
        return np.repeat(row["trailing_demand_units"] * level * noise, 7, axis=1)
    picked = paths[np.arange(n_paths) % len(paths)]
    return np.asarray(picked[:, np.minimum(weeks, picked.shape[1] - 1)] / 7.0)


def _start(part: pl.DataFrame, law: SupplyLaw, uniform: Array) -> Start:
    """Where the paths start and how supply behaves; a series without history fills towards the stock it has now."""
    stock = part["stock_units"].cast(pl.Float64).to_numpy()
    high, reserve = _high(part)
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


def _high(part: pl.DataFrame) -> tuple[Array, Array]:
    """Stock with silent holders at their usual units, and the reserve."""
    filled = part.select(
        high=pl.max_horizontal(pl.coalesce("stock_units_high", "stock_units"), "stock_units"),
        reserve=pl.col("reserve_units").fill_null(0.0),
    )
    high, reserve = (filled[name].cast(pl.Float64).to_numpy() for name in ("high", "reserve"))
    return high, reserve


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
