"""Monthly prescribing and price concessions of English generics, and what was known of them at the end of a month.

A concession says that pharmacies could not buy at the tariff price: a sign of tight supply, not an empty shelf. It is
public within its month; what was prescribed is published two months later, so that it is read two months late here.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from medsupply.errors import InputError
from medsupply.forecast.backtest.events import with_events
from medsupply.forecast.backtest.reading import newest, reading

SERIES = ["product_pack"]
NEEDED = ("month_full", "product_pack", "active_ingredients", "dosage", "value", "quantity", "shortage")
PUBLISHED_AFTER = 2
SIBLINGS = ("active_ingredients", "dosage")
SMOOTH, USUAL = 12.0, 0.04


def read_concessions(path: Path) -> pl.DataFrame:
    """product_pack, period (1st of month), month_no, active_ingredients, dosage, quantity, value, tight; sorted.

    Raises InputError where the file cannot be read or a column is missing.
    """
    file = newest(path, "generics*.csv")
    with reading(file):
        frame = pl.read_csv(file, infer_schema_length=100_000)
    missing = [name for name in NEEDED if name not in frame.columns]
    if missing:
        raise InputError(f"{file.name} has no column {', '.join(missing)}", "Give the layout of generics_*.csv")
    rows = frame.select(
        *SERIES,
        *SIBLINGS,
        period=pl.col("month_full").str.to_date(),
        quantity=pl.col("quantity").cast(pl.Float64),
        value=pl.col("value").cast(pl.Float64),
        tight=pl.col("shortage").cast(pl.String).str.to_lowercase().is_in(["true", "1"]).fill_null(False),
    )
    dated = rows.with_columns(month_no=pl.col("period").dt.year() * 12 + pl.col("period").dt.month() - 1)
    return dated.unique([*SERIES, "month_no"], keep="first", maintain_order=True).sort(*SERIES, "month_no")


def with_onsets(rows: pl.DataFrame, horizons: tuple[int, ...]) -> pl.DataFrame:
    """``with_events`` of concessions."""
    return with_events(rows, SERIES, pl.col("tight"), horizons)


def with_features(rows: pl.DataFrame) -> pl.DataFrame:
    """Features of each row from it and earlier rows: ``f_...``; the first: was next month tight a year ago?"""
    tight = pl.col("tight").cast(pl.Float64)
    since = pl.int_range(pl.len()).over(SERIES)
    last = pl.when(pl.col("tight")).then(since).forward_fill().over(SERIES)
    own = rows.with_columns(
        f_year_ago=tight.shift(11).over(SERIES).fill_null(0.0),
        f_since=(since - last).fill_null(60).clip(0, 60).cast(pl.Float64),
        f_year=tight.rolling_sum(12, min_samples=1).over(SERIES),
        f_ever=((tight.cum_sum() + USUAL * SMOOTH) / (since + 1 + SMOOTH)).over(SERIES),
        f_month_sin=(pl.col("period").dt.month() * 0.5236).sin(),
        f_month_cos=(pl.col("period").dt.month() * 0.5236).cos(),
    )
    out = _trade(own)
    for names in (["active_ingredients"], ["dosage"], []):
        out = _around(out, names)
    return out


def _trade(rows: pl.DataFrame) -> pl.DataFrame:
    """Price and quantity as published by the month, and where they are heading."""
    price = ((pl.col("value") + 1) / (pl.col("quantity") + 1)).log().shift(PUBLISHED_AFTER).over(SERIES)
    amount = (pl.col("quantity") + 1).log().shift(PUBLISHED_AFTER).over(SERIES)
    read = rows.with_columns(f_price=price, f_quantity=amount)

    def change(name: str, months: int) -> pl.Expr:
        return (pl.col(name) - pl.col(name).shift(months).over(SERIES)).clip(-3, 3).fill_null(0.0)

    return read.with_columns(
        *(change(f"f_{name}", n).alias(f"f_{name}_{n}") for name in ("price", "quantity") for n in (1, 3, 12)),
        f_low_price=(pl.col("f_price") - pl.col("f_price").rolling_max(24, min_samples=1).over(SERIES)).fill_null(0.0),
        f_swing=pl.col("f_quantity").rolling_std(12, min_samples=3).over(SERIES).fill_null(0.0),
    ).with_columns(pl.col("f_price", "f_quantity").fill_null(0.0))


def _around(rows: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    """Share of the products that share ``names`` (none: all) that are tight now, became so, and were in half a year."""
    label = names[0] if names else "all"
    fresh = pl.col("tight") & ~pl.col("tight").shift(1, fill_value=False).over(SERIES)
    monthly = (
        rows.with_columns(_fresh=fresh.cast(pl.Float64), _tight=pl.col("tight").cast(pl.Float64))
        .group_by(*names, "month_no")
        .agg(pl.col("_tight").mean(), pl.col("_fresh").mean())
        .sort(*names, "month_no")
    )
    half = pl.col("_tight").rolling_mean(6, min_samples=1)
    made = monthly.select(
        *names,
        "month_no",
        pl.col("_tight").alias(f"f_{label}_tight"),
        pl.col("_fresh").alias(f"f_{label}_fresh"),
        (half.over(names) if names else half).alias(f"f_{label}_half"),
    )
    return rows.join(made, on=[*names, "month_no"], how="left", maintain_order="left")
