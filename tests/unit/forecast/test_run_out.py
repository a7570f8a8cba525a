"""Run-out: laws that can be worked out by hand, doubts about supply, what-ifs that differ by what was changed."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from medsupply.areas import COUNTY_CODES
from medsupply.forecast import run_out as run_out_
from medsupply.forecast.lateness import Lateness, draw_arrival, learn_lateness, match_arrivals
from medsupply.forecast.run_out import DemandPaths, run_out
from medsupply.forecast.shares import Shares, area_paths
from medsupply.forecast.supply import learn_supply

AS_OF = date(2026, 3, 31)
ON_TIME = Lateness(np.zeros(400), np.zeros(400))


def state(stock: float, *, reserve: float = 0.0, high: float | None = None, county: str = "99") -> pl.DataFrame:
    return pl.DataFrame(
        {
            "medicine_id": ["G1"],
            "county_code": [county],
            "stock_units": [stock],
            "stock_units_high": [high],
            "reserve_units": [reserve],
            "floor_units": [70.0],
            "trailing_demand_units": [10.0],
            "upstream_units": [None],
        },
        schema_overrides={"stock_units_high": pl.Float64, "upstream_units": pl.Float64},
    )


def history(*, absent_weeks: int = 0, every: int = 1) -> pl.DataFrame:
    """Half a year of steady demand of 70 a week and resupply that fills to 700; ``absent_weeks``: none came lately."""
    rows, stock = [], 700.0
    for week in range(26):
        comes = week % every == 0 and week < 26 - absent_weeks
        inflow = max(0.0, 770.0 - stock) if comes else 0.0
        stock = max(0.0, stock + inflow - 70.0)
        monday = date(2026, 3, 23) - timedelta(weeks=25 - week)
        rows.append(("G1", "99", monday, stock, inflow, 70.0, 0.0))
    names = ["medicine_id", "county_code", "week", "stock_units", "inflow_units", "demand_units", "notice_share"]
    return pl.DataFrame(rows, schema=names, orient="row")


def announced(expected: date, units: float = 700.0) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "medicine_id": ["G1"],
            "county_code": ["99"],
            "announced_on": [date(2026, 3, 1)],
            "expected_on": [expected],
            "units": [units],
            "certainty": ["confirmed"],
        }
    )


def p(found: pl.DataFrame, horizon: int, column: str = "p") -> float:
    return float(found.filter(pl.col("horizon_days") == horizon)[column].item())


def test_without_supply_the_day_is_stock_over_demand() -> None:
    """300 units at 10 a day reach the floor of 70 after 23 days."""
    found = run_out(state(300.0), AS_OF, law=learn_supply(history()), lateness=ON_TIME)
    day = found["run_out_on"][0]
    assert p(found, 14, "p_announced") < 0.06
    assert p(found, 28, "p_announced") > 0.8
    assert day is None or day > AS_OF + timedelta(days=20)


def test_at_the_floor_the_probability_is_one() -> None:
    found = run_out(state(70.0), AS_OF)
    assert found["p"].to_list() == [1.0] * 4
    assert found["run_out_on"].to_list() == [AS_OF] * 4


def test_the_reserve_counts_only_where_asked() -> None:
    found = run_out(state(60.0, reserve=2000.0), AS_OF)
    assert p(found, 14) == 1.0
    assert p(found, 14, "p_with_reserve") == 0.0


def test_resupply_that_answers_stock_prevents_run_out() -> None:
    found = run_out(state(500.0), AS_OF, law=learn_supply(history()))
    assert p(found, 84) < 0.05
    assert p(found, 84, "p_announced") > 0.9


def test_resupply_absent_longer_than_usual_is_doubted() -> None:
    usual = run_out(state(260.0), AS_OF, law=learn_supply(history()))
    absent = run_out(state(260.0), AS_OF, law=learn_supply(history(absent_weeks=7)))
    assert p(absent, 28) > p(usual, 28) + 0.1


def test_a_notice_that_covers_all_stops_supply() -> None:
    notice = pl.DataFrame(
        {
            "medicine_id": ["G1"],
            "county_code": ["99"],
            "share": [1.0],
            "start": [date(2026, 3, 1)],
            "end": [date(2026, 9, 1)],
        }
    )
    found = run_out(state(500.0), AS_OF, law=learn_supply(history()), notices=notice, lateness=ON_TIME)
    assert p(found, 56) > 0.9
    assert found["notice_driven"].all()


def test_announced_supply_in_time_prevents_and_too_late_does_not() -> None:
    soon = run_out(state(300.0), AS_OF, announced=announced(date(2026, 4, 10)), lateness=ON_TIME)
    late = run_out(state(300.0), AS_OF, announced=announced(date(2026, 6, 20)), lateness=ON_TIME)
    assert p(soon, 28, "p_announced") < 0.05
    assert p(late, 28, "p_announced") > 0.8


def test_an_overdue_announcement_is_drawn_as_not_yet_arrived() -> None:
    late = np.array([0.0] * 90 + [60.0] * 10)
    drawn = draw_arrival(late, np.full(500, 20.0), np.linspace(0.001, 0.999, 500))
    assert (drawn == 60.0).all()


def test_missing_holders_lie_between_empty_and_usual() -> None:
    empty, usual = run_out(state(250.0), AS_OF), run_out(state(650.0), AS_OF)
    between = run_out(state(250.0, high=650.0), AS_OF)
    assert p(usual, 28, "p_announced") < p(between, 28, "p_announced") < p(empty, 28, "p_announced")


def test_the_same_seed_gives_the_same_futures() -> None:
    one = run_out(state(400.0), AS_OF, law=learn_supply(history()))
    two = run_out(state(400.0), AS_OF, law=learn_supply(history()))
    assert one.equals(two)
    more = run_out(state(420.0), AS_OF, law=learn_supply(history()))
    assert all(more["p_announced"] <= one["p_announced"])


def test_unknown_stock_or_demand_gives_no_row() -> None:
    unknown = state(100.0).with_columns(stock_units=pl.lit(None, dtype=pl.Float64))
    still = state(100.0).with_columns(trailing_demand_units=pl.lit(0.0))
    assert run_out(unknown, AS_OF).is_empty()
    assert run_out(still, AS_OF).is_empty()


def test_lateness_is_learnt_from_inflow() -> None:
    """Announced for the 1st, half of it is there on the 11th: ten days late; what never came is censored."""
    rows = pl.concat([announced(date(2026, 3, 1), 100.0).with_columns(announced_on=pl.lit(date(2026, 2, 1)))] * 1)
    inflow = pl.DataFrame(
        {"medicine_id": ["G1"] * 2, "county_code": ["99"] * 2, "day": [date(2026, 3, 4), date(2026, 3, 11)]}
    ).with_columns(units=pl.Series([20.0, 90.0]))
    matched = match_arrivals(rows, inflow)
    assert matched["arrived_on"].to_list() == [date(2026, 3, 11)]
    many = pl.concat([matched] * 300)
    assert np.median(learn_lateness(many, None).late) == 10.0


def nation(medicines: tuple[str, ...] = ("G1", "G2", "G3")) -> tuple[pl.DataFrame, DemandPaths]:
    """Three medicines in the country and two counties; the counties have shares of the country's paths."""
    rows = [state(300.0, county=area).with_columns(medicine_id=pl.lit(one)) for one in medicines
            for area in ("99", "01", "02")]  # fmt: skip
    rng = np.random.default_rng(3)
    paths = {(one, "99"): rng.uniform(50, 90, (400, 14)) for one in medicines}
    shares = {one: Shares(("01", "02"), np.array([0.4, 0.6]), np.array([0.1, 0.2])) for one in medicines}
    return pl.concat(rows), DemandPaths(AS_OF + timedelta(days=6), paths, shares, AS_OF)


def test_areas_draw_their_share_when_they_are_asked_for() -> None:
    rows, lazy = nation()
    drawn = dict(lazy.paths)
    for one, shares in lazy.shares.items():
        found = area_paths(lazy.paths[one, "99"], shares, COUNTY_CODES, one, AS_OF)
        drawn |= {(one, area): paths for area, paths in found.items()}
    found = run_out(rows, AS_OF, demand=lazy)
    assert found.equals(run_out(rows, AS_OF, demand=DemandPaths(lazy.first_week, drawn)))
    assert not found.equals(run_out(rows, AS_OF, demand=DemandPaths(lazy.first_week, lazy.paths)))


def test_two_processes_give_the_same_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, demand = nation()
    here = run_out(rows, AS_OF, demand=demand, law=learn_supply(history()))
    monkeypatch.setattr(run_out_, "CHUNK", 1)
    assert run_out(rows, AS_OF, demand=demand, law=learn_supply(history()), workers=2).equals(here)
