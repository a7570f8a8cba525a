"""Decisions of persons: acknowledge, silence and end it, release a hold. Each leaves its trace in the audit."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

import polars as pl
import sqlalchemy as sa

from medsupply.alerts.episodes import RANK
from medsupply.alerts.rules import RULES, SERVICE
from medsupply.alerts.store import release_held
from medsupply.areas import AREAS
from medsupply.errors import InputError
from medsupply.rules import Rules
from medsupply.tables.alerts import ACKNOWLEDGEMENT, SILENCE
from medsupply.warehouse.database import bulk
from medsupply.warehouse.database.audit import audit
from medsupply.warehouse.database.connection import Warehouse

LONGEST_SILENCE = timedelta(days=30)


def acknowledge(wh: Warehouse, alert_id: str, *, owner: str, note: str, at: datetime, rules: Rules) -> None:
    """Take an alert on. Runs out after the days of the rules file, and lapses when the level rises."""
    if not owner.strip() or not note.strip():
        raise InputError("An acknowledgement needs an owner and a note", "Say who takes it on and what is being done")
    with wh.transaction() as connection:
        query = sa.text("select level from alerts.state where alert_id = :id and state <> 'closed'")
        found = connection.execute(query, {"id": alert_id}).first()
        if found is None:
            raise InputError(f"{alert_id} is no open alert", "See analyst.alerts for the open ones")
        row = {"alert_id": alert_id, "at": at, "owner": owner.strip(), "note": note.strip(), "level": found.level,
               "expires_at": at + timedelta(days=rules.acknowledgement_days)}  # fmt: skip
        bulk.copy(connection, ACKNOWLEDGEMENT, pl.DataFrame([row], schema=ACKNOWLEDGEMENT.dtypes()))
        audit(connection, at, "acknowledge", alert_id, owner, note)


def silence(
    wh: Warehouse,
    *,
    author: str,
    reason: str,
    at: datetime,
    until: datetime,
    medicine_id: str | None = None,
    county_code: str | None = None,
    rule: str | None = None,
) -> str:
    """No mails for what matches, until an end at most 30 days away; returns the silence's id.

    Where alerts that match are open it holds up to their highest level: one that rises above it is told. Raises
    InputError for what no alert could match.
    """
    if not author.strip() or not reason.strip():
        raise InputError("A silence needs an author and a reason", "Say who and why")
    if not (medicine_id or county_code or rule):
        raise InputError("A silence of everything is not possible", "Name a medicine, an area or a rule")
    if not at < until <= at + LONGEST_SILENCE:
        raise InputError("A silence ends within 30 days", "Choose an earlier end")
    silence_id = hashlib.sha256(f"{medicine_id}|{county_code}|{rule}|{author}|{at}".encode()).hexdigest()[:16]
    row = {"silence_id": silence_id, "medicine_id": medicine_id, "county_code": county_code, "rule": rule,
           "author": author, "reason": reason, "starts_at": at, "ends_at": until}  # fmt: skip
    with wh.transaction() as connection:
        _check_matcher(connection, medicine_id, county_code, rule)
        level = _highest_open(connection, medicine_id, county_code, rule)
        bulk.copy(connection, SILENCE, pl.DataFrame([{**row, "level": level}], schema=SILENCE.dtypes()))
        audit(connection, at, "silence", silence_id, author, reason)
    return silence_id


def _check_matcher(
    connection: sa.Connection, medicine_id: str | None, county_code: str | None, rule: str | None
) -> None:
    names = [one.name for one in (*RULES, *SERVICE)]
    if rule is not None and rule not in names:
        raise InputError(f"{rule!r} is no rule", f"Use one of {', '.join(names)}")
    if county_code is not None and county_code not in AREAS:
        raise InputError(f"{county_code!r} is no area", "Use 01-21, 90, 91, Y1-Y5 or 99")
    if medicine_id is None:
        return
    query = sa.text(
        "select family_id from picture.medicines where medicine_id = :id union all"
        " select medicine_id from alerts.state where medicine_id = :id limit 1"
    )
    family = connection.execute(query, {"id": medicine_id}).scalar()
    if family is None and not connection.execute(sa.text("select 1 from picture.medicines limit 1")).first():
        return  # before the first picture
    if family is None:
        raise InputError(f"No picture and no alert knows {medicine_id}", "See analyst.medicines for the ids")
    if family != medicine_id:
        raise InputError(f"Alerts are about families, {medicine_id} is one of {family}", f"Silence {family}")


def _highest_open(
    connection: sa.Connection, medicine_id: str | None, county_code: str | None, rule: str | None
) -> str | None:
    query = sa.text(
        "select level from alerts.state where closed_on is null"
        " and medicine_id = coalesce(cast(:medicine as varchar), medicine_id)"
        " and county_code = coalesce(cast(:county as varchar), county_code)"
        " and rule = coalesce(cast(:rule as varchar), rule)"
    )
    scope = {"medicine": medicine_id, "county": county_code, "rule": rule}
    # An alert without a level is about data: whatever level comes is above it.
    levels = [level if level in RANK else "watch" for level in connection.execute(query, scope).scalars()]
    return max(levels, key=RANK.__getitem__, default=None)


def end_silence(wh: Warehouse, silence_id: str, *, author: str, reason: str, at: datetime) -> None:
    """End a silence now. Raises InputError for an unknown or ended one."""
    if not author.strip() or not reason.strip():
        raise InputError("Ending a silence needs an author and a reason", "Say who and why")
    query = "update alerts.silence set ends_at = :at where silence_id = :id and starts_at <= :at and ends_at > :at"
    with wh.transaction() as connection:
        if not connection.execute(sa.text(query), {"id": silence_id, "at": at}).rowcount:
            raise InputError(f"{silence_id} is no silence that holds", "See medsupply alerts silences")
        audit(connection, at, "end_silence", silence_id, author.strip(), reason.strip())


def silences(wh: Warehouse, *, at: datetime) -> pl.DataFrame:
    """Silences that hold at a moment: rows of ``alerts.silence``, the next to end first."""
    return wh.rows(SILENCE, "starts_at <= :at and ends_at > :at", at=at).sort("ends_at", "silence_id")


def release_hold(wh: Warehouse, *, author: str, reason: str, at: datetime, rules: Rules) -> int:
    """Release the mails of held evaluations; returns how many were queued."""
    with wh.transaction() as connection:
        connection.execute(sa.text("select pg_advisory_xact_lock(hashtext('alerts'))"))
        query = sa.text(
            "update alerts.evaluations set released_at = :at where held and released_at is null returning as_of"
        )
        days = sorted(connection.execute(query, {"at": at}).scalars())
        if not days:
            return 0
        queued = release_held(connection, wh, rules, at)
        audit(connection, at, "release_hold", ", ".join(map(str, days)), author, reason)
    return queued
