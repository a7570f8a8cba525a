"""What drives a forecast: a season that is planted comes out as season, a level as level."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from medsupply.forecast.demand import forecast_demand
from medsupply.forecast.effects import effects_of

LAST = date(2025, 12, 8)


def series(amplitude: float) -> pl.DataFrame:
    """Three years of weeks; ``amplitude`` of the log, highest in January."""
    weeks = [LAST - timedelta(weeks=k) for k in range(156)][::-1]
    wave = np.array([np.cos(2 * np.pi * (week.timetuple().tm_yday - 15) / 365.25) for week in weeks])
    rng = np.random.default_rng(3)
    frames = [
        pl.DataFrame({"series_id": f"G{k}", "period": weeks, "group": "J",
                      "y": 1000.0 * np.exp(amplitude * wave + rng.normal(0, 0.02, 156))})
        for k in range(4)
    ]  # fmt: skip
    return pl.concat(frames)


@pytest.mark.parametrize(("amplitude", "low", "high"), [(0.3, 1.2, 1.5), (0.0, 0.95, 1.05)])
def test_the_season_of_the_next_weeks_is_told(amplitude: float, low: float, high: float) -> None:
    found = forecast_demand(series(amplitude), LAST + timedelta(days=6), horizon=13, n_paths=50, workers=0)
    effects = effects_of(found, 0)
    assert effects is not None
    assert low < effects.season * effects.calendar < high
    assert effects.calendar == pytest.approx(1.0, abs=0.12)
