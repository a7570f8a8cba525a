"""Evaluate a report day: state, events and outbox in one transaction. An edge: it reads and writes the warehouse.

The states are a fold over all evaluated days, so that evaluating twice, or past days in any order, gives the same
episodes. Mails are written only for what the newest report day changes; their keys make a second one impossible.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import polars as pl
import sqlalchemy as sa

from medsupply.alerts.actions import actions_for
from medsupply.alerts.episodes import Episode, fold
from medsupply.alerts.mails import AreaLevel, Mail, Subject, alert_mail, band_of
from medsupply.alerts.recipients import Group, Subscription, grouped
from medsupply.alerts.rules import Rule, rules
from medsupply.areas import AREAS
from medsupply.picture.reasons import RUN_OUT_REASONS
from medsupply.rules import Rules
from medsupply.tables.alerts import EVALUATIONS, EVENT, OUTBOX, STATE, SUBSCRIPTION
from medsupply.warehouse import bulk
from medsupply.warehouse.connection import Warehouse

ROW = ("level", "reasons", "state", "reporting_share", "run_out_p14", "run_out_p28", "run_out_p56", "run_out_p84",
       "stock_units", "floor_units")  # fmt: skip
RULES = rules(frozenset(str(reason) for reason in RUN_OUT_REASONS))
# Rows that any rule could open on: the scopes whose whole past is folded.
_SCOPES = """
    SELECT DISTINCT s.medicine_id, s.county_code FROM picture.situation s
    JOIN alerts.evaluations e ON e.as_of = s.as_of AND e.known_at = s.known_at
    WHERE s.grain = 'family' AND (s.level IN ('elevated', 'severe') OR s.reasons && CAST(:codes AS varchar[]))
"""
_PAST = f"""
    SELECT s.as_of, s.medicine_id, s.county_code, s.level, s.reasons, s.state, s.reporting_share,
           s.run_out_p14, s.run_out_p28, s.run_out_p56, s.run_out_p84, s.stock_units, s.floor_units
    FROM picture.situation s
    JOIN alerts.evaluations e ON e.as_of = s.as_of AND e.known_at = s.known_at
    JOIN ({_SCOPES}) c ON c.medicine_id = s.medicine_id AND c.county_code = s.county_code
    ORDER BY s.as_of
