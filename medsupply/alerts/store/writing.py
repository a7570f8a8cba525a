"""Notices become mails: one per reader and family, in the transaction of what they tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa

from medsupply.alerts import links
from medsupply.alerts.actions import actions_for
from medsupply.alerts.episodes import RANK
from medsupply.alerts.mails import HELD, AreaLevel, Subject, alert_mail, band_of, held_mail, medicine_name, with_notice
from medsupply.alerts.recipients import Group, Subscription, grouped
from medsupply.alerts.rendering import Mail
from medsupply.alerts.rules.rule import HIGH, LEFT_PICTURE
from medsupply.alerts.store import memory, past
from medsupply.alerts.store.outbox import message_id_of, outbox_row, queue
from medsupply.alerts.telling import Notice
from medsupply.areas import AREAS, COUNTRY
from medsupply.rules import Rules
from medsupply.settings import Settings
from medsupply.tables.alerts import SUBSCRIPTION, in_hand

Row = Mapping[str, Any]
Item = Mapping[str, str | None]


class Context(NamedTuple):
    """What mails are written from: the newest evaluated day."""

    settings: Settings
    rules: Rules
    as_of: date
    at: datetime
    medicines: Mapping[str, Row]
    rows: Mapping[tuple[str, str], Row]


def context(connection: sa.Connection, settings: Settings, rules_: Rules) -> Context:
    """The newest evaluated day, with its families and figures."""
    newest = sa.text("select as_of, known_at from alerts.evaluations order by as_of desc limit 1")
    day = connection.execute(newest).one()
    rows = past.picture_rows(connection, day.as_of)
    return Context(settings, rules_, day.as_of, day.known_at, memory.families(connection), rows)


def write_notices(connection: sa.Connection, settings: Settings, notices: Sequence[Notice], rules_: Rules) -> int:
    """Queue the mails of an evaluation; returns how many."""
    if not notices:
        return 0
    here, lines = context(connection, settings, rules_), subscriptions(connection)
    queued = 0
    for kind in ("alert", "resolved"):
        items = [item_of(one, here.medicines) for one in notices if one.kind == kind]
        groups = grouped(items, [*lines, *_of_openings(connection, items, lines)] if kind == "resolved" else lines)
        if kind == "resolved":
            subscribed = {line.address.lower() for line in lines}
            groups = [replace(one, stands_in=one.address.lower() not in subscribed) for one in groups]
        wanted = [group_row(connection, here, group, kind) for group in groups]
        queued += queue(connection, [row for row in wanted if row is not None])
    return queued


def _of_openings(connection: sa.Connection, items: Sequence[Item], lines: Sequence[Subscription]) -> list[Subscription]:
    """A line for each who got an opening: the end is told to all of them, also to a deputy, to who was on duty, and to
    who subscribes to something else by now; not to who has ended all subscriptions."""
    query = sa.text(
        "select distinct o.recipient, o.language from alerts.outbox o where o.kind = 'alert' and :id = any(o.alert_ids)"
        " and (lower(o.recipient) = any(:live) or (o.status <> 'failed' and not exists"
        " (select 1 from alerts.subscription s where lower(s.address) = lower(o.recipient)))) order by 1, 2"
    )
    own = {line.address.lower(): line for line in reversed(lines)}
    found = []
    for item in items:
        for row in connection.execute(query, {"id": item["alert_id"], "live": list(own)}):
            one = own.get(row.recipient.lower()) or Subscription(row.recipient, row.language, None, "watch")
            found.append(
                replace(one, level="watch", county_code=item["county_code"], medicine_id=item["medicine_id"],
                        atc_prefix=None, form_class=None, digest=False)
            )  # fmt: skip
    return found


def item_of(notice: Notice, medicines: Mapping[str, Row]) -> dict[str, str | None]:
    """One change as subscriptions and mails read it."""
    one = notice.episode
    medicine = medicines.get(one.medicine_id, {})
    return {
        "alert_id": one.alert_id,
        "episode": str(one.number),
        "medicine_id": one.medicine_id,
        "county_code": one.county_code,
        "level": one.level,
        "atc": medicine.get("atc"),
        "form_class": medicine.get("form_class"),
        "members": medicine.get("members"),
        "reasons": "|".join(one.reasons),
        "remark": notice.remark or ("flapping" if notice.flapping else ""),
        "rose": "yes" if one.transitions and one.transitions[-1].transition == "raised" else None,
    }


def subscriptions(connection: sa.Connection) -> list[Subscription]:
    """Lines of addresses that have confirmed and not ended them."""
    columns = SUBSCRIPTION.sql.c
    query = sa.select(SUBSCRIPTION.sql).where(columns.confirmed_at.is_not(None), columns.ended_at.is_(None))
    return [
        Subscription(
            row.address, row.language, row.role, row.level, row.county_code, row.atc_prefix, row.medicine_id,
            row.form_class, row.digest, row.deputy, row.rota,
        )
        for row in connection.execute(query)
    ]  # fmt: skip


def group_row(
    connection: sa.Connection, here: Context, group: Group, kind: str, *, about: str = ""
) -> dict[str, Any] | None:
    """The mail of one reader and family as a row of the outbox; None for the end of what it never heard of."""
    items, before = group.items, _before(connection, group)
    if kind == "resolved":
        items = tuple(item for item in items if _heard(connection, group.address, str(item["alert_id"])))
        if not items:
            return None
    lead = max(items, key=lambda item: (RANK.get(item["level"] or "", 0), item["county_code"] == COUNTRY))
    raised = kind == "alert" and (before.is_lower(str(lead["level"])) or (not about and _rose(items, before)))
    remarks = [*([about] if about else []), *(["raised"] if raised else []), *_remarks(items)]
    mail = _mail(connection, here, group, items, lead, kind, remarks)
    changes = sorted(f"{item['alert_id']}:{item['level']}" for item in items)
    # The same thing told again after others is another mail.
    place = str(before.number)
    key = "|".join([kind, about, group.address.lower(), str(here.at), here.rules.version, *changes, place])
    # Evaluating past days tells several changes as of one moment, and reminders are as of the sender's clock: the
    # sender must see which came last.
    written = max(here.at + timedelta(microseconds=before.number), before.last + timedelta(microseconds=1))
    return outbox_row(
        message_id_of(key, here.settings.mail_from), str(lead["alert_id"]), int(str(lead["episode"])), group.address,
        group.language, kind, mail, written, as_of=here.as_of, thread=before.thread,
        alert_ids=[str(item["alert_id"]) for item in items], level=lead["level"], rota=group.rota,
        stands_in=group.stands_in,
    )  # fmt: skip


def _mail(
    connection: sa.Connection,
    here: Context,
    group: Group,
    items: Sequence[Row],
    lead: Row,
    kind: str,
    remarks: Sequence[str],
) -> Mail:
    country = here.rows.get((group.medicine_id, COUNTRY), {})
    still = _still_open(connection, group) if kind == "resolved" else {}
    ended = [item for item in items if str(item["county_code"]) not in still]
    parted = [item for item in items if str(item["county_code"]) in still and not _goes_on(connection, item)]
    told = items if kind == "alert" else ended or [{**item, "level": still[str(item["county_code"])]} for item in items]
    reasons = _reasons(here, group, lead, told)
    base = here.settings.base_url
    end = "" if group.stands_in else links.link(here.settings, group.address, links.END, group.language)
    subject = Subject(
        medicine=medicine_name(here.medicines.get(group.medicine_id), group.medicine_id, group.language),
        level=str(lead["level"]),
        areas=_areas(here, group, told),
        reasons=reasons,
        actions=actions_for(reasons, group.role, here.rules, everywhere=country.get("level") in HIGH),
        owner=_owner(connection, lead, here.at),
        as_of=here.as_of,
        link=f"{base}/alerts?alert={lead['alert_id']}&lang={group.language}",
        unsubscribe=end,
        remarks=remarks,
        still_open=[AREAS[area].name(group.language) for area in still] if ended else (),
        ended=() if ended or kind == "alert" else sorted({_rule_of(item) for item in parted}),
        anew=kind == "resolved" and not ended and not parted,
        also_ended=sorted({_rule_of(item) for item in parted}) if ended else (),
        also_in=[area.name for area in _areas(here, group, parted)],
    )
    return alert_mail(subject, group.language, resolved=kind == "resolved")


def _rule_of(item: Row) -> str:
    return str(item["alert_id"]).partition("-")[0]


def _reasons(here: Context, group: Group, lead: Row, items: Sequence[Row]) -> list[str]:
    """The reasons of all areas, those of the weightiest first; after those of each that a notice is in force there."""
    found: list[str] = []
    for item in sorted(items, key=lambda item: item["alert_id"] != lead["alert_id"]):
        row = here.rows.get((group.medicine_id, str(item["county_code"])), {})
        found += with_notice([code for code in str(item["reasons"] or "").split("|") if code], row)
    return list(dict.fromkeys(found))


def _remarks(items: Sequence[Row]) -> list[str]:
    """What is to be said beside; how alerts ended is said only where it is true of all that the mail is about."""
    given = {str(item.get("remark") or "") for item in items} - {""}
    if len({item.get("remark") for item in items}) > 1:
        given -= {"withdrawn", LEFT_PICTURE}
    return sorted(given)


def _areas(here: Context, group: Group, items: Sequence[Row]) -> list[AreaLevel]:
    """Each area once, the country first, at the highest level that a rule gives it."""
    highest: dict[str, Row] = {}
    for item in items:
        area = str(item["county_code"])
        highest[area] = max(item, highest.get(area, item), key=lambda one: RANK.get(one["level"] or "", 0))
    return [_area(here, group, area, highest[area]) for area in _country_first(highest)]


def _area(here: Context, group: Group, area: str, item: Row) -> AreaLevel:
    """What the picture says of an area: by when, how sure, and what has been reported."""
    row = here.rows.get((group.medicine_id, area), {})
    p = [row.get(f"run_out_p{days}") for days in (14, 28, 84)]
    band, certainty = band_of(*p)
    reasons = str(item["reasons"] or "").split("|")
    return AreaLevel(
        AREAS[area].name(group.language),
        str(item["level"]),
        band,
        certainty,
        estimated=any(one is not None for one in p),
        reporting=_reporting(row, reasons),
    )


def _country_first(areas: Iterable[str]) -> list[str]:
    return sorted(areas, key=lambda area: (area != COUNTRY, area))


def _still_open(connection: sa.Connection, group: Group) -> dict[str, str]:
    """Areas in which alerts on the medicine stand that the reader was told of, and their highest level."""
    query = sa.text(
        "select s.county_code, s.level from alerts.state s where s.medicine_id = :medicine and s.closed_on is null"
        " and exists (select 1 from alerts.outbox o where lower(o.recipient) = lower(:recipient)"
        " and o.kind = 'alert' and s.alert_id = any(o.alert_ids))"
    )
    levels: dict[str, str] = {}
    for area, level in connection.execute(query, {"medicine": group.medicine_id, "recipient": group.address}):
        levels[area] = max(level, levels.get(area, level), key=lambda one: RANK.get(one or "", 0))
    return {area: levels[area] for area in _country_first(levels)}


def write_held(connection: sa.Connection, settings: Settings, as_of: date, at: datetime, held: Sequence[Notice]) -> int:
    """One mail to each who would have got some: their alerts wait for a person; and one to operations."""
    medicines, lines = memory.families(connection), subscriptions(connection)
    groups = grouped([item_of(one, medicines) for one in held], lines)
    readers = _readers_of_hold(groups, settings)
    count = len({one.episode.medicine_id for one in held})
    rows = []
    subscribed = {line.address.lower() for line in lines}
    # A second hold on the day is another thing to tell; the same wave again is none: what is held is held already.
    told = _holds_told(connection, as_of)
    for address, reader in sorted(readers.items()):
        link = f"{settings.base_url}/alerts?lang={reader.language}"
        end = links.link(settings, address, links.END, reader.language) if address.lower() in subscribed else ""
        mail = held_mail(reader.language, as_of, count, link, end)
        key = f"held|{address.lower()}|{as_of}|{told.get(address.lower(), 0)}"
        message_id = message_id_of(key, settings.mail_from)
        level = "severe" if any(item["level"] == "severe" for item in reader.items) else None
        rows.append(
            outbox_row(message_id, _held_id(as_of), None, address, reader.language, "operations", mail, at,
                       as_of=as_of, level=level, rota=reader.rota)
        )  # fmt: skip
    return queue(connection, rows)


def _readers_of_hold(groups: Iterable[Group], settings: Settings) -> dict[str, Group]:
    """By address: what is held for it, at any hour if one of its mails would be; and operations."""
    found: dict[str, Group] = {}
    for group in groups:
        before = found.get(group.address, replace(group, items=()))
        rota = before.rota if group.rota else None
        found[group.address] = replace(before, items=(*before.items, *group.items), rota=rota)
    if settings.operator_mail:
        operations = Group(settings.operator_mail, settings.language, None, "", ())
        found[settings.operator_mail] = replace(found.get(settings.operator_mail, operations), rota=None)
    return found


def _holds_told(connection: sa.Connection, as_of: date) -> dict[str, int]:
    """How many holds of a report day each address has been told of."""
    query = sa.text("select lower(recipient), count(*) from alerts.outbox where alert_id = :held group by 1")
    return {str(address): int(number) for address, number in connection.execute(query, {"held": _held_id(as_of)})}


def _held_id(as_of: date) -> str:
    return f"{HELD}{as_of}"


def _reporting(row: Row, reasons: Sequence[str]) -> str:
    if row.get("stock_units") is None:
        return "none"
    share = row.get("reporting_share")
    if share is None or share < 0.995:
        return "part"
    return "late" if row.get("state") == "late" or "late_data" in reasons else "full"


def _owner(connection: sa.Connection, item: Row, at: datetime) -> str | None:
    query = sa.text(
        f"select k.owner from alerts.state s join alerts.acknowledgement k on {in_hand(':at')}"  # noqa: S608  declared
        " where s.alert_id = :id order by k.at desc limit 1"
    )
    found: str | None = connection.execute(query, {"id": item["alert_id"], "at": at}).scalar()
    return found


class _Before(NamedTuple):
    """The mails about some alerts that a reader has had: how many, the first opening; kind, level, time of the last."""

    number: int = 0
    thread: str | None = None
    kind: str | None = None
    level: str | None = None
    last: datetime = datetime.min.replace(tzinfo=UTC)
    alert_ids: frozenset[str] = frozenset()

    def is_lower(self, level: str) -> bool:
        """Whether the last of them told of a lower level."""
        return self.kind == "alert" and RANK.get(level, 0) > RANK.get(self.level or "", 0)


def _before(connection: sa.Connection, group: Group) -> _Before:
    query = sa.text(
        "select message_id, kind, level, created_at, alert_ids from alerts.outbox"
        " where lower(recipient) = lower(:recipient) and alert_ids && cast(:ids as varchar[])"
        " order by created_at, message_id"
    )
    values = {"recipient": group.address, "ids": [item["alert_id"] for item in group.items]}
    mails = connection.execute(query, values).all()
    if not mails:
        return _Before()
    thread = next((one.message_id for one in mails if one.kind == "alert"), None)
    told = frozenset(alert_id for one in mails for alert_id in one.alert_ids)
    return _Before(len(mails), thread, mails[-1].kind, mails[-1].level, mails[-1].created_at, told)


def _rose(items: Sequence[Row], before: _Before) -> bool:
    """Whether one of the alerts is told because it rose: others of the mails before may have stood higher already."""
    return any(item["rose"] and item["alert_id"] in before.alert_ids and not item["remark"] for item in items)


def _goes_on(connection: sa.Connection, item: Row) -> bool:
    """Whether late data has parted an alert in two, of which the later is open: no reason is gone."""
    query = sa.text(
        "select count(*) from alerts.state s join alerts.state o using (rule, medicine_id, county_code)"
        " where s.alert_id = :id and o.closed_on is null and o.opened_on > s.opened_on"
    )
    return bool(connection.execute(query, {"id": item["alert_id"]}).scalar_one())


def _heard(connection: sa.Connection, address: str, alert_id: str) -> bool:
    """Whether an opening of this episode went to the address: the end is told to those."""
    query = sa.text(
        "select count(*) from alerts.outbox where lower(recipient) = lower(:address) and kind = 'alert'"
        " and :id = any(alert_ids)"
    )
    return bool(connection.execute(query, {"address": address, "id": alert_id}).scalar_one())
