"""Backtest on a simulated nation: probability of running out in the country, from the deliveries alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from medsupply.errors import ForecastError
from medsupply.forecast.backtest import seasons
from medsupply.forecast.backtest.deliveries import Nation, read_nation
from medsupply.forecast.calendar import Array
from medsupply.forecast.country import Scene, simulate_country
from medsupply.forecast.history import Told, notices_at, packages_at, told_by_day
from medsupply.forecast.resupply import learn_laws
from medsupply.forecast.workers import Progress
from medsupply.tables.forecast import HORIZON_DAYS

WINDOW, FLOOR_DAYS = 84, 7
THIRTEEN_WEEKS = 91
PATHS = 500


def nation(
    data: Path,
    origins: Sequence[date],
    horizon: int,
    out: Path,
    *,
    workers: int = 1,
    progress: Progress | None = None,
) -> Path:
    """P(stock at or below 7 days of trailing demand within 14, 28, 56, 84 and 91 days, up to ``horizon``).

    ``data``: a folder written by ``medsupply simulate``; its ``truth`` is not read. An origin reads what was counted or
    published by that day. Writes ``run_out.parquet`` (series_id, origin, horizon, p) and returns its path.
    Raises InputError where the folder holds no nation, ForecastError for an origin of which no stock is known.
    """
    read = read_nation(data)
    told = told_by_day(read.past)
    days = [day for day in (*HORIZON_DAYS, THIRTEEN_WEEKS) if day <= horizon]
    frames = []
    ordered = sorted(set(origins))
    for number, origin in enumerate(ordered, 1):
        frames.append(predict(read, told, origin, days or [horizon]))
        if progress:
            progress(number, len(ordered))
    out.mkdir(parents=True, exist_ok=True)
    path = out / "run_out.parquet"
    pl.concat(frames).sort("series_id", "origin", "horizon").write_parquet(path)
    return path


def predict(read: Nation, told: Told, origin: date, horizons: Sequence[int], n_paths: int = PATHS) -> pl.DataFrame:
    """series_id, origin, horizon, p of every medicine, from what was known on ``origin``."""
    past = read.past
    at = (origin - past.days[0]).days
    if not WINDOW <= at < len(past.days) or np.isnan(past.stock[at]).all():
        raise ForecastError(f"No stock is known of {origin}", "Choose an origin inside the nation's days")
    packages = packages_at(past, told, at)
    laws = learn_laws(packages, notices_at(past, at))
    ahead = seasons.outlook(past, at, read.purchases, read.atc, max(horizons))
    place = {name: k for k, name in enumerate(past.names)}

    def demand(name: str, paths: int) -> Array:
        return seasons.paths(ahead, place[name], paths, np.random.default_rng([at, place[name]]))

    none = np.zeros(len(place))
    floor = FLOOR_DAYS * past.by_series(past.demand[at + 1 - WINDOW : at + 1].mean(axis=0))
    scene = Scene(past.names, floor, none, none)
    found = simulate_country(packages, laws, scene, demand, n_paths=n_paths, days=max(horizons), seed=str(origin))
    out = past.by_series(np.nan_to_num(past.stock[at])) <= floor
    frames = [
        pl.DataFrame({"series_id": past.names, "p": np.where(out, 1.0, (found.first <= days).mean(axis=1))}).select(
            "series_id", origin=pl.lit(origin), horizon=pl.lit(days, dtype=pl.Int64), p="p"
        )
        for days in horizons
    ]
    return pl.concat(frames)


__all__ = ["nation", "predict", "read_nation"]
