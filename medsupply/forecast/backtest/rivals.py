"""Models of an event from features: the one that is used, and the rivals that it is measured against."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from medsupply.forecast.calendar import Array

# (features of the past [n, k], event [n], features of today [m, k]) -> probability [m]
Model = Callable[[Array, Array, Array], Array]
SEED = 1
FURTHEST = 6.0


def trees(past: Array, event: Array, today: Array) -> Array:
    """Extremely randomised trees: their leaves average, so that they stay calibrated out of time."""
    from sklearn.ensemble import ExtraTreesClassifier  # type: ignore[import-untyped]

    model = ExtraTreesClassifier(300, min_samples_leaf=15, max_features=0.3, random_state=SEED)
    return np.asarray(model.fit(past, event).predict_proba(today)[:, 1])


def both_trees(past: Array, event: Array, today: Array) -> Array:
    """The mean of both kinds of trees: the one ranks better, the other stays calibrated out of time."""
    return np.asarray((trees(past, event, today) + boosted(past, event, today)) / 2)


def logistic(past: Array, event: Array, today: Array) -> Array:
    """Logistic regression with a ridge on standardised features."""
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

    centre, scale = past.mean(axis=0), past.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    near, far = ((np.clip((x - centre) / scale, -FURTHEST, FURTHEST)) for x in (past, today))
    model = LogisticRegression(C=0.01, max_iter=500)
    return np.asarray(model.fit(near, event).predict_proba(far)[:, 1])


def boosted(past: Array, event: Array, today: Array) -> Array:
    """Gradient-boosted trees on histograms."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(
        max_iter=120,
        learning_rate=0.05,
        max_leaf_nodes=8,
        min_samples_leaf=40,
        l2_regularization=5.0,
        max_features=0.5,
        random_state=SEED,
    )
    return np.asarray(model.fit(past, event).predict_proba(today)[:, 1])


def cover(past: Array, event: Array, today: Array) -> Array:
    """Months of stock alone: the event rate of past rows with as much, never rising with it."""
    from sklearn.isotonic import IsotonicRegression  # type: ignore[import-untyped]

    model = IsotonicRegression(increasing=False, out_of_bounds="clip")
    return np.asarray(model.fit(past[:, 0], event).predict(today[:, 0]))


RIVALS: dict[str, Model] = {"logistic": logistic, "boosted_trees": boosted, "months_of_stock": cover}
