"""The level on top: statsforecast's models on a series without its season, and how far they err ahead."""

from __future__ import annotations

from typing import Any

import numpy as np

from medsupply.forecast.calendar import Array, Mask

NOISE_FLOOR = 1e-3
WARM_UP = 12
DRIFT_SHARE = 0.5


def filled(values: Array, use: Mask) -> Array:
    """``values`` with gaps (nan) and shocks bridged by straight lines: the level models need every period."""
    known = use & ~np.isnan(values)
    at = np.arange(len(values))
    return np.interp(at, at[known], values[known])


def ets(values: Array, horizon: int, model: str, damped: bool | None = None) -> Array:
    """Mean path of an exponential smoothing model without season."""
    from statsforecast.models import AutoETS

    return _mean(AutoETS(season_length=1, model=model, damped=damped), values, horizon)


def theta(values: Array, horizon: int) -> Array:
    """Mean path of the optimised Theta model."""
    from statsforecast.models import OptimizedTheta

    return _mean(OptimizedTheta(season_length=1), values, horizon)


def usual(values: Array, horizon: int, last: int) -> Array:
    """The median of the ``last`` periods repeated: where a level that jumped goes back to, sooner or later."""
    return np.full(horizon, np.median(values[-last:]))


def drift(values: Array, horizon: int, period: int) -> Array:
    """The median of the last quarter of a year, and half of its yearly change going on."""
    quarter = period // 4
    now, before = values[-quarter:], values[-period - quarter : -period]
    change = np.median(now) - np.median(before) if len(before) else 0.0
    return np.asarray(np.median(now) + DRIFT_SHARE * change * np.arange(1, horizon + 1) / period)


def repeat(values: Array, horizon: int, period: int) -> Array:
    """The last year again: what the season does not hold, such as a rule that begins in the same month each year."""
    return np.resize(values[-period:], horizon)


def moved(values: Array, horizon: int, period: int) -> Array:
    """The last year again, moved by half of what the last half year has changed since the year before."""
    half = period // 2
    change = np.median(values[-half:]) - np.median(values[-period - half : -period])
    return np.asarray(repeat(values, horizon, period) + DRIFT_SHARE * change)


def seasonal_ets(values: Array, horizon: int, period: int) -> Array:
    """Mean path of AutoETS with its own season: monthly series."""
    from statsforecast.models import AutoETS

    return _mean(AutoETS(season_length=period), values, horizon)


def _mean(model: Any, values: Array, horizon: int) -> Array:
    path = np.asarray(model.forecast(y=values, h=horizon)["mean"], dtype=float)
    if not np.isfinite(path).all():
        raise RuntimeError("the model gave a number that is not finite")
    return path


def spread(values: Array, horizon: int) -> Array:
    """Standard error of simple exponential smoothing 1 .. h periods ahead, [h]; robust to single wild periods."""
    gains = np.array([0.02, 0.05, 0.1, 0.2, 0.3, 0.45, 0.6])
    level = np.full(len(gains), values[:WARM_UP].mean())
    errors = np.empty((len(values), len(gains)))
    for at, value in enumerate(values):
        errors[at] = value - level
        level = level + gains * errors[at]
    late = errors[min(WARM_UP, len(values) // 2) :]
    best = int(np.argmin((late**2).mean(axis=0)))
    low, high = np.quantile(late[:, best], [0.1, 0.9])
    one = max((high - low) / 2.563, NOISE_FLOOR)
    return np.asarray(one * np.sqrt(1 + np.arange(horizon) * gains[best] ** 2))
