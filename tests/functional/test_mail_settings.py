"""A relay that cannot be spoken to as it is set keeps every mail; who could not be mailed cannot be subscribed."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from alerts_pictures import SHORT, day, moment, put, row

from medsupply.alerts import sender, store, subscriptions
from medsupply.alerts.recipients import subscriptions_of
from medsupply.errors import InputError, SettingsError
from medsupply.rules import load_rules
from medsupply.settings import Settings
from medsupply.warehouse.database.connection import Warehouse


@contextmanager
def bad_challenge() -> Iterator[str]:
    """A relay whose challenge to a login is no base64."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_serve, args=(server,), daemon=True).start()
        yield f"smtp://user:secret@127.0.0.1:{server.getsockname()[1]}?starttls=off"


def _serve(server: socket.socket) -> None:
    while True:
        try:
            line, _ = server.accept()
        except OSError:
            return
        with line, line.makefile("rwb", buffering=0) as talk:
            talk.write(b"220 relay\r\n")
            for said in iter(talk.readline, b""):
                answers = {b"EHLO": b"250-relay\r\n250 AUTH CRAM-MD5\r\n", b"AUTH": b"334 A\r\n"}
                talk.write(answers.get(said[:4].upper(), b"250 ok\r\n"))


def queued(wh: Warehouse) -> dict[str, int]:
    rows = wh.read("select status, count(*) as n from alerts.outbox group by status").rows()
    return {str(status): int(n) for status, n in rows}


def test_a_login_that_cannot_be_held_keeps_the_queue(warehouse: Warehouse) -> None:
    for name in ("a", "b"):
        lines = subscriptions_of(f"{name}@example.org", language="en", role="fimea", deputy="c@example.org")
        subscriptions.add(warehouse, lines, at=moment(0), confirmed=True)
    for number, changes in enumerate(({}, SHORT)):
        put(warehouse, number, [row("S1", **changes), row("S2")])
        store.evaluate(warehouse, day(number), moment(number), load_rules())
    urls = ["smtp://m:s%C3%A4kret@127.0.0.1:99999", "smtp://relay:abc", "smtp://.relay..example:25"]
    with bad_challenge() as url:
        for number, one in enumerate((*urls, url)):
            at = moment(1) + timedelta(hours=number)
            done = sender.send(warehouse, clock=lambda at=at: at, smtp_url=one)  # type: ignore[misc]
            assert "cannot be spoken to as it is set" in str(done.stopped) and "secret" not in str(done.stopped)
    assert queued(warehouse) == {"queued": 2}


@pytest.mark.parametrize(
    "url",
    [
        "smtp://m:s%C3%A4kret@relay",
        "smtp://relay:99999",
        "smtp://relay:abc",
        "smtps://.relay..example:25",
        "smtp://r:0",
    ],
)
def test_an_address_of_a_relay_that_cannot_be_used_is_refused(url: str) -> None:
    for name in ("MEDSUPPLY_SMTP_URL", "MEDSUPPLY_WATCHDOG_SMTP_URL"):
        with pytest.raises(SettingsError, match="no relay can be given"):
            Settings.from_environ({name: url})


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"language": "se"}, "'se' is no language of mails"),
        ({"atc": "j01"}, "'j01' is no beginning of an ATC code"),
        ({"atc": "ZZZ"}, "'ZZZ' is no beginning"),
        ({"deputy": "A@example.org"}, "a@example.org cannot be its own deputy"),
    ],
)
def test_a_subscription_that_would_never_be_mailed_is_refused(wanted: dict[str, str], told: str) -> None:
    with pytest.raises(InputError, match=told):
        subscriptions_of("a@example.org", **{"language": "en", **wanted})  # type: ignore[arg-type]
