"""Who gets which mail: what may be asked for, office hours with a duty rota, and the links that end and confirm."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest
from alerts_pictures import GONE, SHORT, day, medicine, moment, put, row
from hostile_relay import Relay, running

from medsupply import desk
from medsupply.alerts import links, sender, store, subscriptions
from medsupply.alerts.store import rota
from medsupply.alerts.store.next_person import in_office_hours, next_opening
from medsupply.days import HELSINKI
from medsupply.errors import InputError
from medsupply.rules import load_rules
from medsupply.tables.picture import MEDICINES
from medsupply.warehouse.database import bulk
from medsupply.warehouse.database.connection import Warehouse

NIGHT = datetime(2026, 3, 3, 22, 0, tzinfo=HELSINKI)  # Tuesday
MORNING = datetime(2026, 3, 4, 8, 0, tzinfo=HELSINKI)


def subscribe(wh: Warehouse, address: str, **options: Any) -> None:
    desk.subscribe(wh, address, **{"language": "en", "at": moment(0), **options})


def evaluate(wh: Warehouse, number: int) -> str:
    return store.evaluate(wh, day(number), moment(number), load_rules())


def send(wh: Warehouse, url: str, at: datetime) -> list[str]:
    """Who got a mail in one run of the sender."""
    before = wh.read("select message_id from alerts.outbox where status = 'sent'")["message_id"].to_list()
    sender.send(wh, clock=lambda: at, smtp_url=url)
    query = "select recipient from alerts.outbox where status = 'sent' and not message_id = any(:old) order by 1"
    return wh.read(query, old=before)["recipient"].to_list()


def rows(wh: Warehouse, address: str) -> list[dict[str, Any]]:
    return wh.read("select * from alerts.outbox where recipient = :a order by created_at", a=address).to_dicts()


@pytest.mark.parametrize(
    ("wanted", "heard"),
    [
        ({"medicine": "S1"}, {"S1/99", "S1/21"}),
        ({"medicine": "G0001"}, {"S1/99", "S1/21"}),
        ({"atc": "N02"}, {"S2/99"}),
        ({"county": "21"}, {"S1/21"}),
        ({"county": "Y5"}, {"S3/Y5"}),
        ({"level": "severe"}, {"S2/99"}),
        ({"county": "99"}, {"S1/99", "S2/99"}),
        ({"role": "nesa"}, {"S1/99", "S2/99"}),
        ({"role": "yta", "county": "Y5"}, {"S2/99", "S3/Y5"}),
        ({"role": "county", "county": "21"}, {"S1/21"}),
        ({"role": "hospital_pharmacist", "county": "21"}, {"S1/99", "S1/21"}),
        ({"role": "thl"}, set()),
        ({"level": "elevated", "digest": True}, set()),
    ],
)
def test_each_gets_what_was_asked_for(warehouse: Warehouse, wanted: dict[str, Any], heard: set[str]) -> None:
    subscribe(warehouse, "a@example.org", **wanted)
    put(warehouse, 0, [row("S1", **SHORT), row("S1", "21", **SHORT), row("S2", **GONE), row("S3", "Y5", **SHORT)])
    named = [medicine("S2", atc="N02BE01", form_class="oral solid"), medicine("S3", form_class="oral solid")]
    named += [{**medicine("G0001", grain="medicine"), "family_id": "S1"}]
    with warehouse.transaction() as connection:
        bulk.upsert(connection, MEDICINES, pl.DataFrame(named, schema_overrides=MEDICINES.dtypes()))
        connection.exec_driver_sql("update picture.situation set atc = 'N02BE01' where medicine_id = 'S2'")
    evaluate(warehouse, 0)
    found = warehouse.read("select alert_ids from alerts.outbox where kind = 'alert'")["alert_ids"].to_list()
    ids = {one.removeprefix("run_out-").removesuffix("-1").replace("-", "/") for mail in found for one in mail}
    assert ids == heard


def test_a_medicine_that_does_not_exist_cannot_be_subscribed(warehouse: Warehouse) -> None:
    subscribe(warehouse, "a@example.org", medicine="S9")  # before the first picture nobody can know
    put(warehouse, 0, [row("S1")])
    with pytest.raises(InputError, match="S77"):
        subscribe(warehouse, "a@example.org", medicine="S77")


def test_outside_office_hours_the_severe_goes_to_who_is_on_duty(warehouse: Warehouse) -> None:
    subscribe(warehouse, "office@example.org", role="fimea", office_hours=True)
    subscribe(warehouse, "always@example.org", role="stm")
    span = {"start": NIGHT - timedelta(hours=6), "end": MORNING, "author": "A", "at": moment(0)}
    rota.put_on_duty(warehouse, "fimea", "duty@example.org", **span)
    rota.put_on_duty(warehouse, "stm", "other@example.org", **span)
    put(warehouse, 0, [row("S1", **SHORT), row("S2", **GONE)])
    evaluate(warehouse, 0)
    with running(Relay()) as url:
        assert send(warehouse, url, NIGHT) == ["always@example.org", "always@example.org", "duty@example.org"]
        assert send(warehouse, url, NIGHT + timedelta(hours=1)) == []
        assert send(warehouse, url, MORNING) == ["office@example.org", "office@example.org"]
    copy = warehouse.read("select * from alerts.outbox where recipient = 'duty@example.org'").row(0, named=True)
    assert "subscription/end" not in copy["body_text"] + copy["body_html"], "there is none that a link could end"
    assert copy["body_text"].endswith("\n-- \nYou get this as deputy or on duty. For changes, ask an operator.\n")
    assert "office%40example.org" not in copy["body_html"]
    assert copy["alert_ids"] == ["run_out-S2-99-1"]


def test_where_nobody_is_on_duty_a_severe_alert_wakes_its_subscriber(warehouse: Warehouse) -> None:
    subscribe(warehouse, "office@example.org", role="fimea", office_hours=True)
    put(warehouse, 0, [row("S1", **SHORT), row("S2", **GONE)])
    evaluate(warehouse, 0)
    with running(Relay()) as url:
        assert send(warehouse, url, NIGHT) == ["office@example.org"]
        assert send(warehouse, url, MORNING) == ["office@example.org"]


@pytest.mark.parametrize(("wave", "woken"), [(SHORT, []), (GONE, ["duty@example.org"])])
def test_a_hold_wakes_who_is_on_duty_where_something_severe_is_in_it(
    warehouse: Warehouse, wave: dict[str, Any], woken: list[str]
) -> None:
    subscribe(warehouse, "office@example.org", role="fimea", office_hours=True)
    rota.put_on_duty(warehouse, "fimea", "duty@example.org", start=NIGHT - timedelta(hours=1), end=MORNING,
                     author="A", at=moment(0))  # fmt: skip
    for number in (-1, 0):
        put(warehouse, number, [row(f"S{one}", **(wave if number == 0 else {})) for one in range(40)])
        evaluate(warehouse, number)
    with running(Relay()) as url:
        assert send(warehouse, url, NIGHT) == woken
        assert send(warehouse, url, MORNING) == ["office@example.org"]


def test_one_line_at_any_hour_is_enough(warehouse: Warehouse) -> None:
    subscribe(warehouse, "a@example.org", role="fimea", office_hours=True)
    subscribe(warehouse, "a@example.org", level="elevated", county="99")
    put(warehouse, 0, [row("S1", **SHORT)])
    evaluate(warehouse, 0)
    with running(Relay()) as url:
        assert send(warehouse, url, NIGHT) == ["a@example.org"]


def test_who_was_told_on_duty_is_told_of_the_end(warehouse: Warehouse) -> None:
    subscribe(warehouse, "office@example.org", role="fimea", office_hours=True)
    rota.put_on_duty(warehouse, "fimea", "duty@example.org", start=NIGHT - timedelta(hours=1), end=MORNING,
                     author="A", at=moment(0))  # fmt: skip
    put(warehouse, 0, [row("S1", **GONE)])
    evaluate(warehouse, 0)
    with running(Relay()) as url:
        assert send(warehouse, url, NIGHT) == ["duty@example.org"]
    for number in range(1, 12):
        put(warehouse, number, [row("S1")])
        evaluate(warehouse, number)
    ends = warehouse.read("select recipient from alerts.outbox where kind = 'resolved' order by 1")
    assert ends["recipient"].to_list() == ["duty@example.org", "office@example.org"]


def test_the_deputy_of_a_refused_address_is_told_of_each_end_once_and_sees_no_link(warehouse: Warehouse) -> None:
    """Heard as deputy, the end comes as the deputy's own, and the refused one is not passed on beside it."""
    subscribe(warehouse, "dead@example.org", role="fimea", deputy="deputy@example.org")
    relay = Relay(lambda address, _: "550 no such person" if address.startswith("dead") else "ok")
    with running(relay) as url:
        for number, changes in enumerate([SHORT, *[{}] * 7]):
            put(warehouse, number, [row("S1", **changes)])
            evaluate(warehouse, number)
            send(warehouse, url, moment(number) + timedelta(hours=8))
    assert [str(one["Subject"]).split()[0] for one in relay.taken] == ["Elevated:", "Alert"]
    for one in relay.taken:
        assert one["List-Unsubscribe"] is None
        for part in ("plain", "html"):
            told = one.get_body((part,)).get_content()  # type: ignore[union-attr]
            assert "You get this as deputy or on duty." in told and "subscription" not in told
    assert all(one["stands_in"] for one in rows(warehouse, "deputy@example.org"))


