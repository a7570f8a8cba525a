"""Scores against values worked out by hand."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from medsupply.forecast import scores
from medsupply.tables.forecast import QUANTILES


def test_brier_skill_of_climatology_is_zero_and_of_truth_one() -> None:
    event = np.array([0.0, 0.0, 1.0, 1.0])
    assert scores.brier_skill(np.full(4, 0.5), event) == 0.0
    assert scores.brier_skill(event, event) == 1.0


def test_brier_skill_is_against_each_group() -> None:
    """Knowing only the group is no skill."""
    event, groups = np.array([0.0, 0.0, 1.0, 1.0]), np.array([0, 0, 1, 1])
    assert np.isnan(scores.brier_skill(event, event, groups))


def test_auc_counts_ties_half() -> None:
    assert scores.auc(np.array([0.1, 0.5, 0.5, 0.9]), np.array([0.0, 0.0, 1.0, 1.0])) == pytest.approx(0.875)


def test_calibration_error_by_hand() -> None:
    p, event = np.array([0.05, 0.05, 0.95, 0.95]), np.array([0.0, 0.0, 1.0, 0.0])
    assert scores.calibration_error(p, event) == pytest.approx(0.5 * 0.05 + 0.5 * 0.45)


def test_quantile_scores_by_hand() -> None:
    """A forecast of 10 at every quantile, 12 came, scale 4: MASE 0.5; pinball 2 x mean(level) x 2 / 4."""
    periods = [date(2024, 1, 1) + timedelta(weeks=k) for k in range(54)]
    y = [8.0] + [10.0] * 51 + [12.0] + [12.0]
    actual = pl.DataFrame({"series_id": ["A"] * 54, "period": periods, "y": y})
    quantiles = {f"q{level:g}": [10.0] for level in QUANTILES}
    forecasts = pl.DataFrame(
        {
            "series_id": ["A"],
            "origin": [periods[52]],
            "target": [periods[53]],
            "model": ["m"],
            "mean": [10.0],
            **quantiles,
        }
    )
    found = scores.score_quantiles(forecasts, actual, 52).row(0, named=True)
    assert found["mase"] == pytest.approx(0.5)
    assert found["pinball"] == pytest.approx(2 * 0.5 * 2 / 4)
    assert found["cover80"] == 0.0


def test_cumulative_coverage_leaves_gaps_out_of_both_sums() -> None:
    paths = np.tile(np.linspace(0, 10, 101)[None, :, None], (1, 1, 3))
    assert scores.cumulative_coverage(paths, np.array([[5.0, np.nan, 5.0]]), 3) == 1.0
    assert scores.cumulative_coverage(paths, np.array([[10.0, np.nan, 10.0]]), 3) == 0.0
