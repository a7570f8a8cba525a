"""Weights, error paths and scale factors, learnt on earlier origins only.

The combined forecast is the weighted mean of the models on the log scale. What is left, divided by the scale of the
series, are error paths: whole trajectories over the horizon, so that sums over weeks spread as they did before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.optimize import nnls  # type: ignore[import-untyped]

from medsupply.forecast.calendar import Array

EQUAL_SHARE = 0.5
COVER, FEW_ERRORS = 0.8, 200
REWEIGHTINGS, NEAR = 15, 0.2
# An error of more scales is of a series that ended, leapt or was written in another unit: no law for all others.
WILD = 10.0


@dataclass(frozen=True)
class Learnt:
    """``weights`` [h, models]; ``errors`` [n, h] in scales of their series, both signs, wild ones drawn in;
    ``kappa`` [h]."""

    weights: Array
    errors: Array
    kappa: Array
    origins: int

    def median(self, paths: Array) -> Array:
        """Combined path [h] of the models' ``paths`` [models, h]."""
        return np.asarray((self.weights * paths.T).sum(axis=1))


@dataclass(frozen=True)
class Past:
    """One earlier origin: ``paths`` [series, models, h], ``scale`` [series, h], ``actual`` [series, h] (nan: gap)."""

    paths: Array
    scale: Array
    actual: Array


def learn(pasts: Sequence[Past], models: int, horizon: int, alone: int | None = None) -> Learnt:
    """Weights and errors of earlier origins; without any: equal weights and Gaussian random-walk errors.

    ``alone``: all the weight on this model, to see what it is worth by itself.
    """
    sole = None if alone is None else np.tile(np.eye(models)[alone], (horizon, 1))
    if not pasts or not any(np.isfinite(past.actual).any() for past in pasts):
        equal = np.full((horizon, models), 1 / models)
        return Learnt(equal if sole is None else sole, default_errors(horizon), np.ones(horizon), 0)
    weights = learn_weights(pasts, models, horizon) if sole is None else sole
    by_origin = [trajectories(past, weights) for past in pasts]
    kappa = learn_kappa(by_origin)
    errors = np.clip(np.concatenate(by_origin), -WILD, WILD)
    return Learnt(weights, np.concatenate([errors, -errors]), kappa, len(pasts))


def blocks(horizon: int) -> list[slice]:
    """The horizon in up to three blocks that share their weights: near, middle, far."""
    edges = sorted({0, max(1, horizon // 6), max(1, horizon // 2), horizon})
    return [slice(a, b) for a, b in pairwise(edges)]


def learn_weights(pasts: Sequence[Past], models: int, horizon: int) -> Array:
    """Non-negative weights with sum one that minimise absolute scaled errors, drawn half way to equal weights."""
    weights = np.full((horizon, models), 1 / models)
    for block in blocks(horizon):
        errors = np.concatenate([_scaled(past, block) for past in pasts])
        if len(errors) >= 10 * models:
            weights[block] = EQUAL_SHARE / models + (1 - EQUAL_SHARE) * _least_absolute(errors)
    return weights


def _least_absolute(errors: Array) -> Array:
    """Weights [models] of ``errors`` [pairs, models], by squares that count each pair less the further off it was.

    Squares alone let the few medicines that collapsed or leapt choose for all.
    """
    models = errors.shape[1]
    weights = np.full(models, 1 / models)
    for _ in range(REWEIGHTINGS):
        count = 1 / np.maximum(np.abs(errors @ weights), NEAR)
        gram = (errors * count[:, None]).T @ errors / len(errors)
        root = np.linalg.cholesky(gram + 0.01 * np.trace(gram) / models * np.eye(models)).T
        ones = np.full((1, models), 1e3 * np.sqrt(np.trace(gram)))
        solved, _norm = nnls(np.vstack([root, ones]), np.append(np.zeros(models), ones[0, 0]))
        weights = solved / solved.sum()
    return np.asarray(weights)


def _scaled(past: Past, block: slice) -> Array:
    """Errors [pairs, models] of a block in scales of their series, wild ones drawn in."""
    errors = (past.actual[:, None, block] - past.paths[:, :, block]) / past.scale[:, None, block]
    flat = np.moveaxis(errors, 1, 2).reshape(-1, errors.shape[1])
    known = flat[np.isfinite(flat).all(axis=1)]
    return np.clip(known, -5, 5)


def trajectories(past: Past, weights: Array) -> Array:
    """Scaled error paths [n, h] of one origin; a gap takes the line between its neighbours."""
    median = np.einsum("smh,hm->sh", past.paths, weights)
    errors = (past.actual - median) / past.scale
    at = np.arange(errors.shape[1])
    rows = []
    for row in errors:
        known = np.isfinite(row)
        if known.sum() >= max(1, len(row) * 2 // 3):
            rows.append(np.interp(at, at[known], row[known]))
    return np.array(rows).reshape(-1, errors.shape[1])


def learn_kappa(by_origin: Sequence[Array]) -> Array:
    """Scale factor per horizon: what an origin's 80 % interval would have needed, had only the others been known.

    Of the running mean of the errors, since sums over weeks are what stock must last for; drawn to one (in logs) where
    fewer than 200 errors speak. One where there are fewer than three origins.
    """
    horizon = by_origin[0].shape[1]
    if len(by_origin) < 3:
        return np.ones(horizon)
    needed = []
    for k, own in enumerate(by_origin):
        others = np.concatenate([errors for j, errors in enumerate(by_origin) if j != k])
        half = np.quantile(np.abs(_running(others)), COVER, axis=0)
        needed.append(np.abs(_running(own)) / np.maximum(half, 1e-6))
    pooled = np.concatenate(needed)
    share = len(pooled) / (len(pooled) + FEW_ERRORS)
    return np.asarray(np.quantile(pooled, COVER, axis=0) ** share)


def _running(errors: Array) -> Array:
    return np.asarray(np.cumsum(errors, axis=1) / np.arange(1, errors.shape[1] + 1))


def default_errors(horizon: int, paths: int = 2000) -> Array:
    """Gaussian error paths in scales, half level and half noise: for series without earlier origins."""
    rng = np.random.default_rng(26)
    level = rng.standard_normal((paths, 1))
    noise = rng.standard_normal((paths, horizon))
    return np.asarray(np.sqrt(0.5) * (level + noise))
