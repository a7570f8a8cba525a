"""The sender: claims the reader of a queued mail, hands it to the relay, marks it. Several may run at once.

Mails to one reader thus go out one after the other, and one that comes after a newer one on its alert says so. A mail
is marked after the relay took it: killed in between, it goes out again with the same Message-ID, never not at all.
"""

from __future__ import annotations

import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl
import sqlalchemy as sa
import structlog

from medsupply.alerts import deliver
from medsupply.alerts.one_pass import DENIED_IN_A_ROW, Pass
from medsupply.alerts.rendering import delayed
from medsupply.alerts.store import order
from medsupply.alerts.store.beats import beat
from medsupply.alerts.store.claims import Claims
from medsupply.alerts.store.next_person import escalate, pass_on, waits_for_morning
from medsupply.errors import MailRefused, MailUnavailable, SettingsError
from medsupply.warehouse.database.connection import Warehouse

log = structlog.get_logger()
WAITS = (1, 2, 5, 15, 30, 60)  # minutes between tries of one mail; then hourly
CHANNEL_WAIT = timedelta(minutes=1)  # after a try that failed for every mail alike
GIVE_UP_AFTER = timedelta(hours=72)
DRAIN_WAIT = timedelta(seconds=5)
# Conversations that break off in a row before the rest of the batch is left for the next pass.
DROPPED_IN_A_ROW = 3
# A severe alert that is refused by policy for so long, with no mail taken that shows whose fault it is, is tried on the
# next person.
DENIED_LONG = timedelta(minutes=15)
BATCH = 500
LONGEST_ANSWER = 500
# A test may kill the process here, to prove that nothing is lost.
FAILPOINTS = ("claimed", "handed_over", "marked")
_ARMED = os.environ.get("MEDSUPPLY_FAILPOINT", "")
CHANNEL = (deliver.RelayDown, deliver.ChannelBroken)


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
    timeout: float = deliver.TIMEOUT,
) -> Sent:
    """Hand over what is due; with ``drain`` go on, waits capped at 5 s, until nothing is queued.

    Raises SettingsError when no relay is set and something is queued, WarehouseError before the next claim once the
    database is another version's. A relay that fails TLS or login stops the run: the queue is kept.
    """
    url = smtp_url or wh.settings.smtp_url
    channel, done, claims = deliver.Channel(url, timeout), Sent(), Claims(wh)
    claims.look()
    escalate(wh, clock())
    beat(wh, "sender", clock())
    seen: set[str] = set()
    while True:
        claims.look()
        due = [one for one in _due(wh, clock(), drain) if drain or one not in seen]
        seen.update(due)  # what a pass queues, for the next person, goes out at once; a second try does not
        if due and not url:
            raise SettingsError("MEDSUPPLY_SMTP_URL is not set, and mails are queued", "Set the mail relay")
        open_channel = _send_all(claims, channel, due, clock, done, drain=drain)
        finished = not _queued(wh) if drain else not (due and open_channel)
        if done.stopped or finished:
            return done
        if not open_channel:
            sleep(DRAIN_WAIT.total_seconds())
        elif not due:
            sleep(0.5)


def _due(wh: Warehouse, now: datetime, drain: bool) -> list[str]:
    """Message ids that may be tried now: never tried, due again, or (drain) tried 5 s ago.

    Of those that were denied before one comes first: what is taken after it shows whose fault it is. The others come
    last, so that they hold up none.
    """
    found = wh.read(_DUE, now=now, drain=drain, tried=now - DRAIN_WAIT, batch=BATCH)
    fresh = found.filter(~pl.col("denied"))["message_id"].to_list()
    denied = found.filter("denied").sort("last", maintain_order=True)["message_id"].to_list()
    return [*denied[:1], *fresh, *denied[1:]]


