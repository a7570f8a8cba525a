"""How long a package waits for its next receipt, learnt from all waits seen before, unfinished ones too.

A wait is looked at on many past days (landmarks) and put into a state by what was known on that day: no notice (by how
long the receipt has been absent, in usual intervals), under a notice (by the days to its stated end), or a notice that
has just ended; each of them by how near a receipt is due (``due``) and by what is announced. What was left to wait from
each state, by the product limit, is the law for a package in that state now. So absence is doubted as much as it proved
doubtful before, and a stated end as much as ends slipped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from medsupply.forecast import due
from medsupply.forecast.calendar import Array, Mask

Ints = npt.NDArray[np.int64]
NEVER = 400.0
POINTS = 400
RECEIPT_DAYS, LEAST_RECEIPTS, FEW_RECEIPTS = 1.5, 3, 6
DEFAULT_GAP, LONGEST_GAP = 10.0, 91.0
RATIO_EDGES = (0.5, 1.0, 1.3, 1.6, 2.0, 2.5, 3.0, 4.0, 6.0)
END_EDGES = (0.0, 14.0, 42.0)
SINCE_EDGES = (7.0, 14.0)
SINCE_END_DAYS = 45
MOST_SAMPLES = 4000
PRIOR_WEIGHT = 30
LEAST_BELIEVED = 0.2
OUTAGE_MEAN, TYPICAL_GAPS = 60.0, (7.0, 18.0, 40.0)
EVERY, AFTER_END = 3, 4.0
LONG_WAIT = 2.5
FREE, UNDER, OPEN, AFTER, FRESH, ROOM = 0, 100, 200, 300, 400, 1000
"""States; laws are by ``state + ROOM * class``, the class of what is due and announced."""


@dataclass(frozen=True)
class Packages:
    """Daily history of packages [days, packages] up to the origin, in units; packages of one medicine side by side.

    ``medicine`` [packages]: number of its series. ``to_end`` [days, packages]: days to the stated end of the notice in
    force as known on the day (inf: open, nan: none); ``foretold`` [days, packages]: one that starts later was told;
    ``granted`` [days, packages]: units that may have come by a permit to take from a reserve. ``start`` [packages]:
    days until a foretold notice starts (nan: none), ``length`` [packages]: its stated days. ``promised`` [days,
    packages]: days to the stated arrival of what was announced on the day (nan: nothing).
    """

    medicine: Ints
    stock: Array
    demand: Array
    to_end: Array
    foretold: Mask
    granted: Array
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
    likely waits; in usual intervals for FREE and FRESH, in days beyond the stated end for UNDER, else in days.

    ``due`` [packages]: days of demand in stock when a receipt usually comes, ``room``: days above it now,
    ``announced``: what is announced now (``due.announced``), ``believed``: units a day that demand is believed to be.
    """

    gap: Array
    elapsed: Array
    resumed: Array
    out: Array
    state: Ints
    to_end: Array
    laws: Mapping[int, Array]
    due: Array
    room: Array
    announced: Ints
    believed: Array

    def only(self, columns: Ints) -> Waits:
        """The waits of some packages."""
        mine = {f.name: getattr(self, f.name)[columns] for f in fields(self) if f.name != "laws"}
        return Waits(**mine, laws=self.laws)

    def now(self, uniform: Array) -> Array:
        """Days to the next receipt [packages, paths] from uniform numbers; at least 1."""
        klass = due.rooms(self.room, self.gap) + due.ROOMS * self.announced
        table = np.stack([self.laws[int(one)] for one in self.state + ROOM * klass])
        drawn = np.take_along_axis(table, _point(uniform), axis=1)
        in_days = drawn * self.gap[:, None] + due.run_down(self.room, self.gap)[:, None]
        drawn = np.where((self.state < UNDER)[:, None], in_days, drawn)
        end = np.where((self.state >= UNDER) & (self.state < OPEN), np.maximum(self.to_end, 0.0), 0.0)
        return np.asarray(np.maximum(np.ceil(drawn + end[:, None]), 1.0))

    def again(self, package: Ints, uniform: Array, room: Array) -> Array:
        """Days to the receipt after one that just came, for ``package`` [n] and ``uniform`` [n]; ``room`` [n]: days of
        demand that stock lies above where a receipt is due."""
        kinds = range(len(due.GAP_EDGES) + 1)
        table = np.stack([self.laws[FRESH + 20 * k + ROOM * r] for k in kinds for r in range(due.ROOMS)])
        gap = self.gap[package]
        row = np.searchsorted(due.GAP_EDGES, gap) * due.ROOMS + due.rooms(room, gap)
        drawn = table[row, _point(uniform)] * gap + due.run_down(room, gap)
        return np.asarray(np.maximum(np.ceil(drawn), 1.0))


