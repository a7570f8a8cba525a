"""A relay that misbehaves on demand: says no, hangs, drops the line. Keeps what it has taken."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

# What to do with the nth try of a recipient: ok, an SMTP answer, drop, drop_after, slow, hang.
Behaviour = Callable[[str, int], str]


class Relay:
    """Takes mails, or behaves as it is told."""

    def __init__(self, behave: Behaviour = lambda _, __: "ok") -> None:
        self.behave = behave
        self.tries: Counter[str] = Counter()
        self.taken: list[EmailMessage] = []

    @property
    def ids(self) -> list[str]:
        return [str(one["Message-ID"]) for one in self.taken]

    async def handle_RCPT(self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]) -> str:
        self.tries[address] += 1
        self.mood = self.behave(address, self.tries[address])
        if self.mood[:1] in "45" and not self.mood.startswith("data"):
            return self.mood
        envelope.rcpt_tos.append(address)
        return "250 fine"

    async def handle_DATA(self, server: SMTP, _: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        if self.mood == "hang":
            await asyncio.sleep(3)
            return "451 too late"
        if self.mood == "drop":
            return self._drop(server)
        if self.mood.startswith("data "):
            return self.mood.removeprefix("data ")
        self.taken.append(message_from_bytes(envelope.content, policy=policy.default))  # type: ignore[arg-type]
        if self.mood == "slow":  # taken, but its sender does not know it yet
            await asyncio.sleep(0.04)
        return self._drop(server) if self.mood == "drop_after" else "250 taken"

    def _drop(self, server: SMTP) -> str:
        assert server.transport is not None
        server.transport.abort()
        return "421 gone"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(relay: Any, **options: Any) -> Iterator[str]:
    """The address of ``relay`` while it runs."""
    controller = Controller(relay, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    try:
        yield f"smtp://127.0.0.1:{controller.port}?starttls=off"
    finally:
        controller.stop()