# On a day on which much opens, the last mail waits for minutes.
# What the relay has put off least comes first: mails that make it drop the line would hold up all others. Then severe
# ones, each after the older mails on its alerts to its reader, so that the last word is the newest; then the oldest.
# An end waits for older mails, also for those that are not due; an alert has them tried there and then.
_DUE = """
    WITH mails AS (
        SELECT o.message_id, o.recipient, o.alert_ids, o.kind, o.level, o.created_at, t.later,
               coalesce(t.denied, false) AS denied, t.last, o.attempts = 0 AND o.waits IS NOT TRUE OR o.due_at <= :now
                   OR :drain AND coalesce(t.last, o.created_at) <= :tried AS due
        FROM alerts.outbox o LEFT JOIN LATERAL (
            SELECT max(a.at) AS last, count(*) FILTER (WHERE a.outcome = 'later') AS later,
                   bool_or(a.outcome = 'denied') AS denied
            FROM alerts.attempt a WHERE a.message_id = o.message_id) t ON true
        WHERE o.status = 'queued'),
    placed AS (
        SELECT m.message_id, bool_or(m.level = 'severe') OVER newer AS severe,
               CASE WHEN m.kind = 'resolved' THEN greatest(m.later, max(m.later) OVER older) ELSE m.later END AS later,
               m.kind = 'resolved' AND bool_or(NOT m.due) OVER older AS behind
        FROM mails m LEFT JOIN unnest(m.alert_ids) AS a (id) ON true
        WINDOW newer AS (PARTITION BY lower(m.recipient), a.id ORDER BY m.created_at
                         RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING),
               older AS (PARTITION BY lower(m.recipient), a.id ORDER BY m.created_at, m.message_id
                         ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING))
    SELECT m.message_id, m.denied, m.last FROM mails m JOIN (
        SELECT message_id, bool_or(severe) AS severe, max(later) AS later, bool_or(behind) AS behind
        FROM placed GROUP BY message_id) p USING (message_id)
    WHERE m.due AND p.behind IS NOT TRUE
    ORDER BY p.later, p.severe IS NOT TRUE, m.created_at, m.message_id LIMIT :batch
"""


def _queued(wh: Warehouse) -> int:
    return int(wh.read("select count(*) as n from alerts.outbox where status = 'queued'").item())


def _send_all(
    claims: Claims,
    channel: deliver.Channel,
    due: list[str],
    clock: Callable[[], datetime],
    done: Sent,
    *,
    drain: bool,
) -> bool:
    """Send each claimed mail; False: stopped, since no other mail would fare better now."""
    wh, met, waiting = claims.wh, Pass(dead=_dead_in_a_row(claims.wh)), deque(due)
    while waiting:
        message_id = waiting.popleft()
        with claims.claimed(message_id) as connection:
            if connection is None:
                continue
            for row in _in_order(connection, wh, message_id, met, clock, drain):
                reached("claimed")
                newer = order.newest_sent(connection, row)
                error = met.judged(row["message_id"], row["recipient"], _try_one(wh, channel, row, newer, clock))
                reached("handed_over")
                _account(connection, wh, row, clock(), error, done)
                reached("marked")
                waiting += met.noted(row["message_id"], error)
                if isinstance(error, CHANNEL):
                    return False
        if met.dropped >= DROPPED_IN_A_ROW:
            return False
        if len(met.denied) >= DENIED_IN_A_ROW:
            break
    if met.denied:
        done.stopped = next(iter(met.denied.values()))
        log.error("mail_channel_broken", reason=done.stopped)
    return not met.denied


def _in_order(
    connection: sa.Connection, wh: Warehouse, message_id: str, met: Pass, clock: Callable[[], datetime], drain: bool
) -> Iterator[dict[str, Any]]:
    """A claimed mail, after the older ones on its alerts to its reader that wait: each is tried once in a pass, then
    and there, whatever its due time. One that is put off again holds up an end alone."""
    row = _still_queued(connection, message_id)
    if row is None or message_id in met.tried or (not drain and waits_for_morning(connection, wh, row, clock())):
        return
    for one in order.older(connection, row):
        if one["message_id"] in met.tried or (not drain and waits_for_morning(connection, wh, one, clock())):
            continue
        if one["kind"] == "alert" or not order.older(connection, one):
            yield one
    if row["kind"] != "resolved" or not order.older(connection, row):
        yield row


def _try_one(
    wh: Warehouse,
    channel: deliver.Channel,
    row: dict[str, Any],
    newer: Mapping[str, Any] | None,
    clock: Callable[[], datetime],
) -> MailRefused | MailUnavailable | None:
    """None when the relay took the mail, else what it said. ``newer``: the mail after which it comes too late."""
    try:
        message = deliver.message_of(row if newer is None else {**row, **delayed(row, newer)}, wh.settings, clock())
        deliver.hand_over(channel, message, row["recipient"])
    except (MailRefused, MailUnavailable) as error:
        return error
    except (ValueError, UnicodeError) as error:  # a message that cannot be written never can be
        return MailRefused(f"The mail cannot be written ({error})", "Correct address and texts")
    return None


def _account(
    connection: sa.Connection,
    wh: Warehouse,
    row: dict[str, Any],
    now: datetime,
    error: MailRefused | MailUnavailable | None,
    done: Sent,
) -> None:
    """Write what came of a try into outbox and attempts; a dead address hands the mail on to the next person."""
    if error is None:
        done.sent += 1
        _mark(connection, row, "sent", now, None)
    elif isinstance(error, deliver.Denied):
        done.later += 1
        with connection.begin():
            _mark(connection, row, "denied", now, str(error), CHANNEL_WAIT)
            if row["kind"] == "alert" and row["level"] == "severe" and _denied_long(connection, row, now):
                pass_on(connection, wh, row, now)
    elif isinstance(error, CHANNEL):
        done.later += 1
        _mark(connection, row, "down", now, str(error), CHANNEL_WAIT)
        if isinstance(error, deliver.ChannelBroken):
            done.stopped = str(error)
            log.error("mail_channel_broken", reason=error.reason)
    else:
        _account_for_mail(connection, wh, row, now, error, done)