def test_an_end_that_nobody_told_the_next_person_is_passed_on_without_a_link(warehouse: Warehouse) -> None:
    subscribe(warehouse, "a@example.org", role="fimea", deputy="deputy@example.org")
    with running(Relay(lambda _, number: "ok" if number == 1 else "550 gone")) as url:
        for number, changes in enumerate([SHORT, *[{}] * 7]):
            put(warehouse, number, [row("S1", **changes)])
            evaluate(warehouse, number)
            send(warehouse, url, moment(number) + timedelta(hours=8))
    (copy,) = rows(warehouse, "deputy@example.org")
    assert copy["kind"] == "resolved" and "subscription" not in copy["body_text"] + copy["body_html"]
    assert copy["body_text"].endswith("\n-- \nYou get this as deputy or on duty. For changes, ask an operator.\n")
    assert "You get this as deputy or on duty." in copy["body_html"]


def test_what_was_cancelled_cannot_be_confirmed(warehouse: Warehouse) -> None:
    subscribe(warehouse, "a@example.org", role="fimea", confirmed=False)
    asked, ends = (links.token_of(warehouse.settings, "a@example.org", one) for one in (links.CONFIRM, links.END))
    assert subscriptions.end_by_link(warehouse, "a@example.org", ends, at=moment(0)) == 1
    assert subscriptions.confirm(warehouse, "a@example.org", asked, at=moment(1)) == 0
    subscribe(warehouse, "a@example.org", role="fimea", confirmed=False, at=moment(2))
    assert [subscriptions.confirm(warehouse, "a@example.org", asked, at=moment(2)) for _ in range(2)] == [1, 1]


