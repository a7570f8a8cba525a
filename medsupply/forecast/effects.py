"""What drives a demand forecast: season, calendar and level of the next weeks against the mean of the last year."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medsupply.forecast.calendar import WEEK_HARMONICS, Array
from medsupply.forecast.result import DemandForecast

AHEAD, YEAR = 4, 52


@dataclass(frozen=True)
class Effects:
    """Ratios to the mean of the last 52 weeks; ``season`` x ``calendar`` x level is the whole."""

    season: float
    calendar: float


def effects_of(found: DemandForecast, series: int) -> Effects | None:
    """Effects of the next four weeks of a series with Prophet's and the shared season; None where it has no such model,
    or less than a year was read.

    The calendar is opening days and the turn of the year, as the series' group has it; the season is the rest of what
    the season of the combination (half shared, half Prophet's components) says.
    """
    fitted = found.stacks[series]
    if fitted is None or found.panel.freq != "W":
        return None
    horizon = found.setting.horizon
    whole = fitted.season
    known = len(whole) - horizon
    if known < YEAR:
        return None
    x = found.setting.x[len(found.setting.x) - len(whole) :, 2 * WEEK_HARMONICS :]
    shared = found.setting.season.of(found.panel.groups[series])[2 * WEEK_HARMONICS :]
    calendar = x @ shared

    def against_year(log_effect: Array) -> float:
        return float(np.exp(log_effect[known : known + AHEAD].mean() - log_effect[known - YEAR : known].mean()))

    both, own = against_year(whole), against_year(calendar)
    return Effects(both / own, own)
