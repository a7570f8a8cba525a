"""The sender against relays that misbehave: every mail arrives, none twice without reason, the dead go to the next."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hostile_relay import Relay, free_port, running

from medsupply.alerts import links, sender, subscriptions
from medsupply.alerts.headers import MAIL_POLICY
from medsupply.alerts.recipients import subscriptions_of
from medsupply.alerts.rendering import Mail
from medsupply.alerts.sink import sink
from medsupply.alerts.store.outbox import message_id_of, outbox_row, queue
from medsupply.errors import SettingsError
from medsupply.warehouse.database.connection import Warehouse

ALERT = "run_out-S1-99-1"
NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)


def fill(wh: Warehouse, *addresses: str, kind: str = "alert", at: datetime = NOW, about: str = "") -> list[str]:
    mail = Mail("severe: amoxicillin", "text å\n", "<p>html å</p>")
    rows = [
        outbox_row(message_id_of(f"{about}{place}|{one}", "a@medsupply.example"), ALERT, 1, one, "en", kind, mail, at,
                   as_of=date(2026, 3, 1), alert_ids=[ALERT])
        for place, one in enumerate(addresses)
    ]  # fmt: skip
    with wh.transaction() as connection:
        queue(connection, rows)
    return [row["message_id"] for row in rows]


class Clock:
    """A clock that sleeping moves; a sender that sleeps for ever is told so."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now, self.slept, self.most = now, 0, 1000

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now, self.slept = self.now + timedelta(seconds=seconds), self.slept + 1
        assert self.slept < self.most, "the sender goes on for ever"


def send(wh: Warehouse, url: str, clock: Clock, **options: Any) -> sender.Sent:
    return sender.send(wh, **{"clock": clock, "smtp_url": url, "sleep": clock.sleep, "timeout": 1.0, **options})


def outbox(wh: Warehouse) -> dict[str, tuple[str, int]]:
    found = wh.read("select recipient, status, attempts from alerts.outbox order by recipient")
    return {row["recipient"]: (row["status"], row["attempts"]) for row in found.iter_rows(named=True)}


def test_a_mail_arrives_as_it_was_written(warehouse: Warehouse) -> None:
    ids = fill(warehouse, "a@example.org")
    relay = Relay()
    with running(relay) as url:
        assert send(warehouse, url, Clock()).sent == 1
        assert send(warehouse, url, Clock()).sent == 0
    (mail,) = relay.taken
    assert mail["Message-ID"] == ids[0] and mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Unsubscribe"] and mail["Date"]
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]


def test_headers_that_programs_read_arrive_plain_and_lines_end(warehouse: Warehouse, tmp_path: Path) -> None:
    """On the bytes as they arrived: whoever decodes a header finds nothing wrong with it."""
    opening = f"<{'a' * 64}@{'b' * 60}.example>"
    mail = Mail("vakava: lääke", f"text å {'x' * 1200}\n", f"<p>html å {'x' * 1200}</p>")
    who = f"{'c' * 60}@example.org"
    row = outbox_row("<id@x>", ALERT, 1, who, "fi", "alert", mail, NOW, thread=opening, alert_ids=[ALERT])
    with warehouse.transaction() as connection:
        queue(connection, [row])
    with sink(tmp_path) as url:
        assert send(warehouse, url, Clock()).sent == 1
    raw = (tmp_path / "0001.eml").read_bytes()
    head = raw.partition(b"\r\n\r\n")[0].decode("ascii").split("\r\n")
    end = links.link(warehouse.settings, who, links.END, "fi")
    assert f"List-Unsubscribe: <{end}>" in head and len(end) > 78
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in head
    assert {f"In-Reply-To: {opening}", f"References: {opening}", "Message-ID: <id@x>"} <= set(head)
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998


def test_a_long_thread_is_folded_between_its_identities_only() -> None:
    message, ids = EmailMessage(MAIL_POLICY), [f"<{number}{'a' * 60}@medsupply.example>" for number in range(4)]
    message["References"] = " ".join(ids)
    message["Message-ID"] = "<å@x>"
    assert message.as_bytes().splitlines()[:4] == [
        b"References: " + ids[0].encode(),
        *(f" {one}".encode() for one in ids[1:]),
    ]
    assert b"Message-ID: =?utf-8?" in message.as_bytes(), "what is set wrongly goes out as it can"


