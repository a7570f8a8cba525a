"""Evaluating: state, event and outbox in one transaction; nothing twice, nothing lost, whatever the order of days."""

from __future__ import annotations

import random
from datetime import timedelta
from itertools import pairwise
from typing import Any

import polars as pl
import pytest
from alerts_pictures import GONE, SHORT, day, moment, put, put_obligation, row

from medsupply.alerts import desk, store, subscriptions
from medsupply.alerts.recipients import subscriptions_of
from medsupply.alerts.why import why
from medsupply.areas import AREAS
from medsupply.rules import load_rules
from medsupply.warehouse.database.connection import Warehouse

RULES = load_rules()
SERIES = [{}, SHORT, SHORT, GONE, SHORT, SHORT, SHORT, *[{}] * 8, GONE, {}]


def evaluate(wh: Warehouse, number: int) -> str:
    return store.evaluate(wh, day(number), moment(number), RULES)


def subscribe(wh: Warehouse, address: str = "duty@fimea.example", **options: Any) -> None:
    lines = subscriptions_of(address, language=options.pop("language", "en"), **{"role": "fimea", **options})
    subscriptions.add(wh, lines, at=moment(0), confirmed=True)


def mails(wh: Warehouse, kind: str | None = None) -> list[dict[str, Any]]:
    found = wh.read("select * from alerts.outbox order by created_at, message_id")
    return [one for one in found.iter_rows(named=True) if kind in (None, one["kind"])]


def alerts(wh: Warehouse) -> pl.DataFrame:
    return wh.read(
        "select alert_id, episode, level, state, opened_on, changed_on, closed_on, reasons from analyst.alerts"
        " order by alert_id"
    )


def test_an_alert_opens_rises_and_ends_and_each_is_told_once(warehouse: Warehouse) -> None:
    subscribe(warehouse)
    for number, changes in enumerate(SERIES):
        put(warehouse, number, [row("S1", **changes), row("S2")])
        evaluate(warehouse, number)
        assert evaluate(warehouse, number).startswith("0 alert changes (0 opened), 0 mails")
    told = [(one["kind"], one["as_of"]) for one in mails(warehouse)]
    assert told == [("alert", day(1)), ("alert", day(3)), ("resolved", day(13)), ("alert", day(15))]
    assert ["level has risen" in one["body_text"] for one in mails(warehouse)] == [False, True, False, False]
    found = alerts(warehouse)
    assert found["alert_id"].to_list() == ["run_out-S1-99-1", "run_out-S1-99-2"]
    assert found["state"].to_list() == ["closed", "easing"]


def test_the_severity_falls_only_after_three_days(warehouse: Warehouse) -> None:
    for number, changes in enumerate([GONE, SHORT, SHORT]):
        put(warehouse, number, [row("S1", **changes)])
        evaluate(warehouse, number)
    assert alerts(warehouse)["level"].to_list() == ["severe"]
    put(warehouse, 3, [row("S1", **SHORT)])
    evaluate(warehouse, 3)
    assert alerts(warehouse)["level"].to_list() == ["elevated"]


@pytest.mark.parametrize("seed", range(3))
def test_any_order_of_days_gives_the_same_alerts(warehouse: Warehouse, seed: int) -> None:
    for number, changes in enumerate(SERIES):
        here = [row("S1", **changes), row("S1", "21", **changes), *([row("S2", **changes)] if number < 5 else [])]
        put(warehouse, number, [*here, *(row(f"S{one}", area) for one in range(3, 13) for area in ("99", "21"))])
        evaluate(warehouse, number)
    assert warehouse.read("select closed_on from alerts.state where medicine_id = 'S2'")["closed_on"].to_list() == [
        day(11)
    ]
    in_order = alerts(warehouse)
    with warehouse.transaction() as connection:
        for table in ("evaluations", "state", "event"):
            connection.exec_driver_sql(f"delete from alerts.{table}")
    shuffled = list(range(len(SERIES)))
    random.Random(seed).shuffle(shuffled)
    for number in shuffled:
        evaluate(warehouse, number)
    assert alerts(warehouse).equals(in_order)


def test_a_past_day_that_changes_moves_the_opening_and_keeps_the_alert(warehouse: Warehouse) -> None:
    subscribe(warehouse)
    for number, changes in enumerate([{}, {}, SHORT]):
        put(warehouse, number, [row("S1", **changes)])
        evaluate(warehouse, number)
    later = moment(3)
    put(warehouse, 1, [row("S1", **SHORT)], known_at=later)
    store.evaluate(warehouse, day(1), later, RULES)
    found = alerts(warehouse)
    assert found["opened_on"].to_list() == [day(1)]
    events = warehouse.read('select "on", withdrawn_at from alerts.event order by "on"')
    assert events["withdrawn_at"].is_null().to_list() == [True, False]
    assert len(mails(warehouse)) == 1


