"""The stock of one medicine in one area, day by day on many paths at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medsupply.forecast.calendar import Array
from medsupply.forecast.inbound import Drawn
from medsupply.forecast.supply import LONGEST

NEVER = np.inf


@dataclass(frozen=True)
class Start:
    """State and law of one series. ``stock`` [paths] units; ``now`` the stock as reported; a week's demand in units."""

    stock: Array
    now: float
    reserve: float
    floor: float
    usual_weekly: float
    hazard: Array
    answer: Array
    noise: float
    elapsed: int
    usual: float
    upstream: float | None


@dataclass(frozen=True)
class Outcome:
    """First day at or below the floor [paths] (inf: not in the horizon), three ways; ``unmet`` [paths, days] summed up
    to each day; ``available`` [paths, days]: share of what areas ask for that the wholesalers can give."""

    first_day: Array
    first_day_announced: Array
    first_day_with_reserve: Array
    unmet: Array
    available: Array | None


@dataclass
class _Run:
    """One way of counting: stock [paths], the first day at the floor, weeks since the last receipt."""

    stock: Array
    floor: float
    usual: bool
    first: Array
    since: Array


def simulate(start: Start, demand: Array, supply: Drawn, available: Array | None, rng: np.random.Generator) -> Outcome:
    """Run the paths: ``demand`` [paths, days] units a day. ``available`` [paths, days] limits an area's receipts."""
    paths, days = demand.shape
    chance, noise = rng.random((paths, days)), rng.standard_normal((paths, days))
    daily_hazard = 1 - (1 - np.clip(start.hazard, 0, 0.999)) ** (1 / 7)
    runs = [_run(start, 0.0, True, paths), _run(start, 0.0, False, paths), _run(start, start.reserve, True, paths)]
    unmet = np.zeros((paths, days))
    upstream = np.full(paths, start.upstream) if start.upstream is not None else None
    given = np.ones((paths, days)) if upstream is not None else None
    lost = np.zeros(paths)
    for day in range(days):
        share = available[:, day] if available is not None else 1.0
        for run in runs:
            received = supply.announced[:, day].copy()
            if run.usual:
                on_order = supply.announced[:, day:].sum(axis=1)
                received += _usual(run, start, daily_hazard, chance[:, day], noise[:, day], on_order) * (
                    (1 - supply.notice_share[:, day]) * share
                )
            if run is runs[0] and upstream is not None and given is not None:
                given[:, day] = np.clip((upstream + received) / np.maximum(demand[:, day], 1e-9), 0, 1)
                upstream = np.maximum(upstream + received - demand[:, day], 0.0)
            short = _step(run, received, demand[:, day], day + 1)
            if run is runs[0]:
                lost = lost + short
                unmet[:, day] = lost
    first = [
        np.zeros(paths) if start.now + extra <= start.floor else run.first for run, extra in _with_extra(runs, start)
    ]
    return Outcome(first[0], first[1], first[2], unmet, given)


def _with_extra(runs: list[_Run], start: Start) -> list[tuple[_Run, float]]:
    return [(runs[0], 0.0), (runs[1], 0.0), (runs[2], start.reserve)]


def _run(start: Start, reserve: float, usual: bool, paths: int) -> _Run:
    since = np.full(paths, 7.0 * start.elapsed)
    return _Run(start.stock + reserve, start.floor, usual, np.full(paths, NEVER), since)


def _usual(run: _Run, start: Start, hazard: Array, chance: Array, noise: Array, on_order: Array) -> Array:
    """Units of usual resupply today: comes by its hazard, fills stock and what is on order towards the usual level."""
    weeks = np.minimum(run.since // 7, LONGEST - 1).astype(np.int64)
    comes = chance < hazard[weeks]
    missing = start.usual - run.stock - on_order
    size = start.answer[0] * start.usual_weekly + start.answer[1] * missing + start.noise * start.usual_weekly * noise
    size = np.where(comes, np.maximum(size, 0.0), 0.0)
    run.since = np.where(comes, 0.0, run.since + 1)
    return np.asarray(size)


def _step(run: _Run, received: Array, demand: Array, day: int) -> Array:
    """Take the day's demand after its receipts; note the first day at or below the floor. Returns what was not met."""
    before = run.stock + received
    short = np.maximum(demand - before, 0.0)
    run.stock = np.maximum(before - demand, 0.0)
    run.first = np.where((run.first == NEVER) & (run.stock <= run.floor), float(day), run.first)
    return np.asarray(short)
