"""Monthly stock of sites as features of a stock-out ahead: what was known at the end of each month, nothing later."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from medsupply.errors import InputError

SERIES = ["site_code", "product_code"]
NEEDED = (*SERIES, "year", "month", "stock_end", "stock_received", "stock_distributed")
SMOOTH = 6.0
LAGS = (0, 1, 2, 3, 5)


def read_sites(path: Path) -> pl.DataFrame:
    """Rows of the Côte d'Ivoire layout with ``month_no`` (months since year 0) and ``period``, sorted.

    Raises InputError where a column is missing.
    """
    file = sorted(path.glob("logistics*.csv"))[-1] if path.is_dir() else path
    frame = pl.read_csv(file, infer_schema_length=100_000)
    missing = [name for name in NEEDED if name not in frame.columns]
    if missing:
        raise InputError(f"{file.name} has no column {', '.join(missing)}", "Give the layout of logistics_*.csv")
    optional = [name for name in ("district", "region", "stock_ordered", "stock_adjustment") if name in frame.columns]
    rows = frame.select(*NEEDED, *optional).with_columns(
        pl.col("stock_end", "stock_received", "stock_distributed").cast(pl.Float64),
        month_no=pl.col("year") * 12 + pl.col("month") - 1,
        period=pl.date(pl.col("year"), pl.col("month"), 1),
    )
    return rows.unique([*SERIES, "month_no"], keep="first", maintain_order=True).sort(*SERIES, "month_no")


def with_events(rows: pl.DataFrame, horizons: tuple[int, ...]) -> pl.DataFrame:
    """``event_1`` ..: whether stock_end <= 0 in any of the next h months; null where a month of them is missing."""
    out = rows
    for step in range(1, max(horizons) + 1):
        ahead = out.select(*SERIES, month_no=pl.col("month_no") - step, ahead=pl.col("stock_end") <= 0)
        out = out.join(ahead, on=[*SERIES, "month_no"], how="left", maintain_order="left").rename(
            {"ahead": f"_out{step}"}
        )
    for h in horizons:
        out = out.with_columns(pl.any_horizontal([pl.col(f"_out{s}") for s in range(1, h + 1)]).alias(f"event_{h}"))
        whole = pl.all_horizontal([pl.col(f"_out{s}").is_not_null() for s in range(1, h + 1)])
        out = out.with_columns(pl.when(whole).then(pl.col(f"event_{h}")).alias(f"event_{h}"))
    return out.drop([f"_out{s}" for s in range(1, max(horizons) + 1)])


def with_features(rows: pl.DataFrame) -> pl.DataFrame:
    """Features of each row from it and earlier rows of its series, site, product and district: columns ``f_...``."""
    out = _own(rows.with_columns(out_now=(pl.col("stock_end") <= 0).cast(pl.Float64)))
    out = _shared(out, "product_code", "product")
    out = _shared(out, "site_code", "site")
    if "district" in out.columns:
        out = _shared(out, "district", "district")
        out = _pair(out, ["district", "product_code"], "district_product")
    return out


def _lags(stock: pl.Expr, demand: pl.Expr) -> list[pl.Expr]:
    """Cover of earlier months, counted in today's demand."""
    return [
        (stock.shift(lag).over(SERIES) / (demand + 1)).log1p().fill_null(-1.0).alias(f"f_cover_lag{lag}")
        for lag in LAGS
    ]


