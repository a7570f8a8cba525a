"""Mails on one alert to one reader: which older ones wait, and which newer one is out already.

The claim of the sender is on the reader: what is read here stays true while a mail is handed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from medsupply.areas import COUNTRY

Row = Mapping[str, Any]
# n: the mails to the reader of o on an alert of it that were written later.
NEWER = """
    lower(n.recipient) = lower(o.recipient) AND n.kind IN ('alert', 'resolved') AND o.kind IN ('alert', 'resolved')
    AND (n.created_at, n.message_id) > (o.created_at, o.message_id) AND n.alert_ids && o.alert_ids
"""
_OLDER = f"""
    SELECT o.* FROM alerts.outbox n JOIN alerts.outbox o ON o.status = 'queued' AND {NEWER}
    WHERE n.message_id = :id ORDER BY o.created_at, o.message_id
"""  # noqa: S608  the part stands above
# No mail is due before it is written: by the index on status and due_at.
_NEWEST_SENT = f"""
    SELECT n.kind, n.level, n.sent_at FROM alerts.outbox o JOIN alerts.outbox n ON n.status = 'sent' AND {NEWER}
         AND n.due_at >= :written
    WHERE o.message_id = :id ORDER BY n.created_at DESC, n.message_id DESC LIMIT 1
"""  # noqa: S608  the part stands above
# The areas of a mail, the country first: whether newer mails that are out tell each alert of it there.
_AREAS = f"""
    SELECT s.county_code, bool_and(t.told) AS told FROM alerts.outbox o
    CROSS JOIN LATERAL unnest(o.alert_ids) AS a (id) JOIN alerts.state s ON s.alert_id = a.id
    CROSS JOIN LATERAL (SELECT EXISTS (
        SELECT 1 FROM alerts.outbox n WHERE n.status = 'sent' AND {NEWER} AND n.due_at >= :written
        AND a.id = ANY(n.alert_ids)) AS told) t
    WHERE o.message_id = :id GROUP BY s.county_code ORDER BY s.county_code <> '{COUNTRY}', s.county_code
"""  # noqa: S608  the part stands above


def older(connection: sa.Connection, row: Row) -> list[dict[str, Any]]:
    """The mails before this one that are still queued, the oldest first."""
    return _read(connection, _OLDER, row)


def newest_sent(connection: sa.Connection, row: Row) -> Row | None:
    """The newest of the mails after this one that the relay has taken: kind, level, when, and whether these mails tell
    all of each of its ``areas``."""
    newest = next(iter(_read(connection, _NEWEST_SENT, row)), None)
    if newest is None:
        return None
    return {**newest, "areas": {one["county_code"]: one["told"] for one in _read(connection, _AREAS, row)}}


def _read(connection: sa.Connection, query: str, row: Row) -> list[dict[str, Any]]:
    values = {"id": row["message_id"], "written": row["created_at"]}
    found = [dict(one) for one in connection.execute(sa.text(query), values).mappings()]
    connection.commit()  # no transaction stays open while the relay is spoken to
    return found