def test_an_alert_that_only_a_past_day_opens_is_told_while_it_is_open(warehouse: Warehouse) -> None:
    subscribe(warehouse)
    put(warehouse, 0, [row("S1", **SHORT)])
    put(warehouse, 1, [row("S1", level="watch", run_out_p56=0.4)])
    evaluate(warehouse, 1)
    assert mails(warehouse) == []
    evaluate(warehouse, 0)
    assert [one["kind"] for one in mails(warehouse)] == ["alert"]


def test_what_is_told_again_on_the_same_newest_day_is_told(warehouse: Warehouse) -> None:
    """A past day evaluated by turns with and without its late files: the last mail says what the state says."""
    subscribe(warehouse)
    for number in range(8):
        put(warehouse, number, [row("S1")])
        evaluate(warehouse, number)
    told = ["alert"]
    turns = ((5, SHORT), (0, SHORT), (5, {}), (5, SHORT), (5, {}), (5, SHORT))
    for turn, (number, changes) in enumerate(turns):
        at = put(warehouse, number, [row("S1", **changes)], known_at=moment(8) + timedelta(minutes=turn))
        store.evaluate(warehouse, day(number), at, RULES)
        assert "0 mails" in store.evaluate(warehouse, day(number), at, RULES), "twice changes nothing"
        open_ = alerts(warehouse)["closed_on"].null_count() == 1
        told += [] if open_ == (told[-1] == "alert") else ["alert" if open_ else "resolved"]
        assert [one["kind"] for one in mails(warehouse)] == told, "in the order in which they were told"
    assert told == ["alert", "resolved", "alert", "resolved", "alert"]


def test_a_picture_made_again_under_its_moment_is_evaluated_again(warehouse: Warehouse) -> None:
    subscribe(warehouse)
    for changes in ({}, GONE, GONE):
        put(warehouse, 0, [row("S1", **changes)])
        evaluate(warehouse, 0)
    assert [one["kind"] for one in mails(warehouse)] == ["alert"]


def test_missing_data_never_closes(warehouse: Warehouse) -> None:
    put(warehouse, 0, [row("S1", **SHORT)])
    evaluate(warehouse, 0)
    for number in range(1, 12):
        silent = row("S1", level="unknown", reasons=["missing_decides"], reporting_share=0.4, run_out_p56=0.01)
        put(warehouse, number, [silent])
        evaluate(warehouse, number)
    found = alerts(warehouse)
    assert dict(zip(found["alert_id"], found["state"], strict=True)) == {
        "run_out-S1-99-1": "open",
        "data_missing-S1-99-1": "open",
    }


def test_missing_data_never_ends_a_surge_or_a_short_obligation(warehouse: Warehouse) -> None:
    codes = {"S1": "obligation_short", "S2": "demand_surge"}
    silent = {"level": "unknown", "state": "missing", "stock_units": None, "reporting_share": 0.2}
    for number, changes in enumerate([{"level": "watch"}, *[silent] * 8, *[{}] * 7]):
        reasons = {one: [code] if number == 0 else [] for one, code in codes.items()}
        put(warehouse, number, [row(one, **changes, reasons=reasons[one]) for one in codes])
        evaluate(warehouse, number)
    found = warehouse.read("select rule, closed_on from alerts.state order by rule").rows()
    assert found == [("obligation", day(15)), ("surge", day(15))], "closed by heard days alone"


def test_a_silent_holder_of_the_obligation_keeps_its_alert_open(warehouse: Warehouse) -> None:
    """Nine tenths of the country's stock is reported: what is stored for the obligation is not known all the same."""
    for number in range(20):
        put(warehouse, number, [row("S1", reasons=["obligation_short"] if number == 0 else [], reporting_share=0.9)])
        put_obligation(warehouse, number, "S1", short_today=None if 0 < number < 13 else False)
        evaluate(warehouse, number)
        told = why(warehouse, "S1", on=day(number), county="99")
        assert ("a holder that stored for the obligation is silent" in told) is (0 < number < 13)
    closed = "select closed_on from alerts.state where rule = 'obligation'"
    assert warehouse.read(closed).item() == day(19), "closed by heard days alone"
    put(warehouse, 5, [row("S1", reporting_share=0.91)])
    evaluate(warehouse, 5)
    assert warehouse.read(closed).item() == day(19), "the whole past read again says the same"


