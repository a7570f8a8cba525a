"""What was announced of a package and has not come: when the next receipt is due, and how late such receipts are.

An announcement is waited for until something comes on its day or after. How late that was is learnt from all packages,
announcements not yet kept censored, up to the day on which a notice begins: what a notice holds back is its own law.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medsupply.forecast.calendar import Array, Mask
from medsupply.forecast.lateness import DEFAULT_LATE, draw_arrival
from medsupply.forecast.waits import Packages, product_limit

EARLY_DAYS, STILL_EXPECTED_DAYS = 2, 90


@dataclass(frozen=True)
class Promises:
    """``due`` [packages]: days to the next announced receipt (nan: none, or overdue); ``late`` [POINTS]: days,
    equally likely."""

    due: Array
    late: Array

    def only(self, columns: npt.NDArray[np.int64]) -> Promises:
        """The promises of some packages."""
        return Promises(self.due[columns], self.late)

    def next(self, uniform: Array) -> Array:
        """Days to the receipt [packages, paths], nan where nothing is announced."""
        due = self.due[:, None]
        late = draw_arrival(self.late, np.where(np.isnan(due), 0.0, -due), uniform)
        return np.asarray(np.maximum(np.ceil(due + late), 1.0))


def learn_promises(packages: Packages, came: Mask) -> Promises:
    """The promises at the last day of ``packages``; ``came`` [days, packages]: receipts."""
    days = len(came)
    told, package = np.nonzero(~np.isnan(packages.promised))
    due = told + packages.promised[told, package]
    begins = np.maximum(due - EARLY_DAYS, told + 1).astype(np.int64)
    arrival = _following(came)[np.minimum(begins, days), package]
    cut = _following(~np.isnan(packages.to_end))[np.minimum(told, days), package]
    kept = arrival < days
    waits = np.where(kept, arrival, days - 1) - due
    waits, kept = np.where(cut <= arrival, cut - due, waits), kept & (cut > arrival)
    counted = ~np.isnan(packages.inflow)[np.minimum(begins, days - 1), package]
    looked = (begins < days) & counted & (kept | (waits > 0)) & (cut > begins)
    late = product_limit(waits[looked], kept[looked], DEFAULT_LATE)
    # A notice holds back what was announced before it.
    held = np.cumsum(~np.isnan(packages.to_end), axis=0)
    due = due + held[-1, package] - held[told, package]
    open_now = (arrival >= days) & (due > days - 1 - STILL_EXPECTED_DAYS)
    nearest = np.full(came.shape[1], np.inf)
    np.minimum.at(nearest, package[open_now], due[open_now] - (days - 1))
    # One that is overdue is doubted as any absence is: by the law of waits.
    return Promises(np.where(np.isfinite(nearest) & (nearest >= 0), nearest, np.nan), late)


def _following(mask: Mask) -> npt.NDArray[np.int64]:
    """First day at or after each day [days + 1, packages] on which ``mask`` holds; the number of days where none."""
    days = len(mask)
    at = np.where(mask, np.arange(days)[:, None], days)
    later = np.minimum.accumulate(at[::-1], axis=0)[::-1]
    return np.concatenate([later, np.full((1, mask.shape[1]), days)]).astype(np.int64)
