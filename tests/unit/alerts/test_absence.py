"""A medicine that left the picture closes its alert, but only on days on which its data could not have been late."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from medsupply.alerts.absence import absent, completed, counted, first_seen, with_left
from medsupply.alerts.episodes import Episode
from medsupply.alerts.folding import RULES, folded

START = date(2026, 1, 1)
CALM: dict[str, Any] = {
    "level": "normal", "reasons": [], "run_out_p56": 0.05, "stock_units": 900.0, "floor_units": 70.0,
    "reporting_share": 1.0, "reporting_threshold": 0.8, "state": "reported",
}  # fmt: skip
NOTICE = {"level": "elevated", "reasons": ["notice_covers_all"], "stock_units": 0.0, "state": "not_stocked"}
SHORT = {"level": "elevated", "reasons": ["run_out_p56"], "run_out_p56": 0.6}
SCHEMA = {"as_of": pl.Date, "reasons": pl.List(pl.String), "run_out_p56": pl.Float64, "stock_units": pl.Float64}


def situations(*days: dict[str, dict[str, Any]]) -> pl.DataFrame:
    """Situations of consecutive days: what each family has of its own; beside them ten calm ones."""
    rows = [
        {**CALM, **own, "as_of": START + timedelta(days=number), "medicine_id": medicine, "county_code": "99"}
        for number, day in enumerate(days)
        for medicine, own in {**{f"C{place}": {} for place in range(10)}, **day}.items()
    ]
    return pl.DataFrame(rows, schema_overrides=SCHEMA)


def told(frame: pl.DataFrame, rule: str) -> Episode:
    (found,) = (one for one in folded(completed(frame), RULES, {}) if (one.rule, one.medicine_id) == (rule, "S1"))
    return found


@pytest.mark.parametrize(("rule", "opening", "number"), [("notice", NOTICE, 3), ("run_out", SHORT, 7)])
def test_it_closes_after_the_usual_evaluations_and_says_why(rule: str, opening: dict[str, Any], number: int) -> None:
    still = told(situations({"S1": opening}, *[{}] * (number - 1)), rule)
    assert (still.state, still.quiet, still.level) == ("easing", number - 1, "elevated")
    ended = told(situations({"S1": opening}, *[{}] * number), rule)
    assert ended.closed_on == START + timedelta(days=number)
    assert (ended.transitions[-1].transition, ended.transitions[-1].reasons) == ("closed", ("left_picture",))
    assert ended.level == "elevated", "an alert that ends keeps the level it had"


def test_one_that_comes_back_goes_on() -> None:
    ended = told(situations({"S1": SHORT}, *[{}] * 6, {"S1": SHORT}, *[{}] * 6), "run_out")
    assert (ended.closed_on, ended.quiet) == (None, 6)


@pytest.mark.parametrize(
    "hidden",
    [
        {"C1": {"reporting_share": 0.4}, "C2": {"reporting_share": 0.7}},
        {f"C{number}": {"reporting_share": None} for number in range(10)},
        {"C1": {"reasons": ["notices_late"]}},
    ],
)
def test_missing_data_and_a_late_list_close_nothing(hidden: dict[str, dict[str, Any]]) -> None:
    open_still = told(situations({"S1": SHORT}, *[hidden] * 20), "run_out")
    assert (open_still.closed_on, open_still.quiet) == (None, 0)
    ended = told(situations({"S1": SHORT}, {}, {}, *[hidden] * 20, *[{}] * 5), "run_out")
    assert ended.closed_on == START + timedelta(days=27), "days that say nothing neither count nor break"


def test_a_day_without_any_picture_of_the_area_says_nothing() -> None:
    rows = situations({"S1": SHORT}).filter(pl.col("medicine_id") == "S1")
    days = pl.DataFrame({"as_of": [START + timedelta(days=number) for number in range(30)]})
    missing = absent(rows, first_seen(rows), days)
    assert missing.height == 29 and with_left(rows, missing, counted(rows)).equals(rows)


def test_what_was_never_in_the_picture_before_is_not_missed() -> None:
    frame = situations({}, {}, {"S1": {}})
    assert completed(frame).height == frame.height
