"""Backtest on real stock-outs: monthly stock of sites in the Côte d'Ivoire layout."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import partial
from pathlib import Path

import polars as pl

from medsupply.forecast.backtest.events import Known, at_each, known, left
from medsupply.forecast.backtest.rivals import RIVALS, both_trees
from medsupply.forecast.backtest.site_features import feature_names, with_features
from medsupply.forecast.backtest.sites import SERIES, read_sites, with_outs
from medsupply.forecast.workers import Progress


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
    found = at_each(partial(known_at, read_sites(data)), origins, horizon, both_trees, RIVALS, progress)
    return left(out, *found)


def known_at(rows: pl.DataFrame, origin: date, longest: int) -> Known:
    """Rows with stock up to ``origin``, their features and the events that are known by then.

    Nothing later than ``origin`` is read: it is cut off before any feature is computed.
    """
    read = rows.filter(pl.col("period") <= origin)
    made = with_features(with_outs(read, tuple(range(1, longest + 1)))).filter(pl.col("stock_end") > 0)
    return known(made, SERIES, feature_names(made), origin)
