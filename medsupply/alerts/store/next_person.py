"""The next person: told when an address is dead, and when nobody acknowledges a severe alert in time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any

import sqlalchemy as sa

from medsupply.alerts.recipients import Group, Subscription
from medsupply.alerts.rendering import for_stand_in
from medsupply.alerts.store import memory
from medsupply.alerts.store.outbox import message_id_of, queue, untried
from medsupply.alerts.store.writing import Context, context, group_row, item_of, subscriptions
from medsupply.alerts.telling import Notice
from medsupply.days import HELSINKI, is_open
from medsupply.rules import load_rules
from medsupply.settings import Settings
from medsupply.tables.alerts import in_hand, silences
from medsupply.warehouse.database.connection import Warehouse

WORKDAY = (time(8), time(16))
UNANSWERED_HOURS = 2.0


def pass_on(connection: sa.Connection, wh: Warehouse, row: Mapping[str, Any], at: datetime) -> None:
    """Queue a mail that its recipient can never get for the next person: the deputy, else operations."""
    if row["kind"] in ("confirmation", "digest"):
        return
    tried = _tried(connection, row)
    person = _next_of(subscriptions(connection), row["recipient"], wh.settings)
    # Deputies may name each other: who has been tried for this mail is asked once.
    if person is not None and person.lower() in tried:
        person = wh.settings.operator_mail
    if person is None or person.lower() in tried or _told_the_end(connection, row, person):
        return
    queue(connection, [_for_person(connection, wh, row, person, "passed_on", at)])


def _tried(connection: sa.Connection, row: Mapping[str, Any]) -> set[str]:
    """Addresses that could not be given a mail: its recipient and those it was passed on from."""
    query = sa.text("select lower(recipient) as who, thread, stands_in from alerts.outbox where message_id = :id")
    found, before = {str(row["recipient"]).lower()}, row["thread"] if row["stands_in"] else None
    while before:
        one = connection.execute(query, {"id": before}).first()
        if one is None or one.who in found:
            break
        found.add(one.who)
        before = one.thread if one.stands_in else None
    return found


def _told_the_end(connection: sa.Connection, row: Mapping[str, Any], person: str) -> bool:
    """Whether this is an end that the person, who got the opening, is told of already."""
    query = sa.text(
        "select count(*) from alerts.outbox where lower(recipient) = lower(:person) and kind = 'resolved'"
        " and as_of = :as_of and alert_ids @> cast(:ids as varchar[])"
    )
    values = {"person": person, "as_of": row["as_of"], "ids": list(row["alert_ids"] or ())}
    return row["kind"] == "resolved" and bool(connection.execute(query, values).scalar_one())


def _for_person(
    connection: sa.Connection, wh: Warehouse, row: Mapping[str, Any], person: str, why: str, at: datetime
) -> dict[str, Any]:
    """The mail for another person: an alert in that person's own language and role, saying why it comes there."""
    copy = _copy(row, person, why, at, wh.settings)
    lines = subscriptions(connection)
    mine = next((line for line in lines if line.address.lower() == person.lower()), None)
    first = next((line for line in lines if line.address.lower() == str(row["recipient"]).lower()), None)
    wanted = set(row["alert_ids"] or ())
    open_ = [one for one in memory.stored_episodes(connection) if one.alert_id in wanted and one.closed_on is None]
    if row["kind"] != "alert" or not open_:
        return copy
    here = context(connection, wh.settings, load_rules())._replace(at=at)
    items = tuple(item_of(Notice(one, "alert"), here.medicines) for one in open_)
    speaks, acts = mine.language if mine else row["language"], (mine or first)
    group = Group(person, speaks, acts.role if acts else None, open_[0].medicine_id, items, stands_in=True)
    again = group_row(connection, here, group, "alert", about=why)
    kept = ("language", "subject", "body_text", "body_html")
    return {**copy, **{name: again[name] for name in kept}} if again else copy