def _point(uniform: Array) -> Ints:
    return np.minimum((uniform * POINTS).astype(np.int64), POINTS - 1)


def receipts(packages: Packages, usual: Array) -> Mask:
    """Days [days, packages] on which supply came. What comes while a notice has long to go is a permit or a rest."""
    came = packages.inflow - packages.granted > RECEIPT_DAYS * np.maximum(usual, 1e-9)
    return np.asarray(came & ~(np.nan_to_num(packages.to_end, nan=0.0) > 14))


def usual_demand(packages: Packages, window: int = 182) -> Array:
    """Mean demand a day [packages] over the last days on which the package was not about to be out."""
    stock, demand = packages.stock[-window:], packages.demand[-window:]
    plain = np.nanmean(demand, axis=0)
    there = np.nan_to_num(stock, nan=np.inf) > 4 * plain
    days = there.sum(axis=0)
    inside = np.where(there, demand, 0.0).sum(axis=0) / np.maximum(days, 1)
    return np.asarray(np.where(days >= 28, inside, plain))


@dataclass(frozen=True)
class Waiting:
    """How packages have waited [days, packages]: ``receipt``; ``following``: day of the next one (-1: none);
    ``needed``: days that count as waiting; ``clock``: how many so far; ``elapsed``: since the last receipt (-1: none
    yet). ``gap``, ``due`` [packages] as ``Waits``; ``room`` [days, packages]."""

    receipt: Mask
    following: Ints
    needed: Mask
    clock: Array
    elapsed: Array
    gap: Array
    due: Array
    room: Array

    @property
    def klass(self) -> Ints:
        """Class of the usual interval [packages]; 0: receipts come often."""
        return np.searchsorted(due.GAP_EDGES, self.gap).astype(np.int64)


def waiting(packages: Packages, usual: Array, needed: Mask, believed: Array) -> Waiting:
    """``usual`` [packages]: units a day; ``needed`` [days, packages]: something ordered long enough ago is not there;
    ``believed`` [days, packages]: units a day that demand was believed to be. Days on which nothing is needed, or stock
    is far above where a receipt comes, do not count as waiting."""
    receipt = receipts(packages, usual)
    last, later = _around(receipt)
    needed = needed & ~np.isnan(packages.stock)
    clock, elapsed = _elapsed(needed, last)
    gap = _usual_gap(receipt, clock, packages.inflow / np.maximum(believed, 1e-9))
    cover = packages.stock / np.maximum(believed, LEAST_BELIEVED * usual + 1e-9)
    level = due.usual_due(receipt, cover, elapsed, gap)
    room = np.nan_to_num(cover - level)
    needed = needed & (room <= due.often(gap))
    return Waiting(receipt, later, needed, *_elapsed(needed, last), gap, level, room)


def _elapsed(needed: Mask, last: Ints) -> tuple[Array, Array]:
    clock = np.cumsum(needed, axis=0).astype(float)
    since = clock - np.take_along_axis(clock, np.maximum(last, 0), axis=0)
    return clock, np.where(last >= 0, since, -1.0)


def learn_waits(packages: Packages, seen: Waiting, believed: Array, begun: Mask) -> Waits:
    """The law of waits at the last day of ``packages``."""
    state = _states(packages.to_end, seen.elapsed, seen.gap, seen.klass)
    told = due.announced(packages.promised, seen.receipt)
    now = np.where(state[-1] < 0, FREE + 20 * seen.klass, state[-1])
    end = np.nan_to_num(packages.to_end[-1], nan=0.0, posinf=0.0)
    resumed, out = _resumed(seen.receipt, seen.clock, seen.gap)
    ended, length = _told_end(packages.to_end)
    resumed, out = np.where(ended > -SINCE_END_DAYS, ended, resumed), np.where(ended > -SINCE_END_DAYS, length, out)
    laws = _all_laws(packages, seen, state, told, begun)
    elapsed = np.maximum(seen.elapsed[-1], 0)
    return Waits(seen.gap, elapsed, resumed, out, now, end, laws, seen.due, seen.room[-1], told[-1], believed[-1])


