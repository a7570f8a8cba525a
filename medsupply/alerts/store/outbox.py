"""The outbox: rows that are queued once, by the key of what they tell and to whom."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import polars as pl
import sqlalchemy as sa

from medsupply.alerts.rendering import Mail
from medsupply.tables.alerts import OUTBOX
from medsupply.warehouse.database import bulk


def message_id_of(key: str, mail_from: str) -> str:
    """The Message-ID of a mail: the same content for the same reader has the same one, at every try."""
    domain = mail_from.rpartition("@")[2].rstrip(">") or "medsupply.invalid"
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:40]}@{domain}>"


def outbox_row(
    message_id: str,
    alert_id: str,
    episode: int | None,
    recipient: str,
    language: str,
    kind: str,
    mail: Mail,
    at: datetime,
    *,
    as_of: date | None = None,
    thread: str | None = None,
    alert_ids: Sequence[str] | None = None,
    level: str | None = None,
    rota: str | None = None,
    stands_in: bool = False,
) -> dict[str, Any]:
    """A queued mail as a row of the outbox."""
    return {
        "message_id": message_id,
        "alert_id": alert_id,
        "episode": episode,
        "alert_ids": list(alert_ids) if alert_ids is not None else None,
        "recipient": recipient,
        "language": language,
        "kind": kind,
        "as_of": as_of,
        "subject": " ".join(mail.subject.split()),
        "body_text": mail.text,
        "body_html": mail.html,
        "thread": thread,
        "level": level,
        "rota": rota,
        "stands_in": stands_in,
        **untried(at),
    }


def untried(at: datetime) -> dict[str, Any]:
    """What a row says of tries before the first."""
    none = {"sent_at": None, "attempts": 0, "last_error": None, "waits": False, "requeued_at": None}
    return {"status": "queued", "created_at": at, "due_at": at, **none}


def queue(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> int:
    """Queue mails whose key is new; what was queued before is never queued again. Returns how many are new."""
    by_id = {row["message_id"]: row for row in rows}
    query = sa.text("select message_id from alerts.outbox where message_id = any(:ids)")
    known = set(connection.execute(query, {"ids": list(by_id)}).scalars())
    new = [row for key, row in by_id.items() if key not in known]
    return bulk.copy(connection, OUTBOX, pl.DataFrame(new, schema=OUTBOX.dtypes()))