def test_carried_forward_counts_close_nothing(warehouse: Warehouse) -> None:
    put(warehouse, 0, [row("S1", **SHORT)])
    evaluate(warehouse, 0)
    for number in range(1, 12):
        put(warehouse, number, [row("S1", state="late")])
        evaluate(warehouse, number)
    assert alerts(warehouse)["closed_on"].to_list() == [None]


def test_a_medicine_that_left_the_picture_closes_its_alert_and_the_mail_says_so(warehouse: Warehouse) -> None:
    subscribe(warehouse)
    put(warehouse, 0, [row("S1", **SHORT), row("S2")])
    evaluate(warehouse, 0)
    for number in range(1, 4):  # the list of notices is late, or holders are silent: that says nothing
        late = {"reasons": ["notices_late"]} if number == 1 else {"reporting_share": 0.6}
        put(warehouse, number, [row("S2", **late)])
        assert evaluate(warehouse, number).startswith("0 alert changes")
    for number in range(4, 11):
        assert alerts(warehouse)["closed_on"].to_list() == [None]
        put(warehouse, number, [row("S2")])
        evaluate(warehouse, number)
    assert alerts(warehouse)["closed_on"].to_list() == [day(10)]
    (ended,) = mails(warehouse, "resolved")
    told = " ".join(ended["body_text"].split())
    assert "S1 en (parenteral) is no longer in the picture: in the areas below it is not kept in stock" in told


def test_a_wave_is_held_until_a_person_releases_it(warehouse: Warehouse) -> None:
    subscribe(warehouse)
    many = [f"S{number:03d}" for number in range(100)]
    put(warehouse, 0, [row(one) for one in many])
    evaluate(warehouse, 0)
    put(warehouse, 1, [row(one, **(SHORT if place < 11 else {})) for place, one in enumerate(many)])
    assert "held" in evaluate(warehouse, 1)
    put(warehouse, 2, [row(one, **(SHORT if place < 10 else {})) for place, one in enumerate(many)])
    evaluate(warehouse, 2)
    (told,) = mails(warehouse)
    assert (told["kind"], told["as_of"]) == ("operations", day(1)) and "11 medicines" in told["body_text"]
    assert desk.release_hold(warehouse, author="A", reason="true", at=moment(2), rules=RULES) == 11
    assert desk.release_hold(warehouse, author="A", reason="again", at=moment(2), rules=RULES) == 0
    assert len(mails(warehouse, "alert")) == 11


def test_each_hold_of_a_day_has_its_own_mail_and_the_same_one_again_has_none(warehouse: Warehouse) -> None:
    subscribe(warehouse)
    many = [f"S{number:03d}" for number in range(100)]
    waves = ((0, moment(1)), (11, moment(1)), (31, moment(1) + timedelta(hours=1)))
    put(warehouse, 0, [row(one) for one in many])
    evaluate(warehouse, 0)
    for (done, _), (short, at) in pairwise(waves):
        put(warehouse, 1, [row(one, **(SHORT if place < short else {})) for place, one in enumerate(many)], known_at=at)
        for _ in range(2):
            store.evaluate(warehouse, day(1), at, RULES)
        told = [" ".join(one["body_text"].split()) for one in mails(warehouse, "operations")]
        assert len(told) == (1 if done == 0 else 2) and f"{short - done} medicines" in told[-1]
        desk.release_hold(warehouse, author="A", reason="true", at=at, rules=RULES)
        store.evaluate(warehouse, day(1), at, RULES)
    assert len(mails(warehouse, "operations")) == 2 and len(mails(warehouse, "alert")) == 31


def test_what_was_silenced_while_it_was_held_is_told_after_the_silence(warehouse: Warehouse) -> None:
    subscribe(warehouse)
    many = [f"S{number}" for number in range(30)]
    for number in range(2):
        put(warehouse, number, [row(one, **(SHORT if number else {})) for one in many])
        evaluate(warehouse, number)
    desk.silence(warehouse, author="A", reason="known", at=moment(1), until=moment(3), medicine_id="S7")
    assert desk.release_hold(warehouse, author="A", reason="true", at=moment(1), rules=RULES) == 29
    for number in (2, 3):
        put(warehouse, number, [row(one, **SHORT) for one in many])
        evaluate(warehouse, number)
    assert [one["as_of"] for one in mails(warehouse) if one["alert_id"] == "run_out-S7-99-1"] == [day(3)]


