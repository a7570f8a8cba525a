"""Backtest on real stock-outs: monthly stock of sites in the Côte d'Ivoire layout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from medsupply.errors import ForecastError
from medsupply.forecast.backtest.rivals import RIVALS, Model, trees
from medsupply.forecast.backtest.site_features import feature_names, with_features
from medsupply.forecast.backtest.sites import SERIES, read_sites, with_events
from medsupply.forecast.calendar import Array
from medsupply.forecast.workers import Progress

HORIZONS = (1, 3)
LEAST_ROWS, LEAST_EVENTS = 200, 20


@dataclass(frozen=True)
class Known:
    """All that is known at one origin: rows with stock, their features ``x`` [rows, features]."""

    rows: pl.DataFrame
    x: Array
    now: int

    @property
    def today(self) -> Array:
        return np.asarray(self.rows["month_no"].to_numpy() == self.now)

    def column(self, name: str) -> Array:
        return np.asarray(self.rows[name].cast(pl.Float64).fill_null(np.nan).to_numpy())


def civ(
    data: Path,
    origins: Sequence[date],
    horizon: int,
    out: Path,
    *,
    workers: int = 1,
    progress: Progress | None = None,
) -> Path:
    """P(stock_end <= 0 in any of the next 1 and 3 months, up to ``horizon``) of each site and product with stock at
    the origin (the first of the last month that may be read). Every origin is learnt again from what lies before it.

    Writes ``run_out.parquet`` to ``out``: series_id (site|product), origin, horizon, p; and ``peers.parquet`` with
    ``model`` beside: rivals that were fitted on the same rows and features. Raises ForecastError where an origin has
    too little before it. One process.
    """
    rows = read_sites(data)
    horizons = tuple(h for h in HORIZONS if h <= horizon) or (1,)
    own, peers = [], []
    ordered = sorted(set(origins))
    for number, origin in enumerate(ordered, 1):
        known = known_at(rows, origin, max(horizons))
        own += [_frame(known, origin, h, chained(known, h)) for h in horizons]
        for name, rival in RIVALS.items():
            frames = [_frame(known, origin, h, direct(known, h, rival)) for h in horizons]
            peers += [frame.with_columns(model=pl.lit(name)) for frame in frames]
        if progress:
            progress(number, len(ordered))
    out.mkdir(parents=True, exist_ok=True)
    pl.concat(peers).sort("series_id", "origin", "horizon", "model").write_parquet(out / "peers.parquet")
    path = out / "run_out.parquet"
    pl.concat(own).sort("series_id", "origin", "horizon").write_parquet(path)
    return path


def known_at(rows: pl.DataFrame, origin: date, longest: int) -> Known:
    """Rows with stock up to ``origin``, their features and the events that are known by then.

    Nothing later than ``origin`` is read: it is cut off before any feature is computed.
    """
    read = rows.filter(pl.col("period") <= origin)
    made = with_features(with_events(read, tuple(range(1, longest + 1)))).filter(pl.col("stock_end") > 0)
    x = made.select(pl.col(feature_names(made)).cast(pl.Float64)).to_numpy()
    known = Known(made, np.nan_to_num(x), origin.year * 12 + origin.month - 1)
    if not known.today.any():
        raise ForecastError(f"No site has stock at {origin}", "Choose an origin that the data holds")
    return known


def chained(known: Known, horizon: int) -> Array:
    """P of an event within ``horizon`` months: one less the product of the chances to get through each month.

    The chance of each month ahead is learnt from all rows whose that month is known, so the near ones see the newest.
    """
    through = np.ones(int(known.today.sum()))
    for step in range(1, horizon + 1):
        event = known.column(f"out_{step}")
        if step > 1:
            event = np.where(known.column(f"event_{step - 1}") == 0, event, np.nan)
        through *= 1 - _learnt(known, event, trees)
    return np.asarray(1 - through)


def direct(known: Known, horizon: int, model: Model) -> Array:
    """P of an event within ``horizon`` months by one ``model`` of it."""
    return _learnt(known, known.column(f"event_{horizon}"), model)


def _learnt(known: Known, event: Array, model: Model) -> Array:
    past = np.isfinite(event)
    if past.sum() < LEAST_ROWS or event[past].sum() < LEAST_EVENTS:
        raise ForecastError("Too little is known before the origin", "Choose a later origin that the data holds")
    return model(known.x[past], event[past], known.x[known.today])


def _frame(known: Known, origin: date, horizon: int, p: Array) -> pl.DataFrame:
    today = known.rows.filter(pl.col("month_no") == known.now)
    return today.select(
        series_id=pl.concat_str(SERIES, separator="|"),
        origin=pl.lit(origin),
        horizon=pl.lit(horizon, dtype=pl.Int64),
        p=pl.Series(np.clip(p, 0.0, 1.0)),
    )
