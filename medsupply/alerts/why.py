"""Why a mail did or did not go out: answered from stored facts alone. An edge: reads the warehouse."""

from __future__ import annotations

from datetime import date
from typing import Any

from medsupply.alerts.episodes import FALLS_AFTER, Transition, flaps
from medsupply.alerts.folding import RULES
from medsupply.alerts.recipients import RANK
from medsupply.alerts.rules.rule import HIGH, LEFT_PICTURE, known, left
from medsupply.alerts.store.memory import MEMBERS
from medsupply.alerts.store.past import UNSURE
from medsupply.alerts.why_mails import mails, moment
from medsupply.areas import AREAS, COUNTRY
from medsupply.errors import InputError
from medsupply.picture.reasons import Reason
from medsupply.rules import load_rules
from medsupply.tables.alerts import rose_since
from medsupply.warehouse.database.connection import Warehouse
from medsupply.words import has_word, word

Row = dict[str, Any]
_PICTURE = f"""
    SELECT s.*, m.form_class, m.family_id AS family, f.members FROM analyst.situation s
    LEFT JOIN picture.medicines m USING (medicine_id) LEFT JOIN ({MEMBERS}) f ON f.family_id = s.medicine_id
    WHERE s.medicine_id = coalesce((SELECT family_id FROM picture.medicines WHERE medicine_id = :medicine), :medicine)
      AND s.county_code = :county AND s.as_of <= coalesce(cast(:on AS date), s.as_of) ORDER BY s.as_of DESC LIMIT 1
"""  # noqa: S608  the part stands in memory.py
# The picture that an evaluation read: the newest one known by then.
_EVALUATED_PICTURE = f"""
    SELECT s.*, m.form_class, m.family_id AS family, f.members FROM analyst.situation_history s
    LEFT JOIN picture.medicines m USING (medicine_id) LEFT JOIN ({MEMBERS}) f ON f.family_id = s.medicine_id
    WHERE s.medicine_id = :medicine_id AND s.county_code = :county_code AND s.as_of = :as_of
      AND s.known_at <= :known_at ORDER BY s.known_at DESC LIMIT 1
"""  # noqa: S608  the part stands in memory.py
# The newest day on which its alerts were evaluated: its last picture's, or a later one whose picture does not hold it.
_EVALUATED = """
    SELECT * FROM alerts.evaluations
    WHERE as_of = :as_of OR (as_of > :as_of AND as_of <= coalesce(cast(:on AS date), as_of))
    ORDER BY as_of DESC LIMIT 1
"""

_WITHDRAWN = """
    SELECT e.alert_id, min(e."on") AS opened_on, max(e.level) AS level, max(e.withdrawn_at) AS withdrawn_at,
           CASE WHEN bool_or(o.message_id IS NOT NULL) THEN max(e.level) END AS told
    FROM alerts.event e LEFT JOIN alerts.outbox o ON e.alert_id = ANY(o.alert_ids)
    WHERE e.withdrawn_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM alerts.state s WHERE s.alert_id = e.alert_id)
      AND e.alert_id = concat_ws('-', split_part(e.alert_id, '-', 1), CAST(:medicine_id AS text),
                                 CAST(:county_code AS text), substring(e.alert_id FROM '[0-9]+$'))
    GROUP BY e.alert_id HAVING min(e."on") <= :as_of ORDER BY min(e."on"), e.alert_id
"""


