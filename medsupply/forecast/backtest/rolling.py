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
OWN = "medsupply"
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

    Beside ``forecasts.parquet``, ``paths.parquet`` holds 500 of the paths it was made of: series_id, origin, target,
    paths (list; the k-th of every target is one future). Sums over periods come from them, never from quantiles.
    """
    frames, drawn = [], []
    ordered = sorted(set(origins))
    for number, origin in enumerate(ordered):
        part = _part(progress, number, len(ordered))
        both, paths = _origin(known, origin, horizon, freq, country, workers, part)
        frames.append(both)
        drawn.append(paths)
    out.mkdir(parents=True, exist_ok=True)
    path = out / "forecasts.parquet"
    pl.concat(drawn).sort("series_id", "origin", "target").write_parquet(out / "paths.parquet")
    pl.concat(frames).sort("series_id", "origin", "target", "model").write_parquet(path)
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
) -> tuple[pl.DataFrame, pl.DataFrame]:
    rows, only = known(origin)
    rows = rows.filter(pl.col("period") <= origin)
    if rows.is_empty() or (only is not None and not only):
        raise ForecastError(f"No series can be forecast from {origin}", "Choose a later origin")
    found = forecast_demand(
        rows, origin, horizon=horizon, n_paths=N_PATHS, workers=workers, freq=freq, country=country, only=only
    )
    own = found.quantiles().with_columns(model=pl.lit(OWN))
    peers = _peers(rows, origin, horizon, freq, list(found.series_ids), found.periods, workers, progress)
    both = pl.concat([own.drop("horizon").select(peers.columns), peers])
    quantiles = both.with_columns(origin=pl.lit(origin)).rename({"period": "target"}).select(COLUMNS)
    return quantiles, _paths(found, origin)


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


__all__ = ["COLUMNS", "OWN", "rolling"]
