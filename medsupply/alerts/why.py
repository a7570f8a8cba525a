"""Why a mail did or did not go out: answered from stored facts alone. An edge: reads the warehouse."""

from __future__ import annotations

from datetime import date

from medsupply.errors import InputError
from medsupply.warehouse.connection import Warehouse


def why(wh: Warehouse, medicine: str, *, on: date | None, county: str) -> str:
    """Inputs, rule version, transitions, silence, hold, recipients and tries, in lines."""
    picture = wh.read(
        "select as_of, known_at, level, reasons, run_out_p14, run_out_p56, cover_days, reporting_share, rules_version"
        " from analyst.situation where medicine_id = :medicine and county_code = :county"
        " and as_of <= coalesce(cast(:on as date), as_of) order by as_of desc limit 1",
        medicine=medicine,
        county=county,
        on=on,
    )
    if not picture.height:
        raise InputError(f"No picture holds {medicine} in {county}", "See analyst.medicines for the ids")
    row = picture.row(0, named=True)
    lines = [
        f"Picture of {row['as_of']} as known {row['known_at']:%Y-%m-%d %H:%M} UTC, rules {row['rules_version']}:",
        f"  level {row['level']}, reasons {', '.join(row['reasons'] or []) or 'none'}",
        f"  run_out_p14 {row['run_out_p14']}, run_out_p56 {row['run_out_p56']}, cover_days {row['cover_days']},"
        f" reporting_share {row['reporting_share']}",
    ]
    return "\n".join([*lines, *_alerts(wh, medicine, county, row["as_of"]), *_holds(wh, row["as_of"])])


def _alerts(wh: Warehouse, medicine: str, county: str, as_of: date) -> list[str]:
    states = wh.read(
        "select alert_id, rule, state, level, opened_on, closed_on, flapping from alerts.state"
        " where medicine_id = :medicine and county_code = :county and opened_on <= :as_of order by opened_on, alert_id",
        medicine=medicine,
        county=county,
        as_of=as_of,
    )
    if not states.height:
        return ["No alert was ever open here: no rule's condition held on an evaluated day. So there was no mail."]
    lines = []
    for state in states.iter_rows(named=True):
        until = f" to {state['closed_on']}" if state["closed_on"] else ""
        flapping = ", flapping: digest only" if state["flapping"] else ""
        lines.append(f"Alert {state['alert_id']}: {state['state']} since {state['opened_on']}{until}{flapping}")
        lines += _events(wh, state["alert_id"]) + _mails(wh, state["alert_id"])
    return lines


def _events(wh: Warehouse, alert_id: str) -> list[str]:
    events = wh.read(
        'select "on", transition, level, reasons, rules_version from alerts.event'
        ' where alert_id = :id and withdrawn_at is null order by "on"',
        id=alert_id,
    )
    return [
        f"  {row['on']}: {row['transition']} at {row['level']} ({', '.join(row['reasons'] or [])}), rules"
        f" {row['rules_version']}"
        for row in events.iter_rows(named=True)
    ]


def _mails(wh: Warehouse, alert_id: str) -> list[str]:
    mails = wh.read(
        "select kind, recipient, status, attempts, sent_at from analyst.notifications"
        " where message_id in (select message_id from alerts.outbox where alert_id = :id or :id = any(alert_ids))"
        " order by created_at, message_id",
        id=alert_id,
    )
    silences = wh.read(
        "select s.author, s.reason, s.ends_at from alerts.silence s join alerts.state a on a.alert_id = :id"
        " where (s.medicine_id is null or s.medicine_id = a.medicine_id)"
        " and (s.county_code is null or s.county_code = a.county_code) and (s.rule is null or s.rule = a.rule)",
        id=alert_id,
    )
    lines = [
        f"  silenced by {row['author']} until {row['ends_at']:%Y-%m-%d}: {row['reason']}"
        for row in silences.iter_rows(named=True)
    ]
    lines += [
        f"  mail ({row['kind']}) to {row['recipient']}: {row['status']} after {row['attempts']} tries"
        for row in mails.iter_rows(named=True)
    ]
    return lines or ["  no mail: no confirmed subscription asks for it, or it was open before the first evaluation"]


def _holds(wh: Warehouse, as_of: date) -> list[str]:
    held = wh.read("select held, released_at from alerts.evaluations where as_of = :as_of", as_of=as_of)
    if held.height and held["held"][0]:
        released = held["released_at"][0]
        return [f"The evaluation was held for a person; released {released or 'not yet'}."]
    return []
