"""Failed mails that a person queues again, once the relay is mended. An edge: reads and writes the warehouse.

They keep their Message-ID and their place before newer mails. What a newer mail that the reader has had tells is left
alone, unless it is asked for by its Message-ID: then it goes out as delayed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from medsupply.alerts.store.order import NEWER
from medsupply.errors import InputError
from medsupply.warehouse.database.audit import audit
from medsupply.warehouse.database.connection import Warehouse

ACTION = "requeue_mail"
Row = Mapping[str, Any]
# Each failed mail that is asked for, when it failed, and the newest mail that the reader has had of its matter: on
# alerts, where newer ones tell of each alert that it is about; else the next digest of its kind.
_FOUND = f"""
    SELECT o.message_id, o.kind, o.alert_id, o.body_text IS NULL AS textless, newer.message_id AS newer,
           left(o.recipient, 1) || '***@' || split_part(o.recipient, '@', 2) AS reader,
           o.kind = 'operations' OR o.stands_in IS TRUE OR EXISTS (
               SELECT 1 FROM alerts.subscription s
               WHERE lower(s.address) = lower(o.recipient) AND s.ended_at IS NULL) AS wanted
    FROM alerts.outbox o
    LEFT JOIN LATERAL (SELECT max(a.at) AS last FROM alerts.attempt a WHERE a.message_id = o.message_id) t ON true
    LEFT JOIN LATERAL (
        SELECT (array_agg(n.message_id ORDER BY n.created_at DESC))[1] AS message_id FROM alerts.outbox n
        LEFT JOIN unnest(n.alert_ids) AS a (id) ON true
        WHERE n.status = 'sent' AND ({NEWER} OR o.kind = 'digest' AND n.kind = 'digest'
            AND n.created_at > o.created_at AND lower(n.recipient) = lower(o.recipient)
            AND split_part(n.alert_id, '-', 2) = split_part(o.alert_id, '-', 2))
        HAVING o.kind = 'digest' OR array_agg(a.id) @> o.alert_ids) newer ON true
    WHERE o.status = 'failed' AND lower(o.recipient) = lower(coalesce(CAST(:address AS varchar), o.recipient))
      AND o.message_id = ANY(coalesce(CAST(:ids AS varchar[]), ARRAY[o.message_id]))
      AND coalesce(t.last, o.created_at) >= coalesce(CAST(:since AS timestamptz), '-infinity')
      AND coalesce(t.last, o.created_at) <= coalesce(CAST(:until AS timestamptz), 'infinity')
    ORDER BY o.created_at, o.message_id
"""  # noqa: S608  the part stands in order.py
_QUEUE = """
    UPDATE alerts.outbox SET status = 'queued', due_at = :at, waits = false, requeued_at = :at WHERE message_id = :id
"""


@dataclass(frozen=True)
class Wanted:
    """Which failed mails: to an address, by Message-ID, that failed in [``since``, ``until``]."""

    address: str | None = None
    message_ids: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether nothing narrows it down."""
        return not (self.address or self.message_ids or self.since or self.until)


def requeue(
    wh: Warehouse, wanted: Wanted, *, author: str, reason: str, at: datetime, dry_run: bool = False
) -> list[str]:
    """Queue failed mails again; says in lines what became of each. With ``dry_run`` nothing is changed.

    Raises InputError without a filter, and for a Message-ID of no failed mail.
    """
    if not author.strip() or not reason.strip():
        raise InputError("Queueing mails again needs an author and a reason", "Say who and why")
    if wanted.is_open:
        raise InputError("Not all mails that ever failed are queued again", "Name an address, a Message-ID or a time")
    with wh.transaction() as connection:
        # No evaluation writes a newer mail meanwhile.
        connection.execute(sa.text("select pg_advisory_xact_lock(hashtext('alerts'))"))
        rows = _found(connection, wanted)
        kept = {row["message_id"]: _kept_back(row, bool(wanted.message_ids)) for row in rows}
        for row in rows:
            if kept[row["message_id"]] is None and not dry_run:
                connection.execute(sa.text(_QUEUE), {"id": row["message_id"], "at": at})
                audit(connection, at, ACTION, row["message_id"], author.strip(), reason.strip())
    return _told(rows, kept, dry_run)


def _found(connection: sa.Connection, wanted: Wanted) -> list[Row]:
    values = {"address": wanted.address, "ids": list(wanted.message_ids) or None, "since": wanted.since,
              "until": wanted.until}  # fmt: skip
    rows: list[Row] = [dict(row) for row in connection.execute(sa.text(_FOUND), values).mappings()]
    unknown = set(wanted.message_ids) - {row["message_id"] for row in rows}
    if unknown:
        raise InputError(
            f"{', '.join(sorted(unknown))}: no such failed mail", "See analyst.notifications, with the angle brackets"
        )
    return rows


def _kept_back(row: Row, by_id: bool) -> str | None:
    """Why a failed mail is not queued again; None: it is."""
    if row["textless"]:
        return "its text is gone by retention"
    if not row["wanted"]:
        return "the reader has no subscription any more"
    return f"a newer mail that is out tells it: {row['newer']}" if row["newer"] and not by_id else None


def _told(rows: Sequence[Row], kept: Mapping[str, str | None], dry_run: bool) -> list[str]:
    queued = sum(one is None for one in kept.values())
    total = f"{queued} {'mail' if queued == 1 else 'mails'} {'would be ' if dry_run else ''}queued again"
    lines = [
        f"  {row['message_id']} ({row['kind']}, {row['alert_id']}) to {row['reader']}: "
        + (f"left, {why}" if (why := kept[row["message_id"]]) else "would be queued" if dry_run else "queued")
        for row in rows
    ]
    return [f"{total}, {len(rows) - queued} left", *lines]