def _own(rows: pl.DataFrame) -> pl.DataFrame:
    key = pl.col
    used, stock, received = key("stock_distributed"), key("stock_end"), key("stock_received")

    def mean(of: pl.Expr, months: int) -> pl.Expr:
        return of.rolling_mean(months, min_samples=1).over(SERIES)

    three, six, year = mean(used, 3), mean(used, 6), mean(used, 12)
    spread = used.rolling_std(12, min_samples=3).over(SERIES).fill_null(0.0)
    demand = pl.max_horizontal(three, six, year * 0.5)
    since = pl.int_range(pl.len()).over(SERIES)
    last_receipt = pl.when(received > 0).then(since).forward_fill().over(SERIES)
    last_out = pl.when(key("out_now") > 0).then(since).forward_fill().over(SERIES)
    ordered = key("stock_ordered").fill_null(0.0) if "stock_ordered" in rows.columns else pl.lit(0.0)
    return rows.with_columns(
        *_lags(stock, demand),
        f_cover3=(stock / (three + 0.5)).log1p(),
        f_cover12=(stock / (year + 0.5)).log1p(),
        f_stock=stock.log1p(),
        f_demand=demand.log1p(),
        f_used=used.log1p(),
        f_used_before=used.shift(1).over(SERIES).fill_null(0.0).log1p(),
        f_max_used=used.rolling_max(12, min_samples=1).over(SERIES).log1p(),
        f_peak_cover=(stock / (used.rolling_max(6, min_samples=1).over(SERIES) + 1)).log1p(),
        f_cv=spread / (year + 0.5),
        f_trend=(three + 1).log() - (year + 1).log(),
        f_received=received.log1p(),
        f_received3=mean(received, 3).log1p(),
        f_receipt_rate=mean((received > 0).cast(pl.Float64), 12),
        f_since_receipt=(since - last_receipt).fill_null(24).clip(0, 24).cast(pl.Float64),
        f_since_out=(since - last_out).fill_null(36).clip(0, 36).cast(pl.Float64),
        f_out_rate=((key("out_now").cum_sum() + 0.3 * SMOOTH) / (since + 1 + SMOOTH)).over(SERIES),
        f_out12=mean(key("out_now"), 12),
        f_idle=mean((used <= 0).cast(pl.Float64), 6),
        f_ordered=(ordered / (demand + 1)).log1p(),
        f_low_year=stock.rolling_min(12, min_samples=1).over(SERIES).log1p(),
        f_started=since.cast(pl.Float64),
        f_month_sin=(pl.col("month") * 0.5236).sin(),
        f_month_cos=(pl.col("month") * 0.5236).cos(),
    )


def _shared(rows: pl.DataFrame, name: str, label: str) -> pl.DataFrame:
    """Share of the shelves of a product, site or district that are empty now, ever were and ran empty lately."""
    return _pair(rows, [name], label)


def _pair(rows: pl.DataFrame, names: list[str], label: str) -> pl.DataFrame:
    fresh = (pl.col("stock_end").shift(1).over(SERIES) > 0) & (pl.col("stock_end") <= 0)
    exposed = pl.col("stock_end").shift(1).over(SERIES) > 0
    marked = rows.with_columns(_fresh=fresh.fill_null(False).cast(pl.Float64), _exposed=exposed.fill_null(False))
    monthly = (
        marked.group_by(*names, "month_no")
        .agg(
            _out=pl.col("out_now").sum(),
            _n=pl.len().cast(pl.Float64),
            _f=pl.col("_fresh").sum(),
            _e=pl.col("_exposed").cast(pl.Float64).sum(),
        )
        .sort(*names, "month_no")
        .with_columns(
            pl.col("_out", "_n", "_f", "_e").cum_sum().over(names).name.suffix("_all"),
            pl.col("_f", "_e").rolling_sum(3, min_samples=1).over(names).name.suffix("_three"),
        )
    )
    rated = monthly.select(
        *names,
        "month_no",
        ((pl.col("_out") + 0.33 * SMOOTH) / (pl.col("_n") + SMOOTH)).alias(f"f_{label}_out_now"),
        ((pl.col("_out_all") + 0.33 * SMOOTH) / (pl.col("_n_all") + SMOOTH)).alias(f"f_{label}_out_ever"),
        ((pl.col("_f_all") + 0.1 * 20) / (pl.col("_e_all") + 20)).alias(f"f_{label}_fresh_ever"),
        ((pl.col("_f_three") + 0.1 * 20) / (pl.col("_e_three") + 20)).alias(f"f_{label}_fresh_lately"),
    )
    return rows.join(rated, on=[*names, "month_no"], how="left", maintain_order="left")


def feature_names(rows: pl.DataFrame) -> list[str]:
    return [name for name in rows.columns if name.startswith("f_")]
