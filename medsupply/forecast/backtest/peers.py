"""Single models that the forecast is measured against, each as its library gives it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]

from medsupply.forecast.calendar import Array
from medsupply.forecast.stack import FAILURES, YEAR
from medsupply.forecast.structure import prophet_class
from medsupply.tables.forecast import QUANTILES

LEVELS = (20, 40, 60, 80, 95)
SAMPLES = 500


@dataclass(frozen=True)
class Case:
    """Periods read and periods ahead."""

    periods: Sequence[date]
    ahead: Sequence[date]
    freq: str


def _statsforecast(make: Callable[[int], Any]) -> Callable[[Array, Case], Array]:
    def run(y: Array, case: Case) -> Array:
        found = make(YEAR[case.freq]).forecast(y=y, h=len(case.ahead), level=list(LEVELS))
        return _columns(found)

    return run


def _columns(found: dict[str, Array]) -> Array:
    """[h, mean and the eleven quantiles] of statsforecast's intervals."""
    columns = [found["mean"]]
    for level in QUANTILES:
        side, width = ("lo", 1 - 2 * level) if level < 0.5 else ("hi", 2 * level - 1)
        columns.append(found["mean"] if level == 0.5 else found[f"{side}-{round(100 * width)}"])
    return np.column_stack(columns).astype(float)


def _mstl(period: int) -> Any:
    from statsforecast.models import MSTL, AutoETS

    return MSTL(period, trend_forecaster=AutoETS(model="ZZN"))


def _model(name: str, season: bool = True) -> Callable[[int], Any]:
    def make(period: int) -> Any:
        from statsforecast import models

        return getattr(models, name)(season_length=period if season else 1)

    return make


def _prophet_default(y: Array, case: Case) -> Array:
    """Prophet as it comes."""
    np.random.seed(26)  # Prophet draws from numpy's global generator
    model = prophet_class()(uncertainty_samples=SAMPLES)
    try:
        model.fit(pd.DataFrame({"ds": pd.to_datetime(list(case.periods)), "y": y}), algorithm="LBFGS")
        future = pd.DataFrame({"ds": pd.to_datetime(list(case.ahead))})
        draws = np.asarray(model.predictive_samples(future)["yhat"])
        middle = model.predict(future)["yhat"].to_numpy()
    finally:
        model.stan_backend.cleanup()
    quantiles = np.quantile(draws, QUANTILES, axis=1).T
    return np.column_stack([middle, quantiles])


Peer = Callable[[Array, Case], Array]
ALL: dict[str, Peer] = {
    "seasonal_naive": _statsforecast(_model("SeasonalNaive")),
    "mstl_ets": _statsforecast(_mstl),
    "theta": _statsforecast(_model("DynamicOptimizedTheta")),
    "auto_ets": _statsforecast(_model("AutoETS")),
    "auto_ets_no_season": _statsforecast(_model("AutoETS", season=False)),
    "auto_arima": _statsforecast(_model("AutoARIMA")),
    "prophet_default": _prophet_default,
}
PEERS = {
    "W": ("seasonal_naive", "mstl_ets", "theta", "auto_ets_no_season", "prophet_default"),
    "M": ("seasonal_naive", "mstl_ets", "theta", "auto_ets", "auto_arima", "prophet_default"),
}


def peer_quantiles(case: Case, item: tuple[Array, str]) -> Array:
    """[h, mean and the eleven quantiles] of one peer on one series; a gap takes the line between its neighbours, only
    Prophet reads gaps. A peer that fails, or has nothing to say of a period, repeats the last value."""
    y, name = item
    begun = int(np.argmax(~np.isnan(y)))
    y, periods = y[begun:], case.periods[begun:]
    known = ~np.isnan(y)
    at = np.arange(len(y))
    read = y if name.startswith("prophet") else np.interp(at, at[known], y[known])
    repeated = np.full((len(case.ahead), len(QUANTILES) + 1), y[known][-1])
    if len(y) == 1:
        return repeated
    try:
        found = ALL[name](read, Case(periods, case.ahead, case.freq))
    except FAILURES:
        return repeated
    return np.where(np.isnan(found), repeated, found)
