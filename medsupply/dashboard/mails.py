"""Mails as they arrived: the ``.eml`` files of the demo's relay; reading them is all that happens here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

FOLDER = "mails"
NEWEST = 200
# What ends or confirms a subscription belongs to whom the mail went to, not to who reads it here.
_TOKEN = re.compile(r"(?<=token=)[^&\s]+")


@dataclass(frozen=True)
class Mail:
    """What a reader sees of a mail. ``key`` is the file's name; ``text`` the text part, tokens left out."""

    key: str
    subject: str
    sender: str
    to: str
    date: datetime | None
    language: str
    text: str


def arrived(home: Path) -> list[Mail]:
    """The newest mails under ``home``/mails, the newest first; none where no relay writes there."""
    folder = home / FOLDER
    if not folder.is_dir():
        return []
    files = sorted(folder.rglob("*.eml"), key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True)
    return [parse(path.name, path.read_bytes()) for path in files[:NEWEST]]


def parse(key: str, content: bytes) -> Mail:
    """A mail from the bytes that the relay took."""
    message = message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    body = message.get_body(("plain",))
    text = body.get_content() if body is not None else ""
    return Mail(
        key,
        str(message["Subject"] or ""),
        str(message["From"] or ""),
        str(message["To"] or ""),
        message["Date"].datetime if message["Date"] else None,
        str(message["Content-Language"] or "fi"),
        _TOKEN.sub("…", str(text)).rstrip(),
    )
