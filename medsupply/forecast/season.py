"""The season that series share: one ridge for all, one for each group, one for each series, each drawn to the last.

Few years make a season of one series noisy; what several hundred medicines do in the same week is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solveh_banded  # type: ignore[import-untyped]

from medsupply.forecast.calendar import Array, Mask

STIFFNESS = {"W": 3e5, "M": 3e3}
GROUP_PULL = 10.0
# Weeks of one class share a season; months of any origin hardly do, and a season of twenty years ago has changed.
OWN_PULL = {"W": 12.0, "M": 0.1}
HALF_LIFE = {"W": 208, "M": 48}
ROUNDS = 2


@dataclass(frozen=True)
class Season:
    """Coefficients on centred features: ``everyone`` [k], ``groups`` name -> [k]; ``centre`` [k] was taken off."""

    everyone: Array
    groups: Mapping[str, Array]
    centre: Array

    def of(self, group: str) -> Array:
        return self.groups.get(group, self.everyone)


def smooth(values: Array, stiffness: float) -> Array:
    """Level of a series with gaps (nan): the Whittaker smoother, second differences weighted ``stiffness``."""
    n = len(values)
    known = ~np.isnan(values)
    if n < 4 or known.sum() < 3:
        return np.full(n, np.nanmean(values) if known.any() else 0.0)
    bands = np.zeros((3, n))
    bands[2] = 6.0
    bands[2, [0, -1]], bands[2, [1, -2]] = 1.0, 5.0
    bands[1] = -4.0
    bands[1, [1, -1]] = -2.0
    bands[0] = 1.0
    bands *= stiffness
    bands[2] += known + 1e-9
    return np.asarray(solveh_banded(bands, np.where(known, values, 0.0)), dtype=float)


def own_season(z: Array, x: Array, prior: Array, use: Mask, freq: str) -> tuple[Array, Array]:
    """Coefficients [k] of one series drawn to ``prior``, and its smooth level [n]. ``x`` [n, k] is centred.

    A period counts half as much as one four years later.
    """
    beta, stiffness, pull = prior, STIFFNESS[freq], OWN_PULL[freq] * np.eye(len(prior))
    usual = np.where(use, z, np.nan)  # a shock would lift the level around it
    level = smooth(usual - x @ beta, stiffness)
    ok = use & ~np.isnan(z)
    masked = x * (ok * 0.5 ** (np.arange(len(z))[::-1] / HALF_LIFE[freq]))[:, None]
    gram = masked.T @ x
    for _ in range(ROUNDS):
        detrended = np.where(ok, z - level, 0.0)
        beta = prior + np.linalg.solve(gram + pull, masked.T @ (detrended - x @ prior))
        level = smooth(usual - x @ beta, stiffness)
    return beta, level


def learn_season(z: Array, x: Array, groups: Sequence[str], use: Mask, freq: str) -> Season:
    """The shared season of ``z`` [n, series] (log1p, nan: gap) on ``x`` [n, k]; series weigh by their precision."""
    centre = x.mean(axis=0)
    centred = x - centre
    k = x.shape[1]
    everyone: Array = np.zeros(k)
    by_group: dict[str, Array] = dict.fromkeys(sorted(set(groups)), everyone)
    for _ in range(ROUNDS):
        prior = [by_group[group] for group in groups]
        parts = [_moments(z[:, j], centred, prior[j], use, STIFFNESS[freq]) for j in range(z.shape[1])]
        weights = [weight for weight, _, _ in parts]
        gram, right = _added(parts)
        everyone = np.asarray(np.linalg.solve(gram + 1e-6 * float(np.mean(weights)) * np.eye(k), right), dtype=float)
        by_group = {g: _group(g, groups, parts, everyone) for g in by_group}
    return Season(everyone, by_group, centre)


Moments = tuple[float, Array, Array]


def _moments(z: Array, x: Array, prior: Array, use: Mask, stiffness: float) -> Moments:
    """Precision of a series, and its weighted gram and right side around a smooth level."""
    level = smooth(np.where(use, z, np.nan) - x @ prior, stiffness)
    ok = use & ~np.isnan(z)
    detrended = np.where(ok, z - level, 0.0)
    masked = x * ok[:, None]
    noise = detrended - masked @ prior
    weight = 1.0 / max(float((noise**2).sum() / max(ok.sum(), 1)), 1e-4)
    return weight, weight * (masked.T @ x), weight * (masked.T @ detrended)


def _added(parts: Sequence[Moments]) -> tuple[Array, Array]:
    return np.sum([gram for _, gram, _ in parts], axis=0), np.sum([right for _, _, right in parts], axis=0)


def _group(name: str, groups: Sequence[str], parts: Sequence[Moments], everyone: Array) -> Array:
    mine = [part for group, part in zip(groups, parts, strict=True) if group == name]
    gram, right = _added(mine)
    pull = GROUP_PULL * float(np.mean([weight for weight, _, _ in mine]))
    return np.asarray(everyone + np.linalg.solve(gram + pull * np.eye(len(everyone)), right - gram @ everyone))
