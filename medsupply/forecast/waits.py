"""How long a package waits for its next receipt, learnt from all waits seen before, unfinished ones too.

A wait is looked at on many past days (landmarks) and put into a state by what was known on that day: no notice (by how
long the receipt has been absent, in usual intervals), under a notice (by the days to its stated end), or a notice that
has just ended. What was left to wait from each state, by the product limit, is the law for a package in that state now.
So absence is doubted as much as it proved doubtful before, and a stated end as much as ends slipped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medsupply.forecast.calendar import Array, Mask

Ints = npt.NDArray[np.int64]
NEVER = 400.0
POINTS = 400
RECEIPT_DAYS, LEAST_RECEIPTS = 1.5, 3
DEFAULT_GAP, LONGEST_GAP = 10.0, 91.0
GAP_EDGES = (12.0, 28.0)
RATIO_EDGES = (0.5, 1.0, 1.3, 1.6, 2.0, 2.5, 3.0, 4.0, 6.0)
END_EDGES = (0.0, 14.0, 42.0)
SINCE_EDGES = (7.0, 14.0)
SINCE_END_DAYS = 45
MOST_SAMPLES = 4000
PRIOR_WEIGHT = 30
OUTAGE_MEAN = 60.0
EVERY = 3
LONG_WAIT = 2.5
FREE, UNDER, OPEN, AFTER, FRESH = 0, 100, 200, 300, 400


@dataclass(frozen=True)
class Packages:
    """Daily history of packages [days, packages] up to the origin, in units; packages of one medicine side by side.

    ``medicine`` [packages]: number of its series. ``to_end`` [days, packages]: days to the stated end of the notice in
    force as known on the day (inf: open, nan: none); ``foretold`` [days, packages]: one that starts later was told;
    ``granted`` [days, packages]: packs came by a permit to take from a reserve. ``start`` [packages]: days until a
    foretold notice starts (nan: none), ``length`` [packages]: its stated days. ``promised`` [days, packages]: days
    to the stated arrival of what was announced on the day (nan: nothing).
    """

    medicine: Ints
    stock: Array
    demand: Array
    to_end: Array
    foretold: Mask
    granted: Mask
    start: Array
    length: Array
    promised: Array

    @property
    def inflow(self) -> Array:
        """Net inflow by the identity: what stock rose by and what was dispensed; nan on the first day."""
        change = np.diff(self.stock, axis=0, prepend=np.nan)
        return np.asarray(change + self.demand)

    def only(self, columns: Ints) -> Packages:
        """Some packages; their series are numbered anew."""
        _, medicine = np.unique(self.medicine[columns], return_inverse=True)
        return Packages(
            medicine.astype(np.int64),
            self.stock[:, columns],
            self.demand[:, columns],
            self.to_end[:, columns],
            self.foretold[:, columns],
            self.granted[:, columns],
            self.start[columns],
            self.length[columns],
            self.promised[:, columns],
        )


@dataclass(frozen=True)
class Waits:
    """``gap`` [packages]: usual days between receipts. ``state`` [packages]: of now. ``laws``: state -> POINTS equally
    likely waits; in usual intervals for FREE and FRESH, in days beyond the stated end for UNDER, else in days."""

    gap: Array
    elapsed: Array
    resumed: Array
    out: Array
    state: Ints
    to_end: Array
    laws: Mapping[int, Array]
    fresh: Ints

    def only(self, columns: Ints) -> Waits:
        """The waits of some packages."""
        return Waits(
            self.gap[columns],
            self.elapsed[columns],
            self.resumed[columns],
            self.out[columns],
            self.state[columns],
            self.to_end[columns],
            self.laws,
            self.fresh[columns],
        )

    def now(self, uniform: Array) -> Array:
        """Days to the next receipt [packages, paths] from uniform numbers; at least 1."""
        return np.maximum(np.ceil(self._drawn(self.state, uniform)), 1.0)

    def again(self, package: Ints, uniform: Array, pace: Array) -> Array:
        """Days to the receipt after one that just came, for ``package`` [n] and ``uniform`` [n].

        ``pace`` [n]: usual demand / demand now; where receipts are seldom, they come as stock is used up."""
        table = np.stack([self.laws[int(state)] for state in self.fresh_states])
        row = np.searchsorted(self.fresh_states, self.fresh[package])
        at = np.minimum((uniform * POINTS).astype(np.int64), POINTS - 1)
        ratio = table[row, at]
        paced = (self.gap[package] > GAP_EDGES[0]) & (ratio < 2.0)
        ratio = np.where(paced, ratio * np.clip(pace, 0.3, 1.5), ratio)
        return np.asarray(np.maximum(np.ceil(ratio * self.gap[package]), 1.0))

    @property
    def fresh_states(self) -> Ints:
        return np.asarray(np.unique(self.fresh), dtype=np.int64)

    def _drawn(self, state: Ints, uniform: Array) -> Array:
        at = np.minimum((uniform * POINTS).astype(np.int64), POINTS - 1)
        table = np.stack([self.laws[int(one)] for one in state])
        drawn = np.take_along_axis(table, at, axis=1)
        drawn = np.where((state < UNDER)[:, None], drawn * self.gap[:, None], drawn)
        end = np.where((state >= UNDER) & (state < OPEN), np.maximum(self.to_end, 0.0), 0.0)
        return np.asarray(drawn + end[:, None])


def receipts(packages: Packages, usual: Array) -> Mask:
    """Days [days, packages] on which supply came. What comes while a notice has long to go is a permit or a rest."""
    came = packages.inflow > RECEIPT_DAYS * np.maximum(usual, 1e-9)
    return np.asarray(came & ~(np.nan_to_num(packages.to_end, nan=0.0) > 14) & ~packages.granted)


def usual_demand(packages: Packages, window: int = 182) -> Array:
    """Mean demand a day [packages] over the last days on which the package was not about to be out."""
    stock, demand = packages.stock[-window:], packages.demand[-window:]
    plain = np.nanmean(demand, axis=0)
    there = np.nan_to_num(stock, nan=np.inf) > 4 * plain
    days = there.sum(axis=0)
    inside = np.where(there, demand, 0.0).sum(axis=0) / np.maximum(days, 1)
    return np.asarray(np.where(days >= 28, inside, plain))


def learn_waits(packages: Packages, usual: Array, needed: Mask) -> Waits:
    """The law of waits at the last day of ``packages``; ``usual`` [packages]: units a day; ``needed`` [days, packages]:
    something ordered long enough ago is not there. Days on which nothing is needed do not count as waiting."""
    receipt = receipts(packages, usual)
    last, following = _around(receipt)
    needed = needed & ~np.isnan(packages.stock)
    clock = np.cumsum(needed, axis=0).astype(float)
    days = np.arange(len(receipt))[:, None].astype(float)
    elapsed = np.where(last >= 0, clock - np.take_along_axis(clock, np.maximum(last, 0), axis=0), -1.0)
    gap = _usual_gap(receipt, clock)
    klass = np.searchsorted(GAP_EDGES, gap)
    state = _states(packages.to_end, elapsed, gap, klass)
    came = following >= 0
    left = np.where(came, np.take_along_axis(clock, np.maximum(following, 0), axis=0), clock[-1:] + 1) - clock
    by_day = np.where(came, following, len(receipt)) - days
    left = np.where((state >= UNDER) & (state < AFTER), by_day, np.maximum(left, 0.5))
    laws = _laws(np.where(needed & ~packages.foretold, state, -1), left, came, gap, packages.to_end)
    laws |= _fresh_laws(receipt, clock, packages.to_end, klass, gap)
    now = np.where(state[-1] < 0, FREE + 20 * klass, state[-1])
    end = np.nan_to_num(packages.to_end[-1], nan=0.0, posinf=0.0)
    resumed, out = _resumed(receipt, clock, gap)
    told, length = _told_end(packages.to_end)
    resumed, out = np.where(told > -SINCE_END_DAYS, told, resumed), np.where(told > -SINCE_END_DAYS, length, out)
    return Waits(gap, np.maximum(elapsed[-1], 0), resumed, out, now, end, laws, FRESH + klass)


def _around(receipt: Mask) -> tuple[Ints, Ints]:
    """Day of the last receipt up to each day, and of the next one after it; -1 for none."""
    days = np.arange(len(receipt))[:, None]
    last = np.maximum.accumulate(np.where(receipt, days, -1), axis=0)
    after = np.where(receipt, days, len(receipt))
    later = np.minimum.accumulate(after[::-1], axis=0)[::-1]
    following = np.concatenate([later[1:], np.full((1, receipt.shape[1]), len(receipt))])
    return last, np.where(following < len(receipt), following, -1).astype(np.int64)


def _usual_gap(receipt: Mask, clock: Array) -> Array:
    """Median days of waiting between receipts [packages], drawn to the median of all where there are few."""
    own = [np.diff(clock[receipt[:, j], j]) for j in range(receipt.shape[1])]
    every = np.concatenate(own) if own else np.empty(0)
    pooled = float(np.median(every)) if len(every) else DEFAULT_GAP
    found = [float(np.median(np.append(one, [pooled]))) if len(one) >= LEAST_RECEIPTS else pooled for one in own]
    return np.asarray(np.clip(found, 1.0, LONGEST_GAP))


def _resumed(receipt: Mask, clock: Array, gap: Array) -> tuple[Array, Array]:
    """Days (0 or less) to the end of the last long wait of each package, and how much longer than usual it was."""
    resumed, out = np.full(len(gap), -1e4), np.zeros(len(gap))
    for j in range(len(gap)):
        at = np.flatnonzero(receipt[:, j])
        waits = np.diff(clock[at, j])
        long = np.flatnonzero(waits > LONG_WAIT * gap[j])
        if len(long):
            resumed[j] = at[long[-1] + 1] - (len(receipt) - 1)
            out[j] = waits[long[-1]] - gap[j]
    return resumed, out


def _told_end(to_end: Array) -> tuple[Array, Array]:
    """Days (0 or less) since the last notice ended, and how long it was in force; far back where one is in force."""
    under = ~np.isnan(to_end)
    days = np.arange(len(under))[:, None]
    last = np.maximum.accumulate(np.where(under, days, -10_000), axis=0)[-1]
    free = np.maximum.accumulate(np.where(~under & (days <= last[None, :]), days, -1), axis=0)[-1]
    ended = (last >= 0) & ~under[-1]
    return np.where(ended, last - (len(under) - 1), -1e4).astype(float), np.where(ended, last - free, 0).astype(float)


def _states(to_end: Array, elapsed: Array, gap: Array, klass: Ints) -> Ints:
    """State [days, packages]; -1 where nothing has come yet and no notice tells."""
    free = FREE + 20 * klass[None, :] + np.searchsorted(RATIO_EDGES, elapsed / gap[None, :], side="right")
    under = UNDER + np.searchsorted(END_EDGES, np.nan_to_num(to_end, nan=0.0, posinf=0.0), side="right")
    since = _since_notice(to_end)
    after = AFTER + np.searchsorted(SINCE_EDGES, since, side="right")
    state = np.where(elapsed >= 0, free, -1)
    state = np.where((since <= np.minimum(elapsed, SINCE_END_DAYS)) & (since >= 0), after, state)
    state = np.where(~np.isnan(to_end), under, state)
    return np.where(np.isposinf(to_end), OPEN, state)


def _since_notice(to_end: Array) -> Array:
    """Days since the last day under a notice [days, packages]; large where there was none."""
    days = np.arange(len(to_end))[:, None]
    last = np.maximum.accumulate(np.where(~np.isnan(to_end), days, -10_000), axis=0)
    return np.asarray(days - last, dtype=float)


def _laws(state: Ints, left: Array, came: Mask, gap: Array, to_end: Array) -> dict[int, Array]:
    """Every state's waits, of landmarks every third day; the states that nobody was in have their prior alone."""
    days = np.arange(len(state))
    picked = (len(state) - 1 - days) % EVERY == 0
    picked[-1] = False
    scaled = np.where(state < UNDER, left / gap[None, :], left)
    end = np.maximum(np.nan_to_num(to_end, nan=0.0, posinf=0.0), 0.0)
    scaled = np.where((state >= UNDER) & (state < OPEN), left - end, scaled)[picked]
    states, seen = state[picked], came[picked]
    laws = {}
    for one in all_states():
        mask = states == one
        laws[one] = product_limit(scaled[mask], seen[mask], _prior(one, gap))
    return laws


