"""Features of a stock-out ahead: what was known at the end of each month of a site and product, nothing later."""

from __future__ import annotations

import polars as pl

from medsupply.forecast.backtest.sites import SERIES

SMOOTH = 6.0
LAGS = (0, 1, 2, 3, 5)
HINGES = (0.5, 1.0, 2.0, 3.0, 4.0)


def with_features(rows: pl.DataFrame) -> pl.DataFrame:
    """Features of each row from it and earlier rows of its series, site, product, district and region: ``f_...``."""
    out = _own(rows.with_columns(out_now=(pl.col("stock_end") <= 0).cast(pl.Float64), everywhere=pl.lit("all")))
    out = _habits(out)
    for names in (["product_code"], ["site_code"], ["district"], ["district", "product_code"]):
        if set(names) <= set(out.columns):
            out = _rates(out, names, "_".join(names))
    for names in (["product_code"], ["site_code"], ["district", "product_code"], ["region", "product_code"]):
        if set(names) <= set(out.columns):
            out = _flows(out, names, "_".join(names))
    out = _flows(out, ["everywhere"], "everywhere")
    products = sorted(out["product_code"].unique().to_list())
    return out.with_columns((pl.col("product_code") == p).cast(pl.Float64).alias(f"f_is_{p}") for p in products)


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
        f_month_sin=(pl.col("month") * 0.5236).sin(),
        f_month_cos=(pl.col("month") * 0.5236).cos(),
    )


def _habits(rows: pl.DataFrame) -> pl.DataFrame:
    """How the site orders, is served, and how low its shelf of the product usually gets, in months of its demand."""
    key = pl.col
    stock, received = key("stock_end"), key("stock_received")
    demand = key("f_demand").exp()
    cover = stock / demand
    ordered = key("stock_ordered").fill_null(0.0) if "stock_ordered" in rows.columns else pl.lit(0.0)
    adjusted = key("stock_adjustment").fill_null(0.0) if "stock_adjustment" in rows.columns else pl.lit(0.0)
    asked = key("average_monthly_consumption") if "average_monthly_consumption" in rows.columns else demand
    times = (received > 0).cast(pl.Float64).rolling_sum(18, min_samples=1).over(SERIES)
    last = pl.when(received > 0).then(received).forward_fill().over(SERIES).fill_null(0.0)
    return rows.with_columns(
        *(pl.min_horizontal(cover, pl.lit(hinge)).alias(f"f_cover_upto_{hinge:g}") for hinge in HINGES),
        f_cover_asked=(stock / (asked.cast(pl.Float64) + 0.5)).log1p(),
        f_asked=asked.cast(pl.Float64).log1p(),
        f_adjusted=(adjusted / demand).clip(-5, 5),
        f_between_receipts=36 / (1 + times),
        f_last_receipt=(last / demand).log1p(),
        f_lowest_cover=(stock.rolling_min(6, min_samples=1).over(SERIES) / demand).log1p(),
        f_low_months=(cover < 1).cast(pl.Float64).rolling_mean(6, min_samples=1).over(SERIES),
        f_not_served=(ordered.shift(1).over(SERIES) - received).clip(0, None).log1p().fill_null(0.0),
        f_gap=(key("month_no") - key("month_no").shift(1).over(SERIES)).fill_null(1).clip(0, 6).cast(pl.Float64),
    )


def _flows(rows: pl.DataFrame, names: list[str], label: str) -> pl.DataFrame:
    """Cover, inflow and empty or low shelves of all that share ``names``, and where they are heading."""
    key = pl.col

    def late(of: pl.Expr, months: int) -> pl.Expr:
        return of.rolling_mean(months, min_samples=1).over(names)

    monthly = rows.group_by(*names, "month_no").agg(
        _stock=key("stock_end").sum(),
        _used=key("stock_distributed").sum(),
        _got=key("stock_received").sum(),
        _out=key("out_now").mean(),
        _low=(key("f_cover3") < pl.lit(1.0).log1p()).mean(),
        _served=(key("stock_received") > 0).mean(),
        _cover=key("f_cover3").median(),
    )
    used, cover = late(key("_used"), 6), key(f"f_{label}_cover")
    made = (
        monthly.sort(*names, "month_no")
        .select(
            *names,
            "month_no",
            (key("_stock") / (used + 1)).log1p().alias(f"f_{label}_cover"),
            ((late(key("_got"), 2) + 1) / (used + 1)).log().alias(f"f_{label}_inflow2"),
            ((late(key("_got"), 3) + 1) / (used + 1)).log().alias(f"f_{label}_inflow3"),
            (key("_out") - key("_out").shift(2).over(names)).fill_null(0.0).alias(f"f_{label}_out_change"),
            key("_low").alias(f"f_{label}_low"),
            key("_served").alias(f"f_{label}_served"),
            (key("_served") - late(key("_served"), 12)).alias(f"f_{label}_served_change"),
            key("_cover").alias(f"f_{label}_usual_cover"),
        )
        .with_columns((cover - cover.shift(3).over(names)).fill_null(0.0).alias(f"f_{label}_cover_change"))
    )
    return rows.join(made, on=[*names, "month_no"], how="left", maintain_order="left")


def _rates(rows: pl.DataFrame, names: list[str], label: str) -> pl.DataFrame:
    """Share of the shelves that share ``names`` that are empty now, ever were, and ran empty lately."""
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
    """The columns that ``with_features`` made, in order."""
    return [name for name in rows.columns if name.startswith("f_")]
