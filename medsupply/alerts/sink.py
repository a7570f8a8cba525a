"""A mail relay for demo and tests: takes every mail over real SMTP and writes it as it arrived."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class _Writer:
    """Writes each message into a folder, named by its Message-ID."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:
        data = envelope.content
        assert isinstance(data, bytes)
        number = len(list(self.folder.glob("*.eml"))) + 1
        (self.folder / f"{number:04d}.eml").write_bytes(data)
        return "250 taken"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def sink(folder: Path) -> Iterator[str]:
    """A running relay on a free local port; yields its address for MEDSUPPLY_SMTP_URL."""
    folder.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    controller = Controller(_Writer(folder), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield f"smtp://127.0.0.1:{port}?starttls=off"
    finally:
        controller.stop()
