"""Monthly stock of sites and products, and the stock-outs that followed."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from medsupply.errors import InputError
from medsupply.forecast.backtest.events import with_events
from medsupply.forecast.backtest.reading import newest, reading

SERIES = ["site_code", "product_code"]
NEEDED = (*SERIES, "year", "month", "stock_end", "stock_received", "stock_distributed")
OPTIONAL = ("district", "region", "stock_ordered", "stock_adjustment", "average_monthly_consumption")


def read_sites(path: Path) -> pl.DataFrame:
    """Rows of the Côte d'Ivoire layout with ``month_no`` (months since year 0) and ``period``, sorted.

    Raises InputError where the file cannot be read or a column is missing.
    """
    file = newest(path, "logistics*.csv")
    with reading(file):
        frame = pl.read_csv(file, infer_schema_length=100_000)
    missing = [name for name in NEEDED if name not in frame.columns]
    if missing:
        raise InputError(f"{file.name} has no column {', '.join(missing)}", "Give the layout of logistics_*.csv")
    optional = [name for name in OPTIONAL if name in frame.columns]
    rows = frame.select(*NEEDED, *optional).with_columns(
        pl.col("stock_end", "stock_received", "stock_distributed").cast(pl.Float64),
        month_no=pl.col("year") * 12 + pl.col("month") - 1,
        period=pl.date(pl.col("year"), pl.col("month"), 1),
    )
    return rows.unique([*SERIES, "month_no"], keep="first", maintain_order=True).sort(*SERIES, "month_no")


def with_outs(rows: pl.DataFrame, horizons: tuple[int, ...]) -> pl.DataFrame:
    """``with_events`` of empty shelves: stock_end <= 0 at the end of a month."""
    return with_events(rows, SERIES, pl.col("stock_end") <= 0, horizons)
