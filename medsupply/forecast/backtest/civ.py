"""Backtest on real stock-outs: monthly stock of sites in the Côte d'Ivoire layout."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from medsupply.errors import ForecastError
from medsupply.forecast.backtest.sites import SERIES, feature_names, read_sites, with_events, with_features
from medsupply.forecast.calendar import Array
from medsupply.forecast.logistic import fit
from medsupply.forecast.workers import Progress

HORIZONS = (1, 3)
HALF_LIFE = {1: 12.0, 3: 9.0}
RIDGE = {1: 10.0, 3: 30.0}
WIDE_SHARE = {1: 0.75, 3: 0.4}
CHAIN_SHARE = 0.5
LEAST_ROWS, LEAST_EVENTS = 200, 20
# Three months ahead the mean of many past years misleads where supply has changed: what is ever is left out there.
SMALL = ("f_cover3", "f_cover12", "f_stock", "f_demand", "f_out12", "f_since_receipt", "f_cv", "f_peak_cover")


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

    Writes ``run_out.parquet`` to ``out``: series_id (site|product), origin, horizon, p.
    Raises ForecastError where an origin has too little before it. One process: it takes seconds.
    """
    rows = read_sites(data)
    horizons = tuple(h for h in HORIZONS if h <= horizon) or (1,)
    frames = []
    for number, origin in enumerate(sorted(set(origins)), 1):
        frames += [predict(rows, origin, h) for h in horizons]
        if progress:
            progress(number, len(set(origins)))
    out.mkdir(parents=True, exist_ok=True)
    path = out / "run_out.parquet"
    pl.concat(frames).sort("series_id", "origin", "horizon").write_parquet(path)
    return path


def split(rows: pl.DataFrame, origin: date, horizon: int) -> tuple[pl.DataFrame, pl.DataFrame, list[str]]:
    """Rows to learn from (their event known by ``origin``), rows to predict, and the names of the features.

    Nothing later than ``origin`` is read: it is cut off before any feature is computed.
    """
    known = rows.filter(pl.col("period") <= origin)
    made = with_features(with_events(known, (horizon,))).filter(pl.col("stock_end") > 0)
    now = origin.year * 12 + origin.month - 1
    past = made.filter((pl.col("month_no") + horizon <= now) & pl.col(f"event_{horizon}").is_not_null())
    today = made.filter(pl.col("month_no") == now)
    if past.height < LEAST_ROWS or past[f"event_{horizon}"].sum() < LEAST_EVENTS or today.is_empty():
        raise ForecastError(f"Too little is known before {origin}", "Choose a later origin that the data holds")
    return past, today, feature_names(made)


def predict(rows: pl.DataFrame, origin: date, horizon: int) -> pl.DataFrame:
    """series_id, origin, horizon, p of one origin.

    The mean of the logits of a wide and a small model; more than a month ahead, half of it is the chance of the next
    month repeated, since that model has seen the newest months and the longer one has not.
    """
    today, own = _logit(rows, origin, horizon)
    if horizon > 1:
        month = _expit(_logit(rows, origin, 1)[1])
        chain = np.clip(1 - (1 - month) ** horizon, 1e-4, 1 - 1e-4)
        own = CHAIN_SHARE * np.log(chain / (1 - chain)) + (1 - CHAIN_SHARE) * own
    return pl.DataFrame(
        {
            "series_id": today.select(pl.concat_str(SERIES, separator="|")).to_series(),
            "origin": [origin] * today.height,
            "horizon": [horizon] * today.height,
            "p": _expit(own),
        }
    )


def _logit(rows: pl.DataFrame, origin: date, horizon: int) -> tuple[pl.DataFrame, Array]:
    """Rows of the origin, and their logits."""
    past, today, names = split(rows, origin, horizon)
    event = past[f"event_{horizon}"].cast(pl.Float64).to_numpy()
    age = (today["month_no"][0] - past["month_no"]).cast(pl.Float64).to_numpy()
    weight = 0.5 ** (age / HALF_LIFE[horizon])
    logits = []
    for chosen in (names, [name for name in SMALL if name in names]):
        model = fit(_matrix(past, chosen), event, weight, RIDGE[horizon])
        p = np.clip(model.probability(_matrix(today, chosen)), 1e-4, 1 - 1e-4)
        logits.append(np.log(p / (1 - p)))
    share = WIDE_SHARE[horizon]
    return today, share * logits[0] + (1 - share) * logits[1]


def _expit(values: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-values)))


def _matrix(rows: pl.DataFrame, names: list[str]) -> Array:
    return rows.select(pl.col(names).cast(pl.Float64)).to_numpy()
