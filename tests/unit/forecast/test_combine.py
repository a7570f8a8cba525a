"""Weights, levels and scale factors against laws that are known."""

from __future__ import annotations

import numpy as np

from medsupply.forecast import combine, demand, levels
from medsupply.forecast.combine import Past
from medsupply.forecast.season import own_season


def past(errors: np.ndarray, seed: int) -> Past:
    """One origin of 60 series, 12 periods, whose models err by ``errors`` [models] in scales; actuals at zero."""
    rng = np.random.default_rng(seed)
    paths = errors[None, :, None] * rng.standard_normal((60, len(errors), 12))
    return Past(paths, np.ones((60, 12)), np.zeros((60, 12)))


def test_the_better_model_weighs_more_and_none_is_thrown_away() -> None:
    weights = combine.learn_weights([past(np.array([1.0, 3.0]), seed) for seed in range(3)], 2, 12)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)
    assert (weights[:, 0] > 0.6).all()
    assert (weights[:, 1] >= combine.EQUAL_SHARE / 2).all()


def test_a_few_wild_series_do_not_choose_for_all() -> None:
    """One series in twenty where the good model is far off: absolute errors keep it, squares would not."""
    pasts = [past(np.array([0.5, 1.5]), seed) for seed in range(3)]
    for one in pasts:
        one.paths[:3, 0] += 5.0
    weights = combine.learn_weights(pasts, 2, 12)
    assert (weights[:, 0] > 0.6).all()


def test_without_earlier_origins_all_models_weigh_the_same() -> None:
    learnt = combine.learn([], 4, 12)
    np.testing.assert_allclose(learnt.weights, 0.25)
    assert learnt.origins == 0


def test_a_level_that_collapsed_is_expected_half_way_back() -> None:
    """Two weeks at a tenth of a steady level: the usual level stays, however long the last weeks weigh."""
    values = np.concatenate([np.full(100, 5.0), np.full(2, 2.7)])
    np.testing.assert_array_equal(levels.usual(values, 3, 8), np.full(3, 5.0))
    assert levels.ets(values, 3, "ANN")[0] < 4.9


def test_drift_goes_on_by_half() -> None:
    values = np.linspace(0.0, 1.04, 105)  # 0.01 a week, 0.52 a year
    found = levels.drift(values, 26, 52)
    np.testing.assert_allclose(np.diff(found), levels.DRIFT_SHARE * 0.01, atol=1e-9)
    assert np.ptp(levels.drift(values[:20], 26, 52)) == 0.0


def test_the_last_year_comes_again_moved_by_half_of_its_change() -> None:
    before, last = np.arange(12.0), np.arange(12.0) + 4.0
    values = np.concatenate([before, last])
    np.testing.assert_array_equal(levels.repeat(values, 12, 12), last)
    np.testing.assert_array_equal(levels.repeat(values, 5, 12), last[:5])
    np.testing.assert_array_equal(levels.repeat(values, 15, 12), np.concatenate([last, last[:3]]))
    np.testing.assert_allclose(levels.moved(values, 12, 12), last + 4.0 * levels.DRIFT_SHARE)


def test_months_learn_from_the_same_month_of_earlier_years() -> None:
    assert demand._earlier(168, 12, "M") == [156, 144]
    assert demand._earlier(168, 3, "M") == [156, 144]
    assert demand._earlier(168, 18, "M") == [144, 132]
    assert demand._earlier(50, 12, "M") == [38]
    assert demand._earlier(150, 26, "W") == [124, 115, 106, 98, 85]


def test_the_season_of_now_counts_more_than_that_of_long_ago() -> None:
    """A monthly season that turned round eight years ago is forecast as it is now."""
    months = np.arange(192)
    x = np.column_stack([np.sin(2 * np.pi * months / 12), np.cos(2 * np.pi * months / 12)])
    z = 3.0 + np.where(months < 96, -0.3, 0.3) * x[:, 0]
    beta, _ = own_season(z, x, np.zeros(2), np.ones(192, dtype=bool), "M")
    assert 0.15 < beta[0] < 0.3