"""  # noqa: S608  both parts stand above
CODES = ["single_holder_notice", "demand_surge", "obligation_short", "missing_decides"]
_PICTURE = (
    "select max(known_at) from picture.pictures where stage = 'judged' and as_of = :as_of and known_at <= :known_at"
)


def evaluate(wh: Warehouse, as_of: date, known_at: datetime, rules_: Rules) -> str:
    """Evaluate the picture of ``as_of`` known at ``known_at``; says what changed. Twice changes nothing."""
    with wh.transaction() as connection:
        connection.execute(sa.text("select pg_advisory_xact_lock(hashtext('alerts'))"))
        picture = connection.execute(sa.text(_PICTURE), {"as_of": as_of, "known_at": known_at}).scalar_one()
        if picture is None:
            return f"no picture of {as_of} is known, nothing is evaluated"
        before = _known_events(connection)
        _register(connection, as_of, picture, rules_)
        episodes = _episodes(connection)
        _store_states(connection, episodes, picture, rules_)
        new = _new_transitions(connection, episodes, before, as_of)
        held = _hold(connection, as_of, new, rules_, first=not before)
        mails = 0 if held else _write_mails(connection, wh, as_of, picture, new, rules_)
    opened = sum(1 for _, what in new if what == "opened")
    return f"{len(new)} alert changes ({opened} opened), {'held for a person' if held else f'{mails} mails queued'}"


def write_held(connection: sa.Connection, wh: Warehouse, as_of: date, rules_: Rules) -> int:
    """The mails of a held evaluation, after a person released it."""
    picture = connection.execute(
        sa.text("select known_at from alerts.evaluations where as_of = :as_of"), {"as_of": as_of}
    ).scalar_one()
    episodes = _episodes(connection)
    new = [(one, t.transition) for one in episodes for t in one.transitions if t.on == as_of]
    return _write_mails(connection, wh, as_of, picture, new, rules_)


def _known_events(connection: sa.Connection) -> set[tuple[str, date, str]]:
    rows = connection.execute(sa.text('select alert_id, "on", transition from alerts.event'))
    return {(row[0], row[1], row[2]) for row in rows}


def _register(connection: sa.Connection, as_of: date, picture: datetime, rules_: Rules) -> None:
    query = "select held, released_at from alerts.evaluations where as_of = :as_of"
    before = connection.execute(sa.text(query), {"as_of": as_of}).first()
    row = {
        "as_of": as_of,
        "known_at": picture,
        "rules_version": rules_.version,
        "held": bool(before.held) if before else False,
        "released_at": before.released_at if before else None,
    }
    bulk.upsert(connection, EVALUATIONS, pl.DataFrame([row], schema=EVALUATIONS.dtypes()))


def _episodes(connection: sa.Connection) -> list[Episode]:
    """Every episode of every rule and scope, folded over all evaluated days."""
    from medsupply.warehouse.reading import read_frame

    past = read_frame(connection, _PAST, {"codes": CODES})
    days = sorted(row[0] for row in connection.execute(sa.text("select as_of from alerts.evaluations")))
    found: list[Episode] = []
    for (medicine, county), rows in past.group_by("medicine_id", "county_code", maintain_order=True):
        by_day: dict[date, dict[str, Any]] = {row["as_of"]: row for row in rows.iter_rows(named=True)}
        series = [(day, by_day.get(day)) for day in days]
        for rule in RULES:
            found += fold(rule, str(medicine), str(county), series)
    return sorted(found, key=lambda one: (one.opened_on, one.alert_id))


def _store_states(connection: sa.Connection, episodes: Sequence[Episode], picture: datetime, rules_: Rules) -> None:
    """States are what the fold gives; events are only ever added."""
    connection.execute(sa.delete(STATE.sql))
    states = [
        {
            "alert_id": one.alert_id,
            "rule": one.rule,
            "medicine_id": one.medicine_id,
            "county_code": one.county_code,
            "episode": one.number,
            "level": one.level,
            "state": one.state,
            "opened_on": one.opened_on,
            "changed_on": one.changed_on,
            "closed_on": one.closed_on,
            "opening_p56": one.opening_p56,
            "quiet": one.quiet,
            "flapping": one.flapping,
            "reasons": list(one.reasons),
        }
        for one in episodes
    ]
    bulk.copy(connection, STATE, pl.DataFrame(states, schema=STATE.dtypes()))
    events = [
        {
            "alert_id": one.alert_id,
            "on": t.on,
            "transition": t.transition,
            "level": t.level,
            "known_at": picture,
            "rules_version": rules_.version,
            "reasons": list(t.reasons),
        }
        for one in episodes
        for t in one.transitions
    ]
    known = _known_events(connection)
    new = [row for row in events if (row["alert_id"], row["on"], row["transition"]) not in known]
    bulk.copy(connection, EVENT, pl.DataFrame(new, schema=EVENT.dtypes()))


def _new_transitions(
    connection: sa.Connection, episodes: Sequence[Episode], before: set[tuple[str, date, str]], as_of: date
) -> list[tuple[Episode, str]]:
    """What this evaluation changed on the newest report day; past days are history and give no mail."""
    newest = connection.execute(sa.text("select max(as_of) from alerts.evaluations")).scalar_one()
    if as_of != newest:
        return []
    return [
        (one, t.transition)
        for one in episodes
        for t in one.transitions
        if t.on == as_of and (one.alert_id, t.on, t.transition) not in before
    ]


def _hold(
    connection: sa.Connection, as_of: date, new: Sequence[tuple[Episode, str]], rules_: Rules, *, first: bool
) -> bool:
    """Too many products changed at once: mails wait for a person. The first evaluation is never held."""
    limits = rules_.table("alert")["hold"]
    opened = {one.medicine_id for one, what in new if what in ("opened", "raised")}
    query = "select count(distinct medicine_id) from picture.situation where as_of = :as_of and grain = 'family'"
    watched = connection.execute(sa.text(query), {"as_of": as_of}).scalar_one()
    many = len(opened) > limits["products"] or len(opened) > max(limits["minimum"], limits["share"] * watched)
    if many and not first:
        connection.execute(sa.text("update alerts.evaluations set held = true where as_of = :as_of"), {"as_of": as_of})
    return many and not first


def _write_mails(
    connection: sa.Connection,
    wh: Warehouse,
    as_of: date,
    picture: datetime,
    new: Sequence[tuple[Episode, str]],
    rules_: Rules,
) -> int:
    from medsupply.warehouse.reading import read_frame

    immediate = {rule.name for rule in RULES if rule.immediate}
    told = [(one, what) for one, what in new if one.rule in immediate and what != "lowered" and not one.flapping]
    told = [(one, what) for one, what in told if not _silenced(connection, one, picture)]
    if not told:
        return 0
    names = read_frame(
        connection,
        "select medicine_id, atc, form_class, name_fi, name_sv, name_en from picture.medicines where grain = 'family'",
        {},
    )
    medicines = {row["medicine_id"]: row for row in names.iter_rows(named=True)}
    rows = _rows_of(connection, as_of, picture)
    queued = 0
    for kind in ("alert", "resolved"):
        items = [_item(one, medicines) for one, what in told if (what == "closed") == (kind == "resolved")]
        groups = grouped(items, _subscriptions(connection))
        mails = [_mail_row(connection, wh, g, kind, as_of, picture, medicines, rows, rules_) for g in groups]
        wanted = [row for row in mails if row is not None]
        if wanted:
            bulk.upsert(connection, OUTBOX, _fresh(connection, wanted))
        queued += len(wanted)
    return queued


def _fresh(connection: sa.Connection, mails: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Only mails whose key is new: what was sent is never queued again."""
    known = {row[0] for row in connection.execute(sa.text("select message_id from alerts.outbox"))}
    return pl.DataFrame([row for row in mails if row["message_id"] not in known], schema=OUTBOX.dtypes())


