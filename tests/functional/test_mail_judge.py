"""Relays that no library wrote: raw sockets that answer wrongly, slowly, by halves. Every mail arrives in the end.

Each plays its trick on the first conversations and then serves well; what is asked is that nothing is lost, that no
mail is given up that the relay has not refused for good, and that a repetition carries the same Message-ID.
"""

from __future__ import annotations

import re
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import pytest
from test_mail_sender import NOW, Clock, fill, outbox

from medsupply.alerts import sender
from medsupply.warehouse.database.connection import Warehouse

Trick = Callable[["Talk", bytes], bool]
"""Answers a command itself and says so (True), or leaves it to the good relay (False)."""


class Talk:
    """One conversation of a relay that serves well where the trick does not step in."""

    def __init__(self, line: socket.socket, trick: Trick, taken: list[str]) -> None:
        self.line, self.trick, self.taken, self.file = line, trick, taken, line.makefile("rb")

    def say(self, text: bytes) -> None:
        self.line.sendall(text)

    def drop(self) -> None:
        self.line.shutdown(socket.SHUT_RDWR)

    def run(self) -> None:
        if not self.trick(self, b"GREETING"):
            self.say(b"220 here\r\n")
        for got in self.file:
            command = got.split()[0].upper() if got.split() else b""
            if self.trick(self, command):
                continue
            if command == b"QUIT":
                return self.say(b"221 bye\r\n")
            self.say(b"354 go on\r\n" if command == b"DATA" else b"250 fine\r\n")
            if command == b"DATA":
                self.take()
        return None

    def take(self) -> None:
        body = b"".join(iter(self.file.readline, b".\r\n"))
        self.taken += re.findall(r"Message-ID: (\S+)", body.decode())
        if not self.trick(self, b"END"):
            self.say(b"250 taken\r\n")


@contextmanager
def relay(trick: Trick, taken: list[str], tricky: int) -> Iterator[str]:
    """The address of a relay whose first ``tricky`` conversations play the trick."""
    count = iter(range(10_000))

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            mine = trick if next(count) < tricky else lambda *_: False
            with suppress(OSError):
                Talk(self.request, mine, taken).run()

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address, daemon_threads = True, True

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"smtp://127.0.0.1:{server.server_address[1]}?starttls=off"
        finally:
            server.shutdown()
            thread.join()


def at(where: bytes, answer: bytes, *, drop: bool = False) -> Trick:
    """``answer`` to the command ``where``, then perhaps the end of the line."""

    def trick(talk: Talk, command: bytes) -> bool:
        if command != where:
            return False
        talk.say(answer)
        if drop:
            talk.drop()
        return True

    return trick


def greeted(answer: bytes) -> Trick:
    """``answer`` to EHLO and to HELO."""

    def trick(talk: Talk, command: bytes) -> bool:
        if command in (b"EHLO", b"HELO"):
            talk.say(answer)
        return command in (b"EHLO", b"HELO")

    return trick


def byte_by_byte(talk: Talk, command: bytes) -> bool:
    """A greeting that drips: each byte comes in time, the whole does not."""
    if command == b"GREETING":
        for byte in b"220 " + b"x" * 80 + b"\r\n":
            talk.say(bytes([byte]))
            time.sleep(0.05)
    return command == b"GREETING"


def silent(talk: Talk, command: bytes) -> bool:
    """Nothing at all after the mail."""
    if command == b"END":
        time.sleep(2.0)
        talk.drop()
    return command == b"END"


TRICKS: dict[str, Trick] = {
    "451 to the recipient, then gone": at(b"RCPT", b"451 later\r\n", drop=True),
    "421 in mid-session": at(b"RCPT", b"421 closing\r\n", drop=True),
    "421 to the sender": at(b"MAIL", b"421 too many\r\n", drop=True),
    "421 for a greeting": at(b"GREETING", b"421 busy\r\n", drop=True),
    "554 for a greeting": at(b"GREETING", b"554 no service\r\n", drop=True),
    "gone after the final dot": at(b"END", b"", drop=True),
    "half an answer after the final dot": at(b"END", b"25", drop=True),
    "silence after the final dot": silent,
    "a greeting byte by byte": byte_by_byte,
    "a line without an end": at(b"RCPT", b"250-" + b"y" * 20_000 + b"\r\n250 fine\r\n"),
    "550 to whoever says hello": greeted(b"550 not you\r\n"),
    "lines without a code": at(b"RCPT", b"hello\r\n250 fine\r\n"),
    "codes that differ within an answer": at(b"EHLO", b"250-relay\r\n550-no\r\n250 fine\r\n"),
    "a code of letters": at(b"MAIL", b"2x0 fine\r\n"),
    "bytes that are no text": at(b"RCPT", b"451 \xff\xfe\x00\x80\r\n"),
    "451 after the mail": at(b"END", b"451 disk full\r\n"),
    "452 to DATA": at(b"DATA", b"452 no room\r\n"),
    "an answer to a question not asked": at(b"MAIL", b"250 fine\r\n451 and another\r\n"),
}


def drive(wh: Warehouse, url: str, hours: int = 8) -> None:
    """The sender every five minutes, as the schedule runs it."""
    clock = Clock(NOW)
    for _ in range(hours * 12):
        sender.send(wh, clock=clock, smtp_url=url, timeout=1.0, sleep=lambda _: None)
        if {status for status, _ in outbox(wh).values()} == {"sent"}:
            return
        clock.sleep(timedelta(minutes=5).total_seconds())


@pytest.mark.parametrize("name", TRICKS)
def test_whatever_a_relay_does_every_mail_arrives(warehouse: Warehouse, name: str) -> None:
    ids = fill(warehouse, "a@example.org", "b@example.org", "c@example.org")
    taken: list[str] = []
    with relay(TRICKS[name], taken, tricky=4) as url:
        drive(warehouse, url)
    assert {status for status, _ in outbox(warehouse).values()} == {"sent"}, outbox(warehouse)
    assert set(taken) == set(ids)
    assert len(taken) - len(ids) <= 4, "more repetitions than conversations that went wrong"


def test_starttls_answered_with_garbage_loses_nothing_and_sends_nothing_in_the_clear(warehouse: Warehouse) -> None:
    fill(warehouse, "a@example.org")
    heard: list[bytes] = []

    def trick(talk: Talk, command: bytes) -> bool:
        heard.append(command)
        answers = {b"EHLO": b"250-relay\r\n250 STARTTLS\r\n", b"STARTTLS": b"220 go\r\n" + b"\x00garbage" * 100}
        if command in answers:
            talk.say(answers[command])
        return command in answers

    with relay(trick, [], tricky=100) as url:
        done = sender.send(warehouse, clock=Clock(NOW), smtp_url=url.removesuffix("?starttls=off"), timeout=2.0)
    assert (done.sent, done.refused) == (0, 0) and done.stopped
    assert not {b"MAIL", b"RCPT", b"DATA"} & set(heard)
    assert {status for status, _ in outbox(warehouse).values()} == {"queued"}


def test_one_recipient_refused_for_good_stops_no_other(warehouse: Warehouse) -> None:
    fill(warehouse, "a@example.org", "b@example.org")
    taken: list[str] = []

    def trick(talk: Talk, command: bytes) -> bool:
        if command != b"RCPT":
            return False
        talk.say(b"550 5.1.1 no such user\r\n")
        return True

    with relay(trick, taken, tricky=1) as url:
        drive(warehouse, url, hours=1)
    assert sorted(status for status, _ in outbox(warehouse).values()) == ["failed", "sent"] and len(taken) == 1
