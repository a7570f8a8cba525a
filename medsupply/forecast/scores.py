"""Scores of forecasts against what came in: quantile forecasts, cumulative demand, probabilities."""

from __future__ import annotations

import numpy as np
import polars as pl

from medsupply.forecast.calendar import Array
from medsupply.tables.forecast import QUANTILES

DECILES = tuple(level for level in QUANTILES if 0.1 <= level <= 0.9)
BINS = 10


def score_quantiles(forecasts: pl.DataFrame, actual: pl.DataFrame, period: int) -> pl.DataFrame:
    """One row per series_id, origin and model: pinball (2 x mean at 0.1 .. 0.9 / scale), mase, wape, cover80, cover95.

    ``forecasts``: as ``forecasts.parquet``; ``actual``: series_id, period, y, the weeks read and those that came.
    ``period``: 52 or 12. Weeks without a value are not scored.
    """
    known = actual.filter(pl.col("y").is_not_null())
    joined = forecasts.join(known.rename({"period": "target"}), on=["series_id", "target"])
    scales = scale_frame(known, forecasts.select("origin").unique()["origin"].sort().to_list(), period)
    y, median = pl.col("y"), pl.col("q0.5")
    losses = [
        pl.max_horizontal(level * (y - pl.col(f"q{level:g}")), (level - 1) * (y - pl.col(f"q{level:g}")))
        for level in DECILES
    ]
    marked = joined.with_columns(
        loss=2 * pl.mean_horizontal(losses),
        error=(y - median).abs(),
        in80=y.is_between(pl.col("q0.1"), pl.col("q0.9")),
        in95=y.is_between(pl.col("q0.025"), pl.col("q0.975")),
    )
    sums = marked.group_by("series_id", "origin", "model").agg(
        loss=pl.col("loss").mean(),
        error=pl.col("error").mean(),
        wape=pl.col("error").sum() / y.sum(),
        cover80=pl.col("in80").mean(),
        cover95=pl.col("in95").mean(),
        pairs=pl.len(),
    )
    scaled = sums.join(scales, on=["series_id", "origin"]).filter(pl.col("scale") > 0)
    return scaled.with_columns(pinball=pl.col("loss") / pl.col("scale"), mase=pl.col("error") / pl.col("scale")).sort(
        "origin", "model", "series_id"
    )


def scale_frame(actual: pl.DataFrame, origins: list[object], period: int) -> pl.DataFrame:
    """series_id, origin, scale: mean absolute difference to the same period a year before, up to the origin."""
    every = f"{period}w" if period == 52 else "1y"
    before = actual.select("series_id", period=pl.col("period").dt.offset_by(every), last="y")
    steps = actual.join(before, on=["series_id", "period"]).with_columns(step=(pl.col("y") - pl.col("last")).abs())
    frames = [
        steps.filter(pl.col("period") <= pl.lit(origin))
        .group_by("series_id")
        .agg(scale=pl.col("step").mean())
        .with_columns(origin=pl.lit(origin))
        for origin in origins
    ]
    return pl.concat(frames)


def cumulative_coverage(paths: Array, actual: Array, periods: int, level: float = 0.8) -> float:
    """Share of series whose sum over ``periods`` lies in the central ``level`` interval of the paths' sums.

    ``paths`` [series, paths, h], ``actual`` [series, h]; periods without a value (nan) are left out of both sums.
    """
    known = ~np.isnan(actual[:, :periods])
    total = np.where(known, actual[:, :periods], 0.0).sum(axis=1)
    sums = np.where(known[:, None, :], paths[:, :, :periods], 0.0).sum(axis=2)
    low, high = np.quantile(sums, [(1 - level) / 2, (1 + level) / 2], axis=1)
    scored = known.any(axis=1)
    return float(((total >= low) & (total <= high))[scored].mean())


def brier(p: Array, event: Array) -> float:
    """Mean squared difference of probability and event (0 or 1)."""
    return float(np.mean((p - event) ** 2))


def brier_skill(p: Array, event: Array, groups: Array | None = None) -> float:
    """1 - Brier / Brier of climatology, the event rate of each group (class x horizon; None: of all)."""
    labels = np.zeros(len(p)) if groups is None else groups
    rate = np.empty(len(p))
    for label in np.unique(labels):
        rate[labels == label] = event[labels == label].mean()
    reference = brier(rate, event)
    return 1 - brier(p, event) / reference if reference > 0 else float("nan")


def auc(p: Array, event: Array) -> float:
    """Probability that a case with the event was given more than one without, ties counted half."""
    from scipy.stats import rankdata  # type: ignore[import-untyped]

    positive = event > 0
    count, others = int(positive.sum()), int((~positive).sum())
    if not count or not others:
        return float("nan")
    ranks = rankdata(p)
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * others))


def reliability(p: Array, event: Array) -> pl.DataFrame:
    """bin, pairs, mean_p, rate of ten equal bins of probability; empty bins have no row."""
    at = np.minimum((p * BINS).astype(int), BINS - 1)
    frame = pl.DataFrame({"bin": at, "p": p, "event": event.astype(float)})
    return frame.group_by("bin").agg(pairs=pl.len(), mean_p=pl.col("p").mean(), rate=pl.col("event").mean()).sort("bin")


def calibration_error(p: Array, event: Array) -> float:
    """ECE: mean over the bins, by their pairs, of |mean probability - event rate|."""
    bins = reliability(p, event)
    gap = (bins["mean_p"] - bins["rate"]).abs()
    return float((gap * bins["pairs"]).sum() / len(p))


def paired_interval(better: Array, worse: Array, draws: int = 2000) -> tuple[float, float, float]:
    """Mean of ``better - worse`` over series and its 95 % bootstrap interval: mean, low, high."""
    difference = better - worse
    rng = np.random.default_rng(2000)
    means = difference[rng.integers(len(difference), size=(draws, len(difference)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(difference.mean()), float(low), float(high)