def _item(one: Episode, medicines: Mapping[str, Mapping[str, Any]]) -> dict[str, str | None]:
    medicine = medicines.get(one.medicine_id, {})
    return {
        "alert_id": one.alert_id,
        "episode": str(one.number),
        "medicine_id": one.medicine_id,
        "county_code": one.county_code,
        "level": one.level,
        "atc": medicine.get("atc"),
        "form_class": medicine.get("form_class"),
        "reasons": "|".join(one.reasons),
    }


def _rows_of(connection: sa.Connection, as_of: date, picture: datetime) -> dict[tuple[str, str], Mapping[str, Any]]:
    from medsupply.warehouse.reading import read_frame

    columns = ", ".join(("medicine_id", "county_code", *ROW))
    query = f"select {columns} from picture.situation where as_of = :as_of and known_at = :at and grain = 'family'"  # noqa: S608
    found = read_frame(connection, query, {"as_of": as_of, "at": picture})
    return {(row["medicine_id"], row["county_code"]): row for row in found.iter_rows(named=True)}


def _subscriptions(connection: sa.Connection) -> list[Subscription]:
    columns = SUBSCRIPTION.sql.c
    query = sa.select(SUBSCRIPTION.sql).where(columns.confirmed_at.is_not(None), columns.ended_at.is_(None))
    return [
        Subscription(
            row.address, row.language, row.role, row.level, row.county_code, row.atc_prefix, row.medicine_id,
            row.form_class, row.digest,
        )
        for row in connection.execute(query)
    ]  # fmt: skip


def _silenced(connection: sa.Connection, one: Episode, at: datetime) -> bool:
    query = sa.text(
        "select count(*) from alerts.silence where starts_at <= :at and ends_at > :at"
        " and (medicine_id is null or medicine_id = :medicine) and (county_code is null or county_code = :county)"
        " and (rule is null or rule = :rule)"
    )
    values = {"at": at, "medicine": one.medicine_id, "county": one.county_code, "rule": one.rule}
    return bool(connection.execute(query, values).scalar_one())


def medicine_name(medicine: Mapping[str, Any] | None, medicine_id: str, language: str) -> str:
    """The family's name with its form class in the reader's language."""
    from medsupply.words import has_word, word

    if medicine is None:
        return medicine_id
    name = medicine.get(f"name_{language}") or medicine.get("name_fi") or medicine.get("name_en") or medicine["atc"]
    form = f"form_class.{medicine['form_class']}"
    return f"{name}, {word(language, form)}" if has_word(language, form) else str(name)


