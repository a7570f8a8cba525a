"""Subscriptions in the warehouse: by an operator (counts as confirmed), by an address itself (must confirm), ending."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

import polars as pl
import sqlalchemy as sa

from medsupply.alerts.mails import confirmation_mail
from medsupply.alerts.recipients import Subscription
from medsupply.alerts.store import message_id_of, outbox_row
from medsupply.errors import InputError
from medsupply.tables.alerts import OUTBOX, SUBSCRIPTION
from medsupply.warehouse import bulk
from medsupply.warehouse.connection import Warehouse


def add(wh: Warehouse, lines: Sequence[Subscription], *, at: datetime, confirmed: bool) -> None:
    """Store subscriptions. Not confirmed ones get a mail that asks; nothing else goes there until they confirm."""
    rows = [_row(line, at, confirmed) for line in lines]
    with wh.transaction() as connection:
        new = [row for row in rows if row["subscription_id"] not in _standing(connection, lines, confirmed)]
        if new:
            bulk.upsert(connection, SUBSCRIPTION, pl.DataFrame(new, schema=SUBSCRIPTION.dtypes()))
        if new and not confirmed:
            _ask(connection, wh, lines[0], at)


def _standing(connection: sa.Connection, lines: Sequence[Subscription], confirmed: bool) -> set[str]:
    """Lines that stand as they are asked for: an operator also confirms those that wait, and names another deputy."""
    table = SUBSCRIPTION.sql
    query = sa.select(table).where(table.c.ended_at.is_(None), table.c.confirmed_at.is_not(None))
    wanted = {line.subscription_id: (line.language, line.deputy) for line in lines}
    return {
        row.subscription_id
        for row in connection.execute(query)
        if not confirmed or wanted.get(row.subscription_id) == (row.language, row.deputy)
    }


def confirm(wh: Warehouse, address: str, token: str, *, at: datetime) -> int:
    """Confirm the subscriptions of an address by the token of its mail; returns their number."""
    if not hmac.compare_digest(token.encode(), token_of(wh, address).encode()):
        raise InputError("The confirmation link is not valid", "Subscribe again")
    return _set(wh, "confirmed_at", address, at, "confirmed_at IS NULL")


def end(wh: Warehouse, address: str, *, at: datetime) -> int:
    """End all subscriptions of an address; returns their number. Called by POST only."""
    return _set(wh, "ended_at", address, at, "ended_at IS NULL")


def token_of(wh: Warehouse, address: str) -> str:
    """The secret part of an address's confirmation link, derived from a secret of this warehouse."""
    from medsupply.warehouse.secrets import ensure_secret

    key = ensure_secret(wh.settings.home, "subscriptions")
    return hashlib.sha256(f"{key}|{address.lower()}".encode()).hexdigest()[:32]


def _set(wh: Warehouse, column: str, address: str, at: datetime, condition: str) -> int:
    query = f"UPDATE alerts.subscription SET {column} = :at WHERE lower(address) = lower(:address) AND {condition}"  # noqa: S608
    with wh.transaction() as connection:
        return int(connection.execute(sa.text(query), {"at": at, "address": address}).rowcount)


def _ask(connection: sa.Connection, wh: Warehouse, line: Subscription, at: datetime) -> None:
    base = wh.settings.base_url
    link = f"{base}/alerts?confirm={token_of(wh, line.address)}&address={line.address}&lang={line.language}"
    mail = confirmation_mail(line.language, link, f"{base}/alerts?unsubscribe=1")
    message_id = message_id_of(f"confirmation|{line.address.lower()}|{at.isoformat()}", wh.settings.mail_from)
    row = outbox_row(message_id, "confirmation", None, line.address, line.language, "confirmation", mail, at)
    bulk.copy(connection, OUTBOX, pl.DataFrame([row], schema=OUTBOX.dtypes()))


def _row(line: Subscription, at: datetime, confirmed: bool) -> dict[str, object]:
    return {
        "subscription_id": line.subscription_id,
        "address": line.address,
        "language": line.language,
        "role": line.role,
        "level": line.level,
        "county_code": line.county_code,
        "atc_prefix": line.atc_prefix,
        "medicine_id": line.medicine_id,
        "form_class": line.form_class,
        "digest": line.digest,
        "deputy": line.deputy,
        "created_at": at,
        "confirmed_at": at if confirmed else None,
        "ended_at": None,
    }
