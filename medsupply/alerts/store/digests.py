"""Digests: one mail a day to everyone who is subscribed, also on quiet days; weekly with the scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa

from medsupply.alerts import links
from medsupply.alerts.digest_mails import OpenAlert, Scores, about_service, digest_mail, why_open
from medsupply.alerts.folding import IMMEDIATE, RULES, SERVICE
from medsupply.alerts.mails import medicine_name
from medsupply.alerts.recipients import PRIVILEGED, RANK, RESTRICTED_RULES, Subscription
from medsupply.alerts.store.memory import MEMBERS
from medsupply.alerts.store.outbox import message_id_of, outbox_row, queue
from medsupply.alerts.store.writing import subscriptions
from medsupply.areas import AREAS
from medsupply.days import HELSINKI
from medsupply.tables.alerts import in_hand
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.database.reading import read_frame

# Rules that mail at once first.
ORDER = {rule.name: place for place, rule in enumerate(sorted((*RULES, *SERVICE), key=lambda rule: not rule.immediate))}
# Rules that are told from a subscription's lowest level up. Of all others, which send no mail of their own, the digest
# tells at any level (decision 0004); that nothing is left says more of the run-out that has been told by its level.
BY_LEVEL = IMMEDIATE | {"stock_zero"}
OF_SERVICE = frozenset(rule.name for rule in SERVICE)
# How long the digest waits for a day that has not been evaluated; after that it goes out and says so.
WAITS = timedelta(hours=2)


def is_due(wh: Warehouse, as_of: date, at: datetime) -> bool:
    """Whether the digest of a report day goes out now: at its hour, when the day is evaluated, or two hours later."""
    due = datetime.combine(as_of + timedelta(days=1), time(wh.settings.digest_hour), HELSINKI)
    known = wh.read("select count(*) as n from alerts.evaluations where as_of = :as_of", as_of=as_of).item()
    return at >= (due if known else due + WAITS)


def digest(wh: Warehouse, as_of: date, *, at: datetime, weekly: bool = False) -> str:
    """Queue the digest of a report day for every subscribed address; a second call queues nothing new."""
    with wh.transaction() as connection:
        connection.execute(sa.text("select pg_advisory_xact_lock(hashtext('alerts'))"))
        lines = subscriptions(connection)
        readers = {line.address.lower(): line for line in sorted(lines, key=lambda one: one.subscription_id)}
        day = _day(connection, as_of, at, weekly)
        rows = [_row(wh, line, lines, day, at, weekly) for line in readers.values()]
        queued = queue(connection, rows)
    return f"{queued} digests queued"


@dataclass(frozen=True)
class _Day:
    """What all digests of a report day are made of: rows of open alerts, holders heard of, the newest evaluated day."""

    as_of: date
    open: list[dict[str, Any]]
    heard: tuple[int, int]
    newest: date | None
    scores: Scores | None


def _day(connection: sa.Connection, as_of: date, at: datetime, weekly: bool) -> _Day:
    rows = read_frame(connection, _OPEN, {"as_of": as_of, "at": at}).to_dicts()
    scores = _scores(connection) if weekly else None
    return _Day(as_of, rows, _heard(connection, as_of), _newest(connection, as_of), scores)


def _row(
    wh: Warehouse, reader: Subscription, lines: list[Subscription], day: _Day, at: datetime, weekly: bool
) -> dict[str, object]:
    mine = [line for line in lines if line.address.lower() == reader.address.lower()]
    link = f"{wh.settings.base_url}/?lang={reader.language}"
    end = links.link(wh.settings, reader.address, links.END, reader.language)
    found = _told(day.open, mine, reader.language)
    mail = digest_mail(
        reader.language, day.as_of, found, day.heard, day.scores, link, end, weekly=weekly, newest=day.newest
    )
    kind = "weekly" if weekly else "daily"
    message_id = message_id_of(f"digest|{kind}|{reader.address.lower()}|{day.as_of}", wh.settings.mail_from)
    name = f"digest-{kind}-{day.as_of}"
    return outbox_row(message_id, name, None, reader.address, reader.language, "digest", mail, at, as_of=day.as_of)


_OPEN = f"""
    WITH members AS ({MEMBERS})
    SELECT s.rule, s.medicine_id, s.county_code, s.level, s.state, s.opened_on, m.atc, m.form_class, m.name_fi,
           m.name_sv, m.name_en, a.owner, f.members
    FROM alerts.state s LEFT JOIN picture.medicines m USING (medicine_id)
    LEFT JOIN members f ON f.family_id = s.medicine_id LEFT JOIN LATERAL (
        SELECT k.owner FROM alerts.acknowledgement k WHERE {in_hand(":at")} ORDER BY k.at DESC LIMIT 1) a ON true
    WHERE s.opened_on <= :as_of AND (s.closed_on IS NULL OR s.closed_on > :as_of)
    ORDER BY s.opened_on, s.alert_id
