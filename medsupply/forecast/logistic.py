"""Logistic regression with a ridge, in numpy: probabilities of an event from features, recent rows counting more."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medsupply.forecast.calendar import Array

STEPS, TOLERANCE = 50, 1e-8


@dataclass(frozen=True)
class Logistic:
    """Coefficients on standardised features; the first is the constant."""

    beta: Array
    centre: Array
    scale: Array

    def probability(self, x: Array) -> Array:
        """[n] of features [n, k]; values that are not known count as the mean."""
        return _expit(_design(x, self.centre, self.scale) @ self.beta)


def fit(x: Array, event: Array, weight: Array, ridge: float) -> Logistic:
    """Fit by Newton steps. ``x`` [n, k], ``event`` [n] 0 or 1, ``weight`` [n]; ``ridge`` on all but the constant."""
    centre, scale = np.nanmean(x, axis=0), np.nanstd(x, axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    design = _design(x, centre, scale)
    pull = ridge * np.eye(design.shape[1])
    pull[0, 0] = 1e-6
    rate = np.clip(np.average(event, weights=weight), 1e-4, 1 - 1e-4)
    beta = np.zeros(design.shape[1])
    beta[0] = np.log(rate / (1 - rate))
    for _ in range(STEPS):
        p = _expit(design @ beta)
        gradient = design.T @ (weight * (event - p)) - pull @ beta
        curvature = (design * (weight * np.maximum(p * (1 - p), 1e-6))[:, None]).T @ design + pull
        step = np.linalg.solve(curvature, gradient)
        beta = beta + step
        if np.abs(step).max() < TOLERANCE:
            break
    return Logistic(beta, centre, scale)


def _design(x: Array, centre: Array, scale: Array) -> Array:
    standard = np.clip(np.nan_to_num((x - centre) / scale), -6, 6)
    return np.column_stack([np.ones(len(x)), standard])


def _expit(values: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -30, 30))))
