"""Monthly stock of sites and products, and the stock-outs that followed."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from medsupply.errors import InputError

SERIES = ["site_code", "product_code"]
NEEDED = (*SERIES, "year", "month", "stock_end", "stock_received", "stock_distributed")
OPTIONAL = ("district", "region", "stock_ordered", "stock_adjustment", "average_monthly_consumption")


def read_sites(path: Path) -> pl.DataFrame:
    """Rows of the Côte d'Ivoire layout with ``month_no`` (months since year 0) and ``period``, sorted.

    Raises InputError where a column is missing.
    """
    file = sorted(path.glob("logistics*.csv"))[-1] if path.is_dir() else path
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


def with_events(rows: pl.DataFrame, horizons: tuple[int, ...]) -> pl.DataFrame:
    """``event_1`` ..: whether stock_end <= 0 in any of the next h months; null where a month of them is missing.
    ``out_1`` ..: whether it is at the end of the h-th month, null where that month is missing."""
    out = rows
    for step in range(1, max(horizons) + 1):
        ahead = rows.select(
            *SERIES, (pl.col("stock_end") <= 0).alias(f"out_{step}"), month_no=pl.col("month_no") - step
        )
        out = out.join(ahead, on=[*SERIES, "month_no"], how="left", maintain_order="left")
    for h in horizons:
        within = [pl.col(f"out_{step}") for step in range(1, h + 1)]
        whole = pl.all_horizontal([month.is_not_null() for month in within])
        out = out.with_columns(pl.when(whole).then(pl.any_horizontal(within)).alias(f"event_{h}"))
    return out
