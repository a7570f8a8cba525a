"""Backtest on any long file of unique_id, ds, y: weekly or monthly."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from pathlib import Path

import polars as pl

from medsupply.errors import InputError
from medsupply.forecast.backtest.rolling import rolling
from medsupply.forecast.workers import Progress

NEEDED = ("unique_id", "ds", "y")
MONTHLY_FROM_DAYS = 27


def read_long(path: Path) -> tuple[pl.DataFrame, str]:
    """series_id, period (Monday or first of the month), y; and W or M. Parquet, or CSV with , or ; between the columns.

    Raises InputError where a column is missing or the rows are neither weekly nor monthly.
    """
    frame = pl.read_parquet(path) if path.suffix == ".parquet" else _read_csv(path)
    missing = [name for name in NEEDED if name not in frame.columns]
    if missing:
        raise InputError(f"{path.name} has no column {', '.join(missing)}", "Name its columns unique_id, ds and y")
    ds = pl.col("ds").str.slice(0, 10).str.to_date() if frame.schema["ds"] == pl.String else pl.col("ds").cast(pl.Date)
    rows = frame.select(series_id=pl.col("unique_id").cast(pl.String), ds=ds, y=pl.col("y").cast(pl.Float64))
    freq = _freq(rows, path.name)
    period = pl.col("ds").dt.truncate("1w" if freq == "W" else "1mo")
    named = rows.select("series_id", "y", period=period).with_columns(pl.col("y").fill_nan(None))
    return named.sort("series_id", "period"), freq


def _read_csv(path: Path) -> pl.DataFrame:
    with path.open(encoding="utf-8-sig") as file:
        separator = ";" if ";" in file.readline() else ","
    return pl.read_csv(path, separator=separator, infer_schema_length=10_000)


def _freq(rows: pl.DataFrame, name: str) -> str:
    steps = rows.sort("series_id", "ds").select(
        step=(pl.col("ds") - pl.col("ds").shift()).over("series_id").dt.total_days()
    )
    usual = steps["step"].drop_nulls().median()
    if not isinstance(usual, int | float) or usual < 7:
        raise InputError(f"{name} is neither weekly nor monthly", "Sum it to weeks or months first")
    return "M" if usual >= MONTHLY_FROM_DAYS else "W"


def series(
    data: Path,
    origins: Sequence[date],
    horizon: int,
    out: Path,
    *,
    workers: int = 1,
    progress: Progress | None = None,
) -> Path:
    """Forecast every series of ``data`` from each origin, the first day of the last period that may be read.

    The country is not known, so no opening days. Writes ``forecasts.parquet`` to ``out`` and returns its path.
    """
    rows, freq = read_long(data)

    def known(origin: date) -> tuple[pl.DataFrame, Collection[str] | None]:
        return rows.filter(pl.col("period") <= origin), None

    return rolling(known, origins, horizon, freq, None, out, workers=workers, progress=progress)