def _account_for_mail(
    connection: sa.Connection,
    wh: Warehouse,
    row: dict[str, Any],
    now: datetime,
    error: MailRefused | MailUnavailable,
    done: Sent,
) -> None:
    """What the relay said of this very mail: for ever, or tried again until 72 h after the first such answer."""
    tries, first = _told_off(connection, row)
    if isinstance(error, MailRefused) or now - (first or now) > GIVE_UP_AFTER:
        done.refused += 1
        with connection.begin():
            _mark(connection, row, "refused", now, str(error))
            pass_on(connection, wh, row, now)
    else:
        done.later += 1
        _mark(connection, row, "later", now, str(error), timedelta(minutes=WAITS[min(tries, len(WAITS) - 1)]))


def _denied_long(connection: sa.Connection, row: dict[str, Any], now: datetime) -> bool:
    query = sa.text("select min(at) from alerts.attempt where message_id = :id and outcome = 'denied'")
    first = connection.execute(query, {"id": row["message_id"]}).scalar()
    return first is not None and now - first >= DENIED_LONG


def _dead_in_a_row(wh: Warehouse) -> set[str]:
    """Addresses that were refused for good since the relay last took a mail."""
    query = (
        "select distinct lower(o.recipient) as who from alerts.attempt a join alerts.outbox o using (message_id)"
        " where a.outcome = 'refused' and o.status = 'failed' and a.at > coalesce("
        "(select max(at) from alerts.attempt where outcome = 'sent'), '-infinity')"
    )
    return set(wh.read(query)["who"])


def _told_off(connection: sa.Connection, row: dict[str, Any]) -> tuple[int, datetime | None]:
    """How often the relay has not taken this very mail, and since when, once it was last queued by a person. How old
    the picture is does not matter."""
    query = sa.text(
        "select count(*), min(at) from alerts.attempt where message_id = :id and outcome = 'later'"
        " and at >= coalesce(cast(:since as timestamptz), '-infinity')"
    )
    tries, first = connection.execute(query, {"id": row["message_id"], "since": row["requeued_at"]}).one()
    connection.commit()
    return int(tries), first


def _still_queued(connection: sa.Connection, message_id: str) -> dict[str, Any] | None:
    query = sa.text("select * from alerts.outbox where message_id = :id and status = 'queued'")
    row = connection.execute(query, {"id": message_id}).mappings().first()
    connection.commit()  # no transaction stays open while the relay is spoken to
    return dict(row) if row is not None else None


STATUS = {"sent": "sent", "refused": "failed", "later": "queued", "denied": "queued", "down": "queued"}


def _mark(
    connection: sa.Connection,
    row: dict[str, Any],
    outcome: str,
    now: datetime,
    error: str | None,
    wait: timedelta = timedelta(0),
) -> None:
    """Write the try, and what it means for the mail, in one statement."""
    values = {"id": row["message_id"], "number": row["attempts"] + 1, "now": now, "outcome": outcome,
              "error": printable(error),
              "status": STATUS[outcome], "due": now + wait}  # fmt: skip
    inside = connection.in_transaction()
    connection.execute(sa.text(_MARK), values)
    if not inside:
        connection.commit()
    log.info("mail", message_id=row["message_id"], status=STATUS[outcome], attempt=values["number"])


def printable(said: str | None) -> str | None:
    """What a relay said, fit for the database and a page: no NUL or other control characters, and not endless."""
    if said is None:
        return None
    return "".join(one if one.isprintable() else "�" for one in said)[:LONGEST_ANSWER]


_MARK = """
    WITH given (id, number, at, outcome, error, status, due) AS (
        SELECT CAST(:id AS text), CAST(:number AS bigint), CAST(:now AS timestamptz), CAST(:outcome AS text),
               CAST(:error AS text), CAST(:status AS text), CAST(:due AS timestamptz)),
    tried AS (
        INSERT INTO alerts.attempt (message_id, number, at, outcome, detail)
        SELECT id, number, at, outcome, error FROM given ON CONFLICT DO NOTHING)
    UPDATE alerts.outbox o SET status = g.status, attempts = g.number, last_error = g.error,
           sent_at = CASE WHEN g.status = 'sent' THEN g.at END,
           due_at = CASE WHEN g.status = 'queued' THEN g.due ELSE o.due_at END
    FROM given g WHERE o.message_id = g.id
"""


def reached(point: str) -> None:
    """Die here, as by kill -9, when this point is armed."""
    if point == _ARMED:
        os.kill(os.getpid(), signal.SIGKILL)