def all_states() -> list[int]:
    free = [FREE + 20 * k + r for k in range(len(GAP_EDGES) + 1) for r in range(len(RATIO_EDGES) + 1)]
    under = [UNDER + e for e in range(len(END_EDGES) + 1)]
    return [*free, *under, OPEN, *(AFTER + s for s in range(len(SINCE_EDGES) + 1))]


def _prior(state: int, gap: Array) -> Array:
    """What is believed of a state before anybody was in it: PRIOR_WEIGHT equally likely waits."""
    u = (np.arange(PRIOR_WEIGHT) + 0.5) / PRIOR_WEIGHT
    outage = -OUTAGE_MEAN * np.log(1 - u)
    if state >= AFTER:
        return -15.0 * np.log(1 - u)
    if state >= OPEN:
        return outage
    if state >= UNDER:
        return -5.0 + 25.0 * -np.log(1 - u)
    klass, ratio = divmod(state - FREE, 20)
    typical = (7.0, 18.0, 40.0)[klass]
    doubt = (0.02, 0.02, 0.05, 0.15, 0.4, 0.6, 0.75, 0.85, 0.9, 0.9)[ratio]
    normal = max(1.0 - (0.25, 0.75, 1.15, 1.45, 1.8, 2.2, 2.7, 3.5, 5.0, 7.0)[ratio], 0.3)
    share = round(PRIOR_WEIGHT * doubt)
    waits = np.full(PRIOR_WEIGHT, normal) * (0.5 + u)
    if share:
        waits[-share:] = outage[:: max(PRIOR_WEIGHT // share, 1)][:share] / typical
    return waits


def _fresh_laws(receipt: Mask, clock: Array, to_end: Array, klass: Ints, gap: Array) -> dict[int, Array]:
    """From one receipt to the next, in usual intervals, by class of the interval; censored where a notice begins."""
    waits: dict[int, list[Array]] = {k: [np.empty((0, 2))] for k in range(len(GAP_EDGES) + 1)}
    under = ~np.isnan(to_end)
    for j in range(receipt.shape[1]):
        at = np.flatnonzero(receipt[:, j])
        if not len(at):
            continue
        ends = np.append(at[1:], len(receipt) - 1)
        came = np.append(np.ones(len(at) - 1), 0.0)
        told = np.append(np.flatnonzero(under[:, j]), 10**6)
        cut = told[np.searchsorted(told, at)]
        came = np.where(cut < ends, 0.0, came)
        end = np.minimum(cut, ends)
        waits[int(klass[j])].append(np.column_stack([(clock[end, j] - clock[at, j]) / gap[j], came]))
    laws = {}
    for k, rows in waits.items():
        both = np.concatenate(rows)
        both = both[both[:, 0] > 0]
        laws[FRESH + k] = product_limit(both[:, 0], both[:, 1] > 0, _fresh_prior(k))
    return laws


def _fresh_prior(klass: int) -> Array:
    """Around the usual interval, now and then much longer without a word."""
    u = (np.arange(PRIOR_WEIGHT) + 0.5) / PRIOR_WEIGHT
    waits = 0.5 + u
    waits[-1] = 1.0 + OUTAGE_MEAN / (7.0, 18.0, 40.0)[klass]
    return waits


def product_limit(waits: Array, came: Mask, prior: Array) -> Array:
    """POINTS equally likely values of the product-limit law of ``waits``, unfinished ones (``came`` false) censored.

    ``prior``: values that are added as if they had been seen. Beyond the last seen the law ends with the mean excess.
    """
    if len(waits) > MOST_SAMPLES:
        pick = np.linspace(0, len(waits) - 1, MOST_SAMPLES).astype(np.int64)
        waits, came = waits[pick], came[pick]
    values = np.concatenate([waits, prior])
    seen = np.concatenate([came, np.ones(len(prior), dtype=bool)])
    order = np.lexsort((~seen, values))
    values, seen = values[order], seen[order]
    at_risk = np.arange(len(values), 0, -1)
    alive = np.cumprod(1 - seen / at_risk)
    levels = (np.arange(POINTS) + 0.5) / POINTS
    at = np.searchsorted(1 - alive, levels, side="left")
    return np.where(at < len(values), values[np.minimum(at, len(values) - 1)], NEVER)