def _copy(row: Mapping[str, Any], person: str, why: str, at: datetime, settings: Settings) -> dict[str, Any]:
    """The same mail for another person, who has no subscription to it that could be ended."""
    text, html = for_stand_in(row["body_text"], row["body_html"], row["language"])
    return {
        **row,
        "recipient": person,
        "message_id": message_id_of(f"{why}|{row['message_id']}|{person}", settings.mail_from),
        "body_text": text,
        "body_html": html,
        "thread": row["message_id"],
        "rota": None,
        "stands_in": True,
        **untried(at),
    }


def waits_for_morning(connection: sa.Connection, wh: Warehouse, row: Mapping[str, Any], at: datetime) -> bool:
    """Whether a mail for office hours is put off now. A severe alert goes to who is on duty, or out at once.

    Where nobody is on duty nothing waits that is severe: better one person woken than nobody.
    """
    if row["rota"] is None or in_office_hours(at):
        return False
    severe = row["kind"] in ("alert", "operations") and row["level"] == "severe"
    with connection.begin():
        on_duty = _on_duty(connection, row["rota"], at) if severe else []
        if severe and (not on_duty or row["recipient"].lower() in map(str.lower, on_duty)):
            return False
        query = sa.text("update alerts.outbox set waits = true, due_at = :due where message_id = :id")
        connection.execute(query, {"due": next_opening(at), "id": row["message_id"]})
        queue(connection, [_for_person(connection, wh, row, one, "on_duty", at) for one in on_duty])
    return True


def _on_duty(connection: sa.Connection, rota: str, at: datetime) -> list[str]:
    query = sa.text(
        "select address from alerts.duty where rota = :rota and starts_at <= :at and ends_at > :at order by address"
    )
    return list(connection.execute(query, {"rota": rota, "at": at}).scalars())


def _next_of(lines: list[Subscription], address: str, settings: Settings) -> str | None:
    mine = sorted(line.deputy for line in lines if line.address.lower() == address.lower() and line.deputy is not None)
    found = mine[0] if mine else settings.operator_mail
    return found if found and found.lower() != address.lower() else None


def escalate(wh: Warehouse, at: datetime) -> int:
    """Tell of severe alerts that nobody has in hand: readers when an acknowledgement runs out, and two working hours
    after the alert, or after that, was left unanswered, deputies, or operations. Each once; returns how many mails."""
    with wh.transaction() as connection:
        connection.execute(sa.text("select pg_advisory_xact_lock(hashtext('alerts'))"))
        waiting = connection.execute(sa.text(_UNANSWERED), {"at": at, "since": at - timedelta(days=7)}).all()
        if not waiting:
            return 0
        episodes = {one.alert_id: one for one in memory.stored_episodes(connection)}
        # As of now: who had it in hand on the newest day may not have it any more.
        here, lines = context(connection, wh.settings, load_rules())._replace(at=at), subscriptions(connection)
        queued = 0
        for one in waiting:
            item = item_of(Notice(episodes[one.alert_id], "alert"), here.medicines)
            wanted = [line for line in lines if line.wants(item) and not line.digest]
            queued += _remind(connection, here, one, item, _to_tell(wh.settings, one, wanted, at), at)
        return queued


def _to_tell(
    settings: Settings, waits: Any, wanted: list[Subscription], at: datetime
) -> list[tuple[Subscription, str]]:
    """Who is told that an alert waits, and why: operations where no reader has named a deputy who is no reader too."""
    people = [(line, "lapsed") for line in wanted] if waits.lapsed else []
    if working_hours(waits.since, at) < UNANSWERED_HOURS:
        return people
    readers = {line.address.lower() for line in wanted}
    deputies = [
        (replace(line, address=line.deputy), "escalated")
        for line in wanted
        if line.deputy and line.deputy.lower() not in readers
    ]
    if not deputies and settings.operator_mail:
        deputies = [(Subscription(settings.operator_mail, settings.language, None, "severe"), "unanswered")]
    return people + deputies


