"""The watchdog: each part of the service is stopped in turn, and noticed within its limit; it never hangs itself."""

from __future__ import annotations

import http.server
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alerts_pictures import SHORT, any_row, put, row
from hostile_relay import Relay, free_port, running

from medsupply.alerts import sender, store, subscriptions, watchdog
from medsupply.alerts.recipients import subscriptions_of
from medsupply.alerts.store import signs
from medsupply.alerts.store.hearing import unheard
from medsupply.days import HELSINKI
from medsupply.rules import load_rules
from medsupply.settings import Settings
from medsupply.tables.forecast import RUNS
from medsupply.tables.ops import DELIVERIES
from medsupply.warehouse.database import bulk
from medsupply.warehouse.database.connection import Warehouse

MORNING = datetime(2026, 3, 3, 8, 5, tzinfo=HELSINKI).astimezone(UTC)  # Tuesday; report day 0 is Monday
OPERATOR = "ops@example.org"


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database's clock is today's; the test's is in March."""
    monkeypatch.setitem(signs.LIMITS, "clock", timedelta(days=10_000))


def live(wh: Warehouse, at: datetime = MORNING) -> None:
    """A service in which all is well at ``at``."""
    for role in ("fimea", "stm"):
        lines = subscriptions_of(f"{role}@example.org", language="en", role=role)
        subscriptions.add(wh, lines, at=at, confirmed=True)
    early = at - timedelta(hours=2)
    with wh.transaction() as connection:
        bulk.copy(connection, DELIVERIES, any_row(DELIVERIES, early, verdict="accepted", bytes_archived=None))
        bulk.copy(connection, RUNS, any_row(RUNS, early))
    put(wh, 0, [row("S1")])
    store.evaluate(wh, at.date() - timedelta(days=1), at, load_rules())


def send(wh: Warehouse, url: str, at: datetime) -> sender.Sent:
    return sender.send(wh, clock=lambda: at, smtp_url=url)


@contextmanager
def service(warehouse: Warehouse) -> Iterator[tuple[Settings, Relay]]:
    """A live service with operations to mail to, and the relay that takes their mails."""
    relay = Relay()
    with running(relay) as url:
        live(warehouse)
        send(warehouse, url, MORNING)
        yield replace(warehouse.settings, smtp_url=url, operator_mail=OPERATOR), relay


def told(relay: Relay) -> str:
    return "\n".join(one.get_body(("plain",)).get_content() for one in relay.taken)  # type: ignore[union-attr]


