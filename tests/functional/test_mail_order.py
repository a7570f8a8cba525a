"""Mails on one alert to one reader: all arrive, in order where the relay lets them, and marked where it does not."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest
import sqlalchemy as sa
from alerts_pictures import GONE, SHORT, day, moment, put, row
from hostile_relay import Relay, running
from test_mail_sender import NOW, SENDER, Clock, fill, send

from medsupply.alerts import desk, links, sender, store, subscriptions
from medsupply.alerts.recipients import subscriptions_of
from medsupply.alerts.rendering import TEXT_WIDTH
from medsupply.alerts.store.next_person import escalate
from medsupply.alerts.why import why
from medsupply.rules import load_rules
from medsupply.warehouse.database.connection import Warehouse

READER = "a@example.org"
LATER = "451 4.2.1 try again"


def evaluate(wh: Warehouse, number: int, **areas: dict[str, Any]) -> None:
    put(wh, number, [row("S1", area.removeprefix("c"), **changes) for area, changes in areas.items()])
    store.evaluate(wh, day(number), moment(number), load_rules())


def subscribe(wh: Warehouse, **options: Any) -> None:
    lines = subscriptions_of(READER, **{"language": "en", "role": "fimea", **options})
    subscriptions.add(wh, lines, at=moment(-1), confirmed=True)


def mails(wh: Warehouse) -> list[dict[str, Any]]:
    return wh.read("select * from alerts.outbox order by created_at, message_id").to_dicts()


def texts_of(mail: EmailMessage) -> list[str]:
    """Text and HTML, each in one line."""
    return [" ".join(part.get_content().split()) for part in mail.iter_parts()]  # type: ignore[attr-defined]


def is_marked(mail: EmailMessage) -> bool:
    marked = str(mail["Subject"]).startswith("[Delayed] ")
    assert all(("was delayed" in one) == marked for one in texts_of(mail))
    return marked


def states(wh: Warehouse) -> list[tuple[str, str, str]]:
    return [(one["kind"], one["level"], one["status"]) for one in mails(wh)]


@contextmanager
def in_hand(wh: Warehouse, reader: str) -> Iterator[None]:
    """As if another sender were handing a mail to the reader over."""
    with wh.engine.connect() as connection:
        connection.execute(sa.text("select pg_advisory_lock(hashtextextended(:id, 7))"), {"id": reader})
        connection.commit()
        yield
        connection.execute(sa.text("select pg_advisory_unlock(hashtextextended(:id, 7))"), {"id": reader})


def test_what_waits_is_tried_before_a_newer_mail_whatever_its_due_time(warehouse: Warehouse) -> None:
    (older,) = fill(warehouse, READER)
    relay, clock = Relay(lambda _, number: LATER if number == 1 else "ok"), Clock(NOW)
    with running(relay) as url:
        assert send(warehouse, url, clock).later == 1
        (newer,) = fill(warehouse, READER, at=NOW + timedelta(seconds=1), about="raised")
        assert send(warehouse, url, clock).sent == 2
    assert relay.ids == [older, newer] and not any(map(is_marked, relay.taken))


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_a_severe_mail_goes_out_though_an_older_one_is_put_off_which_then_says_so(
    warehouse: Warehouse, language: str
) -> None:
    subscribe(warehouse, language=language)
    relay, clock = Relay(lambda _, number: LATER if number <= 2 else "ok"), Clock(moment(0))
    with running(relay) as url:
        evaluate(warehouse, 0, c99=SHORT)
        assert send(warehouse, url, clock).later == 1
        evaluate(warehouse, 1, c99=GONE)
        clock.now = moment(1)
        done = send(warehouse, url, clock)
        assert (done.sent, done.later) == (1, 1)
        clock.sleep(3600)
        assert send(warehouse, url, clock).sent == 1
    assert states(warehouse) == [("alert", "elevated", "sent"), ("alert", "severe", "sent")]
    older, newer = mails(warehouse)
    first, second = relay.taken
    assert relay.ids == [newer["message_id"], older["message_id"]]
    assert first["References"] == older["message_id"] and second["References"] is None
    mark, said = {
        "fi": ("[Myöhässä]", "kirjoitettiin 2.3.2026 klo 23.59, ja se on myöhässä. Uudempi on viesti, joka lähetettiin"
                             " 3.3.2026 klo 23.59 (taso vakava)"),
        "sv": ("[Försenat]", "skrevs 2.3.2026 kl. 23.59 och är försenat. Nyare är meddelandet som skickades"
                             " 3.3.2026 kl. 23.59 (nivå allvarlig)"),
        "en": ("[Delayed]", "written on 2 Mar 2026, 23:59 and was delayed. The mail of 3 Mar 2026, 23:59, with level"
                            " severe, is the newer one"),
    }[language]  # fmt: skip
    assert second["Subject"] == f"{mark} {older['subject']}" and first["Subject"] == newer["subject"]
    text, html = texts_of(second)
    assert said in text and text.index(said) < 30, "it stands first"
    assert said in html and html.index(said) < html.index("<h1")
    assert said not in "".join(texts_of(first))
    lines = next(second.iter_parts()).get_content().splitlines()  # type: ignore[attr-defined]
    assert max(map(len, lines[: lines.index("")])) <= TEXT_WIDTH
    told = why(warehouse, "S1", on=None, county="99")
    assert told.count("as delayed: after the one (alert) written 2026-03-04 00:00 in Helsinki") == 1


def test_while_another_sender_has_a_reader_in_hand_the_mails_to_that_reader_wait(warehouse: Warehouse) -> None:
    (older,) = fill(warehouse, READER)
    (newer,) = fill(warehouse, READER.upper(), at=NOW + timedelta(minutes=1), about="raised")
    relay, clock = Relay(), Clock(NOW + timedelta(minutes=2))
    with running(relay) as url:
        with in_hand(warehouse, READER):
            assert send(warehouse, url, clock).sent == 0
        assert send(warehouse, url, clock).sent == 2
    assert relay.ids == [older, newer]


def test_three_mails_that_make_the_relay_drop_the_line_hold_up_no_newer_one(warehouse: Warehouse) -> None:
    for number in range(3):
        fill(warehouse, READER, at=NOW + timedelta(seconds=number), about=str(number))
    relay, clock = Relay(lambda _, number: "drop" if number <= 6 else "ok"), Clock(NOW)
    with running(relay) as url:
        send(warehouse, url, clock)
        (newer,) = fill(warehouse, READER, at=NOW + timedelta(seconds=9), about="raised")
        assert send(warehouse, url, clock).sent == 1
        send(warehouse, url, clock, drain=True)
    assert relay.ids[0] == newer and [is_marked(one) for one in relay.taken] == [False, True, True, True]


def test_an_end_waits_for_the_opening_before_it(warehouse: Warehouse) -> None:
    (older,) = fill(warehouse, READER)
    relay, clock = Relay(lambda _, number: LATER if number == 1 else "ok"), Clock(NOW)
    with running(relay) as url:
        assert send(warehouse, url, clock).later == 1
        (end,) = fill(warehouse, READER, at=NOW + timedelta(seconds=1), about="ended", kind="resolved")
        assert str(send(warehouse, url, clock)).startswith("0 mails sent, 0 tried")
        clock.sleep(61)
        assert send(warehouse, url, clock).sent == 2
    assert relay.ids == [older, end]


def test_an_end_that_comes_after_the_next_opening_says_so_too(warehouse: Warehouse) -> None:
    (end,) = fill(warehouse, READER, kind="resolved")
    relay, clock = Relay(lambda _, number: LATER if number <= 2 else "ok"), Clock(NOW)
    with running(relay) as url:
        send(warehouse, url, clock)
        (again,) = fill(warehouse, READER, at=NOW + timedelta(seconds=1), about="reopened")
        send(warehouse, url, clock, drain=True)
    assert relay.ids == [again, end] and [is_marked(one) for one in relay.taken] == [False, True]


def test_a_reminder_by_the_clock_of_the_sender_overtakes_no_end_that_is_told_after_it(warehouse: Warehouse) -> None:
    """The reminder is of a later hour than the picture that the end is told from."""
    subscribe(warehouse)
    relay, clock = Relay(), Clock(moment(0))
    with running(relay) as url:
        evaluate(warehouse, 0, c99=GONE)
        send(warehouse, url, clock)
        desk.acknowledge(warehouse, "run_out-S1-99-1", owner="A", note="n", at=moment(0), rules=load_rules())
        assert escalate(warehouse, moment(7) + timedelta(minutes=5)) == 1
        clock.now = moment(7) + timedelta(hours=1)
        send(warehouse, url, clock)
        for number in range(1, 8):
            evaluate(warehouse, number, c99={})
        send(warehouse, url, clock)
    assert states(warehouse)[-1] == ("resolved", "severe", "sent") and len(relay.ids) == 3


@pytest.mark.parametrize("point", ["claimed", "handed_over", "marked"])
def test_killed_while_an_older_one_is_tried_both_arrive(warehouse: Warehouse, point: str) -> None:
    (older,) = fill(warehouse, READER)
    relay = Relay(lambda _, number: LATER if number == 1 else "ok")
    home, address = str(warehouse.settings.home), warehouse.settings.database_url
    with running(relay) as url:
        send(warehouse, url, Clock(NOW))
        with warehouse.transaction() as connection:
            connection.execute(sa.text("update alerts.outbox set due_at = now() + interval '1 hour'"))
        (newer,) = fill(warehouse, READER, at=NOW + timedelta(seconds=1), about="raised")
        command = [sys.executable, "-c", SENDER.replace(", drain=True", ""), home, address, url]
        assert subprocess.run(command, env={"MEDSUPPLY_FAILPOINT": point}, check=False).returncode == -9
        assert subprocess.run(command, env={}, check=False).returncode == 0
    assert [one["status"] for one in mails(warehouse)] == ["sent", "sent"]
    assert relay.ids == ([older] if point == "handed_over" else []) + [older, newer]
    assert not any(map(is_marked, relay.taken))


@pytest.mark.parametrize("seed", range(3))
def test_two_senders_and_a_relay_that_puts_off_at_random_lose_nothing_and_contradict_nothing_unmarked(
    warehouse: Warehouse, seed: int
) -> None:
    links.link(warehouse.settings, READER, links.END, "en")  # its secret is made by one of the two
    chance, readers = random.Random(seed), [f"r{number}@example.org" for number in range(6)]
    written: dict[str, list[str]] = defaultdict(list)
    for place in range(5):
        for one in readers:
            kind = "resolved" if place == 2 else "alert"
            written[one] += fill(warehouse, one, at=NOW + timedelta(minutes=place), about=str(place), kind=kind)
    relay = Relay(lambda *_: LATER if chance.random() < 0.6 else "ok")
    with running(relay) as url:
        work = {"target": send, "kwargs": {"drain": True}}
        senders = [threading.Thread(args=(warehouse, url, Clock(NOW + timedelta(hours=1))), **work) for _ in range(2)]
        for one in senders:
            one.start()
        for one in senders:
            one.join()
    assert {one["status"] for one in mails(warehouse)} == {"sent"}
    for one, ids in written.items():
        came = [mail for mail in relay.taken if mail["To"] == one]
        places = [ids.index(mail["Message-ID"]) for mail in came]
        assert sorted(places) == list(range(5)), "each once"
        assert [is_marked(mail) for mail in came] == [
            place < max(places[:n], default=-1) for n, place in enumerate(places)
        ]
        assert {0, 1} <= set(places[: places.index(2)]), "the end comes after its opening"
    assert sender.send(warehouse, clock=Clock(), smtp_url=url).sent == 0
