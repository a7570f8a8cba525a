"""Stored forecasts are scored once when their weeks and days have come in; one that got worse is marked."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from medsupply.steps.turned_out import score_what_came
from medsupply.tables import forecast, picture
from medsupply.tables.base import Table
from medsupply.warehouse.database.bulk import copy
from medsupply.warehouse.database.connection import Warehouse

MONDAY = date(2026, 1, 5)
CUTOFF = MONDAY - timedelta(days=1)
NOW = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
IDS = [f"G{k:04d}" for k in range(30)]
COUNTS = ("marketed_packages", "marketed_holders", "special_permit_articles", "other_medicines", "holders_valid",
          "holders_heard")  # fmt: skip
LEVELS = (("q025", 60.0), *((f"q{q}", 60.0 + q * 0.8) for q in range(10, 100, 10)), ("q975", 140.0))


def fill(wh: Warehouse, frames: dict[Table, list[dict[str, Any]]]) -> None:
    with wh.transaction() as connection:
        for table, rows in frames.items():
            kinds = {name: kind for name, kind in table.dtypes().items() if name in rows[0]}
            copy(connection, table, pl.DataFrame(rows, schema=kinds))


def weeks_of(medicine: str) -> list[dict[str, Any]]:
    """Demand of 100 a week, and 135 in the last of the four weeks after the cutoff."""
    return [
        {"week": MONDAY + timedelta(weeks=k), "known_at": NOW, "medicine_id": medicine, "county_code": "99",
         "units": 135.0 if k == 3 else 100.0 + k % 3, "silent_share": 0.0, "marked": False}
        for k in range(-60, 4)
    ]  # fmt: skip


@pytest.fixture
def stored(warehouse: Warehouse) -> Warehouse:
    """A demand forecast and run-outs of 31.1. of thirty medicines; ten of them run out on 10.2."""
    start = date(2026, 1, 31)
    told = datetime(2026, 1, 5, 4, 0, tzinfo=UTC)
    demand = [
        {"measure": "units", "cutoff": CUTOFF, "known_at": told, "medicine_id": one, "county_code": "99",
         "week": MONDAY + timedelta(weeks=k), "horizon": k + 1, "mean": 100.0, **dict(LEVELS)}
        for one in IDS for k in range(8)
    ]  # fmt: skip
    weeks = [row for one in IDS for row in weeks_of(one)]
    measured = [
        {"as_of": start + timedelta(days=n), "known_at": NOW, "medicine_id": one, "county_code": "99",
         "grain": "medicine", "critical": True, "market_state": "marketed", **dict.fromkeys(COUNTS, 1), "shared": False,
         "floor_units": 50.0,
         "stock_units": 40.0 if k < 10 and n >= 10 else 500.0, "state": "reported"}
        for k, one in enumerate(IDS) for n in range(29)
    ]  # fmt: skip
    run_out = [
        {"as_of": start, "known_at": told, "medicine_id": one, "county_code": "99", "horizon_days": days,
         "p": 0.9 if k < 10 else 0.05}
        for k, one in enumerate(IDS) for days in forecast.HORIZON_DAYS
    ]  # fmt: skip
    runs = [{"measure": "units", "cutoff": CUTOFF, "known_at": told, "data_version": "x", "horizon_weeks": 26,
             "paths": 400, "series": 30, "substituted": 0, "models": "{}", "kappa": "[]"}]  # fmt: skip
    mondays = sorted({row["week"] for row in weeks})
    pictures = [{"as_of": day, "known_at": NOW, "stage": "demand"} for day in mondays]
    fill(warehouse, {picture.DEMAND_WEEKLY: weeks, picture.PICTURES: pictures, picture.MEASURED: measured,
                     forecast.RUNS: runs, forecast.DEMAND: demand, forecast.RUN_OUT: run_out})  # fmt: skip
    return warehouse


def value(wh: Warehouse, kind: str, metric: str, horizon: int) -> float:
    return float(
        wh.read(
            "select value from analyst.forecast_scores where kind = :kind and metric = :metric and horizon = :horizon"
            " and grouping = 'all'",
            kind=kind, metric=metric, horizon=horizon,
        ).item()
    )  # fmt: skip


def test_what_came_in_is_scored_once(stored: Warehouse) -> None:
    last, cutoff = date(2026, 2, 28), date(2026, 2, 1)
    assert score_what_came(stored, last, cutoff, NOW) > 0
    assert value(stored, "demand", "wape", 4) == pytest.approx((0 + 1 + 2 + 35) / 438)
    assert value(stored, "demand", "cover80", 4) == 0.75
    assert value(stored, "run_out", "brier", 28) == pytest.approx((10 * 0.01 + 20 * 0.0025) / 30)
    assert value(stored, "run_out", "rate_9", 28) == 1.0
    assert stored.read("select count(*) from forecast.scores where horizon in (8, 56)").item() == 0
    again = NOW + timedelta(days=1)
    assert score_what_came(stored, last, cutoff, again) == 0


def test_a_forecast_that_got_worse_is_marked(stored: Warehouse) -> None:
    earlier = [
        {"kind": "demand", "measure": "units", "origin": CUTOFF - timedelta(weeks=n), "known_at": NOW,
         "grouping": "all", "horizon": 4, "metric": "pinball", "value": 0.001, "pairs": 100}
        for n in (1, 2, 3)
    ]  # fmt: skip
    fill(stored, {forecast.SCORES: earlier})
    score_what_came(stored, date(2026, 2, 28), date(2026, 2, 1), NOW)
    assert value(stored, "demand", "degraded", 4) == 1.0


def test_purchases_and_counties_are_scored_apart(stored: Warehouse) -> None:
    told = datetime(2026, 1, 5, 4, 0, tzinfo=UTC)
    index = [
        {"atc": f"A{k:02}", "county_code": area, "week": MONDAY, "known_at": told, "cutoff": CUTOFF, "expected": 100.0,
         "high": 120.0, "purchases": 110.0 + 20.0 * k}
        for k in range(2) for area in ("99", "01")
    ]  # fmt: skip
    demand = [
        {"measure": "units", "cutoff": CUTOFF, "known_at": told, "medicine_id": IDS[0], "county_code": "01",
         "week": MONDAY + timedelta(weeks=k), "horizon": k + 1, "mean": 10.0, **{name: v / 10 for name, v in LEVELS}}
        for k in range(4)
    ]  # fmt: skip
    weeks = [row | {"county_code": "01", "units": row["units"] / 10} for row in weeks_of(IDS[0])]
    counts = ("packages", "marketed_packages", "marketed_holders", "special_permit_articles")
    medicine = {
        "medicine_id": IDS[0],
        "as_of": CUTOFF,
        "known_at": told,
        "grain": "medicine",
        "critical": True,
        "critical_lists": ["national"],
        "substitutes": [],
        "state": "marketed",
        **dict.fromkeys(counts, 1),
    }
    fill(stored, {forecast.INDEX_EXPECTED: index, forecast.DEMAND: demand, picture.DEMAND_WEEKLY: weeks,
                  picture.MEDICINES: [medicine]})  # fmt: skip
    score_what_came(stored, date(2026, 2, 28), date(2026, 2, 1), NOW)
    read = "select grouping, measure, metric, value from analyst.forecast_scores where horizon in (1, 4)"
    found = {row[:3]: row[3] for row in stored.read(read).iter_rows()}
    assert found["country", "purchases", "wape"] == pytest.approx(40 / 240)
    assert found["counties", "purchases", "cover_high"] == 0.5
    assert found["counties", "units", "wape"] == pytest.approx((0 + 0.1 + 0.2 + 3.5) / 43.8)
    assert found["counties", "units", "cover80"] == 0.75
    assert score_what_came(stored, date(2026, 2, 28), date(2026, 2, 1), NOW + timedelta(days=1)) == 0
