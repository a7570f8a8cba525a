"""Areas that wholesalers feed: they keep to their usual stock as long as those have it, whatever a notice says."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from medsupply.areas import COUNTY_CODES
from medsupply.forecast.fed import DEFAULT_PULL, NO_AREAS, AreaLaw, FedStart, learn_areas, simulate_fed
from medsupply.forecast.lateness import Lateness
from medsupply.forecast.run_out import run_out

AS_OF = date(2026, 3, 29)
DAYS, PATHS = 84, 50
ON_TIME = Lateness(np.zeros(400), np.zeros(400))


def start(stock: float = 150.0, reserve: float = 0.0) -> FedStart:
    """One area that keeps to 150 units, uses 10 a day and has its floor at 30."""
    law = AreaLaw((("G1", "06"),), np.array([150.0]), np.array([0.4]), np.array([0.2]))
    now, held = np.array([stock]), np.array([reserve])
    return FedStart(np.full((1, PATHS), stock), now, held, np.array([30.0]), np.array([70.0]), law)


def draws(available: float = 1.0, daily: float = 10.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    noise = np.random.default_rng(1).standard_normal((DAYS // 7, 1, PATHS))
    return np.full((DAYS, 1, PATHS), daily), np.full((DAYS, 1, PATHS), available), noise


def test_demand_that_doubles_is_ordered_too() -> None:
    found = simulate_fed(start(), *draws(daily=20.0))
    assert np.isinf(found.first_day).all()
    assert found.unmet[0, -1] == 0.0


def test_without_wholesalers_stock_falls_by_what_is_dispensed() -> None:
    found = simulate_fed(start(), *draws(available=0.0))
    assert (found.first_day == 12).all()  # 150 - 12 x 10 = the floor
    assert found.unmet[0].tolist() == pytest.approx([max(0.0, 10.0 * day - 150.0) for day in range(1, DAYS + 1)])


def test_alone_is_as_without_wholesalers() -> None:
    assert (simulate_fed(start(), *draws()).first_day_announced == 12).all()


def test_stock_that_is_low_comes_back_to_its_usual_level() -> None:
    """40 units, ten above the floor: four tenths of what is missing come in the first week."""
    found = simulate_fed(start(stock=40.0), *draws())
    assert np.isinf(found.first_day).mean() > 0.9


def test_the_reserve_lasts_longer() -> None:
    found = simulate_fed(start(reserve=200.0), *draws(available=0.0))
    assert (found.first_day == 12).all()
    assert (found.first_day_with_reserve == 32).all()


def test_at_the_floor_it_is_today() -> None:
    found = simulate_fed(start(stock=30.0, reserve=0.0), *draws())
    assert (found.first_day == 0).all()
    assert (found.first_day_with_reserve == 0).all()


def history(*, scarce: tuple[int, ...] = (), noise: float = 0.2, pull: float = 0.4) -> pl.DataFrame:
    """Half a year of 23 areas that use 70 units a week and keep to 150; none at wholesalers in ``scarce`` weeks."""
    rng = np.random.default_rng(3)
    rows: list[tuple[str, str, date, float, float, float, float | None]] = []
    for area in range(23):
        stock = 150.0
        for week in range(26):
            monday = AS_OF - timedelta(days=6 + 7 * (25 - week))
            if week in scarce:
                stock = max(0.0, stock - 70.0)
            else:
                stock += pull * (150.0 - stock) + 70.0 * noise * rng.standard_normal()
            rows.append(("G1", COUNTY_CODES[area], monday, stock, 0.0 if week in scarce else 70.0, 70.0, None))
    for week in range(26):
        monday = AS_OF - timedelta(days=6 + 7 * (25 - week))
        rows.append(("G1", "99", monday, 6000.0, 1610.0, 1610.0, 0.0 if week in scarce else 2500.0))
    names = ["medicine_id", "county_code", "week", "stock_units", "inflow_units", "demand_units", "upstream_units"]
    return pl.DataFrame(rows, schema=names, orient="row", schema_overrides={"upstream_units": pl.Float64})


def test_the_law_is_learnt_from_changes_of_stock() -> None:
    law = learn_areas(history())
    assert len(law.keys) == 23
    assert np.median(law.usual) == pytest.approx(150.0, rel=0.05)
    assert np.median(law.pull) == pytest.approx(0.4, abs=0.12)
    assert np.median(law.noise) == pytest.approx(0.2, rel=0.15)


def test_weeks_without_wholesalers_teach_nothing_of_what_areas_ask_for() -> None:
    short = learn_areas(history(scarce=(18, 19, 20)))
    assert np.median(short.usual) == pytest.approx(150.0, rel=0.05)
    assert np.median(short.noise) < 0.3
    blind = history(scarce=(18, 19, 20)).with_columns(upstream_units=pl.lit(None, dtype=pl.Float64))
    assert np.median(learn_areas(blind).noise) > np.median(short.noise) + 0.1


def test_a_medicine_that_comes_past_the_wholesalers_is_not_fed_by_them() -> None:
    """They never have any, and areas get what they dispense all the same; a long shortage looks otherwise."""
    past = history().with_columns(upstream_units=pl.when(pl.col("county_code") == "99").then(0.0))
    assert learn_areas(past).otherwise == {"G1"}
    assert learn_areas(history(scarce=tuple(range(8, 26)))).otherwise == set()
    law = learn_areas(past)
    empty = {"G1": np.zeros((DAYS, 100))}
    areas = state(300.0).filter(pl.col("county_code") == "06")
    assert told(run_out(areas, AS_OF, areas=law, available=empty, n_paths=100), 14) < 0.5


def test_without_history_an_area_keeps_to_what_it_has() -> None:
    law = NO_AREAS.of([("G1", "06")], np.array([80.0]))
    assert law.usual.tolist() == [80.0]
    assert law.pull.tolist() == [DEFAULT_PULL]


def state(upstream: float | None) -> pl.DataFrame:
    """The country, 60 days of stock or more, and one area with 15 days."""
    rows = [("G1", "99", 600.0 + (upstream or 0.0), 70.0, 100.0 / 10, upstream), ("G1", "06", 15.0, 3.0, 1.0, None)]
    names = ["medicine_id", "county_code", "stock_units", "floor_units", "trailing_demand_units", "upstream_units"]
    kinds = {"upstream_units": pl.Float64}
    found = pl.DataFrame(rows, schema=names, orient="row", schema_overrides=kinds)
    missing = pl.lit(None, dtype=pl.Float64)
    return found.with_columns(stock_units_high=missing, reserve_units=missing)


def notice() -> pl.DataFrame:
    """All packages of the medicine, for half a year."""
    return pl.DataFrame({"medicine_id": ["G1"], "county_code": ["99"], "share": [1.0],
                         "start": [AS_OF - timedelta(days=20)], "end": [AS_OF + timedelta(days=180)]})  # fmt: skip


def told(found: pl.DataFrame, days: int) -> float:
    area = (pl.col("county_code") == "06") & (pl.col("horizon_days") == days)
    return float(found.filter(area)["p"].item())


def test_a_notice_stops_what_wholesalers_get_not_what_they_give() -> None:
    """Wholesalers have 30 days: an area's own 12 begin after that."""
    found = run_out(state(300.0), AS_OF, notices=notice(), lateness=ON_TIME)
    assert told(found, 28) < 0.1
    assert told(found, 56) > 0.9
    assert found["notice_driven"].all()
    assert told(run_out(state(0.0), AS_OF, notices=notice(), lateness=ON_TIME), 14) > 0.4


def test_where_nobody_knows_what_wholesalers_have_a_notice_stops_the_area() -> None:
    found = run_out(state(None), AS_OF, notices=notice(), lateness=ON_TIME)
    assert told(found, 28) > 0.9


def test_what_wholesalers_have_may_be_simulated_before() -> None:
    empty = {"G1": np.zeros((DAYS, 100))}
    areas = state(300.0).filter(pl.col("county_code") == "06")
    assert told(run_out(areas, AS_OF, available=empty, n_paths=100), 28) > 0.9
    full = {"G1": np.ones((DAYS, 100))}
    assert told(run_out(areas, AS_OF, available=full, n_paths=100), 84) < 0.1
