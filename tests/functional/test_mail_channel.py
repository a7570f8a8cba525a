"""The channel to the relay: TLS is verified, login must succeed, nothing goes out in the clear, the queue stays."""

from __future__ import annotations

import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult, LoginPassword
from hostile_relay import Relay, free_port, running
from relay_certificates import Authority
from test_mail_sender import NOW, Clock, fill, outbox, send

from medsupply.alerts import subscriptions
from medsupply.alerts.recipients import subscriptions_of
from medsupply.warehouse.database.connection import Warehouse


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """An authority that this process trusts, as an operator makes an inner one trusted."""
    made = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.root))
    return made


def login(_: Any, __: Any, ___: Any, ____: str, given: Any) -> AuthResult:
    right = isinstance(given, LoginPassword) and (given.login, given.password) == (b"medsupply", b"s@cret")
    return AuthResult(success=right, handled=right)


def address(url: str, scheme: str = "smtp", who: str = "") -> str:
    return f"{scheme}://{who}{url.removeprefix('smtp://').removesuffix('?starttls=off')}"


def attempts(wh: Warehouse) -> list[str]:
    return wh.read("select outcome from alerts.attempt order by at, message_id, number")["outcome"].to_list()


def stays_queued(wh: Warehouse, url: str, relay: Relay, said: str) -> None:
    """The sender stops with the reason, hands nothing over, loses nothing, and never gives a mail up for it."""
    clock = Clock()
    for _ in range(2):
        done = send(wh, url, clock, drain=True)
        assert done.stopped is not None and said in done.stopped, done
        assert (done.sent, done.refused) == (0, 0)
        clock.sleep(100 * 3600)
    assert relay.taken == []
    assert {status for status, _ in outbox(wh).values()} == {"queued"}
    assert set(attempts(wh)) in ({"down"}, {"denied"})


def test_starttls_and_login_deliver(warehouse: Warehouse, authority: Authority) -> None:
    ids = fill(warehouse, "a@example.org", "b@example.org")
    relay = Relay()
    with running(relay, tls_context=authority.context(), require_starttls=True, authenticator=login,
                 auth_required=True) as url:  # fmt: skip
        assert send(warehouse, address(url, who="medsupply:s%40cret@"), Clock()).sent == 2
    assert sorted(relay.ids) == sorted(ids)


def test_implicit_tls_delivers(warehouse: Warehouse, authority: Authority) -> None:
    fill(warehouse, "a@example.org")
    relay = Relay()
    with running(relay, ssl_context=authority.context()) as url:
        assert send(warehouse, address(url, "smtps"), Clock()).sent == 1


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
@pytest.mark.parametrize(
    ("name", "days", "said"), [("relay.elsewhere.example", 7, "TLS"), ("127.0.0.1", -7, "certificate has expired")]
)
def test_a_certificate_that_does_not_hold_stops_the_channel(
    warehouse: Warehouse, authority: Authority, scheme: str, name: str, days: int, said: str
) -> None:
    fill(warehouse, "a@example.org", "b@example.org")
    relay, context = Relay(), authority.context(name, days=days)
    options: dict[str, Any] = {"ssl_context": context} if scheme == "smtps" else {"tls_context": context}
    with running(relay, **options) as url:
        stays_queued(warehouse, address(url, scheme), relay, said)


def test_an_authority_that_nobody_trusts_stops_the_channel(warehouse: Warehouse, tmp_path: Path) -> None:
    fill(warehouse, "a@example.org")
    relay = Relay()
    with running(relay, tls_context=Authority(tmp_path).context()) as url:
        stays_queued(warehouse, address(url), relay, "TLS")


def test_a_refused_login_stops_the_channel(warehouse: Warehouse, authority: Authority) -> None:
    fill(warehouse, "a@example.org")
    relay = Relay()
    with running(relay, tls_context=authority.context(), authenticator=login) as url:
        stays_queued(warehouse, address(url, who="medsupply:wrong@"), relay, "login (535)")


@pytest.mark.parametrize("who", ["", "medsupply:s%40cret@"])
def test_starttls_that_is_not_offered_is_never_done_without(
    warehouse: Warehouse, authority: Authority, who: str
) -> None:
    fill(warehouse, "a@example.org")
    relay = Relay()
    with running(relay, authenticator=login, auth_require_tls=False) as url:
        stays_queued(warehouse, address(url, who=who), relay, "STARTTLS")