"""  # noqa: S608


def tells(line: Subscription, item: Mapping[str, Any], rule: str) -> bool:
    """Whether the digest tells an alert of ``rule`` to who has this subscription: about its subject, by its level."""
    return line.wants(item) or (rule not in BY_LEVEL and line.covers(item))


def _told(rows: list[dict[str, Any]], mine: list[Subscription], language: str) -> list[OpenAlert]:
    """Open alerts that this reader is subscribed to, one line per family and area, the weightiest first; those below
    the lowest level of the subscription, which the rules without a mail of their own are told at, come after.

    Of several rules at one level a line tells of the one that mails at once: the others say more of the same, and who
    has it in hand has taken on that one.
    """
    privileged = any(line.role in PRIVILEGED for line in mine)
    found: dict[tuple[str, str], OpenAlert] = {}
    for row in sorted(rows, key=lambda row: ORDER.get(row["rule"], len(ORDER))):
        if not any(tells(line, row, row["rule"]) for line in mine):
            continue
        if row["rule"] in RESTRICTED_RULES and not privileged:
            continue
        one = _open_alert(row, language, aside=not any(line.wants(row) for line in mine))
        key = (row["medicine_id"], row["county_code"])
        if key not in found or _rank(one) > _rank(found[key]):
            found[key] = one
    return sorted(found.values(), key=lambda one: (one.aside, -_rank(one), one.since, one.medicine, one.area))


def _open_alert(row: dict[str, Any], language: str, *, aside: bool) -> OpenAlert:
    rule, subject = row["rule"], row["medicine_id"]
    return OpenAlert(
        medicine_name(row, subject, language),
        AREAS[row["county_code"]].name(language),
        row["level"] if row["level"] in RANK else "unknown",
        row["opened_on"],
        row["owner"],
        row["state"] == "easing",
        why_open(rule, language),
        aside=aside,
        about=about_service(rule, subject, language) if rule in OF_SERVICE else "",
        offered=rule not in RESTRICTED_RULES,
    )


def _rank(one: OpenAlert) -> int:
    return RANK.get(one.level, 0)


def _newest(connection: sa.Connection, as_of: date) -> date | None:
    """The newest evaluated day up to ``as_of``."""
    query = sa.text("select max(as_of) from alerts.evaluations where as_of <= :as_of")
    found: date | None = connection.execute(query, {"as_of": as_of}).scalar_one()
    return found


def _heard(connection: sa.Connection, as_of: date) -> tuple[int, int]:
    query = sa.text(
        "select count(*) filter (where state = 'reported'), count(*) from analyst.completeness"
        " where as_of = :as_of and source = 'stock'"
    )
    row = connection.execute(query, {"as_of": as_of}).one()
    return int(row[0]), int(row[1])


def _scores(connection: sa.Connection) -> Scores | None:
    query = sa.text(
        "select true_episodes, false_episodes, averted, warned, events, recall, precision,"
        " base_rate_per_100_years from alerts.score"
        " where rule = 'run_out' and grouping = 'all' order by as_of desc limit 1"
    )
    row = connection.execute(query).first()
    return Scores(*row) if row is not None else None
