"""Our features and Prophet's own API lead to the same season: gaps, shocks and all."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from medsupply.forecast.calendar import Array, shocked
from medsupply.forecast.structure import (
    REGRESSOR_SCALE,
    SHOCK_EFFECT_SCALE,
    YEARLY_ORDER,
    YEARLY_SCALE,
    prophet_class,
    structure,
)

PERIODS = [date(2019, 1, 7) + timedelta(weeks=k) for k in range(190)]
PAST, AHEAD = PERIODS[:164], PERIODS[164:]


def by_prophet(y: Array, own: Array) -> Array:
    """The same model as a user of Prophet writes it."""
    use = ~shocked(PAST)
    rows = [(f"s{k}", pd.Timestamp(day), SHOCK_EFFECT_SCALE) for k, day in enumerate(PAST) if not use[k]]
    model = prophet_class()(
        growth="flat",
        yearly_seasonality=YEARLY_ORDER["W"],
        weekly_seasonality=False,
        daily_seasonality=False,
        n_changepoints=0,
        uncertainty_samples=0,
        seasonality_prior_scale=YEARLY_SCALE["W"],
        holidays=pd.DataFrame(rows, columns=["holiday", "ds", "prior_scale"]),
    )
    model.add_regressor("own", prior_scale=REGRESSOR_SCALE, standardize=False)
    try:
        model.fit(pd.DataFrame({"ds": pd.to_datetime(PAST), "y": y, "own": own[: len(PAST)]}), algorithm="LBFGS")
        every = pd.DataFrame({"ds": pd.to_datetime(PERIODS), "own": own})
        parts = model.predict_seasonal_components(model.setup_dataframe(every))
    finally:
        model.stan_backend.cleanup()
    return np.asarray(parts["yearly"].to_numpy() + parts["own"].to_numpy())


def test_the_season_is_what_prophet_itself_sees() -> None:
    rng = np.random.default_rng(4)
    at = np.arange(len(PERIODS))
    own = 0.3 * np.cos(2 * np.pi * at / 52.18)
    z = 5 + 1.2 * own[: len(PAST)] + rng.normal(0, 0.1, len(PAST))
    z[60:64] += 1.0
    z[[20, 61, 100]] = np.nan
    level = np.full(len(PAST), 5.0)
    found = structure(z, level, own, PAST, AHEAD, ~shocked(PAST), "W")
    assert found == pytest.approx(by_prophet(z - level, own), abs=1e-6)
    assert np.abs(found - own).max() < 0.15
