"""Usual resupply of a package: it orders up to a level of stock and orders, and orders come after a lead time.

What has been ordered by a day is the largest level + use of the days before it: no order is taken back. So what is on
its way need not be reported: it follows from what was used, and an outage holds it back without undoing it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medsupply.forecast.calendar import Array, Mask
from medsupply.forecast.outages import Notices, Outages, begun, learn_outages
from medsupply.forecast.promises import Promises, learn_promises
from medsupply.forecast.waits import Ints, Packages, Waits, learn_waits, receipts, usual_demand, waiting

MEMORY, BEGIN_DAYS = 1 / 35, 56
DEFAULT_LEAD, LEAD_CHOICES, LEAST_RECEIPTS = 18, tuple(range(8, 41, 4)), 200
# Orders come around the lead time: shares of it that are equally likely (deliveries late and early).
SPREAD = (0.7, 0.87, 1.0, 1.17, 1.6)
DEFAULT_POSITION, POSITION_PULL, FILL_QUANTILE = 86.0, 4, 0.85
LEAST_NEED = 0.5


@dataclass(frozen=True)
class Resupply:
    """``position`` [packages]: days of demand that stock and orders are filled to; ``lead``: days from order to
    receipt; ``spread`` [packages]: how far single receipts lay from the level, in days of demand."""

    position: Array
    lead: int
    spread: Array


@dataclass(frozen=True)
class Laws:
    """All that history says of the packages: ``usual`` [packages] units a day, resupply, waits, outages told of, and
    supply that was announced."""

    usual: Array
    resupply: Resupply
    waits: Waits
    outages: Outages
    promises: Promises

    def only(self, columns: Ints) -> Laws:
        """The laws of some packages."""
        kept = Resupply(self.resupply.position[columns], self.resupply.lead, self.resupply.spread[columns])
        waits, promises = self.waits.only(columns), self.promises.only(columns)
        return Laws(self.usual[columns], kept, waits, self.outages, promises)


def learn_laws(packages: Packages, notices: Notices) -> Laws:
    """The laws at the last day of ``packages``, learnt on all of them together."""
    usual = usual_demand(packages)
    resupply, believed = learn_resupply(packages, usual), in_stock(packages, usual)
    seen = waiting(packages, usual, needed(packages, resupply), believed)
    outages = learn_outages(notices, packages.medicine, len(packages.demand))
    promises = learn_promises(packages, seen.receipt)
    waits = learn_waits(packages, seen, believed, begun(notices, seen.receipt.shape))
    return Laws(usual, resupply, waits, outages, promises)


def smoothed(demand: Array) -> Array:
    """What is believed of demand on each day [days, packages]: the newest day weighs MEMORY."""
    found = np.empty_like(demand)
    found[0] = demand[:BEGIN_DAYS].mean(axis=0)
    for day in range(1, len(demand)):
        found[day] = found[day - 1] + MEMORY * (demand[day] - found[day - 1])
    return found


def in_stock(packages: Packages, usual: Array) -> Array:
    """``smoothed`` over the days on which the package was not about to be out: what is dispensed then is no demand."""
    found = np.empty_like(packages.demand)
    there = np.nan_to_num(packages.stock, nan=np.inf) > 4 * usual
    found[0] = usual
    for day in range(1, len(found)):
        step = np.where(there[day], MEMORY, 0.0)
        found[day] = found[day - 1] + step * (packages.demand[day] - found[day - 1])
    return found


def lagged(values: Array, lag: int) -> Array:
    """``values`` [days, ..] of ``lag`` days before; nan at first."""
    first = np.full((min(lag, len(values)), *values.shape[1:]), np.nan)
    return np.concatenate([first, values[: max(len(values) - lag, 0)]])


def learn_resupply(packages: Packages, usual: Array) -> Resupply:
    """The level that receipts fill to: stock after a receipt and what was dispensed in the lead time before it."""
    came = receipts(packages, usual)
    lead = _lead(packages, usual, came)
    reach, normal = _reach(packages, usual, came, lead)
    pooled = float(np.median(reach[normal])) if normal.sum() >= 20 else DEFAULT_POSITION
    own = [np.append(reach[normal[:, j], j], np.full(POSITION_PULL, pooled)) for j in range(len(usual))]
    position = np.array([np.quantile(one, FILL_QUANTILE) for one in own])
    spread = np.array([np.std(np.clip(one - np.median(one), -20, 20)) for one in own])
    return Resupply(position, lead, spread)


def _reach(packages: Packages, usual: Array, came: Mask, lead: int) -> tuple[Array, Mask]:
    """Stock and what was used in the lead time before, in days of the demand believed in then; where it can be told."""
    total, believed = np.cumsum(packages.demand, axis=0), lagged(smoothed(packages.demand), lead)
    reach = (packages.stock + total - lagged(total, lead)) / np.maximum(believed, 1e-9)
    return reach, came & ~np.isnan(reach) & (believed > 0.4 * usual)


def _lead(packages: Packages, usual: Array, came: Mask) -> int:
    """The lead time with which receipts fill to the steadiest level."""
    found = {}
    for lead in LEAD_CHOICES:
        reach, normal = _reach(packages, usual, came, lead)
        if normal.sum() < LEAST_RECEIPTS:
            return DEFAULT_LEAD
        level = np.array([np.median(reach[normal[:, j], j]) if normal[:, j].any() else 0.0 for j in range(len(usual))])
        found[lead] = float(np.median(np.abs(reach - level)[normal]))
    return min(found, key=lambda lead: found[lead])


def needed(packages: Packages, law: Resupply) -> Mask:
    """Where something that was ordered more than a lead time ago is not there [days, packages]."""
    total, believed = np.cumsum(packages.demand, axis=0), smoothed(packages.demand)
    ordered = np.maximum.accumulate(law.position * believed + total, axis=0)
    missing = lagged(ordered, law.lead) - total - packages.stock
    return np.asarray(~np.isnan(packages.stock) & (np.isnan(missing) | (missing > LEAST_NEED * believed)))


class Orders:
    """What was ordered up to each day, before the origin the same on all paths: [packages, paths] by day.

    ``moved`` [packages]: what was put into stock today without an order, or taken out of it."""

    def __init__(self, demand: Array, position: Array, moved: Array, n_paths: int, days: int) -> None:
        used, believed = np.cumsum(demand, axis=0) - demand.sum(axis=0), smoothed(demand)
        self.position = position[:, None]
        self.before = np.maximum.accumulate(position * believed + used, axis=0) + moved
        self.mean = np.repeat(believed[-1][:, None], n_paths, axis=1)
        self.used = np.zeros((demand.shape[1], n_paths))
        self.after = np.zeros((days + 1, demand.shape[1], n_paths), dtype=np.float32)
        self.after[0] = self.before[-1][:, None]

    def see(self, day: int, given: Array) -> None:
        """Take in what was dispensed on ``day`` (1 is the first after the origin)."""
        self.mean = self.mean + MEMORY * (given - self.mean)
        self.used = self.used + given
        self.after[day] = np.maximum(self.after[day - 1], self.position * self.mean + self.used)

    def everywhere(self, day: int, lag: int) -> Array:
        """Stock after all has come that was ordered ``lag`` days before the end of ``day``."""
        when = day - lag
        level = self.after[when] if when >= 0 else self.before[max(len(self.before) - 1 + when, 0)][:, None]
        return np.asarray(level - self.used)

    def of(self, p: Ints, b: Ints, day: int, lag: Ints) -> Array:
        """The same of package ``p`` on path ``b``, each with its own lag."""
        when = day - lag
        old = np.clip(len(self.before) - 1 + when, 0, len(self.before) - 1)
        return np.where(when >= 0, self.after[np.maximum(when, 0), p, b], self.before[old, p]) - self.used[p, b]
