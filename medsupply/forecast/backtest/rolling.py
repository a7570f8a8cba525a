"""Forecasts of several origins with the peers beside them, written as section 11 of the design says."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from medsupply.errors import ForecastError
from medsupply.forecast.backtest.peers import PEERS, Case, peer_quantiles
from medsupply.forecast.demand import forecast_demand
from medsupply.forecast.panel import panel
from medsupply.forecast.result import DemandForecast
from medsupply.forecast.workers import Progress, pool
from medsupply.tables.forecast import QUANTILES

Known = Callable[[date], tuple[pl.DataFrame, Collection[str] | None]]
COLUMNS = ["series_id", "origin", "target", "model", "mean", *(f"q{level:g}" for level in QUANTILES)]
OWN, MEMBER = "medsupply", "own_prophet"
N_PATHS, EVERY = 1000, 2


def rolling(
    known: Known,
    origins: Sequence[date],
    horizon: int,
    freq: str,
    country: str | None,
    out: Path,
    *,
    workers: int = 1,
    progress: Progress | None = None,
) -> Path:
    """Forecast every origin from what ``known`` gives of it (rows up to the origin; ids to forecast, None: all).

    Beside ``forecasts.parquet``, ``members.parquet`` says in the same columns what Prophet's member says by itself
    (it is a part of the forecast, no peer), and ``paths.parquet`` holds 500 of the paths it was made of: series_id,
    origin, target, paths (list; the k-th of every target is one future). Sums over periods come from them, never from
    quantiles.
    """
    frames, members, drawn = [], [], []
    ordered = sorted(set(origins))
    for number, origin in enumerate(ordered):
        part = _part(progress, number, len(ordered))
        both, member, paths = _origin(known, origin, horizon, freq, country, workers, part)
        frames.append(both)
        members.append(member)
        drawn.append(paths)
    out.mkdir(parents=True, exist_ok=True)
    path = out / "forecasts.parquet"
    order = ["series_id", "origin", "target", "model"]
    pl.concat(drawn).sort(order[:3]).write_parquet(out / "paths.parquet")
    pl.concat(members).sort(order).write_parquet(out / "members.parquet")
    pl.concat(frames).sort(order).write_parquet(path)
    return path


def _part(progress: Progress | None, number: int, total: int) -> Progress | None:
    """Progress over all origins, in thousandths."""
    if progress is None:
        return None
    return lambda done, of: progress(number * 1000 + round(1000 * done / max(of, 1)), total * 1000)


def _origin(
    known: Known,
    origin: date,
    horizon: int,
    freq: str,
    country: str | None,
    workers: int,
    progress: Progress | None,
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    rows, only = known(origin)
    rows = rows.filter(pl.col("period") <= origin)
    # Of a series without a value up to the origin nothing is known, and nothing is said.
    rows = rows.filter(pl.col("y").is_not_null().any().over("series_id"))
    if rows.is_empty() or (only is not None and not only):
        raise ForecastError(f"No series can be forecast from {origin}", "Choose a later origin")
    found = forecast_demand(
        rows, origin, horizon=horizon, n_paths=N_PATHS, workers=workers, freq=freq, country=country, only=only
    )
    own = _stamped(found.quantiles(), OWN, origin)
    member = _stamped(found.by_prophet().quantiles(), MEMBER, origin)
    peers = _peers(rows, origin, horizon, freq, list(found.series_ids), found.periods, workers, progress)
    both = pl.concat([own, peers.with_columns(origin=pl.lit(origin)).rename({"period": "target"}).select(COLUMNS)])
    return both, member, _paths(found, origin)


def _stamped(quantiles: pl.DataFrame, model: str, origin: date) -> pl.DataFrame:
    stamped = quantiles.with_columns(model=pl.lit(model), origin=pl.lit(origin))
    return stamped.rename({"period": "target"}).select(COLUMNS)


def _paths(found: DemandForecast, origin: date) -> pl.DataFrame:
    frames = []
    for ids, paths in found.chunks():
        some = paths[:, ::EVERY].astype(np.float32)
        count = len(found.periods)
        targets = pl.Series(list(found.periods) * len(ids))
        values = pl.Series(some.transpose(0, 2, 1).reshape(-1, some.shape[1]))
        names = [name for name in ids for _ in range(count)]
        frames.append(pl.DataFrame({"series_id": names, "target": targets, "paths": values.arr.to_list()}))
    return pl.concat(frames).with_columns(origin=pl.lit(origin))


def _peers(
    rows: pl.DataFrame,
    origin: date,
    horizon: int,
    freq: str,
    ids: Sequence[str],
    periods: Sequence[date],
    workers: int,
    progress: Progress | None,
) -> pl.DataFrame:
    read = panel(rows.filter(pl.col("series_id").is_in(list(ids))), origin, freq)
    items = [(read.y[:, j], name) for j in range(len(read.ids)) for name in PEERS[freq]]
    with pool(workers) as processes:
        made = processes.map(peer_quantiles, Case(read.periods, tuple(periods), freq), items, progress)
    frames = []
    for (_, model), values, j in zip(items, made, range(len(items)), strict=True):
        columns = {f"q{level:g}": values[:, k + 1] for k, level in enumerate(QUANTILES)}
        frames.append(
            pl.DataFrame({"period": list(periods), "mean": values[:, 0], **columns}).with_columns(
                series_id=pl.lit(read.ids[j // len(PEERS[freq])]), model=pl.lit(model)
            )
        )
    names = ["series_id", "period", "model", "mean", *(f"q{level:g}" for level in QUANTILES)]
    return pl.concat(frames).select(pl.col(name).cast(pl.Float64) if name[0] == "q" else name for name in names)


__all__ = ["COLUMNS", "MEMBER", "OWN", "rolling"]
