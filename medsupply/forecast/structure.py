"""Prophet's part: season, calendar and shocks of one series around its smooth level, on log1p data."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]

from medsupply.forecast.calendar import SHOCKS, Array, Mask

TIMEOUT_SECONDS = 10
YEARLY_ORDER = {"W": 3, "M": 4}
YEARLY_SCALE = {"W": 0.02, "M": 0.05}
MINIMUM = {"W": 104, "M": 30}
SHOCK_EFFECT_SCALE = 10.0
REGRESSOR_SCALE = 10.0


@lru_cache(maxsize=1)
def prophet_class() -> Any:
    """Prophet, imported when it is first needed (seconds), its loggers kept to errors."""
    logging.getLogger("prophet.plot").setLevel(logging.CRITICAL)
    from prophet import Prophet

    for name in ("cmdstanpy", "prophet"):
        logging.getLogger(name).disabled = True
    return Prophet


def structure(
    z: Array, level: Array, own: Array, periods: Sequence[date], ahead: Sequence[date], use: Mask, freq: str
) -> Array:
    """Season and calendar [n + h] that Prophet sees in ``z`` [n] less its smooth ``level``.

    ``own`` [n + h]: season and calendar of the series as the panel sees them, a regressor known in the future;
    Prophet scales it, adds what the year of the series has beside, and takes the shock windows as one-off holidays
    that never come back. Raises RuntimeError when Stan does not converge.
    """
    model = prophet_class()(
        growth="flat",
        yearly_seasonality=YEARLY_ORDER[freq],
        weekly_seasonality=False,
        daily_seasonality=False,
        uncertainty_samples=0,
        seasonality_prior_scale=YEARLY_SCALE[freq],
        holidays=shock_frame(periods, use),
    )
    model.add_regressor("own", prior_scale=REGRESSOR_SCALE, standardize=False)
    model.stan_backend.set_options(newton_fallback=False)
    n = len(z)
    past = pd.DataFrame({"ds": pd.to_datetime(list(periods)), "y": z - level, "own": own[:n]})
    try:
        model.fit(past, algorithm="LBFGS", timeout=TIMEOUT_SECONDS)
        every = pd.DataFrame({"ds": pd.to_datetime([*periods, *ahead]), "own": own})
        parts = model.predict_seasonal_components(model.setup_dataframe(every))
    finally:
        model.stan_backend.cleanup()
    seen = parts["yearly"].to_numpy() + parts["own"].to_numpy()
    return np.asarray(seen, dtype=float)


def shock_frame(periods: Sequence[date], use: Mask) -> pd.DataFrame | None:
    """One holiday a period in a shock window, named by the window and the period: one-off effects."""
    rows = [
        {"holiday": f"{name}_{day:%m%d}", "ds": pd.Timestamp(day), "prior_scale": SHOCK_EFFECT_SCALE}
        for day, usable in zip(periods, use, strict=True)
        if not usable
        for name, start, end in SHOCKS
        if start <= day <= end
    ]
    return pd.DataFrame(rows) if rows else None
