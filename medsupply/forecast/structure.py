"""Prophet's part: season, calendar and shocks of one series around its smooth level, on log1p data."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd  # type: ignore[import-untyped]

from medsupply.forecast.calendar import YEAR_DAYS, Array, Mask
from medsupply.forecast.workers import stan_imported

TIMEOUT_SECONDS = 10
YEARLY_ORDER = {"W": 3, "M": 4}
YEARLY_SCALE = {"W": 0.02, "M": 0.05}
MINIMUM = {"W": 104, "M": 30}
FLAT = 2  # Prophet's number of flat growth
SHOCK_EFFECT_SCALE = 10.0
REGRESSOR_SCALE = 10.0


@lru_cache(maxsize=1)
def prophet_class() -> Any:
    """Prophet, imported when it is first needed (seconds), its loggers kept to errors."""
    logging.getLogger("prophet.plot").setLevel(logging.CRITICAL)
    with stan_imported():
        import cmdstanpy  # noqa: F401
        from prophet import Prophet

    for name in ("cmdstanpy", "prophet"):
        logging.getLogger(name).disabled = True
    return Prophet


@lru_cache(maxsize=1)
def backend() -> Any:
    """Prophet's own Stan model, loaded once a process; a fit that fails says so and does not try Newton for minutes."""
    found = prophet_class()(uncertainty_samples=0).stan_backend
    found.set_options(newton_fallback=False)
    return found


def structure(
    z: Array, level: Array, own: Array, periods: Sequence[date], ahead: Sequence[date], use: Mask, freq: str
) -> Array:
    """Season and calendar [n + h] that Prophet sees in ``z`` [n] less its smooth ``level``.

    ``own`` [n + h]: season and calendar of the series as the panel sees them, a regressor known in the future;
    Prophet scales it, adds what the year of the series has beside, and takes the shock windows as one-off holidays
    that never come back. Raises RuntimeError when Stan does not converge.

    Prophet's model, priors and scaling (flat growth), its features built here: building them as data frames, twice a
    series, took three quarters of the time. A test holds it to what ``Prophet.fit`` says.
    """
    n, y = len(z), z - level
    known = ~np.isnan(y)
    year = waves([*periods, *ahead], YEARLY_ORDER[freq])
    shocks = np.eye(n)[:, [at for at in range(n) if not use[at] and known[at]]]
    x = np.column_stack([year[:n], shocks, own[:n]])[known]
    widths = [YEARLY_SCALE[freq]] * year.shape[1] + [SHOCK_EFFECT_SCALE] * shocks.shape[1] + [REGRESSOR_SCALE]
    scale = float(np.abs(y[known]).max()) or 1.0
    beta = _fitted(y[known] / scale, x, widths, np.flatnonzero(known)) * scale
    return np.asarray(year @ beta[: year.shape[1]] + own * beta[-1], dtype=float)


def waves(periods: Sequence[date], order: int) -> Array:
    """Prophet's Fourier series of the year [n, 2 x order]: days since 1970 over 365.25."""
    days = np.array(periods, dtype="datetime64[D]").astype(float)
    angles = 2 * np.pi * days / YEAR_DAYS
    return np.column_stack([wave(k * angles) for k in range(1, order + 1) for wave in (np.sin, np.cos)])


def _fitted(y: Array, x: Array, widths: Sequence[float], at: npt.NDArray[np.int64]) -> Array:
    """Coefficients [k] of Prophet's model with a flat trend: no changepoint, so Stan's one is a dummy."""
    count, features = x.shape
    data = {
        "T": count, "S": 0, "K": features, "tau": 0.05, "trend_indicator": FLAT, "y": y, "X": pd.DataFrame(x),
        "t": (at - at[0]) / max(at[-1] - at[0], 1), "cap": np.zeros(count), "t_change": np.zeros(0),
        "s_a": np.ones(features), "s_m": np.zeros(features), "sigmas": list(widths),
    }  # fmt: skip
    start = {"k": 0.0, "m": float(y.mean()), "delta": np.zeros(0), "beta": np.zeros(features), "sigma_obs": 1.0}
    stan = backend()
    try:
        found = stan.fit(start, data, algorithm="LBFGS", timeout=TIMEOUT_SECONDS)
    finally:
        stan.cleanup()
    return np.asarray(found["beta"][0], dtype=float)
