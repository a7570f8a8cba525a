"""What a person may decide on a page: checked here, not in the page. Role, owner and note first, then the desk."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from medsupply.alerts import desk, subscriptions
from medsupply.alerts.recipients import RESTRICTED_RULES
from medsupply.alerts.store import rota as rotas
from medsupply.dashboard.auth import Person
from medsupply.errors import InputError
from medsupply.picture.disclosure import Gate, may_see
from medsupply.rules import load_rules
from medsupply.warehouse.database.connection import Warehouse

LONGEST_SILENCE_DAYS = 30


def acknowledge(wh: Warehouse, person: Person, alert_id: str, *, owner: str, note: str, at: datetime) -> None:
    """Take an alert on with owner and note. Raises InputError where the person may not, or one of them is empty."""
    _may(person)
    for rule in wh.read("select rule from alerts.state where alert_id = :id", id=alert_id)["rule"]:
        _sees(person, rule)
    desk.acknowledge(wh, alert_id, owner=_filled(owner, "owner"), note=_filled(note, "note"), at=at, rules=load_rules())


def silence(
    wh: Warehouse,
    person: Person,
    *,
    medicine_id: str,
    county_code: str,
    rule: str,
    author: str,
    reason: str,
    days: int,
    at: datetime,
) -> None:
    """No mails about one medicine, area and rule for some days. Raises InputError as ``acknowledge`` does."""
    _may(person)
    _sees(person, rule)
    if not 1 <= days <= LONGEST_SILENCE_DAYS:
        raise InputError("silence.too_long", f"Choose 1 to {LONGEST_SILENCE_DAYS} days")
    desk.silence(
        wh,
        medicine_id=medicine_id,
        county_code=county_code,
        rule=rule,
        author=_filled(author, "owner"),
        reason=_filled(reason, "note"),
        at=at,
        until=at + timedelta(days=days),
    )


def end_silence(wh: Warehouse, person: Person, silence_id: str, *, author: str, reason: str, at: datetime) -> None:
    """End a silence before its time. Raises InputError as ``acknowledge`` does."""
    _may(person)
    for rule in wh.read("select rule from alerts.silence where silence_id = :id", id=silence_id)["rule"]:
        _sees(person, rule)
    desk.end_silence(wh, silence_id, author=_filled(author, "owner"), reason=_filled(reason, "note"), at=at)


def release(wh: Warehouse, person: Person, *, author: str, reason: str, at: datetime) -> int:
    """Let the mails of held evaluations go; returns how many were queued."""
    _may(person)
    return desk.release_hold(
        wh, author=_filled(author, "owner"), reason=_filled(reason, "note"), at=at, rules=load_rules()
    )


def subscribe(wh: Warehouse, person: Person, address: str, *, at: datetime, **wanted: Any) -> bool:
    """Subscribe one's own address, which must confirm by mail; an administrator any, without. Says which."""
    wanted_for = _filled(address, "address")
    for_others = person.role == "administrator"
    if not (for_others or person.demo or wanted_for.lower() == person.address.lower()):
        raise InputError("decision.not_yours", "Ask an administrator")
    subscriptions.subscribe(wh, wanted_for, at=at, confirmed=for_others, **wanted)
    return for_others


def put_on_duty(
    wh: Warehouse, person: Person, rota: str, address: str, *, start: datetime, end: datetime, at: datetime
) -> None:
    """Put an address on duty in a rota."""
    _may(person)
    author = person.name or person.role
    rotas.put_on_duty(
        wh, _filled(rota, "rota"), _filled(address, "address"), start=start, end=end, author=author, at=at
    )


def unsubscribe(wh: Warehouse, person: Person, address: str, *, at: datetime) -> int:
    """End the subscriptions of an address: one's own, any for an administrator (and in the demo)."""
    wanted = _filled(address, "address").lower()
    if not (person.demo or person.role == "administrator" or wanted == person.address.lower()):
        raise InputError("decision.not_yours", "Ask an administrator")
    return subscriptions.end(wh, wanted, at=at)


def _may(person: Person) -> None:
    if not person.may_write:
        raise InputError("decision.not_allowed", "Ask a duty officer or an administrator")


def _sees(person: Person, rule: str) -> None:
    """Who may not see the alerts of a rule is told that there is none: that there is one is what they may not know."""
    if rule in RESTRICTED_RULES and not may_see(Gate.OBLIGATION, person.role, person.organisation):
        raise InputError("decision.no_alert", "Choose one of the open ones")


def _filled(text: str, what: str) -> str:
    tidy = " ".join(text.split())
    if not tidy:
        raise InputError(f"decision.{what}_missing", "Fill it in")
    return tidy