def test_a_duty_ends_when_it_is_said(warehouse: Warehouse) -> None:
    span = {"start": NIGHT, "end": MORNING, "author": "A", "at": NIGHT}
    duty = rota.put_on_duty(warehouse, "fimea", "duty@example.org", **span)
    assert rota.duties(warehouse, at=NIGHT)["duty_id"].to_list() == [duty]
    rota.end_duty(warehouse, duty, author="A", at=NIGHT + timedelta(hours=1))
    assert rota.duties(warehouse, at=NIGHT + timedelta(hours=1)).is_empty()
    with pytest.raises(InputError):
        rota.end_duty(warehouse, duty, author="A", at=MORNING)
    with pytest.raises(InputError):
        rota.put_on_duty(warehouse, "fimea", "no address", **span)
    with pytest.raises(InputError):
        rota.put_on_duty(warehouse, "fimea", "a@example.org", start=MORNING, end=NIGHT, author="A", at=NIGHT)


@pytest.mark.parametrize(
    ("at", "inside", "opens"),
    [
        (datetime(2026, 3, 3, 7, 59, tzinfo=HELSINKI), False, datetime(2026, 3, 3, 8, tzinfo=HELSINKI)),
        (datetime(2026, 3, 3, 8, 0, tzinfo=HELSINKI), True, datetime(2026, 3, 4, 8, tzinfo=HELSINKI)),
        (datetime(2026, 3, 3, 16, 0, tzinfo=HELSINKI), False, datetime(2026, 3, 4, 8, tzinfo=HELSINKI)),
        (datetime(2026, 3, 6, 17, 0, tzinfo=HELSINKI), False, datetime(2026, 3, 9, 8, tzinfo=HELSINKI)),
        (datetime(2026, 12, 24, 17, 0, tzinfo=HELSINKI), False, datetime(2026, 12, 28, 8, tzinfo=HELSINKI)),
    ],
)
def test_office_hours(at: datetime, inside: bool, opens: datetime) -> None:
    assert (in_office_hours(at), next_opening(at)) == (inside, opens)


