"""The stock of many medicines, or areas without wholesalers, day by day on many paths: arrays of series x paths."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from medsupply.forecast.calendar import Array, Mask
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
    by notices, uniform and normal numbers for usual resupply."""

    demand: Array
    announced: Array
    stopped: Array
    chance: Array
    noise: Array


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
    """One way of counting: stock [n, paths], the first day at the floor, days since the last receipt as places in the
    flat daily hazard."""

    stock: Array
    reserve: Array
    first: Array
    since: Ints


@dataclass(frozen=True)
class _World:
    """What all ways of counting of the same series share. ``hazard`` [n, days since the last receipt]: daily, with the
    place of each series' first day; ``outstanding`` [days, n, paths]: announced from each day on."""

    start: Start
    draws: Draws
    hazard: Array
    begins: Ints
    outstanding: Array


def simulate(start: Start, draws: Draws) -> Outcome:
    """Run the paths: receipts in the morning, demand over the day, stock counted in the evening."""
    days, n, paths = draws.demand.shape
    world, rich = _world(start, draws), np.flatnonzero(start.reserve > 0)
    usual, told = _run(world, np.zeros(n)), _run(world, np.zeros(n))
    unmet, available = np.zeros((n, days)), np.ones((days, n, paths))
    upstream = np.repeat(start.upstream[:, None], paths, axis=1)
    for day in range(days):
        received = _received(usual, world, day)
        upstream, available[day] = wholesale(upstream, received, draws.demand[day])
        unmet[:, day] = _step(usual, start.floor, received, draws.demand[day], day + 1).mean(axis=1)
        _step(told, start.floor, draws.announced[day], draws.demand[day], day + 1)
    first = _from_now(usual, start)
    with_reserve = first.copy()
    if len(rich):  # without a reserve both ways are one
        with_reserve[rich] = _with_reserve(_world(_start_of(start, rich), _draws_of(draws, rich)))
    return Outcome(first, _from_now(told, start), with_reserve, np.cumsum(unmet, axis=1), available)


def _with_reserve(world: _World) -> Array:
    run = _run(world, world.start.reserve)
    for day in range(len(world.draws.demand)):
        _step(run, world.start.floor, _received(run, world, day), world.draws.demand[day], day + 1)
    return _from_now(run, world.start)


def _start_of(start: Start, series: Ints) -> Start:
    return Start(**{one.name: getattr(start, one.name)[series] for one in fields(Start)})


def _draws_of(draws: Draws, series: Ints) -> Draws:
    return Draws(
        draws.demand[:, series],
        draws.announced[:, series],
        draws.stopped[:, series],
        draws.chance[:, series],
        draws.noise[:, series],
    )


def _world(start: Start, draws: Draws) -> _World:
    daily = 1 - (1 - np.clip(start.hazard, 0, 0.999)) ** (1 / 7)
    begins = (np.arange(len(daily)) * LONGEST * 7)[:, None]
    outstanding = np.cumsum(draws.announced[::-1], axis=0)[::-1]
    return _World(start, draws, np.repeat(daily, 7, axis=1), begins, outstanding)


def _run(world: _World, reserve: Array) -> _Run:
    start = world.start
    days = np.minimum(7 * start.elapsed.astype(np.int64), LONGEST * 7 - 1)
    since = np.repeat(world.begins + days[:, None], start.stock.shape[1], axis=1)
    return _Run(start.stock + reserve[:, None], reserve, np.full(start.stock.shape, NEVER), since)


def _received(run: _Run, world: _World, day: int) -> Array:
    """Units that come today: what was announced, and usual resupply that comes by its hazard and fills stock and what
    is on order towards the usual level."""
    start, draws = world.start, world.draws
    comes = draws.chance[day] < world.hazard.take(run.since)
    comes &= draws.stopped[day] < 1
    run.since = np.where(comes, world.begins, np.minimum(run.since + 1, world.begins + LONGEST * 7 - 1))
    j, b = np.nonzero(comes)
    missing = start.usual[j] - (run.stock[j, b] - run.reserve[j]) - world.outstanding[day, j, b]
    size = start.answer[j, 0] * start.weekly[j] + start.answer[j, 1] * missing
    size += (start.noise * start.weekly)[j] * draws.noise[day, j, b]
    size = np.maximum(size, 0.0) * (1 - draws.stopped[day, j, b])
    received: Array = draws.announced[day].copy()
    received[j, b] += size
    return received


def wholesale(upstream: Array, received: Array, demand: Array) -> tuple[Array, Array]:
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
    return np.where(at_floor(start.now + run.reserve, start.floor)[:, None], 0.0, run.first)


def at_floor(stock: Array, floor: Array) -> Mask:
    """At or below the floor; a sum of figures of twelve digits may lie above it in the last bit only."""
    return np.asarray(stock <= floor * (1 + 1e-12))
