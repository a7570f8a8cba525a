"""The sender: claims a queued mail, hands it to the relay, marks it. Several may run at once.

A claim is a session advisory lock, free when its holder dies. A mail is marked after the relay took it: killed in
between, it goes out again with the same Message-ID, never not at all.
"""

from __future__ import annotations

import smtplib
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import sqlalchemy as sa
import structlog

from medsupply.errors import MailRefused, MailUnavailable, SettingsError
from medsupply.warehouse.connection import Warehouse

log = structlog.get_logger()
TIMEOUT = 30.0
WAITS = (1, 2, 5, 15, 30, 60)  # minutes; then hourly
GIVE_UP_AFTER = timedelta(hours=72)
DRAIN_WAIT = timedelta(seconds=5)
LOCAL = ("localhost", "127.0.0.1", "::1")


@dataclass
class Sent:
    """What a run of the sender did."""

    sent: int = 0
    later: int = 0
    refused: int = 0
    stopped: str | None = None

    def __str__(self) -> str:
        told = f"{self.sent} mails sent, {self.later} tried again later, {self.refused} refused for good"
        return f"{told}; stopped: {self.stopped}" if self.stopped else told


def send(
    wh: Warehouse,
    *,
    clock: Callable[[], datetime],
    drain: bool = False,
    smtp_url: str | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Sent:
    """Hand over what is due; with ``drain`` go on, waits capped at 5 s, until nothing is queued.

    Raises SettingsError when no relay is set and something is queued. A relay that fails TLS or login stops the run:
    the queue is kept.
    """
    url = smtp_url or wh.settings.smtp_url
    done = Sent()
    while True:
        due = _due(wh, clock(), drain)
        if due and not url:
            raise SettingsError("MEDSUPPLY_SMTP_URL is not set, and mails are queued", "Set the mail relay")
        if due and not _send_all(wh, url, due, clock, done):
            return done
        if not drain or not _queued(wh):
            return done
        sleep(min(DRAIN_WAIT.total_seconds(), 0.2 if due else 1.0))


def _due(wh: Warehouse, now: datetime, drain: bool) -> list[str]:
    """Message ids that may be tried now, oldest first."""
    limit = now + DRAIN_WAIT if drain else now
    query = (
        "select message_id from alerts.outbox where status = 'queued'"
        " and (due_at <= :limit or (:drain and attempts > 0 and due_at > :limit and :limit >= created_at))"
        " order by created_at, message_id limit 500"
    )
    return wh.read(query, limit=limit, drain=drain)["message_id"].to_list()


def _queued(wh: Warehouse) -> int:
    return int(wh.read("select count(*) as n from alerts.outbox where status = 'queued'").item())


def _send_all(wh: Warehouse, url: str, due: list[str], clock: Callable[[], datetime], done: Sent) -> bool:
    """Send each claimed mail; False when the channel as a whole is broken (TLS, login)."""
    for message_id in due:
        with _claimed(wh, message_id) as connection:
            if connection is None:
                continue
            row = _still_queued(connection, message_id)
            if row is None:
                continue
            try:
                hand_over(url, message_of(row, wh.settings.mail_from, clock(), wh.settings.base_url), row["recipient"])
            except MailRefused as error:
                done.refused += 1
                _mark(connection, row, "failed", clock(), str(error))
            except MailUnavailable as error:
                done.later += 1
                _mark(connection, row, "queued", clock(), str(error))
                if getattr(error, "breaks_channel", False):
                    done.stopped = str(error)
                    return False
            else:
                done.sent += 1
                _mark(connection, row, "sent", clock(), None)
    return True


@contextmanager
def _claimed(wh: Warehouse, message_id: str) -> Iterator[sa.Connection | None]:
    """A connection that holds the claim on the message, or None when another sender has it."""
    with wh.engine.connect() as connection:
        connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        got = connection.execute(sa.text("select pg_try_advisory_lock(hashtextextended(:id, 7))"), {"id": message_id})
        if not got.scalar_one():
            yield None
            return
        try:
            yield connection
        finally:
            connection.execute(sa.text("select pg_advisory_unlock(hashtextextended(:id, 7))"), {"id": message_id})


def _still_queued(connection: sa.Connection, message_id: str) -> dict[str, Any] | None:
    query = sa.text("select * from alerts.outbox where message_id = :id and status = 'queued'")
    row = connection.execute(query, {"id": message_id}).mappings().first()
    return dict(row) if row is not None else None


def _mark(connection: sa.Connection, row: dict[str, Any], status: str, now: datetime, error: str | None) -> None:
    """Write the try, and what it means for the mail, in one statement."""
    number = row["attempts"] + 1
    age = now - row["created_at"]
    if status == "queued" and age > GIVE_UP_AFTER:
        status = "failed"
    wait = timedelta(minutes=WAITS[min(number, len(WAITS)) - 1])
    connection.execute(
        sa.text(
            """
            WITH tried AS (
                INSERT INTO alerts.attempt (message_id, number, at, outcome, detail)
                VALUES (:id, :number, :now, :outcome, :error) ON CONFLICT DO NOTHING)
            UPDATE alerts.outbox SET status = :status, attempts = :number, last_error = :error,
                   sent_at = CASE WHEN :status = 'sent' THEN CAST(:now AS timestamptz) END,
                   due_at = CASE WHEN :status = 'queued' THEN CAST(:due AS timestamptz) ELSE due_at END
            WHERE message_id = :id
            """
        ),
        {
            "id": row["message_id"],
            "number": number,
            "now": now,
            "outcome": {"sent": "sent", "queued": "later", "failed": "refused"}[status],
            "error": error,
            "status": status,
            "due": now + wait,
        },
    )
    log.info("mail", message_id=row["message_id"], status=status, attempt=number)


def message_of(row: dict[str, Any], mail_from: str, now: datetime, base_url: str) -> EmailMessage:
    """The mail as it is handed over: text and HTML, stable Message-ID, thread of its episode."""
    message = EmailMessage()
    message["Subject"] = row["subject"]
    message["From"] = mail_from
    message["To"] = row["recipient"]
    message["Date"] = format_datetime(now)
    message["Message-ID"] = row["message_id"]
    message["Auto-Submitted"] = "auto-generated"
    message["Content-Language"] = row["language"]
    message["List-Unsubscribe"] = f"<{base_url}/unsubscribe>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    if row["thread"]:
        message["In-Reply-To"] = row["thread"]
        message["References"] = row["thread"]
    message.set_content(row["body_text"])
    message.add_alternative(row["body_html"], subtype="html")
    return message


def hand_over(url: str, message: EmailMessage, recipient: str) -> None:
    """One conversation with the relay. Raises MailRefused (never) or MailUnavailable (not now)."""
    try:
        with _connected(url) as relay:
            relay.send_message(message, to_addrs=[recipient])
    except smtplib.SMTPRecipientsRefused as error:
        code, said = next(iter(error.recipients.values()))
        raise _by_code(code, said) from error
    except smtplib.SMTPAuthenticationError as error:
        raise _broken(f"The relay refuses the login ({error.smtp_code})") from error
    except smtplib.SMTPResponseException as error:
        raise _by_code(error.smtp_code, error.smtp_error) from error
    except ssl.SSLError as error:
        raise _broken(f"TLS with the relay failed ({error.reason})") from error
    except smtplib.SMTPNotSupportedError as error:
        raise _broken("The relay offers no STARTTLS") from error
    except (OSError, smtplib.SMTPException) as error:
        raise MailUnavailable(f"The relay cannot be reached ({error})", "The sender tries again") from error


@contextmanager
def _connected(url: str) -> Iterator[smtplib.SMTP]:
    """A conversation over verified TLS; without it only with a relay on this machine that says so."""
    parts = urlsplit(url)
    host, context = parts.hostname or "localhost", ssl.create_default_context()
    relay: smtplib.SMTP
    if parts.scheme == "smtps":
        relay = smtplib.SMTP_SSL(host, parts.port or 465, timeout=TIMEOUT, context=context)
    else:
        relay = smtplib.SMTP(host, parts.port or 587, timeout=TIMEOUT)
        plain = parse_qs(parts.query).get("starttls") == ["off"] and host in LOCAL
        if not plain:
            relay.starttls(context=context)
    with relay:
        if parts.username:
            relay.login(unquote(parts.username), unquote(parts.password or ""))
        yield relay


def _by_code(code: int, said: bytes | str) -> MailRefused | MailUnavailable:
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    if 500 <= code < 600:
        return MailRefused(f"The relay refuses the recipient for good ({code} {text})", "Correct the address")
    return MailUnavailable(f"The relay does not take it now ({code} {text})", "The sender tries again")


def _broken(reason: str) -> MailUnavailable:
    error = MailUnavailable(reason, "Check MEDSUPPLY_SMTP_URL and the relay's certificate; the queue is kept")
    error.breaks_channel = True  # type: ignore[attr-defined]
    return error
