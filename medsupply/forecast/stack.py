"""The models of one series at one origin: mean paths on the log scale, and the scale of their errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from medsupply.forecast import levels
from medsupply.forecast.calendar import Array, Mask
from medsupply.forecast.season import STIFFNESS, Season, own_season
from medsupply.forecast.structure import MINIMUM, structure

WEEKLY = ("shared_ses", "shared_theta", "shared_damped", "prophet_ses", "prophet_theta")
MONTHLY = ("shared_theta", "prophet_ses", "prophet_damped", "ets", "arima")
MODELS = {"W": WEEKLY, "M": MONTHLY}
YEAR = {"W": 52, "M": 12}
FAILURES = (RuntimeError, ValueError, ArithmeticError, np.linalg.LinAlgError)


@dataclass(frozen=True)
class Setting:
    """What all series of one origin share. ``x`` [n + h, k] is centred; ``use`` [n] is false in shocks."""

    periods: Sequence[date]
    ahead: Sequence[date]
    x: Array
    use: Mask
    season: Season
    freq: str

    @property
    def horizon(self) -> int:
        return len(self.ahead)


@dataclass(frozen=True)
class Stack:
    """``paths`` [models, h] and ``scale`` [h] on the log scale; ``season`` [n + h]; ``failed``: model -> reason."""

    paths: Array
    scale: Array
    season: Array
    failed: dict[str, str] = field(default_factory=dict)


def stack(z: Array, group: str, setting: Setting) -> Stack:
    """All models of the series ``z`` [n] (log1p, nan: gap or censored). A model that fails gives way to another."""
    n, horizon = len(z), setting.horizon
    prior = setting.season.of(group)
    beta, level = own_season(z, setting.x[:n], prior, setting.use, STIFFNESS[setting.freq])
    own = setting.x @ beta
    failed: dict[str, str] = {}
    seen = own
    if (~np.isnan(z)).sum() >= MINIMUM[setting.freq]:
        try:
            seen = structure(z, level, setting.x @ prior, setting.periods, setting.ahead, setting.use, setting.freq)
        except FAILURES as error:
            failed["prophet"] = type(error).__name__
    else:
        failed["prophet"] = "short"
    plain = {"shared": levels.filled(z - own[:n], setting.use), "prophet": levels.filled(z - seen[:n], setting.use)}
    ahead = {"shared": own[n:], "prophet": seen[n:]}
    whole = levels.filled(z - own[:n], setting.use) + own[:n]
    paths = [_path(name, plain, ahead, whole, setting, failed) for name in MODELS[setting.freq]]
    return Stack(np.array(paths), levels.spread(plain["shared"], horizon), (own + seen) / 2, failed)


def _path(
    name: str, plain: dict[str, Array], ahead: dict[str, Array], whole: Array, setting: Setting, failed: dict[str, str]
) -> Array:
    """Mean path [h] of one model; simple exponential smoothing on the shared season where it fails."""
    horizon, period = setting.horizon, YEAR[setting.freq]
    try:
        if name == "ets":
            return levels.seasonal_ets(whole, horizon, period)
        if name == "arima":
            return levels.seasonal_arima(whole, horizon, period)
        season, level = name.split("_")
        return LEVELS[level](plain[season], horizon) + ahead[season]
    except FAILURES as error:
        failed[name] = type(error).__name__
        return np.asarray(plain["shared"][-8:].mean() + ahead["shared"])


LEVELS: dict[str, Callable[[Array, int], Array]] = {
    "ses": lambda values, horizon: levels.ets(values, horizon, "ANN"),
    "damped": lambda values, horizon: levels.ets(values, horizon, "AAN", damped=True),
    "theta": levels.theta,
}