def why(wh: Warehouse, medicine: str, *, on: date | None, county: str, recipient: str | None = None) -> str:
    """Inputs, rule version, transitions, silence, hold, recipients and tries, in lines.

    ``medicine``: id of a medicine or family, or the source or model that an alert about the service names.
    ``recipient``: an address; then only its mails, or why it got none, are told.
    Raises InputError where no picture holds the medicine and no alert names it.
    """
    picture = wh.read(_PICTURE, medicine=medicine, county=county, on=on)
    if not picture.height:
        return _of_service(wh, medicine, on, county, recipient)
    row = picture.row(0, named=True)
    evaluated = wh.read(_EVALUATED, as_of=row["as_of"], on=on).to_dicts()
    row, newer = _as_evaluated(wh, row, evaluated)
    lines = [
        f"Picture of {row['as_of']} as known {row['known_at']:%Y-%m-%d %H:%M} UTC, rules {row['rules_version']}:",
        f"  {row['medicine_id']} in {county}: level {row['level']}, reasons {_explained(row['reasons'])}",
        f"  run_out_p14 {row['run_out_p14']}, run_out_p56 {row['run_out_p56']}, cover_days {row['cover_days']},"
        f" reporting_share {row['reporting_share']}",
        *newer,
    ]
    if on is not None and on > row["as_of"]:
        lines.insert(0, f"No picture of {on} holds it; the newest before it that does:")
    if not evaluated:
        return "\n".join([*lines, "The alerts of this day have not been evaluated, so there was no mail about it."])
    if evaluated[0]["as_of"] > row["as_of"]:
        day, moment = evaluated[0]["as_of"], evaluated[0]["known_at"]
        lines.append(
            f"The picture of {day} does not hold it: no stock, no dispensing in 84 days, no notice, or no data."
        )
        row = {**row, "as_of": day, "known_at": moment, "level": None, "reasons": [], "state": LEFT_PICTURE}
    return "\n".join([*lines, *_hold(evaluated[0]), *_alerts(wh, row, recipient)])


def _as_evaluated(wh: Warehouse, row: Row, evaluated: list[Row]) -> tuple[Row, list[str]]:
    """The row that the evaluation of its day read, and a line where a newer picture of the day waits for its own."""
    if not evaluated or evaluated[0]["as_of"] != row["as_of"] or evaluated[0]["known_at"] >= row["known_at"]:
        return row, []
    read = wh.read(_EVALUATED_PICTURE, **{name: row[name] for name in ("medicine_id", "county_code", "as_of")},
                   known_at=evaluated[0]["known_at"])  # fmt: skip
    told = f"A newer picture of the day, known {moment(row['known_at'])}, has not been evaluated"
    return (read.row(0, named=True) if read.height else row), [f"  {told}: there it is {row['level']}."]


def _of_service(wh: Warehouse, name: str, on: date | None, county: str, recipient: str | None) -> str:
    """What alerts say that are about deliveries or forecasts: no picture stands behind them."""
    evaluated = wh.read(
        "SELECT as_of, known_at FROM alerts.evaluations WHERE as_of <= coalesce(cast(:on AS date), as_of)"
        " ORDER BY as_of DESC LIMIT 1",
        on=on,
    ).to_dicts()
    query = "SELECT 1 FROM alerts.state WHERE medicine_id = :name AND county_code = :county"
    if not evaluated or not wh.read(query, name=name, county=county).height:
        raise _nothing(wh, name, on, county)
    row = {**evaluated[0], "medicine_id": name, "county_code": county, "level": None, "state": "reported",
           "atc": None, "form_class": None, "members": None}  # fmt: skip
    return "\n".join([f"{name} as known {moment(row['known_at'])}:", *_alerts(wh, row, recipient)])


def _nothing(wh: Warehouse, medicine: str, on: date | None, county: str) -> InputError:
    """Why there is nothing to tell: an unknown area or id, or no picture yet."""
    if county not in AREAS:
        return InputError(f"{county} is no area", f"Give one of {', '.join(sorted(AREAS))}; {COUNTRY} is the country")
    held = wh.read(
        "SELECT min(as_of) AS day FROM analyst.situation WHERE county_code = :county AND medicine_id = coalesce("
        "(SELECT family_id FROM picture.medicines WHERE medicine_id = :medicine), :medicine)",
        medicine=medicine,
        county=county,
    )["day"].item()
    if held is None:
        return InputError(f"No picture holds {medicine} in {county}", "See analyst.medicines for the ids")
    return InputError(f"No picture up to {on} holds {medicine} in {county}", f"The first one that does is of {held}")


def _listed(reasons: list[str] | None) -> str:
    return ", ".join(reasons or []) or "none"


def _explained(reasons: list[str] | None) -> str:
    """Reasons in words, with the code that SQL knows."""
    told = (
        f"{word('en', f'reason.{one}')} ({one})" if has_word("en", f"reason.{one}") else one for one in reasons or []
    )
    return "; ".join(told) or "none"


def _hold(evaluation: Row) -> list[str]:
    if not evaluation["held"]:
        return []
    released = evaluation["released_at"]
    return [f"Too much changed at once in this evaluation: it was held for a person; released {released or 'not yet'}."]


