"""Scores of stored forecasts when what they were about has come in. Pure: frames in, rows of scores out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import median

import numpy as np
import polars as pl

from medsupply.areas import COUNTRY
from medsupply.forecast.scores import brier, calibration_error, reliability
from medsupply.tables.forecast import COUNTIES, COUNTRYWIDE

DECILES = tuple(range(10, 100, 10))
WEEKS, SUM_WEEKS = (4, 8, 13, 26), (13, 26)
ROWS = {"grouping": pl.String, "horizon": pl.Int64, "metric": pl.String, "value": pl.Float64, "pairs": pl.Int64}
# A forecast is worse when its newest error is half as large again as the usual one of those before it.
WORSE, LEAST_BEFORE = 1.5, 3
LEAST_PAIRS = 20


def demand_scores(
    forecast: pl.DataFrame, actual: pl.DataFrame, sums: pl.DataFrame, scale: pl.DataFrame
) -> pl.DataFrame:
    """ROWS of one stored demand forecast, up to each of 4, 8, 13, 26 weeks that have all come in.

    ``forecast``: medicine_id, county_code, week, horizon, q025, q10 .. q90, q975, groups (classes the series is in);
    ``actual``: medicine_id, county_code, week, actual; ``sums``: medicine_id, county_code, total_13_q10 and so on;
    ``scale``: medicine_id, county_code, scale (mean change to the year before, else to the week before).
    A week without a value is not scored; a sum is where all its weeks are known.
    """
    key = ["medicine_id", "county_code"]
    joined = forecast.join(actual, on=[*key, "week"]).join(scale, on=key).explode("groups")
    frames = [pl.DataFrame(schema=ROWS)]
    last = max(joined["horizon"].to_list(), default=0)
    for weeks in WEEKS:
        if last < weeks:
            break
        part = joined.filter(pl.col("horizon") <= weeks)
        frames += [_stepwise(part, weeks)]
        if weeks in SUM_WEEKS:
            frames.append(_summed(part, sums, weeks))
    return pl.concat(frames)


def _stepwise(part: pl.DataFrame, weeks: int) -> pl.DataFrame:
    y = pl.col("actual")
    losses = [
        pl.max_horizontal(q / 100 * (y - pl.col(f"q{q}")), (q / 100 - 1) * (y - pl.col(f"q{q}"))) for q in DECILES
    ]
    error = (y - pl.col("q50")).abs()
    scaled = pl.col("scale") > 0
    figures = part.group_by("groups").agg(
        wape=error.sum() / y.sum(),
        mase=(error / pl.col("scale")).filter(scaled).mean(),
        pinball=(2 * pl.mean_horizontal(losses) / pl.col("scale")).filter(scaled).mean(),
        cover80=y.is_between(pl.col("q10"), pl.col("q90")).mean(),
        cover95=y.is_between(pl.col("q025"), pl.col("q975")).mean(),
        pairs=pl.len().cast(pl.Int64),
    )
    return _long(figures, ["wape", "mase", "pinball", "cover80", "cover95"], weeks)


def _summed(part: pl.DataFrame, sums: pl.DataFrame, weeks: int) -> pl.DataFrame:
    key = ["medicine_id", "county_code", "groups"]
    total = part.group_by(key).agg(total=pl.col("actual").sum(), known=pl.len()).filter(pl.col("known") == weeks)
    inside = pl.col("total").is_between(pl.col(f"total_{weeks}_q10"), pl.col(f"total_{weeks}_q90"))
    figures = (
        total.join(sums, on=["medicine_id", "county_code"])
        .group_by("groups")
        .agg(cum_cover80=inside.mean(), pairs=pl.len().cast(pl.Int64))
    )
    return _long(figures, ["cum_cover80"], weeks)


def _long(figures: pl.DataFrame, metrics: Sequence[str], horizon: int) -> pl.DataFrame:
    long = figures.unpivot(on=list(metrics), index=["groups", "pairs"], variable_name="metric", value_name="value")
    return (
        long.filter(pl.col("value").is_not_null() & pl.col("value").is_finite())
        .select(
            grouping="groups", horizon=pl.lit(horizon, dtype=pl.Int64), metric="metric", value="value", pairs="pairs"
        )
        .sort("grouping", "horizon", "metric")
    )


def purchase_scores(weeks: pl.DataFrame) -> pl.DataFrame:
    """ROWS of what was expected of Kela's purchases of one week, of the country's codes and of the counties' classes:
    wape, and cover_high: the share that stayed at or below the 97.5 % forecast.

    ``weeks``: county_code, expected, high, purchases (null: not come).
    """
    came = weeks.filter(pl.col("purchases").is_not_null() & pl.col("high").is_not_null())
    named = pl.when(pl.col("county_code") == COUNTRY).then(pl.lit(COUNTRYWIDE)).otherwise(pl.lit(COUNTIES))
    bought = pl.col("purchases").cast(pl.Float64)
    figures = (
        came.with_columns(groups=named)
        .group_by("groups")
        .agg(
            wape=(bought - pl.col("expected")).abs().sum() / bought.sum(),
            cover_high=(bought <= pl.col("high")).mean(),
            pairs=pl.len().cast(pl.Int64),
        )
    )
    return _long(figures, ["wape", "cover_high"], 1)


def run_out_scores(pairs: pl.DataFrame) -> pl.DataFrame:
    """ROWS of stored run-out probabilities: ``pairs`` has horizon (days), p, event (bool), groups.

    Per class and horizon: brier, brier_climatology (the event rate of the class as forecast), ece, and for each tenth
    of probability with pairs in it ``mean_p_k`` and ``rate_k``, k = 0 .. 9.
    """
    rows: list[tuple[object, ...]] = []
    exploded = pairs.explode("groups").sort("groups", "horizon")
    for (group, horizon), part in exploded.partition_by("groups", "horizon", as_dict=True, maintain_order=True).items():
        rows += [(str(group), int(str(horizon)), *one) for one in _probability(part)]
    return pl.DataFrame(rows, schema=ROWS, orient="row")


def _probability(part: pl.DataFrame) -> Iterator[tuple[str, float, int]]:
    p, event = part["p"].to_numpy(), part["event"].cast(pl.Float64).to_numpy()
    count = len(p)
    yield "brier", brier(p, event), count
    yield "brier_climatology", brier(np.full(count, event.mean()), event), count
    yield "ece", calibration_error(p, event), count
    for row in reliability(p, event).iter_rows(named=True):
        yield f"mean_p_{row['bin']}", row["mean_p"], row["pairs"]
        yield f"rate_{row['bin']}", row["rate"], row["pairs"]


def happened(state: pl.DataFrame, history: pl.DataFrame, horizons: Sequence[int]) -> pl.DataFrame:
    """medicine_id, horizon, event of one report day: did stock reach that day's floor within the horizon?

    ``state``: medicine_id, as_of, stock_units, floor_units, those above the floor only; ``history``: medicine_id, day,
    stock_units. True as soon as a known day says so; false where four fifths of the days are known; else no row.
    """
    joined = state.select("medicine_id", "as_of", "floor_units").join(
        history.select("medicine_id", "day", "stock_units").drop_nulls(), on="medicine_id"
    )
    ahead = joined.with_columns(after=(pl.col("day") - pl.col("as_of")).dt.total_days())
    frames = []
    for days in horizons:
        inside = ahead.filter(pl.col("after").is_between(1, days))
        found = inside.group_by("medicine_id").agg(
            event=(pl.col("stock_units") <= pl.col("floor_units")).any(), known=pl.len()
        )
        told = found.filter(pl.col("event") | (pl.col("known") >= 0.8 * days))
        frames.append(told.select("medicine_id", pl.lit(days, dtype=pl.Int64).alias("horizon"), "event"))
    return pl.concat(frames).sort("medicine_id", "horizon")


def worse(newest: float, before: Sequence[float]) -> bool:
    """Whether an error is half as large again as the median of at least three before it."""
    return len(before) >= LEAST_BEFORE and newest > WORSE * median(before)


def worse_than_knowing_nothing(scores: Mapping[str, float], pairs: int) -> bool:
    """Whether probabilities were worse than always telling the rate of their class."""
    return pairs >= LEAST_PAIRS and scores["brier"] > scores["brier_climatology"] * 1.1
