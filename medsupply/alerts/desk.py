"""Decisions of persons: acknowledge, silence, release a hold. Each leaves its trace in the audit."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

import polars as pl
import sqlalchemy as sa

from medsupply.alerts.store import release_held
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
    """No mails for what matches, until an end at most 30 days away; returns the silence's id."""
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
        bulk.copy(connection, SILENCE, pl.DataFrame([row], schema=SILENCE.dtypes()))
        audit(connection, at, "silence", silence_id, author, reason)
    return silence_id


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
