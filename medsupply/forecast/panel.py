"""Long series into one matrix of consecutive periods, and which way each series is forecast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from medsupply.days import week_start
from medsupply.errors import ForecastError
from medsupply.forecast.calendar import Array, periods_after

COMBINED, SHORT, INTERMITTENT, ZERO = "combined", "short", "intermittent", "zero"
SHORT_BELOW = {"W": 52, "M": 24}
RECENT = {"W": 104, "M": 36}
ZERO_SHARE, FEW_VALUES = 0.243, 5
# Beside amounts of this size a zero is so far off on a log scale that a twentieth of them makes paths leap. Months keep
# to the plain share: a zero there comes with the season (the first months of a safety net).
FAR_FROM_ZERO, FEW_ZEROS = 20.0, 0.05


@dataclass(frozen=True)
class Panel:
    """``y`` [n, series], nan: gap, censored or before the series began. Sorted by series_id."""

    ids: tuple[str, ...]
    groups: tuple[str, ...]
    path_keys: tuple[str, ...]
    periods: tuple[date, ...]
    y: Array
    freq: str

    @property
    def z(self) -> Array:
        return np.asarray(np.log1p(np.maximum(self.y, 0.0)))

    def until(self, count: int) -> Panel:
        """The first ``count`` periods only."""
        return Panel(self.ids, self.groups, self.path_keys, self.periods[:count], self.y[:count], self.freq)

    def only(self, columns: Sequence[int]) -> Panel:
        """Some of the series."""
        pick = list(columns)
        return Panel(
            tuple(self.ids[j] for j in pick),
            tuple(self.groups[j] for j in pick),
            tuple(self.path_keys[j] for j in pick),
            self.periods,
            self.y[:, pick],
            self.freq,
        )


def first_day(day: date, freq: str) -> date:
    """The first day of the week (W) or month (M) that holds ``day``."""
    return week_start(day) if freq == "W" else day.replace(day=1)


def panel(series: pl.DataFrame, cutoff: date, freq: str) -> Panel:
    """``series``: series_id, period, y (null: gap), and if known group, path_key. Rows after ``cutoff`` are not read.

    Raises ForecastError when no row is left or a series has two rows for one period.
    """
    rows = series.filter(pl.col("period") <= cutoff)
    if rows["y"].drop_nulls().is_empty():
        raise ForecastError(f"No series has a value up to {cutoff}", "Choose a later cutoff or load earlier data")
    twice = rows.filter(rows.select("series_id", "period").is_duplicated())
    if twice.height:
        told = f"Series {twice['series_id'][0]} has two rows for the period of {twice['period'][0]}"
        raise ForecastError(told, "Give one row per series and period")
    start, last = first_day(_first(rows), freq), first_day(cutoff, freq)
    periods = _between(start, last, freq)
    ids = rows["series_id"].unique().sort().to_list()
    y = np.full((len(periods), len(ids)), np.nan)
    begins = pl.col("period").dt.truncate("1w" if freq == "W" else "1mo")
    known = (
        rows.filter(pl.col("y").is_not_null())
        .select("series_id", "y", period=begins)
        .join(pl.DataFrame({"period": periods}).with_row_index("at"), on="period", maintain_order="left")
        .join(pl.DataFrame({"series_id": ids}).with_row_index("column"), on="series_id", maintain_order="left")
    )
    y[known["at"].to_numpy(), known["column"].to_numpy()] = known["y"].cast(pl.Float64).to_numpy()
    groups, keys = (_labels(rows, ids, name) for name in ("group", "path_key"))
    return Panel(tuple(ids), groups, keys, tuple(periods), y, freq)


def _first(rows: pl.DataFrame) -> date:
    first = rows.filter(pl.col("y").is_not_null())["period"].min()
    assert isinstance(first, date)  # rows with a value were counted before
    return first


def _between(start: date, last: date, freq: str) -> list[date]:
    count = (last - start).days // 7 if freq == "W" else (last.year - start.year) * 12 + last.month - start.month
    return [start, *periods_after(start, count, freq)]


def _labels(rows: pl.DataFrame, ids: Sequence[str], name: str) -> tuple[str, ...]:
    if name not in rows.columns:
        return tuple(ids) if name == "path_key" else ("all",) * len(ids)
    label = dict(rows.select("series_id", name).unique("series_id", keep="first", maintain_order=True).iter_rows())
    return tuple(str(label[s]) for s in ids)


def kind(y: Array, freq: str) -> str:
    """How a series [n] (nan: gap) is forecast: combined, short, intermittent or zero."""
    recent = y[-RECENT[freq] :]
    known = recent[~np.isnan(recent)]
    if known.size == 0 or not (known > 0).any():
        return ZERO
    far = freq == "W" and np.median(known[known > 0]) > FAR_FROM_ZERO
    if (known == 0).mean() > (FEW_ZEROS if far else ZERO_SHARE):
        return INTERMITTENT
    everything = y[~np.isnan(y)]
    few = len(everything) < SHORT_BELOW[freq] or len(np.unique(everything)) <= FEW_VALUES
    return SHORT if few else COMBINED
