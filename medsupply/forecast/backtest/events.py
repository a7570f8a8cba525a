"""Events learnt from what was known at an origin: the model that is used, month by month, and rivals beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from medsupply.errors import ForecastError
from medsupply.forecast.backtest.rivals import Model
from medsupply.forecast.calendar import Array
from medsupply.forecast.workers import Progress

HORIZONS = (1, 3)
LEAST_ROWS, LEAST_EVENTS = 200, 20


@dataclass(frozen=True)
class Known:
    """All that is known at one origin: rows at risk (``month_no``, ``out_1`` .., ``event_1`` ..), the columns that
    name their series, their features ``x`` [rows, features]; ``now``: the origin's months since year 0."""

    rows: pl.DataFrame
    series: Sequence[str]
    x: Array
    now: int

    @property
    def today(self) -> Array:
        return np.asarray(self.rows["month_no"].to_numpy() == self.now)

    def column(self, name: str) -> Array:
        return np.asarray(self.rows[name].cast(pl.Float64).fill_null(np.nan).to_numpy())


def known(rows: pl.DataFrame, series: Sequence[str], features: Sequence[str], origin: date) -> Known:
    """``rows`` at risk up to ``origin``. Raises ForecastError where none stands at the origin itself."""
    x = rows.select(pl.col(features).cast(pl.Float64)).to_numpy()
    found = Known(rows, series, np.nan_to_num(x), origin.year * 12 + origin.month - 1)
    if not found.today.any():
        raise ForecastError(f"Nothing is at risk at {origin}", "Choose an origin that the data holds")
    return found


def with_events(rows: pl.DataFrame, series: Sequence[str], out: pl.Expr, horizons: Sequence[int]) -> pl.DataFrame:
    """``event_1`` ..: whether ``out`` holds in any of the next h months; null where a month of them is missing.
    ``out_1`` ..: whether it holds in the h-th month, null where that month is missing."""
    found = rows
    for step in range(1, max(horizons) + 1):
        ahead = rows.select(*series, out.alias(f"out_{step}"), month_no=pl.col("month_no") - step)
        found = found.join(ahead, on=[*series, "month_no"], how="left", maintain_order="left")
    for h in horizons:
        within = [pl.col(f"out_{step}") for step in range(1, h + 1)]
        whole = pl.all_horizontal([month.is_not_null() for month in within])
        found = found.with_columns(pl.when(whole).then(pl.any_horizontal(within)).alias(f"event_{h}"))
    return found


def chained(known: Known, horizons: Sequence[int], model: Model) -> dict[int, Array]:
    """P of an event within each of ``horizons`` months: one less the product of the chances to get through each month.

    The chance of each month ahead is learnt from all rows whose that month is known, so the near ones see the newest.
    """
    through, found = np.ones(int(known.today.sum())), {}
    for step in range(1, max(horizons) + 1):
        event = known.column(f"out_{step}")
        if step > 1:
            event = np.where(known.column(f"event_{step - 1}") == 0, event, np.nan)
        through = through * (1 - _learnt(known, event, model))
        found[step] = np.asarray(1 - through)
    return {horizon: found[horizon] for horizon in horizons}


def direct(known: Known, horizon: int, model: Model) -> Array:
    """P of an event within ``horizon`` months by one ``model`` of it."""
    return _learnt(known, known.column(f"event_{horizon}"), model)


def _learnt(known: Known, event: Array, model: Model) -> Array:
    past = np.isfinite(event)
    if past.sum() < LEAST_ROWS or event[past].sum() < LEAST_EVENTS:
        raise ForecastError("Too little is known before the origin", "Choose a later origin that the data holds")
    return model(known.x[past], event[past], known.x[known.today])


def told(known: Known, origin: date, horizon: int, p: Array) -> pl.DataFrame:
    """series_id, origin, horizon, p of the rows at risk at the origin."""
    return known.rows.filter(pl.col("month_no") == known.now).select(
        series_id=pl.concat_str(known.series, separator="|"),
        origin=pl.lit(origin),
        horizon=pl.lit(horizon, dtype=pl.Int64),
        p=pl.Series(np.clip(p, 0.0, 1.0)),
    )


def judged(known: Known, origin: date, horizons: Sequence[int], rivals: Mapping[str, Model]) -> list[pl.DataFrame]:
    """``told`` with ``model`` beside, of each rival and horizon."""
    return [
        told(known, origin, h, direct(known, h, rival)).with_columns(model=pl.lit(name))
        for name, rival in rivals.items()
        for h in horizons
    ]


def at_each(
    known_at: Callable[[date, int], Known],
    origins: Sequence[date],
    longest: int,
    model: Model,
    rivals: Mapping[str, Model],
    progress: Progress | None,
) -> tuple[list[pl.DataFrame], list[pl.DataFrame]]:
    """The ``model`` that is used, and ``rivals``, at each origin for HORIZONS up to ``longest`` months.

    ``known_at``: what is known at an origin, with events up to so many months.
    """
    horizons = tuple(h for h in HORIZONS if h <= longest) or (1,)
    own, peers = [], []
    ordered = sorted(set(origins))
    for number, origin in enumerate(ordered, 1):
        past = known_at(origin, max(horizons))
        own += [told(past, origin, h, p) for h, p in chained(past, horizons, model).items()]
        peers += judged(past, origin, horizons, rivals)
        if progress:
            progress(number, len(ordered))
    return own, peers


def left(out: Path, own: Sequence[pl.DataFrame], peers: Sequence[pl.DataFrame]) -> Path:
    """Write ``run_out.parquet`` and ``peers.parquet`` to ``out``; returns the path of the first."""
    out.mkdir(parents=True, exist_ok=True)
    pl.concat(peers).sort("series_id", "origin", "horizon", "model").write_parquet(out / "peers.parquet")
    path = out / "run_out.parquet"
    pl.concat(own).sort("series_id", "origin", "horizon").write_parquet(path)
    return path
