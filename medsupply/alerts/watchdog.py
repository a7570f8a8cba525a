"""The watchdog: outside Airflow and outside the sender. It looks, mails operations by its own path, and beats."""

from __future__ import annotations

import json
import urllib.request
from datetime import datetime, timedelta

import sqlalchemy.exc

from medsupply.alerts.deliver import hand_over, message_of
from medsupply.alerts.mails import operations_mail
from medsupply.alerts.recipients import RANK
from medsupply.alerts.store.outbox import message_id_of, outbox_row, queue
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


REPEAT = timedelta(hours=6)


def watch(settings: Settings, *, at: datetime) -> list[str]:
    """What is late, in sentences; an empty list when all is well. Mails operations, or beats.

    The same findings are mailed again after six hours only.
    """
    try:
        wh = Warehouse.open(settings)
    except WarehouseError as error:
        found = [f"the warehouse does not answer: {error.reason}"]
    else:
        try:
            canary(wh, at)
            found = late(wh, at)
        except (WarehouseError, sqlalchemy.exc.SQLAlchemyError) as error:
            found = [f"the warehouse does not answer: {error}"]
        finally:
            wh.close()
    if found:
        _mail(settings, found, at)
    elif settings.heartbeat_url:
        found += _beat(settings.heartbeat_url)
    return found


def _beat(url: str) -> list[str]:
    try:
        with urllib.request.urlopen(url, timeout=10):
            return []
    except (OSError, ValueError) as error:
        return [f"the heartbeat address does not answer: {error}"]


def canary(wh: Warehouse, at: datetime) -> None:
    """Queue one mail a day to operations through the whole path; ``late`` tells when it is not handed over."""
    settings = wh.settings
    if not settings.operator_mail:
        return
    mail = operations_mail(settings.language, [f"canary {at:%Y-%m-%d}"], settings.base_url)
    message_id = message_id_of(f"canary|{at:%Y-%m-%d}", settings.mail_from)
    row = outbox_row(message_id, "canary", None, settings.operator_mail, settings.language, "operations", mail, at)
    with wh.transaction() as connection:
        queue(connection, [row])


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
    failed = wh.read("select count(*) as n from alerts.outbox where status = 'failed' and created_at > :since",
                     since=at - timedelta(days=1)).item()  # fmt: skip
    if failed:
        found.append(f"{failed} mails of the last day can never be delivered; see analyst.notifications")
    found += [f"nobody is subscribed to {level} alerts of the country" for level in _unheard(wh)]
    newest = wh.read("select max(received_at) from ops.deliveries").item()
    if newest is not None and newest - at > timedelta(minutes=10):
        found.append(f"the clock is behind the newest delivery ({newest})")
    return found


def _unheard(wh: Warehouse) -> list[str]:
    """Levels of the country that no confirmed address would get at once; an address that refused a mail is none."""
    query = """
        SELECT level FROM alerts.subscription s
        WHERE confirmed_at IS NOT NULL AND ended_at IS NULL AND NOT digest
          AND coalesce(county_code, '99') = '99' AND atc_prefix IS NULL AND medicine_id IS NULL AND form_class IS NULL
          AND NOT coalesce((SELECT o.status = 'failed' FROM alerts.outbox o WHERE lower(o.recipient) = lower(s.address)
                            AND o.status <> 'queued' ORDER BY o.created_at DESC LIMIT 1), false)
    """
    heard = set(wh.read(query)["level"].to_list())
    lowest = min((RANK[level] for level in heard), default=len(RANK) + 1)
    return [level for level in ("elevated", "severe") if RANK[level] < lowest]


def _mail(settings: Settings, found: list[str], at: datetime) -> None:
    """Its own path: straight to the relay, not through the outbox that may be what is stuck."""
    if not (settings.smtp_url and settings.operator_mail):
        return
    note, content = settings.home / "watchdog.json", json.dumps(sorted(line.split(" since ")[0] for line in found))
    try:
        before = json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        before = {}
    if before.get("found") == content and at - datetime.fromisoformat(before["at"]) < REPEAT:
        return
    mail = operations_mail(settings.language, found, settings.base_url)
    message_id = message_id_of(f"operations|{at.isoformat()}", settings.mail_from)
    row = outbox_row(message_id, "operations", None, settings.operator_mail, settings.language, "operations", mail, at)
    try:
        hand_over(settings.smtp_url, message_of(row, settings.mail_from, at, settings.base_url), settings.operator_mail)
    except MailError as error:
        found.append(f"operations could not be mailed: {error.reason}")
        return
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps({"found": content, "at": at.isoformat()}), encoding="utf-8")