def _alerts(wh: Warehouse, row: Row, recipient: str | None) -> list[str]:
    states = wh.read(
        "select * from alerts.state where medicine_id = :medicine and county_code = :county and opened_on <= :as_of"
        " order by opened_on, alert_id",
        medicine=row["medicine_id"],
        county=row["county_code"],
        as_of=row["as_of"],
    ).to_dicts()
    lines = [] if states else _never(row)
    for state in (_on_day(wh, state, row["as_of"]) for state in states):
        closed = state["closed_on"] if state["closed_on"] and state["closed_on"] <= row["as_of"] else None
        flapping = (
            "; it goes up and down: after one mail that says so the digest alone tells" if state["flapping"] else ""
        )
        now = f"closed on {closed}" if closed else "open"
        lines.append(f"Alert {state['alert_id']}: opened {state['opened_on']}, {now}{flapping}")
        lines += _events(wh, state["alert_id"], row["as_of"])
        lines += [] if closed else _inhibited(wh, row, state)
        lines += _silences(wh, state, row["as_of"]) + _acknowledged(wh, state, row)
        lines += mails(wh, state, row, recipient)
    return lines + _withdrawn(wh, row, recipient)


def _withdrawn(wh: Warehouse, row: Row, recipient: str | None) -> list[str]:
    """Alerts that stood until later data about past days took them back, and their mails."""
    lines = []
    for one in wh.read(_WITHDRAWN, **{name: row[name] for name in ("medicine_id", "county_code", "as_of")}).to_dicts():
        lines.append(
            f"Alert {one['alert_id']}: opened {one['opened_on']} at {one['level']}, withdrawn by later data"
            f" {moment(one['withdrawn_at'])}"
        )
        rule, scope = one["alert_id"].partition("-")[0], {name: row[name] for name in ("medicine_id", "county_code")}
        state = {**one, **scope, "rule": rule, "highest": one["level"], "flapping": False, "held": False, "open": False}
        lines += mails(wh, state, row, recipient)
    return lines


def _on_day(wh: Warehouse, state: Row, as_of: date) -> Row:
    """``state`` as it was on a report day: its ``level``, the ``highest`` until then, whether it was ``flapping`` and
    ``open``."""
    query = (
        'select e.alert_id, e."on", e.transition, e.level, e.reasons from alerts.event e join alerts.state s'
        " using (alert_id) where s.rule = :rule and s.medicine_id = :medicine and s.county_code = :county"
        ' and e.withdrawn_at is null and e."on" <= :as_of order by e."on", s.episode'
    )
    scope = {"rule": state["rule"], "medicine": state["medicine_id"], "county": state["county_code"]}
    events = wh.read(query, **scope, as_of=as_of).to_dicts()
    mine = [one for one in events if one["alert_id"] == state["alert_id"]]
    levels = [one["level"] for one in mine if one["transition"] != "closed"] or [state["level"]]
    turns = [Transition(one["on"], one["transition"], one["level"], tuple(one["reasons"] or ())) for one in events]
    return {
        **state,
        "level": levels[-1],
        "highest": max(levels, key=lambda level: RANK.get(level or "", 0)),
        "flapping": bool(mine) and flaps(turns, mine[-1]["on"]),
        "open": state["closed_on"] is None or state["closed_on"] > as_of,
    }


def _never(row: Row) -> list[str]:
    if row["level"] is None and str(Reason.LOW_DEMAND) in (row["reasons"] or ()):
        return ["No alert was open: too little is dispensed in the area for a level of its own. See the country's."]
    if left(row):
        return ["No alert was open: the picture does not hold it any more."]
    if row["level"] in (None, "unknown"):
        return ["No alert was open: without data no level is told, and nothing but the data alert opens on it."]
    if row["level"] in HIGH:
        return ["No alert was open: none of the rules' conditions held on an evaluated day."]
    return [f"No alert was open: level {row['level']} is below elevated and no other rule's condition held. No mail."]


