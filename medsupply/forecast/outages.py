"""Outages that companies tell of: how often one begins where none is told, how long it lasts, how far its end slips.

Learnt from the notices known at the origin. An outage that a family of companies never tells of is in the waits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medsupply.forecast.calendar import Array, Mask
from medsupply.forecast.waits import POINTS, product_limit

Ints = npt.NDArray[np.int64]
AHEAD_EDGES = (8, 22, 46, 92)
PRIOR_DAYS, PRIOR_RATE = 4000.0, 0.6 / 365.25
PRIOR_COMMON, COMMON_WEIGHT, TOGETHER_DAYS = 0.4, 10.0, 10
PRIOR_LENGTHS = 62.0 * np.exp(0.8 * np.array([-1.6, -1.0, -0.7, -0.4, -0.1, 0.1, 0.4, 0.7, 1.0, 1.6]))
PRIOR_SLIPS = np.array([0, 0, 0, 0, 0, 0, 10, 20, 35, 60.0])
JITTER_DAYS = 15


@dataclass(frozen=True)
class Notices:
    """Notices known at the origin, one row each: ``package`` number; days relative to the origin (not later than 0):
    ``told``, ``start`` (may lie ahead), ``stated`` (first stated end, inf: open), ``ended`` (nan: not yet)."""

    package: Ints
    told: Array
    start: Array
    stated: Array
    ended: Array


@dataclass(frozen=True)
class Outages:
    """``rate`` [4]: told outages that begin so many days ahead (up to AHEAD_EDGES) per day and package without a notice
    now; ``common``: share of them that hits the medicine's other packages too; ``length``, ``slip`` [POINTS]: days."""

    rate: Array
    common: float
    length: Array
    slip: Array


def begun(notices: Notices, shape: tuple[int, int]) -> Mask:
    """Days [days, packages], the last one the origin, on which an outage began that is told of by now."""
    day = shape[0] - 1 + notices.start
    some = (day >= 0) & (notices.start <= 0)
    found = np.zeros(shape, dtype=bool)
    found[day[some].astype(np.int64), notices.package[some]] = True
    return found


def learn_outages(notices: Notices, medicine: Ints, history_days: int) -> Outages:
    """The law of told outages from ``history_days`` days of lists; ``medicine`` [packages]: its number."""
    inside = notices.start > -history_days
    ended = ~np.isnan(notices.ended)
    begun = inside & (notices.start <= 0)
    length = np.where(ended, notices.ended, 0.0) - notices.start + 1
    stated = begun & np.isfinite(notices.stated) & (ended | (notices.stated < 0))
    first = np.where(stated, notices.stated, 0.0)
    slip = np.where(ended, notices.ended, 0.0) - first
    return Outages(
        _rate(notices, len(medicine), history_days),
        _common(notices, medicine, inside),
        product_limit(length[begun], ended[begun], PRIOR_LENGTHS),
        product_limit(slip[stated], ended[stated], PRIOR_SLIPS),
    )


def _rate(notices: Notices, packages: int, history_days: int) -> Array:
    """Onsets per package-day, by how far ahead of a day on which nothing was told of them."""
    found = np.empty(len(AHEAD_EDGES))
    low = 1
    for k, high in enumerate(AHEAD_EDGES):
        # A day t counts an onset at t + ahead where it was not told by t: told - start > -ahead.
        onsets = exposure = 0.0
        for ahead in range(low, high, max((high - low) // 4, 1)):
            unknown = (notices.told > notices.start - ahead) & (notices.start <= 0)
            unknown &= notices.start - ahead > -history_days
            onsets += float(unknown.sum())
            exposure += packages * max(history_days - ahead, 0)
        found[k] = (onsets + PRIOR_DAYS * PRIOR_RATE) / (exposure + PRIOR_DAYS)
        low = high
    return found


def _common(notices: Notices, medicine: Ints, inside: Mask) -> float:
    """Share of notices of a medicine with other packages whose siblings were told of within a few days."""
    size = np.bincount(medicine)
    together, of = 0.0, 0.0
    group = medicine[notices.package]
    for one in np.unique(group[inside]):
        mine = np.flatnonzero(inside & (group == one))
        others = size[one] - 1
        if not others:
            continue
        for n in mine:
            near = mine[np.abs(notices.told[mine] - notices.told[n]) <= TOGETHER_DAYS]
            together += (len(np.unique(notices.package[near])) - 1) / others
            of += 1
    return float((together + PRIOR_COMMON * COMMON_WEIGHT) / (of + COMMON_WEIGHT))


def draw(law: Array, uniform: Array) -> Array:
    return law[np.minimum((uniform * POINTS).astype(np.int64), POINTS - 1)]


def onsets(law: Outages, own: Array, common: Array, jitter: Array, length: Array, days: int) -> tuple[Array, Array]:
    """First day and last day [packages, paths] of the next outage that nothing is told of yet; inf and -inf: none.

    From uniform numbers [packages, paths]; ``common`` is the same for all packages of a medicine."""
    daily = np.repeat(law.rate, np.diff((1, *AHEAD_EDGES)))[:days]
    hazard = np.cumsum(-np.log1p(-np.minimum(daily, 0.5)))
    shared = _first(hazard * law.common, common) + np.floor(JITTER_DAYS * jitter)
    start = np.minimum(_first(hazard * (1 - law.common), own), shared)
    stop = np.where(np.isfinite(start), start + draw(law.length, length) - 1, -np.inf)
    return start, stop


def _first(hazard: Array, uniform: Array) -> Array:
    """Day of the first event from the cumulated hazard by day."""
    at = np.searchsorted(hazard, -np.log1p(-uniform))
    return np.where(at < len(hazard), at + 1.0, np.inf)
