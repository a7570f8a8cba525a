"""Subscriptions in the warehouse: by an operator (counts as confirmed), by an address itself (must confirm), ending."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import polars as pl
import sqlalchemy as sa

from medsupply.alerts import links
from medsupply.alerts.mails import confirmation_mail
from medsupply.alerts.recipients import Subscription, subscriptions_of
from medsupply.alerts.store import message_id_of, outbox_row
from medsupply.errors import InputError
from medsupply.tables.alerts import OUTBOX, SUBSCRIPTION
from medsupply.warehouse.database import bulk
from medsupply.warehouse.database.connection import Warehouse


def subscribe(wh: Warehouse, address: str, *, at: datetime, confirmed: bool, **wanted: Any) -> int:
    """Store what ``subscriptions_of(address, **wanted)`` describes; returns how many lines that is."""
    lines = subscriptions_of(address, **wanted)
    if wanted.get("medicine"):
        check_medicine(wh, wanted["medicine"])
    add(wh, lines, at=at, confirmed=confirmed)
    return len(lines)


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
    wanted = {line.subscription_id: (line.language, line.deputy, line.rota) for line in lines}
    return {
        row.subscription_id
        for row in connection.execute(query)
        if not confirmed or wanted.get(row.subscription_id) == (row.language, row.deputy, row.rota)
    }


def confirm(wh: Warehouse, address: str, token: str, *, at: datetime) -> int:
    """Confirm the subscriptions of an address by the token of its mail; returns how many stand confirmed now."""
    if not links.is_valid(wh.settings, address, links.CONFIRM, token):
        raise InputError("The confirmation link is not valid", "Subscribe again")
    return _set(wh, "confirmed_at", address, at)


def check_medicine(wh: Warehouse, medicine: str) -> None:
    """Raise InputError for an id that no picture knows; before the first picture every id is taken as it is."""
    query = "select count(*) as n, count(*) filter (where medicine_id = :id) as hit from picture.medicines"
    row = wh.read(query, id=medicine).row(0, named=True)
    if row["n"] and not row["hit"]:
        raise InputError(f"There is no medicine or family {medicine}", "See analyst.medicines for the ids")


def told(wh: Warehouse, address: str | None = None) -> list[str]:
    """Every standing subscription in a line."""
    where = "ended_at is null and lower(address) = coalesce(lower(cast(:address as varchar)), lower(address))"
    found = wh.rows(SUBSCRIPTION, where, address=address).sort("address", "subscription_id")
    return [_line(row) for row in found.iter_rows(named=True)]


def _line(row: Mapping[str, Any]) -> str:
    about = [str(row[name]) for name in ("medicine_id", "atc_prefix", "form_class") if row[name]]
    marks = [
        "digest" if row["digest"] else "at once",
        f"office hours, rota {row['rota']}" if row["rota"] else "",
        f"deputy {row['deputy']}" if row["deputy"] else "",
        "" if row["confirmed_at"] else "NOT CONFIRMED",
    ]
    where, what = row["county_code"] or "all areas", " ".join(about) or "all medicines"
    wanted = f"{row['level']} up, {where}, {what}"
    return "; ".join(
        (f"{row['address']}  {row['language']}  {row['role'] or '-'}  {wanted}", ", ".join(filter(None, marks)))
    )


def end_by_link(wh: Warehouse, address: str, token: str, *, at: datetime) -> int:
    """End all subscriptions of an address by the token of its mails; returns their number. Called by POST only."""
    if not links.is_valid(wh.settings, address, links.END, token):
        raise InputError("The link is not valid", "Use the link of a newer mail, or ask an operator")
    return end(wh, address, at=at)


def end(wh: Warehouse, address: str, *, at: datetime) -> int:
    """End all subscriptions of an address, as its owner or an operator; returns their number."""
    return _set(wh, "ended_at", address, at)


def _set(wh: Warehouse, column: str, address: str, at: datetime) -> int:
    """Set a moment of the subscriptions that have not ended, where it is not set; returns how many those are."""
    query = (
        f"UPDATE alerts.subscription SET {column} = coalesce({column}, :at)"  # noqa: S608
        " WHERE lower(address) = lower(:address) AND ended_at IS NULL"
    )
    with wh.transaction() as connection:
        return int(connection.execute(sa.text(query), {"at": at, "address": address}).rowcount)


def _ask(connection: sa.Connection, wh: Warehouse, line: Subscription, at: datetime) -> None:
    asks, ends = (links.link(wh.settings, line.address, one, line.language) for one in (links.CONFIRM, links.END))
    mail = confirmation_mail(line.language, asks, ends)
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
        "rota": line.rota,
        "created_at": at,
        "confirmed_at": at if confirmed else None,
        "ended_at": None,
    }
