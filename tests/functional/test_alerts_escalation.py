"""Escalation, and silences: who is told of what nobody has in hand, and what is told to nobody for a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from alerts_pictures import GONE, SHORT, day, moment, put, row
from hostile_relay import Relay, running
from test_alerts_people import bare, evaluate, flat, outbox, subscribe, text

from medsupply.alerts import desk, sender, store
from medsupply.alerts.store.next_person import escalate, working_hours
from medsupply.errors import InputError
from medsupply.rules import load_rules
from medsupply.warehouse.database.connection import Warehouse

RULES = load_rules()


def test_nobody_acknowledges_and_the_deputy_is_told_once(warehouse: Warehouse) -> None:
    subscribe(warehouse, "duty@example.org", deputy="deputy@example.org")
    put(warehouse, 0, [row("S1", **GONE), row("S2", **GONE)])
    evaluate(warehouse, 0)
    clock = datetime(2026, 3, 3, 7, 0, tzinfo=UTC)
    with running(Relay()) as url:
        sender.send(warehouse, clock=lambda: clock, smtp_url=url)
    desk.acknowledge(warehouse, "run_out-S2-99-1", owner="D", note="on it", at=clock, rules=RULES)
    assert escalate(warehouse, clock + timedelta(hours=1)) == 0
    assert escalate(warehouse, clock + timedelta(hours=3)) == 1
    assert escalate(warehouse, clock + timedelta(hours=4)) == 0
    told = [one for one in outbox(warehouse) if one["recipient"] == "deputy@example.org"]
    assert [one["alert_id"] for one in told] == ["run_out-S1-99-1"]
    assert "deputy" in told[0]["body_text"]


def test_without_a_deputy_operations_are_told_that_nobody_acknowledges(warehouse: Warehouse) -> None:
    warehouse.settings = replace(warehouse.settings, operator_mail="ops@example.org")
    subscribe(warehouse, "duty@example.org")
    subscribe(warehouse, "other@example.org")
    put(warehouse, 0, [row("S1", **GONE)])
    evaluate(warehouse, 0)
    clock = datetime(2026, 3, 3, 7, 0, tzinfo=UTC)
    with running(Relay()) as url:
        sender.send(warehouse, clock=lambda: clock, smtp_url=url)
    assert [escalate(warehouse, clock + timedelta(hours=hours)) for hours in (1, 3, 4)] == [0, 1, 0]
    told = next(one for one in outbox(warehouse) if one["recipient"] == "ops@example.org")
    assert told["language"] == "fi" and "eikä ole nimetty sijaista, joka ei olisi jo saanut sitä" in flat(
        told["body_text"]
    )


def test_a_silenced_alert_is_not_passed_to_the_deputy(warehouse: Warehouse) -> None:
    subscribe(warehouse, "duty@example.org", deputy="deputy@example.org")
    put(warehouse, 0, [row("S1", **GONE)])
    evaluate(warehouse, 0)
    clock = datetime(2026, 3, 3, 7, 0, tzinfo=UTC)
    with running(Relay()) as url:
        sender.send(warehouse, clock=lambda: clock, smtp_url=url)
    end = clock + timedelta(hours=5)
    desk.silence(warehouse, author="A", reason="known", at=clock, until=end, medicine_id="S1")
    assert escalate(warehouse, end - timedelta(minutes=1)) == 0
    assert escalate(warehouse, end) == 1, "the silence has ended, and the alert is as unanswered as before"


def test_an_acknowledgement_that_runs_out_is_told_and_escalates_again(warehouse: Warehouse) -> None:
    """Its readers are reminded at once, the deputy two working hours later; each once, also after more evaluations."""
    subscribe(warehouse, "duty@example.org", deputy="deputy@example.org")
    put(warehouse, 0, [row("S1", **GONE)])
    evaluate(warehouse, 0)
    clock = datetime(2026, 3, 3, 7, 0, tzinfo=UTC)
    relay = Relay()
    with running(relay) as url:
        for hours in (0, 3):
            sender.send(warehouse, clock=lambda: clock + timedelta(hours=hours), smtp_url=url)  # noqa: B023
        desk.acknowledge(
            warehouse, "run_out-S1-99-1", owner="D", note="on it", at=clock + timedelta(hours=4), rules=RULES
        )
        for number in range(1, 9):
            put(warehouse, number, [row("S1", **GONE)])
            evaluate(warehouse, number)
            sender.send(warehouse, clock=lambda: clock + timedelta(days=number), smtp_url=url)  # noqa: B023
        for hours in (0, 1, 3, 4, 30):
            lapsed = clock + timedelta(days=8, hours=hours)
            sender.send(warehouse, clock=lambda: lapsed, smtp_url=url)  # noqa: B023
    told = [(str(one["To"]).split("@")[0], "run out" in text(one), "as deputy" in text(one)) for one in relay.taken]
    assert told == [("duty", False, False), ("deputy", False, True), ("duty", True, False), ("deputy", False, True)]
    assert "Nobody yet" in text(relay.taken[2]), "who had it in hand has it no more"
    assert [one["List-Unsubscribe"] is None for one in relay.taken] == [False, True, False, True]


def test_office_hours_are_what_counts() -> None:
    friday = datetime(2026, 3, 6, 13, 0, tzinfo=UTC)  # 15:00 in Helsinki
    assert working_hours(friday, friday + timedelta(hours=12)) == 1.0
    assert working_hours(friday, friday + timedelta(days=2, hours=12)) == 1.0
    assert working_hours(friday, datetime(2026, 3, 9, 7, 0, tzinfo=UTC)) == 2.0


def test_deputies_who_are_readers_too_are_followed_by_operations(warehouse: Warehouse) -> None:
    """Each has had the mail: to tell them once more would tell nobody new."""
    warehouse.settings = replace(warehouse.settings, operator_mail="ops@example.org")
    subscribe(warehouse, "a@example.org", deputy="b@example.org")
    subscribe(warehouse, "b@example.org", deputy="A@example.org")
    put(warehouse, 0, [row("S1", **GONE)])
    evaluate(warehouse, 0)
    clock = datetime(2026, 3, 3, 7, 0, tzinfo=UTC)
    with running(Relay()) as url:
        sender.send(warehouse, clock=lambda: clock, smtp_url=url)
    assert [escalate(warehouse, clock + timedelta(hours=hours)) for hours in (1, 3, 4)] == [0, 1, 0]
    assert [one["recipient"] for one in outbox(warehouse) if one["stands_in"]] == ["ops@example.org"]


def test_a_second_rise_to_severe_escalates_anew(warehouse: Warehouse) -> None:
    """Long after the first, and whoever had that in hand: two working hours from its own mail."""
    subscribe(warehouse, "duty@example.org", deputy="deputy@example.org")
    clock = datetime(2026, 3, 3, 7, 0, tzinfo=UTC)
    told = []
    with running(Relay()) as url:
        for number in range(25):
            put(warehouse, number, [row("S1", **(GONE if number in (0, 21, 22, 23, 24) else SHORT))])
            evaluate(warehouse, number)
            morning = clock + timedelta(days=number)
            sender.send(warehouse, clock=lambda: morning, smtp_url=url)  # noqa: B023
            if number == 0:
                desk.acknowledge(
                    warehouse, "run_out-S1-99-1", owner="D", note="on it", at=morning + timedelta(hours=1), rules=RULES
                )
            told += [number] * escalate(warehouse, morning + timedelta(minutes=90))
            told += [number + 0.5] * escalate(warehouse, morning + timedelta(hours=3))
    assert told == [21.5], "the evening after the day of the second rise, not at once"
    last = [one for one in outbox(warehouse) if one["recipient"] == "deputy@example.org"]
    assert len(last) == 1 and "run out" not in bare(last[0]).split("\n")[0]


def test_a_silence_names_what_there_is_and_ends_when_a_person_says_so(warehouse: Warehouse) -> None:
    subscribe(warehouse, "duty@example.org")
    put(warehouse, 0, [row("S1", **SHORT), row("S2")])
    given: dict[str, Any] = {"author": "A", "reason": "known", "at": moment(0), "until": moment(9)}
    for wrong, said in (
        ({"medicine_id": "S404"}, "knows S404"), ({"rule": "runout"}, "'runout' is no rule"),
        ({"county_code": "77"}, "'77' is no area"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=said):
            desk.silence(warehouse, **given, **wrong)
    silence = desk.silence(warehouse, **given, medicine_id="S1")
    evaluate(warehouse, 0)
    assert outbox(warehouse) == []
    with pytest.raises(InputError, match="nosuch is no silence that holds"):
        desk.end_silence(warehouse, "nosuch", author="B", reason="over", at=moment(1))
    assert desk.silences(warehouse, at=moment(1))["silence_id"].to_list() == [silence]
    desk.end_silence(warehouse, silence, author="B", reason="it is over", at=moment(1))
    assert desk.silences(warehouse, at=moment(1)).is_empty()
    with pytest.raises(InputError, match="no silence that holds"):
        desk.end_silence(warehouse, silence, author="B", reason="over", at=moment(2))
    put(warehouse, 1, [row("S1", **SHORT)])
    evaluate(warehouse, 1)
    assert [one["as_of"] for one in outbox(warehouse)] == [day(1)]
    audited = warehouse.read("select action, author from ops.audit where subject = :id order by at", id=silence)
    assert audited.rows() == [("silence", "A"), ("end_silence", "B")]


def test_a_silence_of_an_open_alert_does_not_cover_its_rise(warehouse: Warehouse) -> None:
    subscribe(warehouse, "duty@example.org", deputy="deputy@example.org")
    put(warehouse, 0, [row("S1", **SHORT)])
    evaluate(warehouse, 0)
    desk.silence(warehouse, author="A", reason="known", at=moment(0), until=moment(20), medicine_id="S1")
    put(warehouse, 1, [row("S1", **SHORT)])
    evaluate(warehouse, 1)
    state = "select state from analyst.alerts where medicine_id = 'S1'"
    assert len(outbox(warehouse)) == 1
    put(warehouse, 2, [row("S1", **GONE)])
    evaluate(warehouse, 2)
    assert [one["level"] for one in outbox(warehouse)] == ["elevated", "severe"]
    assert warehouse.read(state).item() == "open"
    clock = datetime(2026, 3, 5, 7, 0, tzinfo=UTC)
    with running(Relay()) as url:
        sender.send(warehouse, clock=lambda: clock, smtp_url=url)
    assert escalate(warehouse, clock + timedelta(hours=3)) == 1, "what has risen above the silence is followed up too"


def test_a_silence_counts_from_when_it_is_given(warehouse: Warehouse) -> None:
    """After the picture was made and before it is evaluated."""
    subscribe(warehouse, "duty@example.org")
    put(warehouse, 0, [row("S1", **SHORT)])
    at = moment(0) + timedelta(hours=1)
    desk.silence(warehouse, author="A", reason="known", at=at, until=moment(5), medicine_id="S1")
    store.evaluate(warehouse, day(0), at + timedelta(minutes=5), RULES)
    assert outbox(warehouse) == []
