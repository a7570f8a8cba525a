"""The stock of many medicines and areas, day by day on many paths at once: arrays of series x paths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medsupply.forecast.calendar import Array
from medsupply.forecast.supply import LONGEST

NEVER = np.inf
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Start:
    """State and law of n series. ``stock`` [n, paths] units; all else [n] but ``hazard`` [n, weeks], ``answer`` [n, 2].

    ``now``: stock as reported. ``weekly``: demand a week. ``upstream``: stock of the wholesalers, nan where not known.
    """

    stock: Array
    now: Array
    reserve: Array
    floor: Array
    weekly: Array
    hazard: Array
    answer: Array
    noise: Array
    elapsed: Array
    usual: Array
    upstream: Array


@dataclass(frozen=True)
class Draws:
    """What is drawn beforehand, [days, n, paths]: demand a day, announced units that arrive, share of supply stopped
    by notices, uniform and normal numbers for usual resupply, and the share of an order that wholesalers can give."""

    demand: Array
    announced: Array
    stopped: Array
    chance: Array
    noise: Array
    available: Array | None


@dataclass(frozen=True)
class Outcome:
    """First day at or below the floor [n, paths] (inf: not in the horizon), three ways; ``unmet`` [n, days]: mean
    demand without stock up to each day; ``available`` [days, n, paths]: share of what areas ask for that is there."""

    first_day: Array
    first_day_announced: Array
    first_day_with_reserve: Array
    unmet: Array
    available: Array


@dataclass
class _Run:
    """One way of counting: stock [n, paths], the first day at the floor, days since the last receipt."""

    stock: Array
    reserve: Array
    usual: bool
    first: Array
    since: Array


def simulate(start: Start, draws: Draws) -> Outcome:
    """Run the paths: receipts in the morning, demand over the day, stock counted in the evening."""
    days, n, paths = draws.demand.shape
    hazard = 1 - (1 - np.clip(start.hazard, 0, 0.999)) ** (1 / 7)
    none = np.zeros(n)
    runs = [_run(start, none, True), _run(start, none, False), _run(start, start.reserve, True)]
    outstanding = np.cumsum(draws.announced[::-1], axis=0)[::-1]
    unmet, available = np.zeros((n, days)), np.ones((days, n, paths))
    upstream = np.repeat(start.upstream[:, None], paths, axis=1)
    for day in range(days):
        for run in runs:
            received = draws.announced[day]
            if run.usual:
                received = received + _usual(run, start, hazard, draws, day, outstanding[day])
            if run is runs[0]:
                upstream, available[day] = _wholesale(upstream, received, draws.demand[day])
            short = _step(run, start.floor, received, draws.demand[day], day + 1)
            if run is runs[0]:
                unmet[:, day] = short.mean(axis=1)
    first = [_from_now(run, start) for run in runs]
    return Outcome(first[0], first[1], first[2], np.cumsum(unmet, axis=1), available)


def _run(start: Start, reserve: Array, usual: bool) -> _Run:
    since = np.repeat(7.0 * start.elapsed[:, None], start.stock.shape[1], axis=1)
    return _Run(start.stock + reserve[:, None], reserve, usual, np.full(start.stock.shape, NEVER), since)


def _usual(run: _Run, start: Start, hazard: Array, draws: Draws, day: int, on_order: Array) -> Array:
    """Units of usual resupply today: comes by its hazard, fills stock and what is on order towards the usual level."""
    weeks = np.minimum(run.since // 7, LONGEST - 1).astype(np.int64)
    comes = draws.chance[day] < np.take_along_axis(hazard, weeks, axis=1)
    comes &= draws.stopped[day] < 1
    missing = start.usual[:, None] - (run.stock - run.reserve[:, None]) - on_order
    size = start.answer[:, :1] * start.weekly[:, None] + start.answer[:, 1:] * missing
    size += (start.noise * start.weekly)[:, None] * draws.noise[day]
    size = np.where(comes, np.maximum(size, 0.0), 0.0) * (1 - draws.stopped[day])
    run.since = np.where(comes, 0.0, run.since + 1)
    return np.asarray(size if draws.available is None else size * draws.available[day])


def _wholesale(upstream: Array, received: Array, demand: Array) -> tuple[Array, Array]:
    """Stock of the wholesalers after the day (nan: not known), and the share of the areas' demand it could fill."""
    there = upstream + received
    share = np.clip(there / np.maximum(demand, 1e-9), 0, 1)
    return np.maximum(there - demand, 0.0), np.where(np.isnan(share), 1.0, share)


def _step(run: _Run, floor: Array, received: Array, demand: Array, day: int) -> Array:
    """Take the day's demand after its receipts; note the first day at or below the floor. Returns what was not met."""
    left = run.stock + received - demand
    run.stock = np.maximum(left, 0.0)
    run.first = np.where((run.first == NEVER) & (run.stock <= floor[:, None]), float(day), run.first)
    return np.maximum(-left, 0.0)


def _from_now(run: _Run, start: Start) -> Array:
    """First days [n, paths]; at or below the floor as reported today: today on every path."""
    return np.where((start.now + run.reserve <= start.floor)[:, None], 0.0, run.first)
