"""The country's stock of medicines, package by package, on many paths: demand, resupply, outages, substitutes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri  # type: ignore[import-untyped]

from medsupply.forecast.calendar import Array
from medsupply.forecast.outages import draw, onsets
from medsupply.forecast.resupply import LEAST_NEED, SPREAD, Laws, Orders
from medsupply.forecast.simulate import wholesale
from medsupply.forecast.waits import AFTER, AFTER_END, LONG_WAIT, UNDER, Ints, Packages

SUBSTITUTED, SHELF_DAYS = 0.75, 14.0
SHARED = 0.2
CATCH_UP = 2.0
CHUNK_CELLS = 40_000
Paths = Callable[[str, int], Array]
Numbers = npt.NDArray[np.uint64] | np.uint64


@dataclass(frozen=True)
class Scene:
    """Where series start: ``names``; ``floor``, ``reserve`` [series] units; ``missing`` [series]: units that silent
    holders usually keep: a path begins between ``known`` [series] (units of those heard of; None: all that packages
    stand at) and as much with them. What a silent holder once counted is not there any more. ``delay``: days by which
    orders come later. ``moved`` [packages]: units put into (or taken out of) stock today, which no order knows of;
    None: none. ``upstream`` [series]: units at the wholesalers (nan: not known), which feed the areas on the first
    ``fed`` paths; ``silent`` [series]: what silent ones of them usually keep beside.
    """

    names: tuple[str, ...]
    floor: Array
    reserve: Array
    missing: Array
    delay: float = 0.0
    moved: Array | None = None
    known: Array | None = None
    upstream: Array | None = None
    silent: Array | None = None
    fed: int = 0


@dataclass(frozen=True)
class CountryOutcome:
    """First day at or below the floor [series, paths] (inf: none), without and with the reserve; ``unmet`` [series,
    days]: mean demand without stock up to each day; ``available`` [series, days, fed paths]: share of what areas ask
    for that wholesalers can give."""

    first: Array
    first_with_reserve: Array
    unmet: Array
    available: Array


def simulate_country(
    packages: Packages, laws: Laws, scene: Scene, demand: Paths, *, n_paths: int, days: int, seed: str
) -> CountryOutcome:
    """Paths of every series. ``demand(name, paths)`` gives units a day [paths, days]. A series' futures depend on its
    name and ``seed`` alone: not on the other series, and a change of the scene leaves the draws as they were."""
    parts = [
        _Chunk(packages, laws, scene, series, n_paths, days, seed).run(demand)
        for series in _chunks(packages.medicine, n_paths)
    ]
    return CountryOutcome(
        np.concatenate([one.first for one in parts]),
        np.concatenate([one.first_with_reserve for one in parts]),
        np.concatenate([one.unmet for one in parts]),
        np.concatenate([one.available for one in parts]),
    )


def _chunks(medicine: Ints, n_paths: int) -> list[Ints]:
    """Series to run together, so that a day's arrays stay in the processor's cache."""
    counts = np.bincount(medicine)
    room = max(CHUNK_CELLS // n_paths, 1)
    label = (np.cumsum(counts) - 1) // room
    return [np.flatnonzero(label == one) for one in np.unique(label)]


class _Chunk:
    """Some series: columns of packages side by side; arrays are [packages, paths]."""

    start: Array
    stop: Array

    def __init__(
        self, packages: Packages, laws: Laws, scene: Scene, series: Ints, n_paths: int, days: int, seed: str
    ) -> None:
        columns = np.flatnonzero(np.isin(packages.medicine, series))
        self.packages, self.laws = packages.only(columns), laws.only(columns)
        self.names = [scene.names[k] for k in series]
        self.floor, self.reserve, self.missing = (one[series] for one in (scene.floor, scene.reserve, scene.missing))
        self.known = None if scene.known is None else scene.known[series]
        self.delay, self.n_paths, self.days = scene.delay, n_paths, days
        self.moved = np.zeros(len(columns)) if scene.moved is None else scene.moved[columns]
        self.medicine = self.packages.medicine
        self.first_of = np.flatnonzero(np.diff(self.medicine, prepend=-1))
        self.salt = np.array([_number(f"{name}|{seed}") for name in self.names], dtype=np.uint64)
        place = (np.arange(len(self.medicine)) - self.first_of[self.medicine]).astype(np.uint64)
        self.salts = self.salt[self.medicine] + (place + np.uint64(1)) * np.uint64(0xA0761D6478BD642F)
        self.draws = np.zeros((len(self.medicine), n_paths), dtype=np.uint64)
        self.upstream = self._upstream(scene, series)
        self._begin()

    def _upstream(self, scene: Scene, series: Ints) -> Array:
        """Stock of the wholesalers [series, fed paths]: between that of those heard of and as much with what silent
        ones usually keep, as the country's own."""
        heard, silent = (
            np.full(len(series), other) if given is None else given[series]
            for given, other in ((scene.upstream, np.nan), (scene.silent, 0.0))
        )
        return np.asarray(heard[:, None] + silent[:, None] * self._uniform(6, self.salt)[:, : scene.fed])

    def _uniform(self, what: int, of: npt.NDArray[np.uint64] | None = None) -> Array:
        """Uniform numbers [rows, paths], one for each row of ``of`` (the packages)."""
        rows = self.salts if of is None else of
        return uniform(rows[:, None], np.arange(self.n_paths, dtype=np.uint64)[None, :], np.uint64(what))

    def _begin(self) -> None:
        """First receipts, outages to come, stock."""
        waits, shape = self.laws.waits, (len(self.medicine), self.n_paths)
        shared = self._uniform(1, self.salt)[self.medicine] < SHARED
        chance = np.where(shared, self._uniform(2, self.salt)[self.medicine], self._uniform(3))
        self.under = ((waits.state >= UNDER) & (waits.state < AFTER))[:, None] & np.ones(shape, dtype=bool)
        promises = self.laws.promises
        self.announced = promises.next(chance)
        self.announced = np.where(self.under[:, None, :], np.inf, self.announced)
        self.told = self._uniform(30) < promises.share
        wait, first = waits.now(chance), self.announced[:, 0]
        self.promised = np.isfinite(first) & (self.told | (first <= wait))
        self.next = np.where(self.promised, first, wait)
        self._outages()
        foretold = ~np.isnan(self.packages.start)[:, None]
        held = foretold & (self.next >= self.start) & (self.next <= self.stop)
        self.next = np.where(held, self.stop + 1 + np.floor(7 * self._uniform(4)), self.next)
        # How long the first receipt is waited for knows of outages that begin before it.
        before = ~foretold & (self.start <= self.next)
        self.start, self.stop = np.where(before, np.inf, self.start), np.where(before, -np.inf, self.stop)
        gap = waits.gap[:, None]
        # What is announced is no outage before its day; what it is late counts from there.
        late = gap + np.maximum(self.next - np.nan_to_num(promises.due[:, :1]), 0.0)
        whole = np.where(self.promised, late, waits.elapsed[:, None] + self.next)
        recent = ((waits.resumed > -self.laws.resupply.lead) & ~self.under[:, 0])[:, None]
        long = np.where(whole > LONG_WAIT * gap, np.maximum(whole - 1.5 * gap, 0.0), 0.0)
        self.out = np.where(recent, waits.out[:, None], long)
        self.resume = np.where(recent, waits.resumed[:, None], self.next - AFTER_END)
        self.orders = Orders(self.packages.demand, self.laws.resupply.position, self.moved, self.n_paths, self.days)
        self.noise = 0.5 * (self.laws.resupply.spread * self.laws.usual)[:, None] * ndtri(self._uniform(5))
        self.stock = self._opening()

    def _opening(self) -> Array:
        """Stock now; what silent holders may have is spread as the rest is, or as demand where there is none."""
        now = self._heard(np.nan_to_num(self.packages.stock[-1])) + self.moved
        total = np.add.reduceat(now, self.first_of)[self.medicine]
        share = np.where(total > 0, now / np.maximum(total, 1e-9), self._shares())
        more = (share * self.missing[self.medicine])[:, None] * self._uniform(6, self.salt)[self.medicine]
        return np.asarray(now[:, None] + more)

    def _heard(self, stock: Array) -> Array:
        """``stock`` without what silent holders counted when they were heard of."""
        if self.known is None:
            return stock
        total = np.add.reduceat(stock, self.first_of)
        heard = np.clip(self.known / np.maximum(total, 1e-9), 0.0, 1.0)
        return np.asarray(stock * np.where(self.missing > 0, heard, 1.0)[self.medicine])

    def _shares(self) -> Array:
        usual = self.laws.usual
        return np.asarray(usual / np.maximum(np.add.reduceat(usual, self.first_of)[self.medicine], 1e-9))

    def _outages(self) -> None:
        """First and last day of the next outage after what is going on: told already, or drawn."""
        law = self.laws.outages
        own, common = self._uniform(7), self._uniform(8, self.salt)[self.medicine]
        start, stop = onsets(law, own, common, self._uniform(9), self._uniform(10), self.days)
        told = ~np.isnan(self.packages.start)
        first = np.where(told, self.packages.start, 0.0)[:, None]
        stated = np.where(told, self.packages.length, 0.0)[:, None] + draw(law.slip, self._uniform(11))
        length = np.where(np.isfinite(stated), stated, draw(law.length, self._uniform(10)))
        self.start = np.where(told[:, None], first, start)
        self.stop = np.where(told[:, None], first + np.maximum(length, 0.0), stop)

    def run(self, demand: Paths) -> CountryOutcome:
        wanted = np.stack([demand(name, self.n_paths) for name in self.names])
        share = self._shares()[:, None]
        first, with_reserve = (np.full((len(self.names), self.n_paths), np.inf) for _ in range(2))
        unmet = np.zeros((len(self.names), self.days))
        fed = self.upstream.shape[1]
        available = np.ones((len(self.names), self.days, fed), dtype="float32")
        for day in range(1, self.days + 1):
            before = self.stock[:, :fed].copy()
            self._receive(day)
            asked = wanted[:, :, day - 1]
            available[:, day - 1] = self._wholesale(self.stock[:, :fed] - before, asked[:, :fed])
            given = self._dispense(share * asked[self.medicine], day)
            unmet[:, day - 1] = np.maximum(asked - np.add.reduceat(given, self.first_of, axis=0), 0.0).mean(axis=1)
            left = np.add.reduceat(self.stock, self.first_of, axis=0)
            first[(left <= self.floor[:, None]) & np.isinf(first)] = day
            low = left + self.reserve[:, None] <= self.floor[:, None]
            with_reserve[low & np.isinf(with_reserve)] = day
        return CountryOutcome(first, with_reserve, np.cumsum(unmet, axis=1), available)

    def _wholesale(self, received: Array, asked: Array) -> Array:
        """Share of what areas ask for today that wholesalers can give after what was ``received`` [packages, fed]."""
        if not asked.size:
            return asked
        self.upstream, share = wholesale(self.upstream, np.add.reduceat(received, self.first_of, axis=0), asked)
        return share

    def _receive(self, day: int) -> None:
        """What is due today comes: stock is filled with what was ordered a lead time ago; the next receipt is drawn."""
        lead = self.laws.resupply.lead
        idle = self.orders.everywhere(day - 1, lead) - self.stock < LEAST_NEED * self.orders.mean
        self.next += idle & ~self.under & ~self.promised
        p, b = np.nonzero(self.next <= day)
        if not len(p):
            return
        self.under[p, b] = self.promised[p, b] = False
        since = day - self.resume[p, b]
        level = self.noise[p, b]
        for one in SPREAD:
            held = self.delay + np.where(since < one * lead, self.out[p, b], 0.0)
            level = level + self.orders.of(p, b, day - 1, np.round(one * lead + held).astype(np.int64)) / len(SPREAD)
        self.stock[p, b] += np.maximum(level - self.stock[p, b], 0.0)
        self._schedule(p, b, day, since)

    def _schedule(self, p: Ints, b: Ints, day: int, since: Array) -> None:
        waits = self.laws.waits
        chance = uniform(self.salts[p], b.astype(np.uint64), np.uint64(100) + self.draws[p, b])
        other = uniform(self.salts[p], b.astype(np.uint64), np.uint64(10_000) + self.draws[p, b])
        self.draws[p, b] += np.uint64(1)
        mean = np.maximum(np.maximum(self.orders.mean[p, b], waits.believed[p]), 1e-9)
        # What a what-if moved or delays changes stock, not when receipts are due.
        room = (self.stock[p, b] - self.moved[p]) / mean - waits.due[p] + self.delay
        wait = day + waits.again(p, chance, room)
        catching_up = (since < CATCH_UP * self.laws.resupply.lead) & (self.out[p, b] > 0)
        later = np.where(catching_up, np.minimum(wait, day + 1 + np.floor(3 * other)), wait)
        ahead = self.announced[p, :, b]
        promise = np.where(ahead > day, ahead, np.inf).min(axis=1)
        self.promised[p, b] = np.isfinite(promise) & (self.told[p, b] | (promise <= later)) & ~catching_up
        later = np.where(self.promised[p, b], promise, later)
        held = (later >= self.start[p, b]) & (later <= self.stop[p, b])
        later = np.where(held, self.stop[p, b] + 1 + np.floor(7 * other), later)
        long = later - day > LONG_WAIT * waits.gap[p]
        self.out[p, b] = np.where(long, later - day - waits.gap[p], self.out[p, b])
        self.resume[p, b] = np.where(long, later, self.resume[p, b])
        self.next[p, b] = later

    def _dispense(self, wanted: Array, day: int) -> Array:
        """Each package serves its own demand, and most of what another could not serve, as far as shelves go: those
        hold so many days of what the package usually serves."""
        given = np.minimum(self.stock, wanted)
        lacking = np.add.reduceat(wanted - given, self.first_of, axis=0)
        if lacking.any():
            shelf = np.clip(SHELF_DAYS * self.orders.mean - given, 0.0, self.stock - given)
            there = np.add.reduceat(shelf, self.first_of, axis=0)
            share = np.minimum(1.0, SUBSTITUTED * lacking / np.maximum(there, 1e-9))
            given = given + shelf * share[self.medicine]
        self.stock = self.stock - given
        self.orders.see(day, given)
        return np.asarray(given)


def uniform(row: Numbers, path: Numbers, what: Numbers) -> Array:
    """Uniform numbers in (0, 1) that depend on row, path and purpose alone (splitmix64 of their sum)."""
    with np.errstate(over="ignore"):
        x = row + path * np.uint64(0x9E3779B97F4A7C15) + what * np.uint64(0xD1B54A32D192ED03)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x = x ^ (x >> np.uint64(31))
    return np.asarray(((x >> np.uint64(11)).astype(float) + 0.5) / 2.0**53)


def _number(text: str) -> int:
    return int.from_bytes(sha256(text.encode()).digest()[:8], "big")