def _inhibited(wh: Warehouse, row: Row, state: Row) -> list[str]:
    """Why an alert is still open, or still higher than the level of the day."""
    rule = next((one for one in RULES if one.name == state["rule"]), None)
    if rule is None:
        return []
    row = {**row, "reasons": _reasons(wh, row), "reporting_threshold": load_rules().picture.reporting_threshold}
    if rule.opens(row):
        higher = RANK.get(state["level"] or "", 0) > RANK.get(row["level"] or "", 0)
        told = f"  stays {state['level']}: its level falls after {FALLS_AFTER} evaluations running that are below it"
        return [told] if higher else []
    if left(row):
        return [
            "  kept open: a medicine that is no longer in the picture closes its alert after"
            f" {rule.closes_after} evaluations running on days on which the area's data are there"
        ]
    if not known(row):
        return ["  kept open: reports are missing, and missing data never closes an alert"]
    if rule.name == "obligation" and _unsure(wh, row):
        return ["  kept open: a holder that stored for the obligation is silent: missing data never closes an alert"]
    if row["state"] == "late":
        return ["  kept open: counts are carried forward"]
    return [f"  kept open: it closes after {rule.closes_after} evaluations running that speak for closing"]


def _reasons(wh: Warehouse, row: Row) -> list[str]:
    """All reasons of a row, those that only some may see by their own code: rules read these. Never to be printed."""
    found = wh.read(
        "SELECT reasons FROM picture.situation WHERE medicine_id = :medicine_id AND county_code = :county_code"
        " AND as_of = :as_of AND known_at = :known_at",
        **{name: row[name] for name in ("medicine_id", "county_code", "as_of", "known_at")},
    )
    return list((found.to_dicts() or [row])[0]["reasons"] or ())


def _unsure(wh: Warehouse, row: Row) -> bool:
    """Whether it is not known on the day if the obligatory storage of the family is short."""
    query = f"SELECT 1 FROM ({UNSURE}) u WHERE u.as_of = :as_of AND u.medicine_id = :medicine"  # noqa: S608  of past.py
    return wh.read(query, as_of=row["as_of"], medicine=row["medicine_id"]).height > 0


def _events(wh: Warehouse, alert_id: str, as_of: date) -> list[str]:
    events = wh.read(
        'select * from alerts.event where alert_id = :id and withdrawn_at is null and "on" <= :as_of order by "on"',
        id=alert_id,
        as_of=as_of,
    )
    return [f"  {row['on']}: {_change(row)}, rules {row['rules_version']}" for row in events.iter_rows(named=True)]


def _change(event: Row) -> str:
    if event["reasons"] == [LEFT_PICTURE]:
        return f"{event['transition']}: is no longer in the picture: no stock, no dispensing in 84 days, no notice"
    if event["level"] is None:
        return str(event["transition"])
    return f"{event['transition']} at {event['level']} ({_listed(event['reasons'])})"


def _silences(wh: Warehouse, state: Row, as_of: date) -> list[str]:
    found = wh.read(
        "select * from alerts.silence where coalesce(medicine_id, :medicine) = :medicine"
        " and coalesce(county_code, :county) = :county and coalesce(rule, :rule) = :rule"
        " and starts_at < cast(:as_of as date) + 2 and ends_at > cast(:opened as date) order by starts_at",
        medicine=state["medicine_id"], county=state["county_code"], rule=state["rule"], as_of=as_of,
        opened=state["opened_on"],
    )  # fmt: skip
    return [
        f"  silenced{' up to ' + row['level'] if row['level'] else ''} by {row['author']}"
        f" from {row['starts_at']:%Y-%m-%d} until {row['ends_at']:%Y-%m-%d}: {row['reason']}"
        for row in found.iter_rows(named=True)
    ]


def _acknowledged(wh: Warehouse, state: Row, day: Row) -> list[str]:
    rose = rose_since("k.at", "cast(:as_of as date)")
    query = (
        f"select k.*, {rose} as rose from alerts.acknowledgement k where k.alert_id = :id"  # noqa: S608  declared
        " and k.at < cast(:as_of as date) + 2 order by k.at"
    )
    found, at = wh.read(query, id=state["alert_id"], as_of=day["as_of"]), day["known_at"]
    return [
        f"  acknowledged by {row['owner']} at {row['level']}: {row['note']}"
        + f" ({'ran out' if row['expires_at'] <= at else 'runs out'} {moment(row['expires_at'])})"
        + (" (lapsed: the level has risen)" if row["rose"] or _higher(state, row) else "")
        for row in found.iter_rows(named=True)
    ]


def _higher(state: Row, acknowledged: Row) -> bool:
    return RANK.get(state["level"] or "", 0) > RANK.get(acknowledged["level"] or "", 0)