def test_the_first_evaluation_is_never_held(warehouse: Warehouse) -> None:
    subscribe(warehouse)
    put(warehouse, 0, [row(f"S{number}", **SHORT) for number in range(60)])
    assert "held" not in evaluate(warehouse, 0)
    assert len(mails(warehouse)) == 60


def test_a_silence_holds_mails_and_what_is_still_open_is_told_after_it(warehouse: Warehouse) -> None:
    subscribe(warehouse)
    desk.silence(warehouse, author="A", reason="known", at=moment(0), until=moment(3), medicine_id="S1")
    for number in range(6):
        put(warehouse, number, [row("S1", **(SHORT if number else {})), row("S2", **(SHORT if number else {}))])
        evaluate(warehouse, number)
    told = [(one["alert_id"], one["as_of"]) for one in mails(warehouse)]
    assert told == [("run_out-S2-99-1", day(1)), ("run_out-S1-99-1", day(3))]


def test_areas_of_one_family_share_a_mail_and_each_end_is_told(warehouse: Warehouse) -> None:
    subscribe(warehouse, role="yta", county="Y5")
    subscribe(warehouse, "lappi@example.org", role="county", county="21", language="fi")
    for number in range(12):
        changes = GONE if number == 0 else {}
        put(warehouse, number, [row("S1", area, **changes) for area in ("99", "Y5", "21")])
        evaluate(warehouse, number)
    told = [(one["recipient"], one["kind"], len(one["alert_ids"])) for one in mails(warehouse)]
    assert sorted(told) == [
        ("duty@fimea.example", "alert", 2),
        ("duty@fimea.example", "resolved", 2),
        ("lappi@example.org", "alert", 1),
        ("lappi@example.org", "resolved", 1),
    ]
    ends = [one for one in mails(warehouse) if one["kind"] == "resolved"]
    starts = {one["recipient"]: one["message_id"] for one in mails(warehouse) if one["kind"] == "alert"}
    assert all(one["thread"] == starts[one["recipient"]] for one in ends)


def test_an_end_says_where_it_is_still_open_and_a_first_mail_no_rise(warehouse: Warehouse) -> None:
    subscribe(warehouse, role="yta", county="Y5")
    for number in range(9):
        own = GONE if number else SHORT
        put(warehouse, number, [row("S1", "99", **(GONE if number == 0 else {})), row("S1", "Y5", **own)])
        evaluate(warehouse, number)
    (end,) = mails(warehouse, "resolved")
    assert "(Finland)" in end["subject"]
    assert f"Still open: {AREAS['Y5'].name('en')}." in " ".join(end["body_text"].split())
    subscribe(warehouse, "severe@example.org", role=None, level="severe", county="21")
    for number in (9, 10):
        put(warehouse, number, [row("S1", "21", **(SHORT if number == 9 else GONE))])
        evaluate(warehouse, number)
    (first,) = [one for one in mails(warehouse) if one["recipient"] == "severe@example.org"]
    assert "level has risen" not in first["body_text"], "there was no mail before it"


def test_an_acknowledgement_lapses_when_the_level_rises(warehouse: Warehouse) -> None:
    put(warehouse, 0, [row("S1", **SHORT)])
    evaluate(warehouse, 0)
    at = warehouse.read("select now() as at").item()
    desk.acknowledge(warehouse, "run_out-S1-99-1", owner="Duty", note="calling the holder", at=at, rules=RULES)
    assert alerts(warehouse)["state"].to_list() == ["acknowledged"]
    put(warehouse, 1, [row("S1", **GONE)])
    evaluate(warehouse, 1)
    assert alerts(warehouse)["state"].to_list() == ["open"]


def test_scores_of_a_day_do_not_know_of_later_ones_and_the_newest_knows_of_all(warehouse: Warehouse) -> None:
    """Days are evaluated in another order than they came."""
    short = {0: (), 1: ("S1",), 2: ("S1",), 3: ("S1", "S2")}
    for number, names in short.items():
        rows = [
            row(name, trailing_demand_units=10.0, **(SHORT if name in names else {})) for name in ("S1", "S2", "S3")
        ]
        put(warehouse, number, rows)
    for number in (0, 3, 1, 2):
        store.evaluate(warehouse, day(number), moment(number), RULES)
    query = "select as_of, episodes from alerts.score where rule = 'run_out' and grouping = 'all' order by as_of"
    assert warehouse.read(query).rows() == [(day(0), 0), (day(1), 1), (day(2), 1), (day(3), 2)]
