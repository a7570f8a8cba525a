"""Days that were left out or that late files have changed are evaluated with the next day that is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from alerts_pictures import GONE, SHORT, any_row, day, moment, put, row

from medsupply.alerts import store, subscriptions
from medsupply.alerts.recipients import Subscription
from medsupply.rules import load_rules
from medsupply.tables.ops import DELIVERIES
from medsupply.warehouse.database import bulk
from medsupply.warehouse.database.connection import Warehouse

RULES = load_rules()


def evaluate(wh: Warehouse, number: int) -> str:
    return store.evaluate(wh, day(number), moment(number), RULES)


def states(wh: Warehouse) -> list[tuple[Any, ...]]:
    return wh.read("select alert_id, opened_on, level, closed_on from alerts.state order by 1").rows()


def test_a_day_that_late_files_changed_is_evaluated_with_the_next(warehouse: Warehouse) -> None:
    subscriptions.add(warehouse, [Subscription("a@example.org", "en", None, "elevated")], at=moment(0), confirmed=True)
    for number in range(3):
        put(warehouse, number, [row("S1")])
        evaluate(warehouse, number)
    put(warehouse, 1, [row("S1", **SHORT)], known_at=moment(3) - timedelta(hours=1))
    put(warehouse, 3, [row("S1", level="watch", run_out_p56=0.4)])
    assert "1 earlier day evaluated with it" in evaluate(warehouse, 3)
    assert states(warehouse) == [("run_out-S1-99-1", day(1), "elevated", None)]
    assert warehouse.read("select count(*) as n from alerts.outbox").item() == 1
    again = evaluate(warehouse, 3)
    assert again.startswith("0 alert changes (0 opened), 0 mails") and "earlier" not in again


def test_days_without_an_evaluation_are_made_up_for(warehouse: Warehouse) -> None:
    """A week without the scheduler: run-out closes after seven evaluations that speak for it, not after one."""
    put(warehouse, 0, [row("S1", **SHORT)])
    evaluate(warehouse, 0)
    for number in range(1, 9):
        put(warehouse, number, [row("S1")])
    assert "7 earlier days evaluated with it" in evaluate(warehouse, 8)
    assert states(warehouse) == [("run_out-S1-99-1", day(0), "elevated", day(7))]
    evaluated = warehouse.read("select distinct as_of from alerts.evaluations order by 1")["as_of"].to_list()
    assert evaluated == [day(number) for number in range(9)]


def test_pictures_from_before_the_first_evaluation_stay_out(warehouse: Warehouse) -> None:
    for number in range(4):
        put(warehouse, number, [row("S1", **(GONE if number < 2 else {}))])
    evaluate(warehouse, 2)
    assert "earlier" not in evaluate(warehouse, 3) and states(warehouse) == []


def test_a_picture_that_is_only_made_again_changes_nothing(warehouse: Warehouse) -> None:
    for number in range(2):
        put(warehouse, number, [row("S1", **SHORT)])
        evaluate(warehouse, number)
    with warehouse.transaction() as connection:
        connection.exec_driver_sql(
            "insert into picture.pictures (as_of, known_at, stage, rules_version, rows, content)"
            " select as_of, known_at + interval '1 minute', stage, rules_version, rows, content from picture.pictures"
            " where as_of = %s",
            (day(0),),
        )
    put(warehouse, 2, [row("S1", **SHORT)])
    assert "earlier" not in evaluate(warehouse, 2)


def test_a_level_that_a_second_picture_of_the_day_gives_leaves_its_event(warehouse: Warehouse) -> None:
    put(warehouse, 0, [row("S1", **SHORT)])
    evaluate(warehouse, 0)
    later = moment(0) + timedelta(hours=3)
    put(warehouse, 0, [row("S1", **GONE)], known_at=later)
    assert store.evaluate(warehouse, day(0), later, RULES).startswith("1 alert changes")
    found = warehouse.read("select transition, level, version, withdrawn_at from alerts.event order by version").rows()
    assert [one[:3] for one in found] == [("opened", "elevated", 1), ("opened", "severe", 2)]
    assert found[0][3] is not None and found[1][3] is None, "the first is taken back, and kept"
    last = later + timedelta(hours=1)
    put(warehouse, 0, [row("S1", **SHORT)], known_at=last)
    store.evaluate(warehouse, day(0), last, RULES)
    stands = warehouse.read("select level, version from alerts.event where withdrawn_at is null").rows()
    assert stands == [("elevated", 1)] and states(warehouse)[0][2] == "elevated"


def test_a_delivery_that_is_refused_today_is_not_of_the_days_made_again_today(warehouse: Warehouse) -> None:
    for number in range(6):
        put(warehouse, number, [row("S1")])
        evaluate(warehouse, number)
    at = moment(6)
    refused = any_row(DELIVERIES, at - timedelta(hours=1), source="stock", sender="P1", verdict="refused")
    with warehouse.transaction() as connection:
        bulk.upsert(connection, DELIVERIES, refused)
    put(warehouse, 2, [row("S1", **SHORT)], known_at=at)
    put(warehouse, 6, [row("S1")])
    assert "1 earlier day" in evaluate(warehouse, 6)
    found = warehouse.read("select opened_on from alerts.state where rule = 'delivery_refused'")
    assert found["opened_on"].to_list() == [day(6)]
