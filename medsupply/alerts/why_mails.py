"""The mails about an alert, or what kept them back: answered from stored facts. An edge: reads the warehouse."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from medsupply.alerts.folding import IMMEDIATE
from medsupply.alerts.recipients import RANK, Subscription
from medsupply.alerts.store.digests import tells
from medsupply.alerts.store.order import NEWER
from medsupply.days import HELSINKI
from medsupply.tables.alerts import SUBSCRIPTION, silences
from medsupply.warehouse.database.connection import Warehouse

Row = dict[str, Any]
_MAILS = f"""
    SELECT n.kind, n.recipient, n.status, n.attempts, o.last_error, o.waits, o.due_at, o.sent_at,
           p.recipient AS instead, o.recipient AS address, newer.kind AS newer, newer.created_at AS newer_at,
           (SELECT array_agg(a.author || ' ' || to_char(a.at AT TIME ZONE 'Europe/Helsinki', 'YYYY-MM-DD HH24:MI')
                             || ' in Helsinki: ' || a.reason ORDER BY a.at)
            FROM ops.audit a WHERE a.action = 'requeue_mail' AND a.subject = o.message_id) AS again
    FROM alerts.outbox o JOIN analyst.notifications n USING (message_id)
    LEFT JOIN LATERAL (SELECT n.kind, n.created_at FROM alerts.outbox n WHERE n.sent_at < o.sent_at AND {NEWER}
                       ORDER BY n.created_at DESC, n.message_id DESC LIMIT 1) newer ON true
    LEFT JOIN analyst.notifications p ON p.message_id = o.thread AND p.recipient <> n.recipient
    WHERE (o.alert_id = :id OR :id = ANY(o.alert_ids)) AND (o.as_of IS NULL OR o.as_of <= :as_of)
    ORDER BY o.created_at, o.message_id
"""  # noqa: S608  the part stands in order.py
_SILENCED = f"""
    SELECT 1 FROM alerts.silence i, (SELECT CAST(:medicine_id AS text) AS medicine_id,
        CAST(:county_code AS text) AS county_code, CAST(:rule AS text) AS rule, CAST(:level AS text) AS level) s
    WHERE {silences("greatest(:at, i.starts_at)")} AND i.starts_at <= :at + interval '1 day'
