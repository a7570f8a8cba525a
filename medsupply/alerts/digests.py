"""Digests: one mail a day to everyone who is subscribed, also on quiet days; on Sundays the week with the scores.

An edge module (``store``): reads the warehouse, writes the outbox.
"""

from __future__ import annotations

from datetime import date, datetime

import polars as pl
import sqlalchemy as sa

from medsupply.alerts.mails import digest_mail
from medsupply.alerts.recipients import Subscription
from medsupply.alerts.store import _subscriptions, medicine_name, message_id_of, outbox_row
from medsupply.areas import AREAS
from medsupply.tables.alerts import OUTBOX
from medsupply.warehouse import bulk
from medsupply.warehouse.connection import Warehouse
from medsupply.warehouse.reading import read_frame

RANK = {"severe": 3, "elevated": 2, "watch": 1}


def digest(wh: Warehouse, as_of: date, *, at: datetime, weekly: bool = False) -> str:
    """Queue the digest of a report day for every subscribed address; a second call queues nothing new."""
    with wh.transaction() as connection:
        connection.execute(sa.text("select pg_advisory_xact_lock(hashtext('alerts'))"))
        lines = _subscriptions(connection)
        readers = {line.address.lower(): line for line in sorted(lines, key=lambda one: one.subscription_id)}
        rows = [_row(connection, wh, line, lines, as_of, at, weekly) for line in readers.values()]
        known = {row[0] for row in connection.execute(sa.text("select message_id from alerts.outbox"))}
        new = [row for row in rows if row["message_id"] not in known]
        bulk.copy(connection, OUTBOX, pl.DataFrame(new, schema=OUTBOX.dtypes()))
    return f"{len(new)} digests queued"


def _row(
    connection: sa.Connection,
    wh: Warehouse,
    reader: Subscription,
    lines: list[Subscription],
    as_of: date,
    at: datetime,
    weekly: bool,
) -> dict[str, object]:
    mine = [line for line in lines if line.address.lower() == reader.address.lower()]
    base = wh.settings.base_url
    link, end = f"{base}/?lang={reader.language}", f"{base}/alerts?unsubscribe=1&lang={reader.language}"
    open_alerts = _open(connection, mine, reader.language)
    heard, scores = _heard(connection, as_of), _scores(connection) if weekly else None
    mail = digest_mail(reader.language, as_of, open_alerts, heard, scores, link, end, weekly=weekly)
    kind = "weekly" if weekly else "daily"
    message_id = message_id_of(f"digest|{kind}|{reader.address.lower()}|{as_of}", wh.settings.mail_from)
    name = f"digest-{kind}-{as_of}"
    return outbox_row(message_id, name, None, reader.address, reader.language, "digest", mail, at, as_of=as_of)


def _open(connection: sa.Connection, mine: list[Subscription], language: str) -> list[tuple[str, str, str, date]]:
    """Open alerts this reader is subscribed to: name, area, level, opened on; the weightiest first."""
    query = """
        SELECT s.medicine_id, s.county_code, s.level, s.opened_on, m.atc, m.form_class, m.name_fi, m.name_sv, m.name_en
        FROM alerts.state s LEFT JOIN picture.medicines m USING (medicine_id)
        WHERE s.state <> 'closed' AND s.level IN ('watch', 'elevated', 'severe')
    """
    found: dict[tuple[str, str], tuple[str, str, str, date]] = {}
    for row in read_frame(connection, query, {}).iter_rows(named=True):
        if any(line.wants(row) for line in mine):
            name = medicine_name(row, row["medicine_id"], language)
            area = AREAS[row["county_code"]].name(language)
            before = found.get((row["medicine_id"], row["county_code"]))
            if before is None or RANK[row["level"]] > RANK[before[2]]:
                found[row["medicine_id"], row["county_code"]] = (name, area, row["level"], row["opened_on"])
    return sorted(found.values(), key=lambda one: (-RANK[one[2]], one[3], one[0], one[1]))


def _heard(connection: sa.Connection, as_of: date) -> tuple[int, int]:
    query = sa.text(
        "select count(*) filter (where state <> 'missing'), count(*) from analyst.completeness"
        " where as_of = :as_of and source = 'stock'"
    )
    row = connection.execute(query, {"as_of": as_of}).one()
    return int(row[0]), int(row[1])


def _scores(connection: sa.Connection) -> dict[str, int] | None:
    query = sa.text(
        "select true_episodes, false_episodes, warned, events from alerts.score where rule = 'run_out'"
        " and grouping = 'all' order by as_of desc limit 1"
    )
    row = connection.execute(query).first()
    if row is None:
        return None
    return {"true": row[0], "false": row[1], "warned": row[2], "events": row[3]}
