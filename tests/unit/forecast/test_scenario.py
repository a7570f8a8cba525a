"""What-ifs: the same futures, moved by what was changed and in the right direction."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from medsupply.errors import InputError
from medsupply.forecast import national
from medsupply.forecast.history import Past
from medsupply.forecast.keeping import packed, unpacked
from medsupply.forecast.national import Country, country_of, rows_of, simulate, simulated
from medsupply.forecast.scenario import Scenario, Start, what_if

from .packaged import DAYS, FIRST, lived, notice, past_of, world

LATE = world(G900_900=lived(10.0, down=(DAYS - 20, DAYS)), G900_901=lived(3.0))
TOLD = notice("900", DAYS - 20, DAYS + 20, DAYS - 20)


def country(past: Past) -> Country:
    usual = dict(zip(past.names, past.by_series(past.demand[-84:].mean(axis=0)), strict=True))
    now = dict(zip(past.names, past.by_series(past.stock[-1]), strict=True))
    state = pl.DataFrame({
        "medicine_id": list(past.names), "county_code": "99",
        "stock_units": [now[name] for name in past.names], "stock_units_high": [now[name] for name in past.names],
        "reserve_units": 150.0, "floor_units": [7 * usual[name] for name in past.names],
        "trailing_demand_units": [usual[name] for name in past.names],
    })  # fmt: skip
    found = country_of(past, state, None, FIRST + timedelta(days=DAYS - 1))
    assert found is not None
    return found


@pytest.fixture(scope="module")
def start() -> Start:
    holders = pl.DataFrame({"holder_id": ["H1"], "holder_type": ["hospital_pharmacy"], "name": ["H"],
                            "medicine_id": ["G900"], "vnr": ["901"], "units": [120.0]})  # fmt: skip
    return Start(country(past_of(LATE, TOLD)), holders)


def p(found: pl.DataFrame, days: int = 56) -> tuple[float, float]:
    row = found.row(by_predicate=pl.col("horizon_days") == days, named=True)
    return row["p"], row["p_changed"]


def test_nothing_changed_is_the_same_to_the_digit(start: Start) -> None:
    found = what_if(start, "G900", Scenario())
    assert found["p"].equals(found["p_changed"].alias("p"))
    assert found["unmet_units"].equals(found["unmet_units_changed"].alias("unmet_units"))


@pytest.mark.parametrize("workers", [0, 2])
def test_medicines_apart_have_the_futures_they_have_together(workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    several = world(G900_900=lived(10.0, down=(DAYS - 20, DAYS)), G901_901=lived(6.0), G902_902=lived(3.0))
    whole = country(past_of(several, TOLD))
    monkeypatch.setattr(national, "CHUNK", 1)
    apart = simulated(whole, n_paths=100, workers=workers)
    assert apart.rows["medicine_id"].n_unique() == len(whole.names) > 2
    assert apart.rows.equals(rows_of(whole, simulate(whole, n_paths=100)))


def test_what_wholesalers_can_give_areas_is_told_where_their_stock_is_known() -> None:
    """Half a week of demand at wholesalers and no receipt for weeks: nothing is left for areas, then something is."""
    whole = country(past_of(LATE, TOLD))
    weekly = 7 * pl.col("trailing_demand_units")
    known = whole.state.with_columns(upstream_units=0.5 * weekly, upstream_units_silent=0.0 * weekly)
    short = dataclasses.replace(whole, state=known)
    told = simulated(short, n_paths=100, fed=40).available
    assert {one.shape for one in told.values()} == {(84, 40)}
    assert told["G900"][0].min() == 1.0
    assert 0.0 < told["G900"][10:30].mean() < 0.9
    assert simulated(short, n_paths=100).available == {}
    silent = dataclasses.replace(whole, state=known.with_columns(upstream_units_silent=8.0 * weekly))
    more = simulated(silent, n_paths=100, fed=40).available
    assert more["G900"][10:30].mean() > told["G900"][10:30].mean() + 0.1
    blind = dataclasses.replace(whole, state=known.with_columns(upstream_units=pl.lit(None, dtype=pl.Float64)))
    assert simulated(blind, n_paths=100, fed=40).available == {}


def test_silence_never_lowers_the_risk() -> None:
    """What a silent holder counted when it was heard of is in the packages' stock; it is not there any more."""
    heard = country(past_of(LATE, TOLD))
    less = heard.state.with_columns(stock_units=0.6 * pl.col("stock_units"))
    told, silent = (rows_of(one, simulate(one, n_paths=400)) for one in (heard, dataclasses.replace(heard, state=less)))
    assert (silent["p"] >= told["p"]).all()
    assert (silent["p"] > told["p"] + 0.02).any()


@pytest.mark.parametrize(
    "worse",
    [
        Scenario(delay_days=28),
        Scenario(demand_percent=50.0),
        Scenario(notice_days=60),
        Scenario(holders_out=("H1",)),
    ],
)
def test_a_change_for_the_worse_raises_the_risk(start: Start, worse: Scenario) -> None:
    before, after = p(what_if(start, "G900", worse))
    assert after > before + 0.02


@pytest.mark.parametrize("better", [Scenario(reserve_percent=100.0), Scenario(demand_percent=-50.0)])
def test_a_change_for_the_better_lowers_it(start: Start, better: Scenario) -> None:
    before, after = p(what_if(start, "G900", better))
    assert after < before - 0.02


def test_a_start_that_was_kept_gives_the_same_futures(start: Start) -> None:
    kept = unpacked(packed(start))
    assert kept is not None
    scenario = Scenario(delay_days=14, demand_percent=20.0)
    assert what_if(kept, "G900", scenario).equals(what_if(start, "G900", scenario))


def test_a_start_of_another_version_is_none(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    from medsupply.forecast import keeping

    data = packed(start)
    monkeypatch.setattr(keeping, "VERSION", 99)
    assert unpacked(data) is None


def test_what_cannot_be_is_refused_with_a_sentence(start: Start) -> None:
    with pytest.raises(InputError, match="delay_days"):
        Scenario(delay_days=-1)
    with pytest.raises(InputError, match="G999"):
        what_if(start, "G999", Scenario())
    with pytest.raises(InputError, match="H9"):
        what_if(start, "G900", Scenario(holders_out=("H9",)))


def test_the_reserve_that_is_released_is_gone_from_the_reserve(start: Start) -> None:
    found = what_if(start, "G900", Scenario(reserve_percent=100.0))
    row = found.row(by_predicate=pl.col("horizon_days") == 84, named=True)
    assert row["p_changed"] == pytest.approx(row["p_with_reserve_changed"])
    assert np.isfinite(row["unmet_units_changed"])