"""  # noqa: S608  the part stands with the table


def moment(at: datetime) -> str:
    return f"{at.astimezone(HELSINKI):%Y-%m-%d %H:%M} in Helsinki"


def mails(wh: Warehouse, state: Row, row: Row, recipient: str | None) -> list[str]:
    """The mails about an alert up to a report day, or why there is none; of one ``recipient`` where that is given.

    ``state``: the alert as of that day; ``row``: its medicine in the picture of the day.
    """
    found = wh.read(_MAILS, id=state["alert_id"], as_of=row["as_of"]).to_dicts()
    mine = [one for one in found if recipient is None or _is(recipient, one["address"])]
    if mine:
        return [_mail(one) for one in mine]
    cause = None if found else _put_off(wh, state, row)
    none = f"  no mail{f' to {recipient}' if recipient else ''}: {cause or _no_mail(wh, state, row, recipient)}"
    return [none, *_digests(wh, state, row, recipient)]


def _digests(wh: Warehouse, state: Row, row: Row, recipient: str | None) -> list[str]:
    """The digests of the day in which a rule stood that has no mail of its own."""
    if state["rule"] in IMMEDIATE or not state["open"]:
        return []
    item = {**row, "level": state["level"]}
    lines = wh.rows(SUBSCRIPTION, "confirmed_at is not null and created_at <= :at", at=row["known_at"]).to_dicts()
    told = {line["address"].lower() for line in lines if tells(_line(line), item, state["rule"])}
    found = wh.read(_MAILS, id=f"digest-daily-{row['as_of']}", as_of=row["as_of"]).to_dicts()
    mine = [
        one for one in found if one["address"].lower() in told and (recipient is None or _is(recipient, one["address"]))
    ]
    return [_mail(one) for one in mine] or [f"  no digest of {row['as_of']} has told it"]


def _is(recipient: str, address: str) -> bool:
    """The same address: as elsewhere, capitals make no difference."""
    return recipient.lower() == address.lower()


def _mail(one: Row) -> str:
    tries = f"after {one['attempts']} {'try' if one['attempts'] == 1 else 'tries'}"
    waits = one["waits"] and one["status"] == "queued"
    return (
        f"  mail ({one['kind']}) to {one['recipient']}"
        + (f", in place of {one['instead']}" if one["instead"] else "")
        + f": {one['status']} {tries}"
        + (f", {moment(one['sent_at'])}" if one["sent_at"] else "")
        + (f", as delayed: after the one ({one['newer']}) written {moment(one['newer_at'])}" if one["newer"] else "")
        + (f"; waits for office hours until {moment(one['due_at'])}" if waits else "")
        + (f"; {one['last_error']}" if one["last_error"] else "")
        + "".join(f"; queued again by {told}" for told in one["again"] or ())
    )


def _put_off(wh: Warehouse, state: Row, row: Row) -> str | None:
    """What kept the mails of an immediate rule back on the day: a silence, or a hold that stood then."""
    if state["rule"] not in IMMEDIATE:
        return None
    scope = {name: state[name] for name in ("medicine_id", "county_code", "rule", "level")}
    if wh.read(_SILENCED, **scope, at=row["known_at"]).height:
        return "it is silenced; it is told then if it is still open"
    query = (
        "select released_at from alerts.evaluations where held and as_of between :opened and :as_of"
        " and (released_at is null or released_at >= :at) order by as_of desc limit 1"
    )
    held = wh.read(query, opened=state["opened_on"], as_of=row["as_of"], at=row["known_at"])["released_at"].to_list()
    if held or (state["held"] and state["told"] is None):
        released = f"; it was released {moment(held[0])}" if held and held[0] else ""
        return f"it waits for a person to release the held evaluation{released}"
    return None


def _no_mail(wh: Warehouse, state: Row, row: Row, recipient: str | None) -> str:
    """The first cause that the stored facts give."""
    if state["rule"] not in IMMEDIATE:
        return f"the rule {state['rule']} is told in the daily digest only"
    if state["told"] is None:
        return "no evaluation has told it yet" if state["open"] else "it closed before it was told"
    item = {**row, "level": state["highest"]}
    lines = wh.rows(SUBSCRIPTION, "created_at <= :at", at=row["known_at"]).to_dicts()
    if recipient is not None:
        lines = [line for line in lines if _is(recipient, line["address"])]
        if not lines:
            return "the address has no subscription; who is on duty or a deputy gets mails by the rota alone"
    return _nobody(lines, item, row["known_at"]) or _told_otherwise(wh, state, row)


def _told_otherwise(wh: Warehouse, state: Row, row: Row) -> str:
    if state["flapping"]:
        return "the scope goes up and down: the digest alone tells"
    query = "select min(as_of) as day from alerts.outbox where :id = any(alert_ids) and as_of > :as_of"
    later = wh.read(query, id=state["alert_id"], as_of=row["as_of"])["day"].item()
    return f"it was told later, as of {later}" if later else "nothing about it was new on an evaluated day"


def _line(row: Row) -> Subscription:
    names = set(Subscription.__dataclass_fields__)
    return Subscription(**{name: value for name, value in row.items() if name in names})


def _nobody(lines: list[Row], item: Row, at: datetime) -> str | None:
    """Why none of the subscriptions asks for it; None: some do."""
    covering = [line for line in lines if _line(line).covers(item)]
    live = [one for one in covering if one["ended_at"] is None or one["ended_at"] > at]
    confirmed = [one for one in live if one["confirmed_at"] is not None and one["confirmed_at"] <= at]
    low = [one for one in confirmed if RANK[one["level"]] <= RANK.get(item["level"] or "", 0)]
    causes = (
        (covering, "no subscription is about this medicine and area"),
        (live, "the subscriptions to it have ended"),
        (confirmed, "the subscriptions to it are not confirmed"),
        (low, f"every subscription to it begins above level {item['level']}"),
        ([one for one in low if not one["digest"]], "the subscriptions to it want the digest only"),
    )
    return next((told for left, told in causes if not left), None)
