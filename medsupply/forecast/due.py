"""When a package's next receipt is due: by how far its stock has come down, and by what was announced.

Who orders in batches orders when stock and orders fall to a level. So a receipt is due when stock has come down to
where it usually stands on the eve of one, not so many days after the last: after an outage two orders may come in a
row, and after a large one none for long. *Room* is the days of demand that stock lies above that.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from medsupply.forecast.calendar import Array, Mask

Ints = npt.NDArray[np.int64]
GAP_EDGES = (12.0, 28.0)
ROOM_EDGES = (-1.0, -0.3, 0.3, 0.8, 1.25)
ROOMS = len(ROOM_EDGES) + 1
DEFAULT_DUE, DUE_PULL = 45.0, 3
USUAL_WAIT = 1.6
OFTEN_GAPS, OFTEN_DAYS = 1.5, 7.0
EARLY_DAYS, STILL_DAYS = 2, 90
NOTHING, AHEAD, OVERDUE = 0, 1, 2


def usual_due(receipt: Mask, cover: Array, elapsed: Array, gap: Array) -> Array:
    """Days of demand in stock on the eve of a usual receipt [packages], drawn to the median of packages with intervals
    as long. ``cover``: stock in days of demand; ``elapsed``: days waited, all [days, packages]; ``gap`` [packages]."""
    first = np.full((1, cover.shape[1]), np.nan)
    before, waited = np.concatenate([first, cover[:-1]]), np.concatenate([first, elapsed[:-1]])
    usual = receipt & ~np.isnan(before) & (waited >= 0) & (waited < USUAL_WAIT * gap)
    klass = np.searchsorted(GAP_EDGES, gap)
    found = np.empty(len(gap))
    for k in np.unique(klass):
        like = before[usual & (klass == k)]
        pooled = np.full(DUE_PULL, np.median(like) if len(like) else DEFAULT_DUE)
        for j in np.flatnonzero(klass == k):
            found[j] = np.median(np.append(before[usual[:, j], j], pooled))
    return found


def run_down(room: Array, gap: Array) -> Array:
    """Days until stock has come down to where a receipt is near; receipts that come often are due long before that."""
    seldom = np.searchsorted(GAP_EDGES, gap) > 0
    return np.asarray(np.maximum(room - np.where(seldom, 0.0, often(gap)), 0.0))


def often(gap: Array) -> Array:
    """Room beyond which not even a package with frequent receipts gets one."""
    return np.maximum(OFTEN_GAPS * gap, OFTEN_DAYS)


def rooms(room: Array, gap: Array) -> Ints:
    """Number of the class of ``room``, in usual intervals."""
    return np.searchsorted(ROOM_EDGES, room / gap).astype(np.int64)


def announced(promised: Array, receipt: Mask) -> Ints:
    """What is announced and has not come [days, packages]: NOTHING, AHEAD or OVERDUE. ``promised`` [days, packages]:
    days to the stated arrival of what was announced on the day (nan: nothing)."""
    days = len(receipt)
    told, package = np.nonzero(~np.isnan(promised))
    due = (told + promised[told, package]).astype(np.int64)
    ends = following(receipt)[np.clip(np.maximum(due - EARLY_DAYS, told + 1), 0, days), package]
    ahead = _between(told, np.minimum(ends, due + 1), package, receipt.shape)
    late = _between(due + 1, np.minimum(ends, due + STILL_DAYS), package, receipt.shape)
    return np.where(late, OVERDUE, np.where(ahead, AHEAD, NOTHING)).astype(np.int64)


def _between(first: Ints, stop: Ints, package: Ints, shape: tuple[int, ...]) -> Mask:
    """Days [days, packages] inside any of the spans from ``first`` to before ``stop``."""
    steps = np.zeros((shape[0] + 1, shape[1]), dtype=np.int64)
    some = (stop > first) & (first < shape[0])
    np.add.at(steps, (first[some], package[some]), 1)
    np.add.at(steps, (np.minimum(stop[some], shape[0]), package[some]), -1)
    return np.asarray(np.cumsum(steps[:-1], axis=0) > 0)


def following(mask: Mask) -> Ints:
    """First day at or after each day [days + 1, packages] on which ``mask`` holds; the number of days where none."""
    days = len(mask)
    at = np.where(mask, np.arange(days)[:, None], days)
    later = np.minimum.accumulate(at[::-1], axis=0)[::-1]
    return np.concatenate([later, np.full((1, mask.shape[1]), days)]).astype(np.int64)
