"""The days of running out that corrected probabilities mean: day and probability never contradict each other."""

from __future__ import annotations

import polars as pl

from medsupply.forecast.run_out import SHARES

KEY = ["medicine_id", "county_code"]


def days_as_corrected(found: pl.DataFrame) -> pl.DataFrame:
    """``found`` with the days of SHARES moved to where its corrected probabilities reach each share.

    ``found``: medicine_id, county_code, as_of, horizon_days, p, p_simulated and the columns of SHARES. Between horizons
    p is taken as a straight line from 0 on the report day; a share that the longest horizon does not reach has no day.
    Rows whose p nothing corrected keep the days of their paths, which know more than four horizons do.
    """
    rows = found.sort(*KEY, "horizon_days")
    moved = (pl.col("p") != pl.col("p_simulated")).any().over(KEY)
    return rows.with_columns(
        pl.when(moved).then(_reached(share)).otherwise(name).alias(name) for name, share in SHARES.items()
    )


def _reached(share: float) -> pl.Expr:
    """The first day on which the line through the horizons is at ``share``."""
    p, before = pl.col("p"), pl.col("p").shift(1).over(KEY).fill_null(0.0)
    days, since = pl.col("horizon_days"), pl.col("horizon_days").shift(1).over(KEY).fill_null(0)
    crosses = (before < share) & (p >= share)
    day = since + (share - before) / (p - before) * (days - since)
    # A line that reaches the share at a whole day may come out a hair above it.
    first = pl.when(crosses).then((day - 1e-9).ceil()).min().over(KEY)
    return pl.col("as_of") + pl.duration(days=first.cast(pl.Int64))
