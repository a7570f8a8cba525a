"""Backtest on any long file of unique_id, ds, y: weekly or monthly."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from pathlib import Path

import polars as pl

from medsupply.errors import InputError
from medsupply.forecast.backtest.reading import reading
from medsupply.forecast.backtest.rolling import rolling
from medsupply.forecast.workers import Progress

NEEDED = ("unique_id", "ds", "y")
MONTHLY_FROM_DAYS = 27
# A day before it is a slip of the pen, and every period since would be a gap.
EARLIEST = date(1900, 1, 1)


def read_long(path: Path) -> tuple[pl.DataFrame, str]:
    """series_id, period (Monday or first of the month), y; and W or M. Parquet, or CSV with , or ; between the columns.

    Raises InputError where the file, a day or an amount cannot be read, a column or all rows are missing, or they are
    neither weekly nor monthly.
    """
    with reading(path):
        frame = pl.read_parquet(path) if path.suffix == ".parquet" else _read_csv(path)
    missing = [name for name in NEEDED if name not in frame.columns]
    if missing:
        raise InputError(f"{path.name} has no column {', '.join(missing)}", "Name its columns unique_id, ds and y")
    ds, y = pl.col("ds"), pl.col("y")
    if frame.schema["ds"] == pl.String:
        ds = ds.str.slice(0, 10).str.to_date(strict=False)
    if frame.schema["y"] == pl.String:
        y = y.str.replace(",", ".", literal=True)
    rows = frame.select(
        series_id=pl.col("unique_id").cast(pl.String),
        ds=ds.cast(pl.Date, strict=False),
        y=y.cast(pl.Float64, strict=False).fill_nan(None),
    )
    if rows.is_empty():
        raise InputError(f"{path.name} has no rows", "Give at least a year of a series")
    _check(frame, rows, path.name)
    freq = _freq(rows, path.name)
    period = pl.col("ds").dt.truncate("1w" if freq == "W" else "1mo")
    return rows.select("series_id", "y", period=period).sort("series_id", "period"), freq


def _read_csv(path: Path) -> pl.DataFrame:
    """All columns as they are written; an empty field, NA and NaN are gaps."""
    with path.open(encoding="utf-8-sig") as file:
        separator = ";" if ";" in file.readline() else ","
    return pl.read_csv(path, separator=separator, infer_schema=False, null_values=["NA", "NaN", "nan"])


def _check(frame: pl.DataFrame, rows: pl.DataFrame, name: str) -> None:
    """Every row has an id and a day, and what is written as an amount is one."""
    asked = {
        "unique_id": rows["series_id"].is_null(),
        "ds": rows["ds"].is_null() | (rows["ds"] < EARLIEST).fill_null(False),
        "y": (rows["y"].is_null() & frame["y"].is_not_null() & ~_is_nan(frame["y"]))
        | rows["y"].is_infinite().fill_null(False),
    }
    for column, wrong in asked.items():
        if wrong.any():
            at = int(wrong.arg_max() or 0)
            told = f"{name}, row {at + 1} after the head, column {column}: {frame[column][at]!r} cannot be read"
            raise InputError(told, f"Give an id, a day as YYYY-MM-DD from {EARLIEST.year} on, and a number or nothing")


def _is_nan(column: pl.Series) -> pl.Series:
    return column.is_nan() if column.dtype.is_float() else pl.repeat(False, len(column), eager=True)


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
