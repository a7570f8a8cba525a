"""The watchdog: outside Airflow and outside the sender. It looks, mails operations by its own path, and beats."""

from __future__ import annotations

import urllib.request
from datetime import datetime, timedelta

from medsupply.alerts.deliver import hand_over, message_of
from medsupply.alerts.mails import operations_mail
from medsupply.alerts.store import message_id_of, outbox_row
from medsupply.errors import MailError, WarehouseError
from medsupply.settings import Settings
from medsupply.warehouse.connection import Warehouse

LIMITS = {
    "delivery": timedelta(hours=30),
    "picture": timedelta(hours=30),
    "forecast": timedelta(days=9),
    "evaluation": timedelta(hours=30),
    "unsent": timedelta(minutes=30),
}
_QUERIES = {
    "delivery": "select max(received_at) from ops.deliveries where verdict in ('accepted', 'partly', 'held')",
    "picture": "select max(known_at) from picture.pictures where stage = 'judged'",
    "forecast": "select max(known_at) from forecast.runs",
    "evaluation": "select max(known_at) from alerts.evaluations",
}
_TOLD = {
    "delivery": "no delivery was stored since {since}",
    "picture": "no picture was made since {since}",
    "forecast": "no demand forecast was made since {since}",
    "evaluation": "no alerts were evaluated since {since}",
    "unsent": "mails wait unsent since {since}",
}


def watch(settings: Settings, *, at: datetime) -> list[str]:
    """What is late, in sentences; an empty list when all is well. Mails operations, or beats."""
    try:
        wh = Warehouse.open(settings)
    except WarehouseError as error:
        found = [f"the warehouse does not answer: {error.reason}"]
    else:
        try:
            found = late(wh, at)
        finally:
            wh.close()
    if found:
        _mail(settings, found, at)
    elif settings.heartbeat_url:
        with urllib.request.urlopen(settings.heartbeat_url, timeout=10):
            pass
    return found


def late(wh: Warehouse, at: datetime) -> list[str]:
    """What is older than its limit, or was never there."""
    found = []
    for name, query in _QUERIES.items():
        since = wh.read(query).item()
        if since is None or at - since > LIMITS[name]:
            found.append(_TOLD[name].format(since=since or "ever"))
    oldest = wh.read("select min(created_at) from alerts.outbox where status = 'queued'").item()
    if oldest is not None and at - oldest > LIMITS["unsent"]:
        found.append(_TOLD["unsent"].format(since=oldest))
    newest = wh.read("select max(received_at) from ops.deliveries").item()
    if newest is not None and newest - at > timedelta(minutes=10):
        found.append(f"the clock is behind the newest delivery ({newest})")
    return found


def _mail(settings: Settings, found: list[str], at: datetime) -> None:
    """Its own path: straight to the relay, not through the outbox that may be what is stuck."""
    if not (settings.smtp_url and settings.operator_mail):
        return
    mail = operations_mail(settings.language, found, settings.base_url)
    message_id = message_id_of(f"operations|{at.isoformat()}", settings.mail_from)
    row = outbox_row(message_id, "operations", None, settings.operator_mail, settings.language, "operations", mail, at)
    try:
        hand_over(settings.smtp_url, message_of(row, settings.mail_from, at, settings.base_url), settings.operator_mail)
    except MailError as error:
        found.append(f"operations could not be mailed: {error.reason}")
