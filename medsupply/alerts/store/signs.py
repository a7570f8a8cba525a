"""Signs of life: what the watchdog reads in the warehouse, and the limit of each.

Day's work is due at eight in Helsinki: the picture and the evaluation of the day before, and a delivery on each open
day. The sender is due each few minutes.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

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
_FACTS = """
    SELECT now() AS clock,
      (SELECT max(received_at) FROM ops.deliveries WHERE verdict IN ('accepted', 'partly', 'held')) AS delivery,
      (SELECT max(received_at) FROM ops.deliveries) AS newest,
      (SELECT max(as_of) FROM picture.pictures WHERE stage = 'judged') AS picture,
      (SELECT max(as_of) FROM alerts.evaluations) AS evaluation,
      (SELECT max(known_at) FROM forecast.runs) AS forecast,
      (SELECT at FROM alerts.beat WHERE part = 'sender') AS sender,
      (SELECT min(CASE WHEN waits THEN due_at ELSE created_at END) FROM alerts.outbox
       WHERE status = 'queued') AS unsent,
      (SELECT count(*) FROM alerts.outbox WHERE status = 'failed' AND created_at > :day_ago) AS failed,
      (SELECT string_agg(as_of::text, ', ' ORDER BY as_of) FROM alerts.evaluations
       WHERE held AND released_at IS NULL) AS held,
      (SELECT count(*) FROM analyst.deliveries WHERE NOT equations_hold) AS broken,
      (SELECT count(*) FROM analyst.expected_deliveries WHERE NOT equation_holds) AS broken_days
"""
_CHANNEL = """
    SELECT a.detail, a.at FROM alerts.attempt a JOIN alerts.outbox o USING (message_id)
    WHERE a.outcome = 'down' AND o.status = 'queued'
      AND NOT EXISTS (SELECT 1 FROM alerts.attempt b WHERE b.outcome <> 'down' AND b.at > a.at)
    ORDER BY a.at LIMIT 1
"""


def signs(wh: Warehouse, at: datetime) -> list[str]:
    """What is older than its limit, was never there, or waits for a person; in sentences."""
    facts = wh.read(_FACTS, day_ago=at - timedelta(days=1)).row(0, named=True)
    return [
        *_day_work(facts, at),
        *_late(facts, at),
        *_channel(wh),
        *([f"{facts['failed']} mails of the last day can never be delivered; see analyst.notifications"]
          if facts["failed"] else []),
        *([f"alerts of {facts['held']} are held until a person releases them"] if facts["held"] else []),
        *([f"{facts['broken']} deliveries and {facts['broken_days']} days of expected deliveries do not add up;"
           " see medsupply check"] if facts["broken"] or facts["broken_days"] else []),
        *(f"nobody would be told of {rule} alerts" + (f" at level {level}" if level else "")
          for rule, level in unheard(wh)),
        *_false_equations(wh),
        *_clock(facts, at),
    ]  # fmt: skip


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


def _day_work(facts: dict[str, datetime], at: datetime) -> list[str]:
    due, found = day_due(at), []
    if facts["delivery"] is None or facts["delivery"] < delivery_due(at):
        found.append(f"no delivery was stored since {facts['delivery'] or 'ever'}")
    if facts["picture"] is None or facts["picture"] < due:
        found.append(f"there is no picture of {due}; the newest is of {facts['picture'] or 'no day'}")
    if facts["evaluation"] is None or facts["evaluation"] < due:
        found.append(f"no alerts of {due} were evaluated; the newest are of {facts['evaluation'] or 'no day'}")
    return found


def _late(facts: dict[str, datetime], at: datetime) -> list[str]:
    found = []
    if facts["forecast"] is None or at - facts["forecast"] > LIMITS["forecast"]:
        found.append(f"no demand forecast was made since {facts['forecast'] or 'ever'}")
    if facts["sender"] is None or at - facts["sender"] > LIMITS["sender"]:
        found.append(f"the sender has not run since {facts['sender'] or 'ever'}")
    if facts["unsent"] is not None and at - facts["unsent"] > LIMITS["unsent"]:
        found.append(f"mails wait unsent since {facts['unsent']}")
    return found


def _false_equations(wh: Warehouse) -> list[str]:
    found = proof.broken(wh, days=LOOK_BACK)
    return [f"{proof.sentence(found)}; run medsupply check"] if found.height else []


def _channel(wh: Warehouse) -> list[str]:
    found = wh.read(_CHANNEL)
    return [f"the mail relay takes nothing: {found['detail'][0]} since {found['at'][0]}"] if found.height else []


def _clock(facts: dict[str, datetime], at: datetime) -> list[str]:
    found = []
    if abs(facts["clock"] - at) > LIMITS["clock"]:
        found.append(f"the clocks differ: database {facts['clock']}, here {at}")
    if facts["newest"] is not None and facts["newest"] - at > timedelta(minutes=10):
        found.append(f"the clock is behind the newest delivery ({facts['newest']})")
    return found