@pytest.mark.parametrize("mood", ["451 later", "data 451 later", "drop", "hang", "421 closing", "452 full"])
def test_what_is_not_taken_now_is_taken_later(warehouse: Warehouse, mood: str) -> None:
    fill(warehouse, "a@example.org", "b@example.org", "c@example.org")
    relay = Relay(lambda address, number: mood if address[0] == "b" and number <= 2 else "ok")
    with running(relay) as url:
        # Only a relay that hangs needs a short wait; on a busy machine a good one may need more than a second.
        done = send(warehouse, url, Clock(), drain=True, timeout=1.0 if mood == "hang" else 20.0)
    assert done.sent == 3 and done.later == 2
    assert sorted(str(one["To"]) for one in relay.taken) == ["a@example.org", "b@example.org", "c@example.org"]
    assert outbox(warehouse)["b@example.org"] == ("sent", 3)


def test_a_line_dropped_after_the_mail_was_taken_gives_the_same_message_id(warehouse: Warehouse) -> None:
    ids = fill(warehouse, "a@example.org")
    relay = Relay(lambda _, number: "drop_after" if number == 1 else "ok")
    with running(relay) as url:
        send(warehouse, url, Clock(), drain=True)
    assert relay.ids == [ids[0], ids[0]]


def test_without_drain_waits_are_minutes_and_a_picture_of_long_ago_is_not_given_up(warehouse: Warehouse) -> None:
    fill(warehouse, "a@example.org", at=NOW - timedelta(days=400))
    relay = Relay(lambda _, number: "451 later" if number <= 3 else "ok")
    clock = Clock()
    with running(relay) as url:
        for wait in (0, 1, 2):
            clock.sleep(60 * wait - 1)
            assert wait == 0 or send(warehouse, url, clock).later == 0
            clock.sleep(1)
            assert send(warehouse, url, clock).later == 1
        clock.sleep(300)
        assert send(warehouse, url, clock).sent == 1


def test_after_72_hours_a_mail_is_given_up_and_passed_on(warehouse: Warehouse) -> None:
    lines = subscriptions_of("a@example.org", language="en", role="fimea", deputy="deputy@example.org")
    subscriptions.add(warehouse, lines, at=NOW, confirmed=True)
    fill(warehouse, "a@example.org")
    relay = Relay(lambda address, _: "451 later" if address[0] == "a" else "ok")
    clock = Clock()
    with running(relay) as url:
        send(warehouse, url, clock)
        clock.sleep(73 * 3600)
        send(warehouse, url, clock)
        send(warehouse, url, clock)
    assert outbox(warehouse) == {"a@example.org": ("failed", 2), "deputy@example.org": ("sent", 1)}


def test_a_dead_address_goes_to_the_next_person_at_once(warehouse: Warehouse) -> None:
    lines = subscriptions_of("dead@example.org", language="en", role="fimea", deputy="deputy@example.org")
    subscriptions.add(warehouse, lines, at=NOW, confirmed=True)
    fill(warehouse, "dead@example.org", "b@example.org")
    relay = Relay(lambda address, _: "550 no such person" if address.startswith("dead") else "ok")
    with running(relay) as url:
        done = send(warehouse, url, Clock(), drain=True)
    assert (done.sent, done.refused) == (2, 1)
    assert outbox(warehouse)["dead@example.org"] == ("failed", 1)
    assert {str(one["To"]) for one in relay.taken} == {"b@example.org", "deputy@example.org"}


def test_a_relay_that_is_down_for_hours_gets_all_oldest_first_none_twice(warehouse: Warehouse) -> None:
    addresses = [f"r{number:02d}@example.org" for number in range(20)]
    ids = fill(warehouse, *addresses)
    clock = Clock()
    nowhere = f"smtp://127.0.0.1:{free_port()}?starttls=off"
    for _ in range(6):
        assert send(warehouse, nowhere, clock).sent == 0
        clock.sleep(3600)
    relay = Relay()
    with running(relay) as url:
        send(warehouse, url, clock, drain=True)
    assert sorted(relay.ids) == sorted(ids)
    assert len(relay.ids) == len(set(relay.ids))