def _all_laws(packages: Packages, seen: Waiting, state: Ints, told: Ints, begun: Mask) -> dict[int, Array]:
    """Laws of every state, of the waits that were left on each day; ``told`` [days, packages]: what was announced."""
    seldom, came, clock = seen.klass > 0, seen.following >= 0, seen.clock
    ahead = np.where(came, np.take_along_axis(clock, np.maximum(seen.following, 0), axis=0), clock[-1:] + 1)
    days = np.arange(len(state))[:, None].astype(float)
    by_day = np.where(came, seen.following, len(state)) - days
    # Where receipts are seldom they are due by stock: what counts is how much later than that they came.
    offset = np.where(seldom, due.run_down(seen.room, seen.gap), 0.0)
    left = np.where((state >= UNDER) & (state < AFTER), by_day, np.maximum(ahead - clock, 0.5))
    left = np.where((state < UNDER) & seldom, by_day - offset, left)
    known = (seen.needed | seldom) & ~packages.foretold & ~np.isnan(packages.stock)
    looked, room = np.where(known, state, -1), due.rooms(seen.room, seen.gap)
    until = _around(begun | ~np.isnan(packages.to_end))[1]
    cut = np.where(until >= 0, until - days, np.inf) - offset
    laws = _laws(looked, room + due.ROOMS * told, left, came, seen.gap, packages.to_end)
    # Of a wait that is looked at on many days a long one would count more often than a short one.
    begins = np.where(seldom & ~seen.receipt, -1, looked)
    return laws | _fresh_laws(begins, room, left, cut, came, seen.gap)


def _around(receipt: Mask) -> tuple[Ints, Ints]:
    """Day of the last receipt up to each day, and of the next one after it; -1 for none."""
    days = np.arange(len(receipt))[:, None]
    last = np.maximum.accumulate(np.where(receipt, days, -1), axis=0)
    after = np.where(receipt, days, len(receipt))
    later = np.minimum.accumulate(after[::-1], axis=0)[::-1]
    following = np.concatenate([later[1:], np.full((1, receipt.shape[1]), len(receipt))])
    return last, np.where(following < len(receipt), following, -1).astype(np.int64)


def _usual_gap(receipt: Mask, clock: Array, brought: Array) -> Array:
    """Median days of waiting between receipts [packages], and of demand that one brought (``brought`` [days,
    packages]), drawn to the median of all where there are few."""
    own = [np.diff(clock[receipt[:, j], j]) for j in range(receipt.shape[1])]
    every = np.concatenate(own) if own else np.empty(0)
    pooled = float(np.median(every)) if len(every) else DEFAULT_GAP
    found = []
    for j, one in enumerate(own):
        both = one if len(one) >= FEW_RECEIPTS else np.concatenate([one, brought[receipt[:, j], j]])
        found.append(float(np.median(np.append(both, [pooled]))) if len(both) >= LEAST_RECEIPTS else pooled)
    return np.asarray(np.clip(found, 1.0, LONGEST_GAP))


def _resumed(receipt: Mask, clock: Array, gap: Array) -> tuple[Array, Array]:
    """Days (0 or less) to the end of the last long wait of each package, and how much longer than usual it was."""
    resumed, out = np.full(len(gap), -1e4), np.zeros(len(gap))
    for j in range(len(gap)):
        at = np.flatnonzero(receipt[:, j])
        waits = np.diff(clock[at, j])
        long = np.flatnonzero(waits > LONG_WAIT * gap[j])
        if len(long):
            resumed[j] = at[long[-1] + 1] - (len(receipt) - 1) - AFTER_END
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


