"""SMTP conversations that end: a relay that answers byte by byte holds nobody up.

A socket's timeout is of each read, so that a line that drips in never runs into it. Here every answer must have come by
one moment for the whole conversation. Connecting, TLS and writing have ends of their own.
"""

from __future__ import annotations

import smtplib
import socket
import time
from typing import Any

# The whole conversation may take so many times what a single answer may.
LONGER = 2


class Lines:
    """What a socket says, line by line, until ``until`` on the monotonic clock."""

    def __init__(self, line: socket.socket, until: float) -> None:
        self.line, self.until, self.each, self.read = line, until, line.gettimeout(), b""

    def readline(self, longest: int) -> bytes:
        """The next line, what there is of it at the end of the line, or its first ``longest`` bytes."""
        while b"\n" not in self.read and len(self.read) < longest:
            left = self.until - time.monotonic()
            if left <= 0:
                raise TimeoutError("timed out")
            self.line.settimeout(min(left, self.each or left))
            more = self.line.recv(4096)
            if not more:
                break
            self.read += more
        size = min(self.read.find(b"\n") + 1 or len(self.read), longest)
        found, self.read = self.read[:size], self.read[size:]
        return found

    def close(self) -> None:
        """Nothing is held that must be closed: the socket is the conversation's own."""


class Conversation(smtplib.SMTP):
    """``smtplib.SMTP`` whose answers must all have come within ``LONGER`` times its timeout."""

    def __init__(self, host: str, port: int, *, timeout: float, **options: Any) -> None:
        self._until = time.monotonic() + LONGER * timeout
        super().__init__(host, port, timeout=timeout, **options)

    def getreply(self) -> tuple[int, bytes]:
        """The next answer."""
        if self.file is None and self.sock is not None:
            self.file = Lines(self.sock, self._until)
        return super().getreply()


class ConversationInTLS(Conversation, smtplib.SMTP_SSL):
    """The same over TLS from the first byte."""