def test_all_well_says_nothing_and_beats(warehouse: Warehouse) -> None:
    beats: list[str] = []

    class Ping(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            beats.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with service(warehouse) as (settings, relay), socketserver.TCPServer(("127.0.0.1", 0), Ping) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        beating = replace(settings, heartbeat_url=f"http://127.0.0.1:{server.server_address[1]}/beat")
        assert watchdog.watch(beating, at=MORNING) == []
        server.shutdown()
    assert beats == ["/beat"] and relay.taken == []


def test_airflow_stopped_is_noticed_within_twenty_minutes(warehouse: Warehouse) -> None:
    """Airflow runs the sender each five minutes: when it stops, the sender's beat stops, even with nothing to send."""
    with service(warehouse) as (settings, relay):
        assert watchdog.watch(settings, at=MORNING + timedelta(minutes=19)) == []
        found = watchdog.watch(settings, at=MORNING + timedelta(minutes=21))
        assert [str(one) for one in found] == [
            "The sender has not run since 3 March 2026 08:05: alert mails do not go out. Start it again."
        ]
        assert "Lähetysohjelma ei ole käynyt 3.3.2026 08:05 jälkeen" in told(relay)


def test_a_night_without_airflow_is_noticed_at_eight(warehouse: Warehouse) -> None:
    """Picture, evaluation and deliveries are due at eight: noticed by the first look after it."""
    with service(warehouse) as (settings, _):
        tomorrow = MORNING + timedelta(days=1)
        send(warehouse, settings.smtp_url, tomorrow)
        assert watchdog.watch(settings, at=tomorrow - timedelta(minutes=6)) == []
        found = watchdog.watch(settings, at=tomorrow)
    assert [one.code for one in found] == ["delivery", "picture", "evaluation"]
    assert "no picture of 3 March 2026; the newest is of 2 March 2026" in str(found[1])


def test_a_sender_that_is_stuck_is_noticed_within_half_an_hour(warehouse: Warehouse) -> None:
    """The sender runs, but nothing gets out: the watchdog's own relay does not hang with it."""
    with service(warehouse) as (settings, relay):
        put(warehouse, 1, [row("S1", **SHORT)])
        late = MORNING + timedelta(hours=1)
        store.evaluate(warehouse, MORNING.date(), late + timedelta(days=1), load_rules())
        with warehouse.transaction() as connection:
            connection.exec_driver_sql(f"update alerts.outbox set created_at = '{late}' where status = 'queued'")
        own = replace(settings, smtp_url="smtp://127.0.0.1:1?starttls=off", watchdog_smtp_url=settings.smtp_url)
        nowhere = f"smtp://127.0.0.1:{free_port()}?starttls=off"
        for minutes in (0, 10, 20, 30, 40):
            send(warehouse, nowhere, late + timedelta(minutes=minutes))
        assert any(one.code == "relay" for one in watchdog.watch(own, at=late + timedelta(minutes=1)))
        found = watchdog.watch(own, at=late + timedelta(minutes=40))
        assert any(one.code == "unsent" for one in found)
        assert not any(one.code == "sender" for one in found)
    assert "Viestejä on odottanut lähettämistä" in told(relay)


def test_a_database_that_is_stopped_is_mailed_at_once(tmp_path: Path) -> None:
    relay = Relay()
    with running(relay) as url:
        address = f"postgresql://medsupply_owner:x@127.0.0.1:{free_port()}/medsupply?connect_timeout=2"
        settings = Settings(home=tmp_path, database_url=address, smtp_url=url, operator_mail=OPERATOR)
        (found,) = watchdog.watch(settings, at=MORNING)
    assert found.code == "silent" and "Connection refused" in str(found)
    assert "Tietovarasto ei vastaa" in told(relay)


def test_a_database_that_hangs_does_not_hang_the_watchdog(tmp_path: Path) -> None:
    relay = Relay()
    with running(relay) as url, socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as silent:
        address = f"postgresql://medsupply_owner:x@127.0.0.1:{silent.server_address[1]}/medsupply"
        settings = Settings(home=tmp_path, database_url=address, smtp_url=url, operator_mail=OPERATOR)
        began = datetime.now(UTC)
        (found,) = watchdog.watch(settings, at=MORNING, patience=1.5)
        assert datetime.now(UTC) - began < timedelta(seconds=20)
    assert found.code == "slow" and len(relay.taken) == 1


def test_an_error_of_the_watchdog_itself_is_told_as_what_it_is(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    with service(warehouse) as (settings, relay):
        monkeypatch.setattr(watchdog, "signs", lambda *_: {}["gone"])
        (found,) = watchdog.watch(settings, at=MORNING)
    assert found.code == "broke" and "KeyError: 'gone'" in str(found)
    assert "KeyError: 'gone'" in told(relay)


def test_what_the_relay_says_now_is_told_and_since_when_it_takes_nothing(warehouse: Warehouse) -> None:
    with service(warehouse):
        put(warehouse, 1, [row("S1", **SHORT)])
        store.evaluate(warehouse, MORNING.date(), MORNING + timedelta(days=1), load_rules())
        for minutes, said in ((0, "550 5.7.1 old"), (5, "550 5.7.1 new")):
            with running(Relay(lambda *_, said=said: said)) as url:  # type: ignore[misc]
                send(warehouse, url, MORNING + timedelta(minutes=minutes))
        found = next(one for one in signs.signs(warehouse, MORNING) if one.code == "relay")
    assert "550 5.7.1 new" in str(found) and "since 3 March 2026 08:05" in str(found)


def test_the_same_finding_is_mailed_once_in_six_hours_and_its_end_once(warehouse: Warehouse) -> None:
    with service(warehouse) as (settings, relay):
        late = MORNING + timedelta(minutes=30)
        for minutes in (0, 15, 30, 6 * 60 + 15):
            assert watchdog.watch(settings, at=late + timedelta(minutes=minutes))
        assert len(relay.taken) == 2
        back = late + timedelta(hours=7)
        send(warehouse, settings.smtp_url, back)
        assert watchdog.watch(settings, at=back) == []
        assert watchdog.watch(settings, at=back) == []
    subjects = [str(one["Subject"]) for one in relay.taken if "koeviesti" not in str(one["Subject"])]
    assert len(subjects) == 3 and "Kaikki on taas kunnossa" in subjects[-1]


def test_the_canary_goes_through_outbox_and_sender_once_a_day(warehouse: Warehouse) -> None:
    with service(warehouse) as (settings, relay):
        for minutes in (0, 5, 10):
            watchdog.watch(settings, at=MORNING + timedelta(minutes=minutes))
            send(warehouse, settings.smtp_url, MORNING + timedelta(minutes=minutes))
    assert [str(one["To"]) for one in relay.taken if "koeviesti" in str(one["Subject"])] == [OPERATOR]
    assert all(one["List-Unsubscribe"] is None for one in relay.taken if one["To"] == OPERATOR)


def test_clocks_that_differ_are_told(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(signs.LIMITS, "clock", timedelta(minutes=2))
    now = datetime.now(UTC)
    assert not any(one.code == "clock" for one in signs.signs(warehouse, now))
    assert any(one.code == "clock" for one in signs.signs(warehouse, now + timedelta(minutes=3)))


def test_without_an_address_of_operations_that_is_itself_a_finding(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, database_url="postgresql://x@127.0.0.1:1/x?connect_timeout=1")
    assert any("MEDSUPPLY_OPERATOR_MAIL" in str(one) for one in watchdog.watch(settings, at=MORNING))


def test_a_rule_or_level_that_nobody_would_hear_of_is_an_alarm(warehouse: Warehouse) -> None:
    at = MORNING
    everything = unheard(warehouse)
    assert {"run_out", "notice", "obligation", "delivery_refused"} <= {rule for rule, _ in everything}
    add = lambda address, **wanted: subscriptions.add(  # noqa: E731
        warehouse, subscriptions_of(address, language="en", **wanted), at=at, confirmed=True
    )
    add("duty@example.org", level="severe", county="99")
    assert {level for rule, level in unheard(warehouse) if rule == "run_out"} == {"elevated"}
    assert ("obligation", None) in unheard(warehouse)
    add("fimea@example.org", role="fimea")
    assert unheard(warehouse) == []
    put(warehouse, 0, [row("S1", **SHORT)])
    store.evaluate(warehouse, at.date() - timedelta(days=1), at, load_rules())
    with running(Relay(lambda address, _: "550 no" if address.startswith("fimea") else "ok")) as url:
        send(warehouse, url, at)
    assert ("run_out", "elevated") in unheard(warehouse), "an address that mail does not reach hears nothing"
    assert any(one.key.startswith("unheard_level") and "run_out" in one.key for one in signs.signs(warehouse, at))


@pytest.mark.parametrize(
    ("at", "day", "delivery"),
    [
        (datetime(2026, 3, 3, 7, 59, tzinfo=HELSINKI), "2026-03-01", "2026-03-01"),
        (datetime(2026, 3, 3, 8, 0, tzinfo=HELSINKI), "2026-03-02", "2026-03-02"),
        (datetime(2026, 3, 8, 12, 0, tzinfo=HELSINKI), "2026-03-07", "2026-03-06"),  # Sunday
    ],
)
def test_what_is_due_by_when(at: datetime, day: str, delivery: str) -> None:
    assert str(signs.day_due(at)) == day
    assert str(signs.delivery_due(at).date()) == delivery