def test_starttls_off_is_no_choice_for_another_machine(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medsupply.alerts.deliver.LOCAL", ("localhost",))  # 127.0.0.1 now stands for another machine
    fill(warehouse, "a@example.org")
    relay = Relay()
    with running(relay) as url:
        stays_queued(warehouse, url, relay, "STARTTLS")


@contextmanager
def plain_server(handle: Any) -> Iterator[str]:
    """A server whose conversation is ``handle(file)``."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            handle(self)

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address, daemon_threads = True, True

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"smtp://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def test_starttls_offered_but_refused_is_not_done_without(warehouse: Warehouse) -> None:
    heard: list[bytes] = []

    def relay(handler: Any) -> None:
        handler.wfile.write(b"220 hello\r\n")
        for line in handler.rfile:
            heard.append(line[:4].upper())
            answers = {b"EHLO": b"250-relay\r\n250 STARTTLS\r\n", b"STAR": b"454 not now\r\n"}
            handler.wfile.write(answers.get(heard[-1], b"250 fine\r\n"))

    fill(warehouse, "a@example.org")
    with plain_server(relay) as url:
        done = send(warehouse, url, Clock())
    assert (done.sent, done.later, done.refused) == (0, 1, 0)
    assert b"MAIL" not in heard and b"RCPT" not in heard


def test_a_greeting_that_takes_its_time_is_waited_for(warehouse: Warehouse) -> None:
    def late(seconds: float) -> Any:
        def relay(handler: Any) -> None:
            time.sleep(seconds)
            handler.wfile.write(b"220 at last\r\n")
            data = False
            for line in handler.rfile:
                if data:
                    data = line != b".\r\n"
                    if not data:
                        handler.wfile.write(b"250 taken\r\n")
                    continue
                data = line.upper().startswith(b"DATA")
                handler.wfile.write(b"354 go on\r\n" if data else b"250 fine\r\n")

        return relay

    fill(warehouse, "a@example.org", "b@example.org")
    with plain_server(late(3.0)) as url:
        done = send(warehouse, f"{url}?starttls=off", Clock())
        assert (done.sent, done.later) == (0, 1), "the first silence is enough: no other mail waits for it"
    clock = Clock(NOW + timedelta(minutes=1))
    with plain_server(late(0.3)) as url:
        assert send(warehouse, f"{url}?starttls=off", clock).sent == 2


def test_a_relay_that_is_down_for_a_week_costs_no_mail(warehouse: Warehouse) -> None:
    ids = fill(warehouse, *[f"r{number:02d}@example.org" for number in range(12)])
    ids += fill(warehouse, "later@example.org", at=NOW + timedelta(hours=1))
    clock, nowhere = Clock(), f"smtp://127.0.0.1:{free_port()}?starttls=off"
    for _ in range(28):
        assert send(warehouse, nowhere, clock).refused == 0
        clock.sleep(6 * 3600)
    relay = Relay()
    with running(relay) as url:
        assert send(warehouse, url, clock).sent == 13, "one pass, without waiting for the turn of each mail"
    assert relay.ids == [*sorted(ids[:12]), ids[12]], "oldest first, none twice"


def test_a_mail_that_makes_the_relay_drop_the_line_holds_no_other_up(warehouse: Warehouse) -> None:
    bad = [f"bad{number}@example.org" for number in range(4)]
    fill(warehouse, *bad)
    fill(warehouse, *[f"good{number}@example.org" for number in range(5)], at=NOW + timedelta(seconds=1))
    relay, clock = Relay(lambda address, _: "drop" if address.startswith("bad") else "ok"), Clock()
    with running(relay) as url:
        for _ in range(3):
            send(warehouse, url, clock)
            clock.sleep(30)
    assert len(relay.taken) == 5
    assert {outbox(warehouse)[one][0] for one in bad} == {"queued"}


def test_three_mails_that_drop_the_line_do_not_take_every_turn(warehouse: Warehouse) -> None:
    bad = [f"bad{number}@example.org" for number in range(3)]
    fill(warehouse, *bad, at=NOW - timedelta(minutes=1))
    fill(warehouse, "good@example.org")
    relay, clock = Relay(lambda address, _: "drop" if address.startswith("bad") else "ok"), Clock()
    clock.most = 3
    with running(relay) as url, pytest.raises(AssertionError, match="goes on for ever"):
        send(warehouse, url, clock, drain=True)
    assert [str(one["To"]) for one in relay.taken] == ["good@example.org"]
    assert {outbox(warehouse)[one][0] for one in bad} == {"queued"}


DENIED = "550 5.7.54 Unable to relay recipient in non-accepted domain"


@pytest.mark.parametrize("said", [DENIED, "554 5.7.1 <x>: Relay access denied", "550 relaying is not allowed"])
def test_a_relay_that_stops_relaying_for_us_kills_no_mail(warehouse: Warehouse, said: str) -> None:
    fill(warehouse, *[f"a{number}@other{number}.example" for number in range(8)])
    broken, clock = Relay(lambda *_: said), Clock()
    with running(broken) as url:
        stays_queued(warehouse, url, broken, said[4:])
    assert sum(broken.tries.values()) == 10, "what five are refused in a pass, no other will be granted"
    relay = Relay()
    clock.sleep(200 * 3600)
    with running(relay) as url:
        assert send(warehouse, url, clock).sent == 8


def test_what_a_policy_forbids_one_recipient_stops_no_other_and_goes_to_the_next_person(warehouse: Warehouse) -> None:
    lines = subscriptions_of("a@list.example", language="en", role="fimea", deputy="deputy@example.org")
    subscriptions.add(warehouse, lines, at=NOW, confirmed=True)
    fill(warehouse, "a@list.example", at=NOW - timedelta(minutes=1))
    relay = Relay(
        lambda address, _: "550 5.7.1 senders of this list only" if address.endswith("list.example") else "ok"
    )
    with running(relay) as url:
        alone = send(warehouse, url, Clock())
        assert alone.stopped and outbox(warehouse)["a@list.example"][0] == "queued", "nothing shows whose fault it is"
        fill(warehouse, "b@example.org", about="later")
        done = send(warehouse, url, Clock(NOW + timedelta(minutes=5)))
    assert (done.sent, done.refused, done.stopped) == (2, 1, None)
    assert outbox(warehouse)["a@list.example"][0] == "failed"
    assert [str(one["To"]) for one in relay.taken] == ["b@example.org", "deputy@example.org"]


def test_an_unknown_address_is_no_policy(warehouse: Warehouse) -> None:
    fill(warehouse, "a@example.org")
    with running(Relay(lambda *_: "550 5.1.1 User unknown in relay recipient table")) as url:
        assert send(warehouse, url, Clock()).refused == 1


def test_what_is_said_to_the_sender_address_gives_no_mail_up(warehouse: Warehouse) -> None:
    class Full(Relay):
        async def handle_MAIL(self, *_: Any) -> str:
            return "452 4.3.1 no space"

    fill(warehouse, "a@example.org", "b@example.org")
    clock = Clock()
    with running(Full()) as url:
        for _ in range(20):
            assert send(warehouse, url, clock).refused == 0
            clock.sleep(6 * 3600)
    assert set(attempts(warehouse)) == {"down"} and outbox(warehouse)["a@example.org"][0] == "queued"


def test_a_relay_that_speaks_byte_by_byte_holds_nobody_up(warehouse: Warehouse) -> None:
    """Each byte comes in time; the conversation has one end for all of them."""

    def relay(handler: Any) -> None:
        for byte in b"220 " + b"x" * 400:
            handler.wfile.write(bytes([byte]))
            time.sleep(0.2)

    fill(warehouse, "a@example.org")
    began = time.monotonic()
    with plain_server(relay) as url:
        done = send(warehouse, f"{url}?starttls=off", Clock())
    assert (done.sent, done.later) == (0, 1) and time.monotonic() - began < 10
    assert "timed out" in warehouse.read("select last_error from alerts.outbox").item()


def test_every_recipient_of_a_batch_gets_an_answer_of_its_own(warehouse: Warehouse) -> None:
    fill(warehouse, "a@example.org", "dead@example.org", "busy@example.org")
    answers = {"dead@example.org": "550 5.1.1 no such user", "busy@example.org": "452 4.2.2 mailbox full"}
    relay = Relay(lambda address, _: answers.get(address, "ok"))
    with running(relay) as url:
        done = send(warehouse, url, Clock())
    assert (done.sent, done.later, done.refused) == (1, 1, 1)
    states = {who: status for who, (status, _) in outbox(warehouse).items()}
    assert states == {"a@example.org": "sent", "dead@example.org": "failed", "busy@example.org": "queued"}


@pytest.mark.parametrize("said", ["553 sorry, not here", "550 no such user", "503 bad sequence", "data 554 no"])
def test_a_relay_that_refuses_everybody_is_not_believed(warehouse: Warehouse, said: str) -> None:
    """But for the first few addresses that it calls dead: the rest waits until it takes a mail again."""
    fill(warehouse, *[f"a{number:02d}@other{number}.example" for number in range(30)])
    clock, broken = Clock(), Relay(lambda *_: said)
    with running(broken) as url:
        for _ in range(20):
            assert send(warehouse, url, clock).stopped
            clock.sleep(600)
    lost = sum(status == "failed" for status, _ in outbox(warehouse).values())
    assert lost == (4 if said[:3] in ("550", "553") else 0)
    with running(Relay()) as url:
        assert send(warehouse, url, clock).sent == 30 - lost


def test_a_severe_alert_that_is_denied_for_long_is_tried_on_the_next_person(warehouse: Warehouse) -> None:
    """Nothing else goes out that could show whose fault it is."""
    lines = subscriptions_of("a@list.example", language="en", role="fimea", deputy="deputy@example.org")
    subscriptions.add(warehouse, lines, at=NOW, confirmed=True)
    fill(warehouse, "a@list.example", "slow@list.example", at=NOW - timedelta(minutes=1))
    with warehouse.transaction() as connection:
        connection.exec_driver_sql("update alerts.outbox set level = 'severe' where recipient like 'a@%%'")
    relay = Relay(lambda to, _: "550 5.7.1 senders of this list only" if to.endswith("list.example") else "ok")
    clock = Clock()
    with running(relay) as url:
        for minutes in (0, 5, 11):
            clock.now = NOW + timedelta(minutes=minutes)
            assert send(warehouse, url, clock).stopped and relay.taken == []
        for minutes in (16, 21):
            clock.now = NOW + timedelta(minutes=minutes)
            send(warehouse, url, clock)
    assert [str(one["To"]) for one in relay.taken] == ["deputy@example.org"]
    states = {who: status for who, (status, _) in outbox(warehouse).items()}
    assert states == {"a@list.example": "failed", "slow@list.example": "queued", "deputy@example.org": "sent"}
    with running(relay) as url:
        fill(warehouse, "b@example.org", about="later")
        clock.sleep(300)
        send(warehouse, url, clock)
    assert outbox(warehouse)["slow@list.example"][0] == "failed", "a mail was taken after it"
    assert [str(one["To"]) for one in relay.taken].count("deputy@example.org") == 1


def test_a_quota_that_is_used_up_after_some_mails_keeps_the_rest(warehouse: Warehouse) -> None:
    """A mail that was taken before says nothing of those after it."""
    fill(warehouse, *[f"a{number:02d}@example.org" for number in range(20)])
    took = iter(range(1000))
    relay = Relay(lambda *_: "ok" if next(took) < 3 else "550 5.4.5 Daily user sending quota exceeded")
    clock = Clock()
    with running(relay) as url:
        assert send(warehouse, url, clock).stopped
        relay.behave = lambda *_: "ok"
        clock.sleep(3600)
        send(warehouse, url, clock)
    assert {status for status, _ in outbox(warehouse).values()} == {"sent"} and len(relay.taken) == 20


@pytest.mark.parametrize("said", ["550 5.7.1 blocked by the receiving domain", "550 5.1.1 user unknown"])
def test_many_refusals_of_one_domain_starve_no_other(warehouse: Warehouse, said: str) -> None:
    fill(warehouse, *[f"a{number}@blocked.example" for number in range(11)])
    fill(warehouse, "good@example.org", about="later", at=NOW + timedelta(seconds=1))
    relay, clock = Relay(lambda to, _: said if to.endswith("blocked.example") else "ok"), Clock()
    with running(relay) as url:
        for _ in range(4):
            send(warehouse, url, clock)
            clock.sleep(300)
    assert [str(one["To"]) for one in relay.taken] == ["good@example.org"], "four more are tried in each pass"


def test_a_sender_address_that_is_refused_when_the_recipient_is_told_is_nobodys_death(warehouse: Warehouse) -> None:
    fill(warehouse, "a@example.org", "b@example.org")
    with running(Relay(lambda *_: "550 5.1.8 Sender address rejected: Domain not found")) as url:
        assert send(warehouse, url, Clock()).refused == 0
