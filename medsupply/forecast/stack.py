"""The models of one series at one origin: mean paths on the log scale, and the scale of their errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np

from medsupply.forecast import levels
from medsupply.forecast.calendar import Array, Mask
from medsupply.forecast.season import Season, own_season
from medsupply.forecast.structure import MINIMUM, structure

WEEKLY = (
    "shared_theta",
    "shared_damped",
    "prophet_theta",
    "shared_near",
    "shared_half",
    "shared_year",
    "shared_drift",
)
MONTHLY = ("prophet_theta", "ets", "shared_repeat", "shared_moved")
MODELS = {"W": WEEKLY, "M": MONTHLY}
PROPHET = "prophet_theta"
YEAR = {"W": 52, "M": 12}
# Prophet reads ten years of weeks, six of months: its season does not age.
WINDOW = {"W": 520, "M": 72}
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

    def since(self, start: int) -> Setting:
        """The same without the first ``start`` periods."""
        return replace(self, periods=self.periods[start:], x=self.x[start:], use=self.use[start:])


@dataclass(frozen=True)
class Stack:
    """``paths`` [models, h] and ``scale`` [h] on the log scale; ``season`` [n + h]; ``failed``: model -> reason."""

    paths: Array
    scale: Array
    season: Array
    failed: dict[str, str] = field(default_factory=dict)


def stack(z: Array, group: str, setting: Setting) -> Stack:
    """All models of the series ``z`` [n] (log1p, nan: gap or censored). A model that fails gives way to another."""
    n = len(z)
    beta, level = own_season(z, setting.x[:n], setting.season.of(group), setting.use, setting.freq)
    own = setting.x @ beta
    failed: dict[str, str] = {}
    start = max(0, n - WINDOW[setting.freq])
    seen = _seen(z[start:], level[start:], own[start:], setting.since(start), failed)
    shared = levels.filled(z - own[:n], setting.use)
    late = levels.filled(z[start:] - seen[: n - start], setting.use[start:])
    plain, ahead = {"shared": shared, "prophet": late}, {"shared": own[n:], "prophet": seen[n - start :]}
    whole = shared + own[:n]
    paths = [_path(name, plain, ahead, whole, setting, failed) for name in MODELS[setting.freq]]
    season = np.append(own[:start], (own[start:] + seen) / 2)
    return Stack(np.array(paths), levels.spread(shared, setting.horizon), season, failed)


def _seen(z: Array, level: Array, own: Array, setting: Setting, failed: dict[str, str]) -> Array:
    """What Prophet makes of the season ``own`` [n + h]; ``own`` itself where it cannot be fitted."""
    if (~np.isnan(z)).sum() < MINIMUM[setting.freq]:
        failed["prophet"] = "short"
        return own
    try:
        return structure(z, level, own, setting.periods, setting.ahead, setting.use, setting.freq)
    except FAILURES as error:
        failed["prophet"] = type(error).__name__
        return own


def _path(
    name: str, plain: dict[str, Array], ahead: dict[str, Array], whole: Array, setting: Setting, failed: dict[str, str]
) -> Array:
    """Mean path [h] of one model; simple exponential smoothing on the shared season where it fails."""
    horizon, period = setting.horizon, YEAR[setting.freq]
    try:
        if name == "ets":
            return levels.seasonal_ets(whole, horizon, period)
        season, level = name.split("_")
        return LEVELS[level](plain[season], horizon, period) + ahead[season]
    except FAILURES as error:
        failed[name] = type(error).__name__
        return np.asarray(plain["shared"][-8:].mean() + ahead["shared"])


LEVELS: dict[str, Callable[[Array, int, int], Array]] = {
    "ses": lambda values, horizon, _: levels.ets(values, horizon, "ANN"),
    "damped": lambda values, horizon, _: levels.ets(values, horizon, "AAN", damped=True),
    "theta": lambda values, horizon, _: levels.theta(values, horizon),
    "near": lambda values, horizon, period: levels.usual(values, horizon, period * 2 // 13),
    "half": lambda values, horizon, period: levels.usual(values, horizon, period // 2),
    "year": lambda values, horizon, period: levels.usual(values, horizon, period),
    "drift": levels.drift,
    "repeat": levels.repeat,
    "moved": levels.moved,
}
