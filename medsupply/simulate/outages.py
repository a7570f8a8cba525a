"""Outages of suppliers and the notices about them: drawn by hazard, notices late as in reality, ends that slip."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from medsupply.simulate.laws import Laws
from medsupply.simulate.products import Package
from medsupply.simulate.world import Outage

# Planted at the end of the demo: (medicine, days before the last day at which it starts, days it lasts).
PLANTED: tuple[tuple[int, int, int], ...] = ((4, 105, 170), (12, 96, 150), (21, 62, 120), (7, 58, 130), (28, 34, 90))


def draw(
    laws: Laws, packages: list[Package], first: date, last: date, random: np.random.Generator, *, planted: bool
) -> list[Outage]:
    """Outages of every package between ``first`` and ``last``; with ``planted`` some more near the end."""
    found = [
        _outage(laws, package.number, first + timedelta(days=int(start)), _length(laws, random), random)
        for package in packages
        for start in _starts(laws, (last - first).days, random)
    ]
    if planted:
        for medicine, before, length in PLANTED:
            for package in packages:
                if package.medicine == medicine:
                    found.append(_outage(laws, package.number, last - timedelta(days=before), length, random))
    return sorted(found, key=lambda one: (one.start, one.package))


def _starts(laws: Laws, days: int, random: np.random.Generator) -> list[int]:
    count = int(random.poisson(laws.outage_rate * days / 365.25))
    return sorted(int(day) for day in random.integers(0, max(days, 1), count))


def _length(laws: Laws, random: np.random.Generator) -> int:
    return max(7, round(laws.outage_median * float(np.exp(random.normal(0.0, laws.outage_sd)))))


def _outage(laws: Laws, package: int, start: date, length: int, random: np.random.Generator) -> Outage:
    end = start + timedelta(days=length)
    if random.random() < laws.notice_missing_share:
        return Outage(package, start, end, None, ())
    early = random.random() < laws.notice_early_share
    lag = -int(random.integers(60, 90)) if early else round(laws.notice_lag_median * float(random.normal(-0.4, 1.2)))
    published = start + timedelta(days=lag)
    slip = max(0, round(laws.end_slip_median * float(random.normal(1.0, 1.0))))
    revisions = [(published, max(end - timedelta(days=slip), start + timedelta(days=3)))]
    if slip > 5:
        noticed = max(published + timedelta(days=7), end - timedelta(days=slip + 5))
        revisions.append((noticed, end))
    return Outage(package, start, end, published, tuple(revisions))
