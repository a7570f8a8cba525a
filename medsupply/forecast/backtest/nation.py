"""Backtest on a simulated nation: probability of running out in the country, from the deliveries alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from medsupply.errors import ForecastError
from medsupply.forecast.backtest import seasons
from medsupply.forecast.backtest.deliveries import Nation, announced, read_nation
from medsupply.forecast.calendar import Array, Mask
from medsupply.forecast.calibration import correction, logit
from medsupply.forecast.country import Scene, simulate_country
from medsupply.forecast.history import Told, notices_at, packages_at, told_by_day
from medsupply.forecast.resupply import learn_laws
from medsupply.forecast.waits import FREE, UNDER
from medsupply.forecast.workers import Progress
from medsupply.tables.forecast import HORIZON_DAYS

WINDOW, FLOOR_DAYS = 84, 7
THIRTEEN_WEEKS = 91
PATHS, PAST_PATHS, PAST_EVERY = 500, 250, 14
LONG_RATIO = 5


@dataclass(frozen=True)
class Raw:
    """One origin before correction: ``p`` [series, horizons], ``known`` [series, features], ``out`` [series]: at or
    below the floor already, ``floor`` [series] units."""

    p: Array
    known: Array
    out: Mask
    floor: Array


@dataclass
class Forecaster:
    """Forecasts of a nation; what past origins would have said is kept from one origin to the next."""

    read: Nation
    horizons: tuple[int, ...]
    told: Told = field(init=False)
    kept: dict[int, Raw] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.told = told_by_day(self.read.past)

    def at(self, origin: date) -> pl.DataFrame:
        """series_id, origin, horizon, p of every medicine, from what was known on ``origin``.

        Raises ForecastError for an origin of which no stock is known.
        """
        past = self.read.past
        at = (origin - past.days[0]).days
        if not WINDOW <= at < len(past.days) or np.isnan(past.stock[at]).all():
            raise ForecastError(f"No stock is known of {origin}", "Choose an origin inside the nation's days")
        raw = raw_at(self.read, self.told, at, self.horizons, PATHS)
        frames = []
        for k, days in enumerate(self.horizons):
            p = np.where(raw.out, 1.0, self._corrected(at, k, days, raw))
            frame = pl.DataFrame({"series_id": past.names, "p": p})
            frames.append(frame.select("series_id", origin=pl.lit(origin), horizon=pl.lit(days, dtype=pl.Int64), p="p"))
        return pl.concat(frames)

    def _corrected(self, at: int, k: int, days: int, raw: Raw) -> Array:
        """p of one horizon, set right by past origins whose horizon was over at ``at``."""
        past, rows, events, origins = self.read.past, [], [], []
        first = int(np.argmax(~np.isnan(past.stock[:, 0]))) + WINDOW
        for before in range(first, at - days + 1, PAST_EVERY):
            one = self._raw(before)
            stock = past.by_series(past.stock[before + 1 : before + 1 + days])
            hit = np.asarray((stock <= one.floor[None, :]).any(axis=0))
            rows.append(_features(one, k)[~one.out])
            events.append(hit[~one.out])
            origins.append(np.full(int((~one.out).sum()), before))
        learnt = correction(np.concatenate(rows), np.concatenate(events), np.concatenate(origins)) if rows else None
        return raw.p[:, k] if learnt is None else learnt(_features(raw, k))

    def _raw(self, at: int) -> Raw:
        if at not in self.kept:
            self.kept[at] = raw_at(self.read, self.told, at, self.horizons, PAST_PATHS)
        return self.kept[at]


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
    days = tuple(day for day in (*HORIZON_DAYS, THIRTEEN_WEEKS) if day <= horizon) or (horizon,)
    forecaster = Forecaster(with_announced(data), days)
    frames = []
    ordered = sorted(set(origins))
    for number, origin in enumerate(ordered, 1):
        frames.append(forecaster.at(origin))
        if progress:
            progress(number, len(ordered))
    out.mkdir(parents=True, exist_ok=True)
    path = out / "run_out.parquet"
    pl.concat(frames).sort("series_id", "origin", "horizon").write_parquet(path)
    return path


def with_announced(data: Path) -> Nation:
    """The deliveries of a nation, announced supply too."""
    read = read_nation(data)
    return replace(read, past=replace(read.past, promised=announced(data).select("vnr", "announced_on", "expected_on")))


def raw_at(read: Nation, told: Told, at: int, horizons: Sequence[int], n_paths: int) -> Raw:
    """What the simulation says at the end of day number ``at``, from what was known then."""
    past = read.past
    packages = packages_at(past, told, at)
    laws = learn_laws(packages, notices_at(past, at))
    ahead = seasons.outlook(past, at, read.purchases, read.atc, max(horizons))
    place = {name: k for k, name in enumerate(past.names)}

    def demand(name: str, paths: int) -> Array:
        return seasons.paths(ahead, place[name], paths, np.random.default_rng([at, place[name]]))

    none = np.zeros(len(place))
    trailing = past.by_series(past.demand[at + 1 - WINDOW : at + 1].mean(axis=0))
    floor, now = FLOOR_DAYS * trailing, past.by_series(np.nan_to_num(past.stock[at]))
    scene = Scene(past.names, floor, none, none)
    found = simulate_country(
        packages, laws, scene, demand, n_paths=n_paths, days=max(horizons), seed=str(past.days[at])
    )
    share = laws.usual / np.maximum(past.by_series(laws.usual), 1e-9)[past.medicine]
    absent = (laws.waits.state < UNDER) & ((laws.waits.state - FREE) % 20 >= LONG_RATIO)
    days = np.clip((now - floor) / np.maximum(ahead.daily.mean(axis=1), 1e-9), 0.0, 400.0)
    known = np.column_stack(
        [np.log1p(days), past.by_series(share * ~np.isnan(packages.to_end[-1])), past.by_series(share * absent)]
    )
    p = np.stack([(found.first <= day).mean(axis=1) for day in horizons], axis=1)
    return Raw(p, known, now <= floor, floor)


def _features(raw: Raw, k: int) -> Array:
    return np.column_stack([logit(raw.p[:, k]), raw.known])


__all__ = ["Forecaster", "nation", "raw_at", "with_announced"]
