"""Who hears of an end, and that a mail which nobody can be given stops being passed on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from alerts_pictures import GONE, SHORT, day, moment, put, row
from hostile_relay import Relay, running

from medsupply.alerts import sender, store, subscriptions
from medsupply.alerts.recipients import Subscription, subscriptions_of
from medsupply.areas import AREAS
from medsupply.rules import load_rules
from medsupply.warehouse.database.connection import Warehouse

RULES = load_rules()
ROOM = 3


def subscribe(wh: Warehouse, *lines: Subscription, number: int = 0) -> None:
    subscriptions.add(wh, list(lines), at=moment(number), confirmed=True)


def only(address: str, level: str, area: str = "99") -> Subscription:
    return Subscription(address, "en", None, level, area)


def live(wh: Warehouse, number: int, url: str, hours: tuple[int, ...] = (0,), **changes: Any) -> None:
    put(wh, number, [row("S1", **changes), row("S2")])
    store.evaluate(wh, day(number), moment(number), RULES)
    for hour in hours:
        sender.send(wh, clock=lambda: moment(number) + timedelta(hours=hour), smtp_url=url)  # noqa: B023


def sent(wh: Warehouse, kind: str) -> set[str]:
    query = "select distinct recipient from alerts.outbox where kind = :kind and status = 'sent'"
    return set(wh.read(query, kind=kind)["recipient"])


def test_who_wants_severe_alone_hears_the_end_of_an_alert_that_fell_first(warehouse: Warehouse) -> None:
    subscribe(warehouse, only("worst@example.org", "severe"), only("all@example.org", "elevated"))
    with running(Relay()) as url:
        for number in range(20):
            live(warehouse, number, url, **({} if not number else GONE if number < 3 else SHORT if number < 8 else {}))
    assert sent(warehouse, "resolved") == {"worst@example.org", "all@example.org"}


def test_a_deputy_who_subscribes_to_something_else_hears_the_end(warehouse: Warehouse) -> None:
    duty = subscriptions_of("duty@example.org", language="en", role="fimea", deputy="deputy@example.org")
    subscribe(warehouse, *duty, only("deputy@example.org", "elevated", "21"))
    with running(Relay()) as url:
        for number in range(14):
            live(warehouse, number, url, hours=(0, 12, 14, 16), **(GONE if number == 1 else {}))
    assert "deputy@example.org" in sent(warehouse, "alert")
    assert sent(warehouse, "resolved") == {"duty@example.org", "deputy@example.org"}


def test_who_subscribes_to_something_else_by_now_hears_the_end_and_who_left_does_not(warehouse: Warehouse) -> None:
    subscribe(warehouse, *(only(f"{name}@example.org", "elevated") for name in ("moved", "left", "stays")))
    with running(Relay()) as url:
        for number in range(12):
            live(warehouse, number, url, **(GONE if number == 1 else {}))
            if number == ROOM:
                for name in ("moved", "left"):
                    subscriptions.end(warehouse, f"{name}@example.org", at=moment(number))
                subscribe(warehouse, only("moved@example.org", "elevated", "21"), number=number)
    assert sent(warehouse, "alert") == {"moved@example.org", "left@example.org", "stays@example.org"}
    assert sent(warehouse, "resolved") == {"moved@example.org", "stays@example.org"}


def ring(wh: Warehouse, *names: str) -> None:
    for name, deputy in zip(names, (*names[1:], names[0]), strict=True):
        lines = subscriptions_of(
            f"{name}@example.org", language="en", role="fimea", deputy=f"{deputy}@example.org", county="99"
        )
        subscribe(wh, *lines)


def test_dead_addresses_that_name_each_other_as_deputies_are_each_tried_and_then_operations(
    warehouse: Warehouse,
) -> None:
    ring(warehouse, "a", "b", "c")
    object.__setattr__(warehouse.settings, "operator_mail", "operations@example.org")
    relay = Relay(lambda address, _: "ok" if address.startswith("operations") else "550 5.1.1 no such user")
    with running(relay) as url:
        live(warehouse, 0, url)
        live(warehouse, 1, url, **SHORT)
    assert sent(warehouse, "alert") == {"operations@example.org"}
    assert max(relay.tries.values()) <= 9


def test_a_ring_without_operations_ends_too(warehouse: Warehouse) -> None:
    ring(warehouse, "a", "b")
    relay = Relay(lambda address, _: "550 5.1.1 no such user")
    with running(relay) as url:
        live(warehouse, 0, url)
        live(warehouse, 1, url, **SHORT)
    assert not sent(warehouse, "alert")
    assert max(relay.tries.values()) <= 4


def test_a_reader_may_end_the_mails_of_a_hold_and_operations_have_nothing_to_end(warehouse: Warehouse) -> None:
    subscribe(warehouse, only("duty@example.org", "elevated"))
    object.__setattr__(warehouse.settings, "operator_mail", "operations@example.org")
    relay = Relay()
    put(warehouse, 0, [row(f"S{k}") for k in range(30)])
    store.evaluate(warehouse, day(0), moment(0), RULES)
    put(warehouse, 1, [row(f"S{k}", **GONE) for k in range(30)])
    store.evaluate(warehouse, day(1), moment(1), RULES)
    with running(relay) as url:
        sender.send(warehouse, clock=lambda: moment(1), smtp_url=url)
    ends = {mail["To"]: mail["List-Unsubscribe"] is not None for mail in relay.taken}
    assert ends == {"duty@example.org": True, "operations@example.org": False}


NOTICE = {"level": "elevated", "reasons": ["notice_covers_all_28"]}
BOTH = {**GONE, "reasons": ["stock_at_floor", "notice_covers_all_28"]}


def test_the_end_of_one_reason_says_that_the_alert_stays_open(warehouse: Warehouse) -> None:
    subscribe(warehouse, only("a@example.org", "elevated"), only("b@example.org", "elevated", "21"))
    for number in range(6):
        changes = BOTH if number < 2 else GONE
        put(warehouse, number, [row("S1", **changes), row("S1", "21", **(NOTICE if number < 2 else {}))])
        store.evaluate(warehouse, day(number), moment(number), RULES)
    ends = {
        one["recipient"]: one
        for one in warehouse.read("select * from alerts.outbox where kind = 'resolved'").iter_rows(named=True)
    }
    own, other = ends["a@example.org"], ends["b@example.org"]
    assert own["alert_ids"] == ["notice-S1-99-1"] and other["alert_ids"] == ["notice-S1-21-1"]
    assert own["subject"].startswith("Alert stays open, one reason gone (Finland)")
    told = " ".join(own["body_text"].split())
    assert "is gone: shortage notice. The alert stays open for another reason." in told and "Finland: severe" in told
    assert other["subject"].startswith(f"Alert ended ({AREAS['21'].name('en')})")


def test_a_mail_on_several_areas_tells_each_of_its_own(warehouse: Warehouse) -> None:
    subscribe(warehouse, only("a@example.org", "elevated"), only("a@example.org", "elevated", "21"))
    silent = {
        "reporting_share": 0.85,
        "reasons": ["stock_at_floor", "late_data"],
        "notice_share": 1.0,
        "notices_open": 1,
    }
    later = {**SHORT, "run_out_p28": 0.05, "run_out_p56": 0.6, "run_out_p84": 0.7, "level": "elevated"}
    put(warehouse, 0, [row("S1", **GONE), row("S1", "21", **{**later, **silent, "run_out_p14": 0.01})])
    store.evaluate(warehouse, day(0), moment(0), RULES)
    (mail,) = warehouse.read("select * from alerts.outbox").to_dicts()
    told = " ".join(mail["body_text"].split())
    assert "Finland: Running out is likely now or within two weeks." in told
    area = AREAS["21"].name("en")
    assert f"{area}: Running out is likely within twelve weeks." in told
    assert "Finland: Nothing is missing" in told and f"{area}: Some reports are missing" in told
    assert "given a shortage notice" in told, "a notice in one of the areas is told"
