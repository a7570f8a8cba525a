"""The watchdog: outside Airflow and outside the sender. It looks, mails operations by its own path, and beats.

It mails when something is found, again after six hours, and once when all is well again. It never hangs with what it
watches: a warehouse that does not answer in time is a finding.
"""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Callable
from concurrent.futures import Future, wait
from datetime import datetime, timedelta

import sqlalchemy.exc
import structlog

from medsupply.alerts.deliver import Channel, hand_over, message_of
from medsupply.alerts.findings import Finding, in_language
from medsupply.alerts.mails import operations_mail
from medsupply.alerts.store.outbox import message_id_of, outbox_row, queue
from medsupply.alerts.store.signs import signs
from medsupply.days import HELSINKI
from medsupply.errors import MailError, WarehouseError
from medsupply.settings import Settings
from medsupply.warehouse.database.connection import Warehouse

log = structlog.get_logger()
REPEAT = timedelta(hours=6)
PATIENCE = 120.0  # seconds


def watch(settings: Settings, *, at: datetime, patience: float = PATIENCE) -> list[Finding]:
    """What is late or wrong; an empty list when all is well. Mails operations, or beats."""
    found = _in_time(lambda: _look(settings, at), patience)
    found += _tell(settings, found, at)
    if not found and settings.heartbeat_url:
        found += _beat(settings.heartbeat_url)
    return found


def _in_time(look: Callable[[], list[Finding]], patience: float) -> list[Finding]:
    """What ``look`` finds; a thread that is stuck in it does not hold the process. An error of its own is a finding."""
    found: Future[list[Finding]] = Future()

    def run() -> None:
        try:
            found.set_result(look())
        except Exception as error:  # noqa: BLE001 - handed to who waits, who tells it
            found.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    if not wait([found], patience).done:
        return [Finding("slow", {"seconds": round(patience)})]
    error = found.exception()
    if error is None:
        return found.result()
    log.error("watchdog_failed", exc_info=error)
    return [Finding("broke", {"reason": f"{type(error).__name__}: {error}"})]


def _look(settings: Settings, at: datetime) -> list[Finding]:
    try:
        wh = Warehouse.open(settings)
    except WarehouseError as error:
        return [Finding("silent", {"reason": error.reason})]
    try:
        canary(wh, at)
        return signs(wh, at)
    except (WarehouseError, sqlalchemy.exc.SQLAlchemyError) as error:
        return [Finding("silent", {"reason": str(error)})]
    finally:
        wh.close()


def _beat(url: str) -> list[Finding]:
    try:
        with urllib.request.urlopen(url, timeout=10):
            return []
    except (OSError, ValueError) as error:
        return [Finding("heartbeat", {"reason": str(error)})]


def canary(wh: Warehouse, at: datetime) -> None:
    """Queue one mail a day to operations through outbox and sender; ``signs`` tells when it is not handed over."""
    settings = wh.settings
    if not settings.operator_mail:
        return
    mail = operations_mail(
        settings.language,
        [Finding("canary", {"day": at.astimezone(HELSINKI).date()}).told(settings.language)],
        settings.base_url,
    )
    message_id = message_id_of(f"canary|{at:%Y-%m-%d}", settings.mail_from)
    row = outbox_row(message_id, "canary", None, settings.operator_mail, settings.language, "operations", mail, at)
    with wh.transaction() as connection:
        queue(connection, [row])


def _tell(settings: Settings, found: list[Finding], at: datetime) -> list[Finding]:
    """Mail what is new, what is six hours old, and the end of it; what goes wrong with that is a finding too."""
    note, content = settings.home / "watchdog.json", json.dumps(sorted(one.key for one in found))
    try:
        before = json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        before = {"found": "[]"}
    same = before["found"] == content
    if same and (not found or at - datetime.fromisoformat(before["at"]) < REPEAT):
        return []
    failed = _mail(settings, found or [Finding("well")], at)
    if not failed:
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps({"found": content, "at": at.isoformat()}), encoding="utf-8")
    return failed


def _mail(settings: Settings, found: list[Finding], at: datetime) -> list[Finding]:
    """Its own path: straight to a relay, its own one where it is set, not through the outbox that may be stuck."""
    relay = settings.watchdog_smtp_url or settings.smtp_url
    if not (relay and settings.operator_mail):
        return [Finding("no_operator")]
    mail = operations_mail(settings.language, in_language(found, settings.language), settings.base_url)
    message_id = message_id_of(f"operations|{at.isoformat()}", settings.mail_from)
    row = outbox_row(message_id, "operations", None, settings.operator_mail, settings.language, "operations", mail, at)
    try:
        hand_over(Channel(relay), message_of(row, settings, at), settings.operator_mail)
    except MailError as error:
        return [Finding("unmailed", {"reason": error.reason})]
    return []
