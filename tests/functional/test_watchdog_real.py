"""The watchdog and what is really stopped: a database server, one that hangs, a sender that stands still.

What is noticed leaves by the watchdog's own relay, in a real conversation.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alerts_pictures import SHORT, put, row
from hostile_relay import Relay, running
from kill_rounds import CONTEXT, send
from test_alerts_watchdog import MORNING, OPERATOR, live, told

from medsupply.alerts import sender, store, watchdog
from medsupply.alerts.store import signs
from medsupply.rules import load_rules
from medsupply.settings import Settings
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.database.places import find_places
from medsupply.warehouse.database.server import down
from medsupply.warehouse.database.urls import role_url


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(signs.LIMITS, "clock", timedelta(days=10_000))


@pytest.fixture
def own_server() -> Iterator[Settings]:
    """A private server of this test alone, which it may stop."""
    home = Path(tempfile.mkdtemp(prefix="medsupply-watch-"))
    home.chmod(0o711)
    settings = Settings(home=home, archive_url=str(home / "archive"), operator_mail=OPERATOR)
    try:
        with Warehouse.open(settings) as wh:
            live(wh)
        yield settings
    finally:
        down(settings)
        shutil.rmtree(home)


def served(settings: Settings, url: str) -> Settings:
    """The same database as a served one, which the service does not start by itself."""
    return replace(settings, database_url=role_url(settings, "owner"), smtp_url=url)


def test_a_database_server_that_is_stopped_is_mailed_and_so_is_its_return(own_server: Settings) -> None:
    relay = Relay()
    with running(relay) as url:
        watched = served(own_server, url)
        with Warehouse.open(watched) as wh:
            sender.send(wh, clock=lambda: MORNING, smtp_url=url)
        assert watchdog.watch(watched, at=MORNING) == []
        down(own_server)
        began = time.monotonic()
        (found,) = watchdog.watch(watched, at=MORNING + timedelta(minutes=15))
        assert found.code == "silent" and time.monotonic() - began < 30
        assert "Tietovarasto ei vastaa" in told(relay)
        Warehouse.open(own_server).close()
        assert watchdog.watch(watched, at=MORNING + timedelta(minutes=16)) == []
    assert "Kaikki on taas kunnossa" in str(relay.taken[-1]["Subject"])


def test_a_private_server_that_is_stopped_is_started_by_who_looks(own_server: Settings) -> None:
    with running(Relay()) as url:
        with Warehouse.open(own_server) as wh:
            sender.send(wh, clock=lambda: MORNING, smtp_url=url)
        down(own_server)
        assert watchdog.watch(replace(own_server, smtp_url=url), at=MORNING) == []


def test_a_database_server_that_hangs_is_mailed_within_the_patience(own_server: Settings) -> None:
    relay, server = Relay(), int((find_places(own_server.home).data / "postmaster.pid").read_text().split()[0])
    with running(relay) as url:
        os.kill(server, signal.SIGSTOP)
        try:
            (found,) = watchdog.watch(served(own_server, url), at=MORNING, patience=3.0)
        finally:
            os.kill(server, signal.SIGCONT)
    assert found.code in ("slow", "silent") and len(relay.taken) == 1


def test_a_sender_that_stands_still_with_its_claim_is_noticed_and_its_mail_is_not_lost(warehouse: Warehouse) -> None:
    """SIGSTOP while the relay keeps it waiting: its session holds the claim, so no other sender takes the mail."""
    stuck, own = Relay(lambda _, number: "hang" if number == 1 else "ok"), Relay()
    live(warehouse)
    with running(own) as url:
        sender.send(warehouse, clock=lambda: MORNING, smtp_url=url)
        put(warehouse, 1, [row("S1", **SHORT)])
        now = datetime.now(UTC)
        store.evaluate(warehouse, MORNING.date(), now, load_rules())
        with warehouse.transaction() as connection:
            connection.exec_driver_sql(f"update alerts.outbox set created_at = '{now}' where status = 'queued'")
        settings = replace(warehouse.settings, watchdog_smtp_url=url, operator_mail=OPERATOR)
        with running(stuck) as slow:
            here, there = CONTEXT.Pipe()
            child = CONTEXT.Process(target=send, args=(warehouse.settings, slow, there))
            child.start()
            try:
                assert here.poll(60)
                _until(lambda: bool(stuck.tries))
                os.kill(child.pid, signal.SIGSTOP)
                for minutes in (5, 10, 15, 20, 25, 30):  # the next runs of the sender send the others
                    sender.send(warehouse, clock=lambda: now + timedelta(minutes=minutes), smtp_url=slow)  # noqa: B023
                assert _codes(settings, now + timedelta(minutes=29)) & {"unsent", "sender"} == set()
                assert "unsent" in _codes(settings, now + timedelta(minutes=31))
                assert "Viestejä on odottanut lähettämistä" in told(own)
            finally:
                child.kill()
                child.join()
            sender.send(warehouse, clock=lambda: now + timedelta(minutes=35), smtp_url=slow)
    alerts = warehouse.read("select message_id, status from alerts.outbox where kind = 'alert'")
    assert set(alerts["status"]) == {"sent"} and set(alerts["message_id"]) <= set(stuck.ids)


def _codes(settings: Settings, at: datetime) -> set[str]:
    return {one.code for one in watchdog.watch(settings, at=at)}


def _until(true: object, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.02)