def _laws(state: Ints, klass: Ints, left: Array, came: Mask, gap: Array, to_end: Array) -> dict[int, Array]:
    """Every state's waits, of landmarks every third day, by class of what is due; the states that nobody was in have
    their prior alone."""
    days = np.arange(len(state))
    picked = (len(state) - 1 - days) % EVERY == 0
    picked[-1] = False
    scaled = np.where(state < UNDER, left / gap[None, :], left)
    end = np.maximum(np.nan_to_num(to_end, nan=0.0, posinf=0.0), 0.0)
    scaled = np.where((state >= UNDER) & (state < OPEN), left - end, scaled)[picked]
    states, seen, klass = state[picked], came[picked], klass[picked]
    laws: dict[int, Array] = {}
    for one in all_states():
        mine = states == one
        unit = TYPICAL_GAPS[(one - FREE) // 20] if one < UNDER else 1.0
        parts = _by_class(scaled[mine], seen[mine], klass[mine], _prior(one, gap), due.ROOMS * 3, OUTAGE_MEAN / unit)
        laws |= {one + ROOM * k: law for k, law in enumerate(parts)}
    return laws


def _by_class(waits: Array, came: Mask, klass: Ints, prior: Array, classes: int, tail: float) -> list[Array]:
    """The law of each class, drawn to that of all of them; where nobody was in it, that of all."""
    whole = product_limit(waits, came, prior, tail)
    believed = whole[POINTS // (2 * PRIOR_WEIGHT) :: POINTS // PRIOR_WEIGHT]
    mine = [klass == k for k in range(classes)]
    return [product_limit(waits[one], came[one], believed, tail) if one.any() else whole for one in mine]


def _fresh_laws(state: Ints, room: Ints, left: Array, cut: Array, came: Mask, gap: Array) -> dict[int, Array]:
    """From a receipt to the next, in usual intervals, by the room that was left; censored where a notice begins
    (``cut`` days later), since how often that is has its own law."""
    kept, scaled = came & ~(cut < left), np.minimum(left, cut) / gap[None, :]
    laws: dict[int, Array] = {}
    for k in range(len(due.GAP_EDGES) + 1):
        mine = state == FREE + 20 * k
        tail = OUTAGE_MEAN / TYPICAL_GAPS[k]
        parts = _by_class(scaled[mine], kept[mine], room[mine], _fresh_prior(k), due.ROOMS, tail)
        laws |= {FRESH + 20 * k + ROOM * r: law for r, law in enumerate(parts)}
    return laws


def _fresh_prior(klass: int) -> Array:
    """Around the usual interval, where receipts are seldom around the day they are due; now and then much longer."""
    u = (np.arange(PRIOR_WEIGHT) + 0.5) / PRIOR_WEIGHT
    waits = 0.5 + u if klass == 0 else u
    waits[-1] = 1.0 + OUTAGE_MEAN / TYPICAL_GAPS[klass]
    return waits


def all_states() -> list[int]:
    free = [FREE + 20 * k + r for k in range(len(due.GAP_EDGES) + 1) for r in range(len(RATIO_EDGES) + 1)]
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
    typical = TYPICAL_GAPS[klass]
    doubt = (0.02, 0.02, 0.05, 0.15, 0.4, 0.6, 0.75, 0.85, 0.9, 0.9)[ratio]
    normal = max(1.0 - (0.25, 0.75, 1.15, 1.45, 1.8, 2.2, 2.7, 3.5, 5.0, 7.0)[ratio], 0.3)
    share = round(PRIOR_WEIGHT * doubt)
    waits = np.full(PRIOR_WEIGHT, normal) * (0.5 + u)
    if share:
        waits[-share:] = outage[:: max(PRIOR_WEIGHT // share, 1)][:share] / typical
    return waits


def product_limit(waits: Array, came: Mask, prior: Array, tail: float = 0.0) -> Array:
    """POINTS equally likely values of the product-limit law of ``waits``, unfinished ones (``came`` false) censored.

    ``prior``: values that are added as if they had been seen. What lasts longer than any that ended goes on beyond the
    longest of all with a mean of ``tail`` (0: for ever, NEVER).
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
    beyond = (levels - (1 - alive[-1])) / max(alive[-1], 1e-12)
    longer = values[-1] - tail * np.log1p(-np.clip(beyond, 0.0, 1 - 1e-9)) if tail else np.full(POINTS, NEVER)
    return np.where(at < len(values), values[np.minimum(at, len(values) - 1)], longer)
