"""Demand of whole weeks: the mean over reported days, silent reporters at their usual share."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from picture_facts import facts

from medsupply.picture.demand import all_holders
from medsupply.picture.master import master
from medsupply.picture.weekly import dispensing_daily, weekly_demand

WEEK = date(2026, 3, 2)
KNOWN = datetime(2026, 4, 1, tzinfo=UTC)
PACKAGE = {
    "vnrnro": "000101",
    "substituutioryhma": "0001",
    "atckoodi": "J01CA04",
    "vahvuus": "500 mg",
    "pakkauskoko": "20",
}
PACKAGE |= {"laakemuotonimi": "tabletti", "haltija": "A Oy", "kaupan": True}
HOLDERS = [
    {"holder_id": name, "holder_type": "pharmacy", "county_code": "08", "valid_from": date(2020, 1, 1), "name": name}
    for name in ("P1", "P2")
]


def sale(reporter: str, day: date, packs: float, vnr: str = "000101", **more: object) -> dict[str, object]:
    row = {"reporter_id": reporter, "day": day, "county_code": "08", "channel": "community", "vnr": vnr, "packs": packs}
    return {**row, **more}


def weeks(
    rows: list[dict[str, object]], wanted: list[date], holders: list[dict[str, object]] = HOLDERS
) -> pl.DataFrame:
    known = facts(WEEK + timedelta(days=6), holders=holders, dispensing=rows, fimea_substitution=[PACKAGE])
    found = weekly_demand(known.dispensing, all_holders(known.current("holders")), master(known), wanted, KNOWN)
    return found.filter((pl.col("medicine_id") == "G0001") & (pl.col("county_code") == "99")).sort("week")


def test_a_week_is_seven_times_the_mean_of_its_reported_days() -> None:
    found = weeks([sale("P1", WEEK, 2.0), sale("P1", WEEK + timedelta(days=1), 0.0, vnr="")], [WEEK])
    assert found["units"].to_list() == [pytest.approx(7 * 2.0 * 20 / 2)]
    assert found["marked"].to_list() == [False]


def test_a_silent_reporter_enters_with_its_usual_share() -> None:
    past = [WEEK - timedelta(weeks=n) for n in range(1, 5)]
    rows = [sale(name, day, packs) for day in past for name, packs in (("P1", 3.0), ("P2", 1.0))]
    found = weeks([*rows, sale("P1", WEEK, 6.0)], [WEEK])
    assert found["silent_share"].to_list() == [pytest.approx(0.25)]
    assert found["units"].to_list() == [pytest.approx(7 * 6 * 20 / 0.75)]
    assert found["marked"].to_list() == [True]


def test_a_closed_reporter_is_not_silent() -> None:
    past = [WEEK - timedelta(weeks=n) for n in range(1, 5)]
    rows = [sale(name, day, packs) for day in past for name, packs in (("P1", 3.0), ("P2", 1.0))]
    closed = [HOLDERS[0], {**HOLDERS[1], "valid_to": WEEK - timedelta(days=1)}]
    found = weeks([*rows, sale("P1", WEEK, 6.0)], [WEEK], closed)
    assert found["units"].to_list() == [pytest.approx(7 * 6 * 20)]


def test_a_week_nobody_reported_is_absent_and_a_week_without_sales_is_zero() -> None:
    earlier, later = WEEK - timedelta(weeks=2), WEEK
    rows = [sale("P1", earlier, 1.0), sale("P1", later, 0.0, vnr="")]
    found = weeks(rows, [earlier, WEEK - timedelta(weeks=1), later])
    assert found["week"].to_list() == [earlier, later]
    assert found["units"].to_list() == [pytest.approx(140.0), 0.0]


def test_dispensing_of_a_day_is_summed_and_returns_are_taken_off() -> None:
    rows = [sale("P1", WEEK, 2.0, returned_packs=0.5, dispensings=2.0), sale("P2", WEEK, 1.0, dispensings=1.0)]
    known = facts(WEEK, holders=HOLDERS, dispensing=rows, fimea_substitution=[PACKAGE])
    found = dispensing_daily(known.dispensing, master(known), [WEEK], KNOWN)
    assert found.select("packs", "units", "dispensings", "reporters").rows() == [(2.5, 50.0, 3.0, 2)]
