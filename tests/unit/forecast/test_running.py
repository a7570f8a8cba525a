"""Scores of stored forecasts, worked out by hand."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from medsupply.forecast.running import (
    demand_scores,
    happened,
    purchase_scores,
    run_out_scores,
    worse,
    worse_than_knowing_nothing,
)

MONDAY = date(2026, 1, 5)


def forecast(median: float, weeks: int = 4) -> pl.DataFrame:
    """The same forecast every week: 80 % within 10 of the median, 95 % within 20."""
    levels = {f"q{q}": median + (q - 50) / 4 for q in range(10, 100, 10)}
    rows = [
        {"medicine_id": "G1", "county_code": "99", "week": MONDAY + timedelta(weeks=k), "horizon": k + 1,
         "q025": median - 20, **levels, "q975": median + 20, "groups": ["all", "critical"]}
        for k in range(weeks)
    ]  # fmt: skip
    return pl.DataFrame(rows)


def actual(*values: float) -> pl.DataFrame:
    weeks = [MONDAY + timedelta(weeks=k) for k in range(len(values))]
    return pl.DataFrame({"medicine_id": "G1", "county_code": "99", "week": weeks, "actual": list(values)})


SUMS = pl.DataFrame({"medicine_id": ["G1"], "county_code": ["99"], "total_13_q10": [1200.0], "total_13_q90": [1400.0],
                     "total_26_q10": [0.0], "total_26_q90": [1.0]})  # fmt: skip
SCALE = pl.DataFrame({"medicine_id": ["G1"], "county_code": ["99"], "scale": [20.0]})


def value(found: pl.DataFrame, metric: str, horizon: int = 4, grouping: str = "all") -> float:
    row = found.filter((pl.col("metric") == metric) & (pl.col("horizon") == horizon) & (pl.col("grouping") == grouping))
    return float(row["value"].item())


def test_demand_scores_by_hand() -> None:
    """Misses of 0, 5, 15 and 30 on a median of 100."""
    found = demand_scores(forecast(100.0), actual(100.0, 105.0, 85.0, 130.0), SUMS, SCALE)
    assert value(found, "wape") == pytest.approx(50 / 420)
    assert value(found, "mase") == pytest.approx(50 / 4 / 20)
    assert value(found, "cover80") == 0.5
    assert value(found, "cover95") == 0.75
    assert value(found, "wape", grouping="critical") == value(found, "wape")
    assert found.filter(pl.col("metric") == "wape")["pairs"].to_list() == [4, 4]


def test_weeks_that_have_not_come_in_are_not_scored() -> None:
    found = demand_scores(forecast(100.0, weeks=13), actual(*[100.0] * 7), SUMS, SCALE)
    assert found["horizon"].unique().to_list() == [4]


def test_the_sum_is_scored_where_all_its_weeks_are_known() -> None:
    whole = demand_scores(forecast(100.0, weeks=13), actual(*[100.0] * 13), SUMS, SCALE)
    assert value(whole, "cum_cover80", 13) == 1.0
    gap = demand_scores(forecast(100.0, weeks=13), actual(*[100.0] * 13)[[0, *range(2, 13)]], SUMS, SCALE)
    assert gap.filter(pl.col("metric") == "cum_cover80").is_empty()


def test_brier_and_reliability_by_class() -> None:
    pairs = pl.DataFrame({"horizon": [28] * 4, "p": [0.05, 0.05, 0.95, 0.95], "event": [False, True, True, True],
                          "groups": [["all"], ["all"], ["all"], ["all", "critical"]]})  # fmt: skip
    found = run_out_scores(pairs)
    assert value(found, "brier", 28) == pytest.approx((3 * 0.0025 + 0.9025) / 4)
    assert value(found, "brier_climatology", 28) == pytest.approx(0.75 * 0.25)
    assert value(found, "rate_0", 28) == 0.5
    assert value(found, "rate_9", 28) == 1.0
    assert value(found, "ece", 28, "critical") == pytest.approx(0.05)


def test_an_event_is_told_as_soon_as_a_day_says_so_and_denied_only_when_the_days_are_known() -> None:
    start = date(2026, 1, 1)
    state = pl.DataFrame({"medicine_id": ["G1", "G2", "G3"], "as_of": start, "stock_units": 100.0, "floor_units": 50.0})
    days = [start + timedelta(days=n) for n in range(1, 29)]
    history = pl.concat([
        pl.DataFrame({"medicine_id": "G1", "day": days[:2], "stock_units": [60.0, 50.0]}),
        pl.DataFrame({"medicine_id": "G2", "day": days, "stock_units": 60.0}),
        pl.DataFrame({"medicine_id": "G3", "day": days[:9], "stock_units": 60.0}),
    ])  # fmt: skip
    found = happened(state, history, [14, 28])
    told = {(row["medicine_id"], row["horizon"]): row["event"] for row in found.iter_rows(named=True)}
    assert told == {("G1", 14): True, ("G1", 28): True, ("G2", 14): False, ("G2", 28): False}


def test_what_counts_as_worse() -> None:
    assert worse(0.91, [0.5, 0.6, 0.7])
    assert not worse(0.89, [0.5, 0.6, 0.7])
    assert not worse(5.0, [0.5, 0.6])
    assert worse_than_knowing_nothing({"brier": 0.12, "brier_climatology": 0.1}, 30)
    assert not worse_than_knowing_nothing({"brier": 0.12, "brier_climatology": 0.1}, 10)


def test_purchases_are_scored_where_they_have_come() -> None:
    weeks = pl.DataFrame(
        {
            "county_code": ["99", "99", "01", "02"],
            "expected": [100.0, 50.0, 10.0, 10.0],
            "high": [120.0, 60.0, 12.0, None],
            "purchases": [110, 70, None, 9],
        }
    )
    rows = {(row[0], row[2]): row[3:] for row in purchase_scores(weeks).iter_rows()}
    assert rows == {("country", "wape"): (30 / 180, 2), ("country", "cover_high"): (0.5, 2)}