def test_severe_mails_go_first_however_late_they_were_queued(warehouse: Warehouse) -> None:
    old = fill(warehouse, "a@example.org", "b@example.org")
    late = fill(warehouse, "c@example.org", "d@example.org", at=NOW + timedelta(minutes=1))
    new = [one for one in late if one not in old]
    with warehouse.transaction() as connection:
        change = sa.text("update alerts.outbox set level = 'severe' where message_id = :id")
        connection.execute(change, {"id": new[-1]})
    relay = Relay()
    with running(relay) as url:
        send(warehouse, url, Clock(NOW + timedelta(minutes=2)))
    assert relay.ids[0] == new[-1] and set(relay.ids[1:3]) == set(old)


def test_the_newest_mail_on_an_alert_is_the_last_word(warehouse: Warehouse) -> None:
    """After an outage: what came before a severe mail to the same reader goes out before it, not after the end."""
    older = fill(warehouse, "a@example.org")
    other = fill(warehouse, "b@example.org", at=NOW + timedelta(seconds=1), about="other")
    severe = fill(warehouse, "a@example.org", at=NOW + timedelta(hours=1), about="raised")
    end = fill(warehouse, "a@example.org", at=NOW + timedelta(hours=2), about="ended", kind="resolved")
    with warehouse.transaction() as connection:
        change = sa.text("update alerts.outbox set level = 'severe' where message_id = any(:ids)")
        connection.execute(change, {"ids": [*severe, *end]})
    relay = Relay()
    with running(relay) as url:
        send(warehouse, url, Clock(NOW + timedelta(hours=3)))
    assert relay.ids == [*older, *severe, *end, *other]


def test_a_relay_without_starttls_breaks_the_channel_and_keeps_the_queue(warehouse: Warehouse) -> None:
    fill(warehouse, "a@example.org", "b@example.org")
    with running(Relay()) as url:
        done = send(warehouse, url.replace("?starttls=off", ""), Clock(), drain=True)
    assert done.stopped and done.later == 1
    assert {status for status, _ in outbox(warehouse).values()} == {"queued"}


def test_a_refused_sender_address_kills_no_mail(warehouse: Warehouse) -> None:
    class Picky(Relay):
        async def handle_MAIL(self, *_: Any) -> str:
            return "550 we do not relay for you"

    fill(warehouse, "a@example.org")
    with running(Picky()) as url:
        done = send(warehouse, url, Clock(), drain=True)
    assert done.stopped and outbox(warehouse)["a@example.org"][0] == "queued"


def test_no_relay_is_said_in_words_when_mails_wait(warehouse: Warehouse) -> None:
    assert sender.send(warehouse, clock=Clock()).sent == 0
    fill(warehouse, "a@example.org")
    with pytest.raises(SettingsError, match="MEDSUPPLY_SMTP_URL"):
        sender.send(warehouse, clock=Clock())


def test_two_senders_at_once_send_each_mail_once(warehouse: Warehouse) -> None:
    ids = fill(warehouse, *[f"r{number:02d}@example.org" for number in range(40)])
    relay = Relay()
    with running(relay) as url:
        threads = [
            threading.Thread(target=send, args=(warehouse, url, Clock()), kwargs={"drain": True})
            for _ in range(2)
        ]  # fmt: skip
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(relay.ids) == sorted(ids)


SENDER = """
import sys
from datetime import UTC, datetime
from medsupply.alerts import sender
from medsupply.settings import Settings
from medsupply.warehouse.database.connection import Warehouse
from pathlib import Path
settings = Settings(home=Path(sys.argv[1]), database_url=sys.argv[2], smtp_url=sys.argv[3])
sender.send(Warehouse.open(settings), clock=lambda: datetime.now(UTC), drain=True)
"""


@pytest.mark.parametrize("point", sender.FAILPOINTS)
def test_killed_at_each_step_nothing_is_lost(warehouse: Warehouse, point: str) -> None:
    ids = fill(warehouse, "a@example.org", "b@example.org")
    relay = Relay()
    home, address = str(warehouse.settings.home), warehouse.settings.database_url
    with running(relay) as url:
        for kill in (point, point, ""):
            done = subprocess.run(
                [sys.executable, "-c", SENDER, home, address, url], env={"MEDSUPPLY_FAILPOINT": kill}, check=False
            )
            assert done.returncode == (-9 if (kill and set(relay.ids) != set()) or kill else 0) or not kill
    assert set(relay.ids) == set(ids)
    assert len(relay.ids) <= len(ids) + 2
    assert {status for status, _ in outbox(warehouse).values()} == {"sent"}
