"""Series that no smooth model fits: intermittent, short, new or empty ones. Never Prophet."""

from __future__ import annotations

import numpy as np

from medsupply.forecast.calendar import Array
from medsupply.forecast.panel import INTERMITTENT, SHORT, ZERO

RECENT_MEAN, MINIMUM_FOR_MODELS = 8, 12
SHORT_WIDENING = 1.5
# A law learnt on all series has tails that a single one never showed: a path ends at so many times its own record.
RECORD = 5.0


def intermittent_mean(known: Array) -> float:
    """Mean demand a period of an intermittent series: half TSB, half IMAPA; the plain mean of very short ones."""
    from statsforecast.models import IMAPA, TSB

    if len(known) < MINIMUM_FOR_MODELS:
        return float(known.mean())
    means = [model.forecast(y=known, h=1)["mean"][0] for model in (TSB(alpha_d=0.1, alpha_p=0.1), IMAPA())]
    good = [float(mean) for mean in means if np.isfinite(mean) and mean >= 0]
    return float(np.mean(good)) if good else float(known.mean())


def count_paths(mean: float, known: Array, season: Array, paths: int, rng: np.random.Generator) -> Array:
    """Paths [paths, h] of a sparse series: gamma levels around ``mean`` x ``season`` [h], then lots of the usual size.

    The usual lot is the mean of the non-zero values over a Poisson count, so that zeros come as often as they did.
    """
    positive = known[known > 0]
    lot = float(positive.mean()) if positive.size else 1.0
    rate = mean / lot
    level = rng.gamma(len(known) / 4 + 1, 1 / (len(known) / 4 + 1), size=(paths, 1))
    lots = rng.poisson(np.maximum(rate * level * season[None, :], 0.0))
    total = np.zeros(lots.shape)
    sizes = positive if positive.size else np.ones(1)
    for extra in range(int(lots.max(initial=0))):
        drawn = sizes[rng.integers(len(sizes), size=lots.shape)]
        total += np.where(lots > extra, drawn, 0.0)
        if extra >= 50:
            return np.asarray(lots * lot)
    return total


def zero_mean(known: Array) -> float:
    """Mean demand of a series without any: half an event in the periods seen (Jeffreys)."""
    return 0.5 / (len(known) + 1)


def short_level(z: Array, season: Array) -> tuple[float, float]:
    """Level and spread on the log scale of a short series: mean and deviation of what is left of the group's season."""
    left = (z - season[: len(z)])[~np.isnan(z)]
    level = float(left[-RECENT_MEAN:].mean())
    spread = float(left.std(ddof=1)) if len(left) > 2 else 0.5
    return level, SHORT_WIDENING * max(spread, 0.1)


def sparse_paths(kind: str, y: Array, season: Array, errors: Array, paths: int, rng: np.random.Generator) -> Array:
    """Paths [paths, h] of a series of ``kind``; ``season`` [n + h] of its group on the log scale, ``errors`` [m, h]."""
    n = len(y)
    known = y[~np.isnan(y)]
    ahead = np.exp(season[n:] - season.mean())
    if kind == ZERO:
        return count_paths(zero_mean(known), known, np.ones(len(ahead)), paths, rng)
    if kind == INTERMITTENT:
        return count_paths(intermittent_mean(known[-104:]), known[-104:], ahead, paths, rng)
    assert kind == SHORT
    level, spread = short_level(np.log1p(np.maximum(y, 0.0)), season)
    drawn = errors[rng.integers(len(errors), size=paths)]
    highest = np.log1p(RECORD * known.max())
    return np.asarray(np.maximum(np.expm1(np.minimum(level + season[n:] + spread * drawn, highest)), 0.0))