def _mail_row(
    connection: sa.Connection,
    wh: Warehouse,
    group: Group,
    kind: str,
    as_of: date,
    picture: datetime,
    medicines: Mapping[str, Mapping[str, Any]],
    rows: Mapping[tuple[str, str], Mapping[str, Any]],
    rules_: Rules,
) -> dict[str, Any] | None:
    first = _thread(connection, group)
    if kind == "resolved" and first is None:
        return None  # the end is told to those who got the opening
    lead = max(group.items, key=lambda item: (item["county_code"] == "99", item["level"] == "severe"))
    mail = _mail(
        group, lead, kind, as_of, medicines, rows, rules_, wh.settings.base_url, _owner(connection, lead, picture)
    )
    key = "|".join(
        [kind, group.address.lower(), str(as_of), *sorted(f"{i['alert_id']}:{i['level']}" for i in group.items)]
    )
    message_id = message_id_of(key, wh.settings.mail_from)
    alert_id, episode = str(lead["alert_id"]), int(str(lead["episode"]))
    reader = (group.address, group.language)
    return outbox_row(message_id, alert_id, episode, *reader, kind, mail, picture, as_of=as_of, thread=first)


def _mail(
    group: Group,
    lead: Mapping[str, str | None],
    kind: str,
    as_of: date,
    medicines: Mapping[str, Mapping[str, Any]],
    rows: Mapping[tuple[str, str], Mapping[str, Any]],
    rules_: Rules,
    base_url: str,
    owner: str | None,
) -> Mail:
    row = rows.get((group.medicine_id, str(lead["county_code"])), {})
    reasons = str(lead["reasons"] or "").split("|")
    band, certainty = band_of(row.get("run_out_p14"), row.get("run_out_p28"), row.get("run_out_p84"))
    level = str(lead["level"])
    subject = Subject(
        medicine=medicine_name(medicines.get(group.medicine_id), group.medicine_id, group.language),
        level=level,
        areas=[AreaLevel(AREAS[str(i["county_code"])].name(group.language), str(i["level"])) for i in group.items],
        reasons=reasons,
        actions=actions_for(reasons, group.role, rules_),
        band=band,
        certainty=certainty,
        reporting=_reporting(row),
        owner=owner,
        as_of=as_of,
        link=f"{base_url}/alerts?alert={lead['alert_id']}&lang={group.language}",
        unsubscribe=f"{base_url}/alerts?unsubscribe=1&lang={group.language}",
    )
    return alert_mail(subject, group.language, resolved=kind == "resolved")


def _reporting(row: Mapping[str, Any]) -> str:
    if row.get("stock_units") is None:
        return "none"
    share = row.get("reporting_share")
    return "full" if share is not None and share >= 0.995 else "part"


def _owner(connection: sa.Connection, item: Mapping[str, str | None], at: datetime) -> str | None:
    query = sa.text(
        "select owner from alerts.acknowledgement where alert_id = :id and expires_at > :at order by at desc limit 1"
    )
    found = connection.execute(query, {"id": item["alert_id"], "at": at}).scalar_one_or_none()
    return str(found) if found is not None else None


def _thread(connection: sa.Connection, group: Group) -> str | None:
    """The first message about these episodes to this reader: later ones refer to it."""
    query = sa.text(
        "select message_id from alerts.outbox where recipient = :recipient and alert_id = any(:ids) and kind = 'alert'"
        " order by created_at, message_id limit 1"
    )
    values = {"recipient": group.address, "ids": [item["alert_id"] for item in group.items]}
    return connection.execute(query, values).scalar_one_or_none()


def message_id_of(key: str, mail_from: str) -> str:
    """The Message-ID of a mail: the same content for the same reader has the same one, at every try."""
    domain = mail_from.rpartition("@")[2].rstrip(">") or "medsupply.invalid"
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:40]}@{domain}>"


def outbox_row(
    message_id: str,
    alert_id: str,
    episode: int | None,
    recipient: str,
    language: str,
    kind: str,
    mail: Mail,
    at: datetime,
    *,
    as_of: date | None = None,
    thread: str | None = None,
) -> dict[str, Any]:
    """A queued mail as a row of the outbox."""
    return {
        "message_id": message_id,
        "alert_id": alert_id,
        "episode": episode,
        "recipient": recipient,
        "language": language,
        "kind": kind,
        "as_of": as_of,
        "subject": mail.subject,
        "body_text": mail.text,
        "body_html": mail.html,
        "thread": thread,
        "status": "queued",
        "created_at": at,
        "due_at": at,
        "sent_at": None,
        "attempts": 0,
        "last_error": None,
    }


__all__ = ["RULES", "Rule", "evaluate", "medicine_name", "message_id_of", "outbox_row", "write_held"]
