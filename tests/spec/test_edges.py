"""Edges at which a figure was once wrong, each as small as it can be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from spec_cases import DAY, count, holder, judged, picture_facts, row

from medsupply.days import oldest_carried
from medsupply.picture.cover import with_run_out
from medsupply.picture.master import master
from medsupply.picture.measure import measure
from medsupply.picture.units import units_of_text
from medsupply.rules import load_rules
from medsupply.warehouse.versions import Listed, fold, states


def test_stock_and_reserve_exactly_at_the_floor_are_severe() -> None:
    one = row(stock_units=358.8, reserve_units=27.6, floor_units=386.4)
    assert judged([one])[0]["level"] == "severe"


def test_a_medicine_whose_family_is_watch_in_its_area_is_at_most_elevated() -> None:
    family = {"stock_units": 10.0, "floor_units": 30.0}
    medicine = {"grain": "medicine", "medicine_id": "G0001", **family}
    rows = [
        row(county_code="08", **family),
        row(county_code="08", **medicine),
        row(county_code="99"),
        row(county_code="99", **(medicine | {"floor_units": 70.0})),
    ]
    found = {(one["county_code"], one["grain"]): one["level"] for one in judged(rows)}
    assert found["08", "family"] == "watch"
    assert found["08", "medicine"] == "elevated"


@pytest.mark.parametrize(
    ("stock", "told", "after"),
    [(300.0, 0.0, 0.0), (70.0, 0.0, 1.0), (70.0, 1.0, 1.0), (300.0, 1.0, None)],
)
def test_stock_that_was_corrected_after_the_simulation(stock: float, told: float, after: float | None) -> None:
    """At the floor as known now it is 1; at the floor only then, nothing is estimated of what stands now."""
    low = told == 1.0
    frame = pl.DataFrame(
        {"county_code": ["99"], "medicine_id": ["G1"], "stock_units": [stock], "floor_units": [70.0],
         "reserve_units": [None]}, schema_overrides={"reserve_units": pl.Float64},
    )  # fmt: skip
    rows = [("99", "G1", DAY, days, told, told, told, DAY if low else None) for days in (14, 28, 56, 84)]
    names = ["county_code", "medicine_id", "as_of", "horizon_days", "p", "p_with_reserve", "p_announced", "run_out_on"]
    run_out = pl.DataFrame(rows, schema=names, orient="row", schema_overrides={"run_out_on": pl.Date})
    found = with_run_out(frame, run_out.with_columns(known_at=pl.lit(DAY)), DAY).row(0, named=True)
    assert {found[f"run_out_p{days}"] for days in (14, 28, 56, 84)} == {after}
    assert found["run_out_p14_with_reserve"] == after
    assert found["run_out_on"] == (DAY if after == 1.0 else None)


def test_events_of_which_all_are_withdrawn_stop_counting() -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    rows = pl.DataFrame({"vnr": ["000101"], "delivery_id": ["a"], "known_from": [at]}).cast(
        {"known_from": pl.Datetime("us", "UTC")}
    )
    found, whole = states([Listed(rows, at, at + timedelta(days=1))], ["vnr"], full_list=False)
    folded = fold(found, ["vnr"], full_list=whole)
    assert folded["known_to"].to_list() == [at + timedelta(days=1)]


def test_two_parts_of_a_pack_are_no_number() -> None:
    texts = pl.DataFrame({"text": ["1 (125mg) + 2 (80mg)", "100 (2 x 50)"]})
    assert texts.select(units_of_text(pl.col("text")))["text"].to_list() == [None, 100.0]


@pytest.mark.parametrize(("heard", "silent", "short"), [(40.0, 1.0, True), (60.0, 50.0, False), (99.0, 0.5, True)])
def test_a_small_holder_that_is_silent_hides_no_shortfall(heard: float, silent: float, short: bool) -> None:
    """100 packs are due. What the silent holder stored at most makes up for what is missing, or it does not."""
    days = [DAY - timedelta(days=n) for n in range(30)]
    stock = [count("W", one, heard, reserve_packs=heard, owner_id="O1") for one in days]
    stock += [count("P", one, silent, reserve_packs=silent, owner_id="O1") for one in days[6:]]
    found = _owed(stock)
    assert found["held_units"] is None
    assert found["short"] is short


@pytest.mark.parametrize(
    ("short_days", "silent_from", "today", "short"),
    [(14, 1, None, True), (14, 10, None, True), (13, 10, None, False), (30, 12, None, True), (30, 19, True, True)],
)
def test_days_of_silence_neither_end_a_shortfall_nor_make_one(
    short_days: int, silent_from: int, today: bool | None, short: bool
) -> None:
    """P has 50 packs, W 60 of which 20 were not there for some days. On the day on which W has them back nobody knows
    whether P still has its own: its last snapshot is no longer carried. After two weeks it counts for nothing."""
    days = [DAY - timedelta(days=n) for n in range(60)]
    unknown = days[silent_from]
    stock = [count("P", one, 50.0, reserve_packs=50.0, owner_id="O1") for one in days if one < oldest_carried(unknown)]
    low = [one for one in days if one < unknown][:short_days]
    for one in days:
        packs = 40.0 if one in low else 60.0
        stock.append(count("W", one, packs, reserve_packs=packs, owner_id="O1"))
    found = _owed(stock)
    assert found["short_today"] is today
    assert found["short"] is short


def _owed(stock: list[dict[str, Any]]) -> dict[str, Any]:
    """The obligation of O1, who must store 60 / 6 x 10 = 100 packs with W and P."""
    duty = {"year": DAY.year, "obliged_id": "O1", "obliged_type": "importer", "vnr": "000101", "base_packs": 60.0}
    known = picture_facts(
        holders=[holder("W", "wholesaler"), holder("P", "wholesaler")],
        stock=stock,
        obligations=[{**duty, "base_months": 6.0, "factor_months": 10.0}],
    )
    return measure(known, master(known), load_rules()).obligations.row(0, named=True)