def test_what_stands_is_told_in_lines(warehouse: Warehouse) -> None:
    subscribe(warehouse, "b@example.org", role="thl")
    subscribe(warehouse, "a@example.org", level="severe", digest=True, confirmed=False)
    told = subscriptions.told(warehouse)
    assert [line.split()[0] for line in told] == ["a@example.org", "b@example.org", "b@example.org"]
    assert "NOT CONFIRMED" in told[0] and "J06" in "".join(told)
    assert desk.unsubscribe(warehouse, "B@example.org", at=moment(1)) == 2
    assert subscriptions.told(warehouse, "b@example.org") == []


def test_a_link_ends_its_own_address_only_and_cannot_confirm(warehouse: Warehouse) -> None:
    subscribe(warehouse, "a@example.org", role="fimea", confirmed=False)
    mine, others = (links.token_of(warehouse.settings, f"{one}@example.org", links.END) for one in "ab")
    for token in (others, "", "é"):
        with pytest.raises(InputError):
            subscriptions.end_by_link(warehouse, "a@example.org", token, at=moment(0))
    with pytest.raises(InputError):
        subscriptions.confirm(warehouse, "a@example.org", mine, at=moment(0))
    assert subscriptions.end_by_link(warehouse, "A@example.org", mine, at=moment(0)) == 1


def test_who_is_on_duty_or_next_reads_it_in_the_own_language(warehouse: Warehouse) -> None:
    subscribe(warehouse, "office@example.org", office_hours=True, rota="fimea", deputy="next@example.org")
    for address, language in (("duty@example.org", "sv"), ("next@example.org", "fi")):
        subscribe(warehouse, address, language=language, role=None, atc="B01")
    rota.put_on_duty(warehouse, "fimea", "duty@example.org", start=NIGHT - timedelta(hours=1), end=MORNING,
                     author="A", at=NIGHT)  # fmt: skip
    put(warehouse, 0, [row("S1", **GONE)])
    store.evaluate(warehouse, day(0), moment(0), load_rules())
    with running(Relay(lambda address, _: "550 gone" if address.startswith("office") else "ok")) as url:
        for at in (NIGHT, MORNING + timedelta(hours=1)):
            sender.send(warehouse, clock=lambda: at, smtp_url=url)  # noqa: B023
    found = {one["recipient"]: one for one in warehouse.read("select * from alerts.outbox").to_dicts()}
    duty, following = found["duty@example.org"], found["next@example.org"]
    assert duty["language"] == "sv" and "Du är i jour" in duty["body_text"] and "S1 sv" in duty["subject"]
    assert following["language"] == "fi" and "Viesti ei mene perille" in following["body_text"]
