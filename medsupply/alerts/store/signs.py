"""Signs of life: what the watchdog reads in the warehouse, and the limit of each.

Day's work is due at eight in Helsinki: the picture and the evaluation of the day before, and a delivery on each open
day. The sender is due each few minutes.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from medsupply.alerts.findings import Finding, newest, since
from medsupply.alerts.store.hearing import unheard
from medsupply.days import HELSINKI, is_open
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.loading import proof

DUE = time(8)
# Days of deliveries whose files are looked at again each time; medsupply check looks further back.
LOOK_BACK = 1
LIMITS = {
    "forecast": timedelta(days=9),
    "sender": timedelta(minutes=20),
    "unsent": timedelta(minutes=30),
    "clock": timedelta(minutes=2),
}
_FACTS_OF_CHANNEL = """
    SELECT now() AS clock, (SELECT at FROM alerts.beat WHERE part = 'sender') AS sender,
      (SELECT min(CASE WHEN waits THEN due_at ELSE greatest(created_at, requeued_at) END) FROM alerts.outbox
       WHERE status = 'queued') AS unsent
"""
_FACTS = """
    SELECT
      (SELECT max(received_at) FROM ops.deliveries WHERE verdict IN ('accepted', 'partly', 'held')) AS delivery,
      (SELECT max(received_at) FROM ops.deliveries) AS newest,
      (SELECT max(as_of) FROM picture.pictures WHERE stage = 'judged') AS picture,
      (SELECT max(as_of) FROM alerts.evaluations) AS evaluation,
      (SELECT max(known_at) FROM forecast.runs) AS forecast,
      (SELECT count(*) FROM alerts.outbox WHERE status = 'failed' AND created_at > :day_ago) AS failed,
      (SELECT string_agg(as_of::text, ', ' ORDER BY as_of) FROM alerts.evaluations
       WHERE held AND released_at IS NULL) AS held,
      (SELECT count(*) FROM analyst.deliveries WHERE NOT equations_hold) AS broken,
      (SELECT count(*) FROM analyst.expected_deliveries WHERE NOT equation_holds) AS broken_days
"""
# Since when the relay takes nothing, and what it says now.
_CHANNEL = """
    SELECT first_value(a.detail) OVER (ORDER BY a.at DESC) AS detail, a.at
    FROM alerts.attempt a JOIN alerts.outbox o USING (message_id)
    WHERE a.outcome IN ('down', 'denied') AND o.status = 'queued'
      AND NOT EXISTS (SELECT 1 FROM alerts.attempt b WHERE b.outcome NOT IN ('down', 'denied') AND b.at > a.at)
    ORDER BY a.at LIMIT 1
"""


def signs(wh: Warehouse, at: datetime) -> list[Finding]:
    """What is older than its limit, was never there, or waits for a person."""
    facts = wh.read(_FACTS, day_ago=at - timedelta(days=1)).row(0, named=True)
    facts |= wh.read(_FACTS_OF_CHANNEL).row(0, named=True)
    return [*_day_work(facts, at), *_late(facts, at), *_channel(wh), *_waiting(facts), *_unheard(wh),
            *_false_equations(wh), *_clock(facts, at)]  # fmt: skip


def channel(wh: Warehouse, at: datetime) -> list[Finding]:
    """What keeps mails from their readers: a relay, sender or queue that stands still, rules that nobody would hear."""
    facts = wh.read(_FACTS_OF_CHANNEL).row(0, named=True)
    return [*_late(facts, at), *_channel(wh), *_unheard(wh)]


def _waiting(facts: dict[str, Any]) -> list[Finding]:
    found = []
    if facts["failed"]:
        found.append(Finding("failed", {"count": facts["failed"]}))
    if facts["held"]:
        found.append(Finding("held", {"days": facts["held"]}))
    if facts["broken"] or facts["broken_days"]:
        found.append(Finding("sums", {"deliveries": facts["broken"], "days": facts["broken_days"]}))
    return found


def _unheard(wh: Warehouse) -> list[Finding]:
    return [
        Finding("unheard_level", {"rule": rule, "level": level}) if level else Finding("unheard", {"rule": rule})
        for rule, level in unheard(wh)
    ]


def day_due(at: datetime) -> date:
    """The report day whose picture and evaluation must be there by now."""
    here = at.astimezone(HELSINKI)
    return here.date() - timedelta(days=1 if here.time() >= DUE else 2)


def delivery_due(at: datetime) -> datetime:
    """The moment after which a delivery must have come by now: the day before the newest open day's hour."""
    here = at.astimezone(HELSINKI)
    day = here.date() if here.time() >= DUE else here.date() - timedelta(days=1)
    while not is_open(day):
        day -= timedelta(days=1)
    return datetime.combine(day - timedelta(days=1), DUE, HELSINKI)


def _day_work(facts: dict[str, Any], at: datetime) -> list[Finding]:
    due, found = day_due(at), []
    if facts["delivery"] is None or facts["delivery"] < delivery_due(at):
        found.append(since("delivery", facts["delivery"]))
    for work in ("picture", "evaluation"):
        if facts[work] is None or facts[work] < due:
            found.append(newest(work, due, facts[work]))
    return found


def _late(facts: dict[str, Any], at: datetime) -> list[Finding]:
    found = [
        since(part, facts[part])
        for part in ("forecast", "sender")
        if part in facts and (facts[part] is None or at - facts[part] > LIMITS[part])
    ]
    if facts["unsent"] is not None and at - facts["unsent"] > LIMITS["unsent"]:
        found.append(since("unsent", facts["unsent"]))
    return found


def _false_equations(wh: Warehouse) -> list[Finding]:
    found = proof.broken(wh, days=LOOK_BACK)
    more = f" (+ {found.height - 3})" if found.height > 3 else ""
    return [Finding("equations", {"what": ", ".join(found["what"].head(3)) + more})] if found.height else []


def _channel(wh: Warehouse) -> list[Finding]:
    found = wh.read(_CHANNEL)
    return [Finding("relay", {"detail": found["detail"][0], "since": found["at"][0]})] if found.height else []


def _clock(facts: dict[str, Any], at: datetime) -> list[Finding]:
    found = []
    if abs(facts["clock"] - at) > LIMITS["clock"]:
        found.append(Finding("clock", {"database": facts["clock"], "here": at}))
    if facts["newest"] is not None and facts["newest"] - at > timedelta(minutes=10):
        found.append(Finding("behind", {"newest": facts["newest"]}))
    return found
