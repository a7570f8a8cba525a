"""The pinball loss that decides whether a forecast is used, worked out by hand."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from medsupply.steps.scoring import LEVELS, pinball


def row(quantile: float, actual: float, trailing: float) -> dict[str, object]:
    quantiles = {f"q{level}": quantile for level in LEVELS}
    return {
        "medicine_id": "G1",
        "county_code": "99",
        "week": date(2026, 1, 5),
        **quantiles,
        "actual": actual,
        "trailing": trailing,
    }


def test_a_forecast_that_hits_beats_the_mean() -> None:
    found = pinball(pl.DataFrame([row(100.0, 100.0, 80.0)])).row(0, named=True)
    assert found["pinball"] == 0
    assert found["pinball_trailing"] == pytest.approx(20 * 0.5)  # mean of 0.1 .. 0.9 times the miss
    assert found["beat_trailing"] is True


def test_too_high_costs_the_other_side() -> None:
    found = pinball(pl.DataFrame([row(110.0, 100.0, 100.0)])).row(0, named=True)
    assert found["pinball"] == pytest.approx(10 * 0.5)
    assert found["beat_trailing"] is False
