"""What was announced of a package and has not come: when the next receipt is due, and how late such receipts are.

An announcement is waited for until something comes on its day or after. How late that was is learnt from all packages,
announcements not yet kept censored, up to the day on which a notice begins: what a notice holds back is its own law.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medsupply.forecast.calendar import Array, Mask
from medsupply.forecast.due import EARLY_DAYS, STILL_DAYS, following
from medsupply.forecast.lateness import DEFAULT_LATE, draw_arrival
from medsupply.forecast.waits import Ints, Packages, product_limit

KNOWN = 4


@dataclass(frozen=True)
class Promises:
    """``due`` [packages, KNOWN]: days to the announced receipts, the next one first (nan: none, or overdue); ``late``
    [POINTS]: days, equally likely; ``share``: of receipts, those that had been announced."""

    due: Array
    late: Array
    share: float

    def only(self, columns: Ints) -> Promises:
        """The promises of some packages."""
        return Promises(self.due[columns], self.late, self.share)

    def next(self, uniform: Array) -> Array:
        """Days to each receipt [packages, KNOWN, paths] from uniform numbers [packages, paths]: what holds up the next
        one holds up those after it. inf where nothing is announced."""
        due = self.due[:, :, None]
        late = draw_arrival(self.late, np.where(np.isnan(due), 0.0, -due), uniform[:, None, :])
        found = np.maximum(np.ceil(due + late), 1.0)
        return np.asarray(np.sort(np.where(np.isnan(found), np.inf, found), axis=1))


def learn_promises(packages: Packages, came: Mask) -> Promises:
    """The promises at the last day of ``packages``; ``came`` [days, packages]: receipts."""
    days = len(came)
    told, package = np.nonzero(~np.isnan(packages.promised))
    due = told + packages.promised[told, package]
    begins = np.maximum(due - EARLY_DAYS, told + 1).astype(np.int64)
    arrival = following(came)[np.minimum(begins, days), package]
    cut = following(~np.isnan(packages.to_end))[np.minimum(told, days), package]
    kept = arrival < days
    waits = np.where(kept, arrival, days - 1) - due
    waits, kept = np.where(cut <= arrival, cut - due, waits), kept & (cut > arrival)
    counted = ~np.isnan(packages.inflow)[np.minimum(begins, days - 1), package]
    looked = (begins < days) & counted & (kept | (waits > 0)) & (cut > begins)
    late = product_limit(waits[looked], kept[looked], DEFAULT_LATE)
    # A notice holds back what was announced before it.
    held = np.cumsum(~np.isnan(packages.to_end), axis=0)
    due = due + held[-1, package] - held[told, package]
    open_now = (arrival >= days) & (due > days - 1 - STILL_DAYS)
    # One that is overdue is doubted as any absence is: by the law of waits.
    overdue = np.isin(package, package[open_now & (due < days - 1)])
    ahead = np.where(open_now & ~overdue, due - (days - 1), np.nan)
    nearest = np.full((came.shape[1], KNOWN), np.nan)
    for one in np.unique(package[~np.isnan(ahead)]):
        mine = np.sort(ahead[(package == one) & ~np.isnan(ahead)])[:KNOWN]
        nearest[one, : len(mine)] = mine
    return Promises(nearest, late, _share(came, told, package, arrival))


def _share(came: Mask, told: Ints, package: Ints, arrival: Ints) -> float:
    """Share of receipts that had been announced; of none, half."""
    foretold = np.zeros(came.shape, dtype=bool)
    kept = arrival < len(came)
    foretold[arrival[kept], package[kept]] = True
    receipts = int(came.sum())
    return float(((came & foretold).sum() + 1.0) / (receipts + 2.0))
