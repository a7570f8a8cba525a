"""Small made-up series with a known law."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

START = date(2020, 1, 6)


def weekly_series(count: int = 4, weeks: int = 160, seed: int = 1) -> pl.DataFrame:
    """Series with a season, a wandering level and noise; series_id, period, y, group."""
    rng = np.random.default_rng(seed)
    at = np.arange(weeks)
    frames = []
    for number in range(count):
        level = 6 + 0.3 * number + np.cumsum(rng.normal(0, 0.01, weeks))
        y = np.exp(level + 0.2 * np.cos(2 * np.pi * at / 52.18) + rng.normal(0, 0.05, weeks))
        frames.append(
            pl.DataFrame({"period": [START + timedelta(weeks=int(k)) for k in at], "y": y}).with_columns(
                series_id=pl.lit(f"N{number:02}"), group=pl.lit("N")
            )
        )
    return pl.concat(frames)


def with_odd_ones(frame: pl.DataFrame, seed: int = 2) -> pl.DataFrame:
    """The same with a sparse, a short and an empty series."""
    rng = np.random.default_rng(seed)
    periods = frame["period"].unique().sort()
    sparse = pl.DataFrame({"period": periods, "y": rng.poisson(0.2, len(periods)) * 30.0, "series_id": "Z1"})
    short = pl.DataFrame({"period": periods.tail(20), "y": rng.normal(500, 20, 20), "series_id": "Z2"})
    empty = pl.DataFrame({"period": periods, "y": np.zeros(len(periods)), "series_id": "Z3"})
    odd = pl.concat([part.select("period", "y", "series_id") for part in (sparse, short, empty)])
    return pl.concat([frame, odd.with_columns(group=pl.lit("N")).select(frame.columns)])