def _remind(
    connection: sa.Connection,
    here: Context,
    waits: Any,
    item: Mapping[str, str | None],
    people: list[tuple[Subscription, str]],
    at: datetime,
) -> int:
    """Queue the mail of an alert that waits for each of ``people`` who has not had one since it waits."""
    query = sa.text(
        "select lower(recipient) from alerts.outbox where :id = any(alert_ids) and kind = 'alert'"
        " and coalesce(sent_at, created_at) >= :since"
    )
    known = set(connection.execute(query, {"id": waits.alert_id, "since": waits.since}).scalars())
    rows = []
    for line, about in people:
        address = line.address
        if address.lower() in known:
            continue
        known.add(address.lower())
        group = Group(
            address, line.language, line.role, str(item["medicine_id"]), (item,), line.rota, about != "lapsed"
        )
        row = group_row(connection, here, group, "alert", about=about)
        key = f"{about}|{waits.alert_id}|{address.lower()}|{waits.since.isoformat()}"
        message_id = message_id_of(key, here.settings.mail_from)
        rows += [{**row, "message_id": message_id}] if row else []
    return queue(connection, rows)


# Severe alerts that nobody has in hand, and since when: the first mail since the level last rose to severe, or the end
# of an acknowledgement after it. What was told of an earlier wave, and who had that in hand, does not count, unless the
# rise is told by no mail of its own.
_UNANSWERED = f"""
    SELECT alert_id, greatest(first, lapsed) AS since, coalesce(lapsed > first, false) AS lapsed FROM (
        SELECT s.alert_id,
               min(o.sent_at) FILTER (WHERE o.status = 'sent' AND o.sent_at <= :at
                                      AND (o.as_of >= rose.day OR NOT told.anew)) AS first,
               (SELECT max(k.expires_at) FROM alerts.acknowledgement k
                WHERE k.alert_id = s.alert_id AND k.level = 'severe' AND k.expires_at <= :at) AS lapsed
        FROM alerts.state s
        JOIN alerts.outbox o ON s.alert_id = ANY(o.alert_ids) AND o.kind = 'alert' AND o.level = 'severe'
        LEFT JOIN LATERAL (
            SELECT max(e."on") AS day FROM alerts.event e WHERE e.alert_id = s.alert_id AND e.level = 'severe'
              AND e.transition IN ('opened', 'raised') AND e.withdrawn_at IS NULL) rose ON true
        CROSS JOIN LATERAL (
            SELECT coalesce(bool_or(m.as_of >= rose.day), false) AS anew FROM alerts.outbox m
            WHERE s.alert_id = ANY(m.alert_ids) AND m.kind = 'alert' AND m.level = 'severe') told
        WHERE s.closed_on IS NULL AND s.level = 'severe' AND NOT EXISTS (
            SELECT 1 FROM alerts.silence i WHERE {silences(":at")})
          AND NOT EXISTS (
            SELECT 1 FROM alerts.acknowledgement k
            WHERE {in_hand(":at")})
        GROUP BY s.alert_id) waits
    WHERE first IS NOT NULL AND greatest(first, lapsed) >= :since ORDER BY alert_id
"""  # noqa: S608  the part stands with the table


def in_office_hours(at: datetime) -> bool:
    """Whether it is a weekday between 8 and 16 in Helsinki, and no public holiday."""
    here = at.astimezone(HELSINKI)
    return is_open(here.date()) and here.weekday() < 5 and WORKDAY[0] <= here.time() < WORKDAY[1]


def next_opening(at: datetime) -> datetime:
    """When office hours begin next."""
    here = at.astimezone(HELSINKI)
    day = here.date() if here.time() < WORKDAY[0] else here.date() + timedelta(days=1)
    while not (is_open(day) and day.weekday() < 5):
        day += timedelta(days=1)
    return datetime.combine(day, WORKDAY[0], HELSINKI)


def working_hours(start: datetime, end: datetime) -> float:
    """Hours of office time (weekdays 8-16 in Helsinki, no public holiday) in (start, end]."""
    here, total = start.astimezone(HELSINKI), 0.0
    day = here.date()
    while day <= end.astimezone(HELSINKI).date():
        if is_open(day) and day.weekday() < 5:
            opens, closes = (datetime.combine(day, clock, HELSINKI) for clock in WORKDAY)
            total += max(0.0, (min(end, closes) - max(start, opens)).total_seconds())
        day += timedelta(days=1)
    return total / 3600
