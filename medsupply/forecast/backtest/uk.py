"""Backtest on the onset of price concessions: monthly prescribing of English generics."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from medsupply.forecast.backtest.concessions import SERIES, read_concessions, with_features, with_onsets
from medsupply.forecast.backtest.events import Known, at_each, known, left
from medsupply.forecast.backtest.rivals import Model, boosted, logistic, trees
from medsupply.forecast.calendar import Array
from medsupply.forecast.workers import Progress

YEAR_AGO = "f_year_ago"


def base_rate(past: Array, event: Array, today: Array) -> Array:
    """The share of past rows that had the event."""
    return np.full(len(today), event.mean())


def seasonal_naive(past: Array, event: Array, today: Array) -> Array:
    """The event rate of past rows whose next month was tight the year before, and of those whose was not."""
    rates = [event[past[:, 0] == flag].mean() if (past[:, 0] == flag).any() else event.mean() for flag in (0.0, 1.0)]
    return np.asarray(np.where(today[:, 0] == 1.0, rates[1], rates[0]))


RIVALS: dict[str, Model] = {
    "base_rate": base_rate,
    "seasonal_naive": seasonal_naive,
    "logistic": logistic,
    "boosted_trees": boosted,
}


def uk(
    data: Path,
    origins: Sequence[date],
    horizon: int,
    out: Path,
    *,
    workers: int = 1,
    progress: Progress | None = None,
) -> Path:
    """P(a price concession in any of the next 1 and 3 months, up to ``horizon``) of each product without one in the
    month of the origin (its first day). Every origin is learnt again from what was known at the end of that month.

    Writes ``run_out.parquet`` to ``out``: series_id (product), origin, horizon, p; and ``peers.parquet`` with ``model``
    beside: base rate, the month a year before, and rivals that were fitted on the same rows and features.
    Raises ForecastError where an origin has too little before it. One process.
    """
    found = at_each(partial(known_at, read_concessions(data)), origins, horizon, trees, RIVALS, progress)
    return left(out, *found)


def known_at(rows: pl.DataFrame, origin: date, longest: int) -> Known:
    """Products without a concession, month by month up to ``origin``; nothing later is read."""
    read = rows.filter(pl.col("period") <= origin)
    made = with_features(with_onsets(read, tuple(range(1, longest + 1)))).filter(~pl.col("tight"))
    features = [YEAR_AGO, *(name for name in made.columns if name.startswith("f_") and name != YEAR_AGO)]
    return known(made, SERIES, features, origin)
