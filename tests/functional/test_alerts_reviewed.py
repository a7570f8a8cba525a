"""What reviewers found between late data, silences, holds and flapping: nothing that stands or ends goes untold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from alerts_pictures import GONE, SHORT, day, moment, put, row
from hostile_relay import Relay, running

from medsupply.alerts import desk, sender, store, subscriptions
from medsupply.alerts.recipients import Subscription
from medsupply.alerts.rendering import texts
from medsupply.alerts.store import rota
from medsupply.alerts.store.next_person import escalate
from medsupply.alerts.why import why
from medsupply.rules import load_rules
from medsupply.warehouse.database.connection import Warehouse

RULES = load_rules()
CLOCK = datetime(2026, 3, 3, 7, 0, tzinfo=UTC)
NOTICE: dict[str, Any] = {"level": "elevated", "reasons": ["notice_covers_all"]}
WORSE: dict[str, Any] = {**NOTICE, "level": "severe"}
SILENT: dict[str, Any] = {"level": "unknown", "reasons": ["missing_decides"], "reporting_share": 0.4}
FLAPPING = texts("en")["remark.flapping"]


def subscribe(wh: Warehouse, address: str = "a@example.org", level: str = "elevated", **more: Any) -> None:
    line = Subscription(address, "en", None, level, **more)
    subscriptions.add(wh, [line], at=moment(-1), confirmed=True)


def live(wh: Warehouse, number: int, **changes: Any) -> None:
    put(wh, number, [row("S1", **changes)])
    store.evaluate(wh, day(number), moment(number), RULES)


def outbox(wh: Warehouse, **given: Any) -> list[dict[str, Any]]:
    found = wh.read("select * from alerts.outbox order by created_at, message_id").to_dicts()
    return [one for one in found if all(one[name] == value for name, value in given.items())]


def text(mail: dict[str, Any]) -> str:
    return " ".join(mail["body_text"].split())


def states(wh: Warehouse) -> list[tuple[Any, ...]]:
    return wh.read("select alert_id, level, opened_on, closed_on from alerts.state order by 1").rows()


def made_to_flap_by_late_data(wh: Warehouse) -> None:
    """Two openings are told as any other; a late list then makes the second one the turn that flaps."""
    subscribe(wh)
    for number in range(9):
        live(wh, number, **(NOTICE if number in (0, 8) else {}))
    assert [one["kind"] for one in outbox(wh)] == ["alert", "resolved", "alert"]
    put(wh, 4, [row("S1", **NOTICE)], known_at=moment(9))


def test_an_end_is_told_where_no_mail_has_said_that_mails_end(warehouse: Warehouse) -> None:
    made_to_flap_by_late_data(warehouse)
    for number in (9, 10, 11):
        live(warehouse, number)
    assert outbox(warehouse)[-1]["kind"] == "resolved" and outbox(warehouse)[-1]["as_of"] == day(11)


def test_a_rise_is_told_where_no_mail_has_said_that_mails_end(warehouse: Warehouse) -> None:
    made_to_flap_by_late_data(warehouse)
    live(warehouse, 9, **WORSE)
    assert outbox(warehouse)[-1]["level"] == "severe" and FLAPPING in text(outbox(warehouse)[-1])


def test_what_a_silence_kept_from_being_said_is_said_later(warehouse: Warehouse) -> None:
    subscribe(warehouse)
    for number in range(13):
        if number == 8:
            at = moment(7) + timedelta(hours=1)
            desk.silence(warehouse, author="A", reason="r", at=at, until=moment(11), medicine_id="S1")
        live(warehouse, number, **(NOTICE if number in (0, 4, 8, 12) else {}))
    assert outbox(warehouse)[-1]["as_of"] == day(12) and FLAPPING in text(outbox(warehouse)[-1])


def test_a_level_that_nobody_was_told_of_is_told_though_it_flaps(warehouse: Warehouse) -> None:
    subscribe(warehouse, "worst@example.org", "severe")
    subscribe(warehouse, "all@example.org")
    for number in range(13):
        live(warehouse, number, **(WORSE if number == 12 else NOTICE if number in (0, 4, 8) else {}))
    assert [one["as_of"] for one in outbox(warehouse, recipient="worst@example.org")] == [day(12)]


def test_an_alert_that_late_data_parts_in_two_has_opened_anew(warehouse: Warehouse) -> None:
    """Who is told of the newer one hears that; who is not hears that it has ended."""
    subscribe(warehouse)
    subscribe(warehouse, "worst@example.org", "severe")
    live(warehouse, 0, **GONE)
    for number in range(1, 8):
        live(warehouse, number, **SILENT)
    live(warehouse, 8, **SHORT)
    for number in range(1, 8):
        put(warehouse, number, [row("S1")], known_at=moment(9))
    live(warehouse, 9, **SHORT)
    ends = {one["recipient"]: one for one in outbox(warehouse, kind="resolved")}
    assert "ended in between. It has opened anew and is open." in text(ends["a@example.org"])
    assert ends["a@example.org"]["subject"].startswith("Alert still open (Finland)")
    assert ends["worst@example.org"]["subject"].startswith("Alert ended (Finland)")


def test_a_reason_that_is_gone_is_told_beside_an_area_that_has_ended(warehouse: Warehouse) -> None:
    subscribe(warehouse)
    both = {**SHORT, "reasons": ["run_out_p56", "notice_covers_all"]}
    for number in range(8):
        here = both if number < 5 else SHORT
        put(warehouse, number, [row("S1", **here), row("S1", "21", **(SHORT if number == 0 else {}))])
        store.evaluate(warehouse, day(number), moment(number), RULES)
    last = outbox(warehouse)[-1]
    assert last["alert_ids"] == ["notice-S1-99-1", "run_out-S1-21-1"]
    assert "Gone too, where the alert stays open for another reason (Finland): shortage notice." in text(last)


def test_the_end_of_what_was_told_does_not_wait_for_a_held_rise(warehouse: Warehouse) -> None:
    subscribe(warehouse)
    many = [f"S{number}" for number in range(14)]
    for number in range(10):
        changes = SHORT if number == 0 else GONE if number == 1 else {}
        put(warehouse, number, [row(one, **changes) for one in many])
        store.evaluate(warehouse, day(number), moment(number), RULES)
    assert len(outbox(warehouse, kind="alert")) == len(outbox(warehouse, kind="resolved")) == 14


def test_a_silence_beside_an_alert_about_data_holds_no_level_back(warehouse: Warehouse) -> None:
    subscribe(warehouse)
    live(warehouse, 0, **SILENT)
    desk.silence(warehouse, author="A", reason="r", at=CLOCK, until=CLOCK + timedelta(days=29), medicine_id="S1")
    live(warehouse, 1, **GONE)
    assert outbox(warehouse, level="severe")


def test_who_had_an_earlier_rise_in_hand_has_not_the_next(warehouse: Warehouse) -> None:
    subscribe(warehouse, deputy="deputy@example.org")
    with running(Relay()) as url:
        live(warehouse, 0, **GONE)
        sender.send(warehouse, clock=lambda: CLOCK, smtp_url=url)
        desk.acknowledge(warehouse, "run_out-S1-99-1", owner="Doc", note="n", at=CLOCK, rules=RULES)
        for number in (1, 2, 3):
            live(warehouse, number, **SHORT)
        live(warehouse, 4, **GONE)
        friday = moment(4)
        sender.send(warehouse, clock=lambda: friday, smtp_url=url)
    assert "Doc" not in outbox(warehouse)[-1]["body_text"]
    assert "(lapsed: the level has risen)" in why(warehouse, "S1", on=None, county="99")
    assert [escalate(warehouse, friday + timedelta(hours=hours)) for hours in (2, 62)] == [0, 1], "Monday at noon"


@pytest.mark.parametrize("on_duty", [False, True])
def test_a_stand_in_whose_opening_still_waits_hears_the_end(warehouse: Warehouse, on_duty: bool) -> None:
    night = datetime(2026, 3, 2, 22, 30, tzinfo=UTC)
    subscribe(warehouse, deputy="b@example.org", rota="R" if on_duty else None)
    rota.put_on_duty(warehouse, "R", "b@example.org", start=night - timedelta(days=1), end=night + timedelta(days=3),
                     author="A", at=night)  # fmt: skip
    live(warehouse, 0, **GONE)
    relay = Relay(lambda address, _: "451 greylisted" if address.startswith("b") else "ok")
    with running(relay) as url:
        for hours in (0, 10, 13):
            sender.send(warehouse, clock=lambda: night + timedelta(hours=hours), smtp_url=url)  # noqa: B023
        put(warehouse, 0, [row("S1")], known_at=moment(1))
        live(warehouse, 1)
        relay.behave = lambda *_: "ok"
        for hours in range(24, 60, 6):
            sender.send(warehouse, clock=lambda: night + timedelta(hours=hours), smtp_url=url)  # noqa: B023
    kinds = [one["kind"] for one in outbox(warehouse, recipient="b@example.org", status="sent")]
    assert kinds == ["alert", *(["alert"] if on_duty else []), "resolved"], "on duty, and later as deputy"


def test_a_rise_is_said_where_another_area_stood_as_high_before(warehouse: Warehouse) -> None:
    subscribe(warehouse)
    for number, area in enumerate((SHORT, GONE)):
        put(warehouse, number, [row("S1", **GONE), row("S1", "21", **area)])
        store.evaluate(warehouse, day(number), moment(number), RULES)
    assert "The level has risen since the last mail." in text(outbox(warehouse)[-1])


def test_the_picture_that_counts_does_not_depend_on_the_order(warehouse: Warehouse) -> None:
    """One made again under the same moment is seen by the next day; an older moment takes nothing back."""
    for number in range(2):
        live(warehouse, number)
    put(warehouse, 1, [row("S1", **GONE)])
    live(warehouse, 2, level="watch", run_out_p56=0.9)
    found = states(warehouse)
    assert found == [("run_out-S1-99-1", "severe", day(1), None)]
    put(warehouse, 1, [row("S1", **SHORT)], known_at=moment(3))
    live(warehouse, 3, level="watch", run_out_p56=0.9)
    corrected = states(warehouse)
    assert corrected != found
    store.evaluate(warehouse, day(1), moment(1), RULES)
    assert states(warehouse) == corrected


def test_why_knows_of_silences_after_the_picture_and_of_corrected_reasons(warehouse: Warehouse) -> None:
    subscribe(warehouse)
    put(warehouse, 0, [row("S1", **GONE)])
    at = moment(0) + timedelta(hours=8)
    desk.silence(warehouse, author="A", reason="known", at=at, until=at + timedelta(days=5), medicine_id="S1")
    store.evaluate(warehouse, day(0), at + timedelta(hours=1), RULES)
    assert "no mail: it is silenced" in why(warehouse, "S1", on=day(0), county="99")
    put(warehouse, 0, [row("S1", **{**GONE, "reasons": ["out_share"]})], known_at=moment(1))
    live(warehouse, 1, **GONE)
    assert "opened at severe (out_share)" in why(warehouse, "S1", on=day(0), county="99")
