"""Snapshots and lists that are suddenly short are stored but held: the one before stands as late.

The rule is for the accident of a cut file: the one before had 50 rows or more and more than 20 % of them are gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

import sqlalchemy as sa

from medsupply.sources.catalogue import Kind, Source
from medsupply.tables.core import CORE

Snapshot = tuple[str, date]
MIN_ROWS = 50
MAX_LOSS = 0.2

# Rows in quarantine were sent too; those released since are among the rows of the snapshot already.
_BEFORE = """
    SELECT n.holder_id, n.day, b.rows + (
        SELECT count(*) FROM ops.quarantine q WHERE q.delivery_id = b.delivery_id AND q.holder_id = n.holder_id
            AND q.day = b.day AND q.released_at IS NULL) AS rows_before
    FROM unnest(CAST(:holders AS text[]), CAST(:days AS date[])) AS n(holder_id, day)
    CROSS JOIN LATERAL (
        SELECT s.rows, s.day, s.delivery_id FROM ops.snapshots s JOIN ops.deliveries d USING (delivery_id)
        WHERE s.source = 'stock' AND s.holder_id = n.holder_id AND s.day <= n.day
          AND d.withdrawn_at IS NULL AND d.received_at <= :received_at AND (NOT s.held OR s.released_at IS NOT NULL)
        ORDER BY s.day DESC, d.received_at DESC, d.sha256 DESC LIMIT 1
    ) b
"""


def is_short(rows: int, before: int | None) -> bool:
    """Whether ``rows`` is so much shorter than ``before`` that it must be looked at."""
    return before is not None and before >= MIN_ROWS and rows < (1 - MAX_LOSS) * before


def held_snapshots(connection: sa.Connection, sent: Mapping[Snapshot, int], received_at: datetime) -> set[Snapshot]:
    """Which of the snapshots (holder and day, with the rows sent) are held, by the one that stood before each."""
    if not sent:
        return set()
    holders, days = [holder for holder, _ in sent], [day for _, day in sent]
    found = connection.execute(sa.text(_BEFORE), {"holders": holders, "days": days, "received_at": received_at})
    before = {(holder, day): int(rows) for holder, day, rows in found}
    held = set()
    previous: tuple[str, int] | None = None
    for key, rows in sorted(sent.items()):
        # Within one file the snapshot of the day before is the one before.
        within = previous[1] if previous is not None and previous[0] == key[0] else before.get(key)
        if is_short(rows, within):
            held.add(key)
        previous = (key[0], rows)
    return held


def list_is_held(
    connection: sa.Connection, source: Source, rows: int, scopes: Mapping[object, int] | None, received_at: datetime
) -> bool:
    """Whether a full list is held: the list that stands before it, within its scope, is much longer."""
    if source.kind is not Kind.FULL_LIST:
        return False
    parts: list[tuple[str, dict[str, object], int]] = [("true", {}, rows)]
    if scopes is not None:
        parts = [(f'"{source.scope[0]}" = :scope', {"scope": scope}, count) for scope, count in scopes.items()]
    for condition, parameters, now in parts:
        query = (
            f"select count(*) from {CORE[source.name].full_name} where {condition}"  # noqa: S608
            " and known_from <= :at and (known_to is null or known_to > :at)"
        )
        before = int(connection.execute(sa.text(query), {"at": received_at, **parameters}).scalar_one())
        if is_short(now, before):
            return True
    return False
