"""The duty rota: who is on duty outside office hours. An edge: reads and writes the warehouse."""

from __future__ import annotations

import hashlib
from datetime import datetime

import polars as pl
import sqlalchemy as sa

from medsupply.alerts.recipients import ADDRESS
from medsupply.errors import InputError
from medsupply.tables.alerts import DUTY
from medsupply.warehouse.database import bulk
from medsupply.warehouse.database.audit import audit
from medsupply.warehouse.database.connection import Warehouse


def put_on_duty(
    wh: Warehouse, rota: str, address: str, *, start: datetime, end: datetime, author: str, at: datetime
) -> str:
    """Put an address on duty in a rota from ``start`` until ``end``; returns the id of the line."""
    if not rota.strip() or not author.strip():
        raise InputError("A duty needs its rota and who has said so", "Name both")
    if not ADDRESS.fullmatch(address):
        raise InputError(f"{address!r} is no mail address", "Write name@example.org, in letters without accents")
    if not start < end:
        raise InputError("A duty ends after it starts", "Give the start first")
    duty_id = hashlib.sha256(f"{rota}|{address.lower()}|{start}|{end}".encode()).hexdigest()[:16]
    row = {"duty_id": duty_id, "rota": rota.strip(), "address": address, "starts_at": start, "ends_at": end,
           "author": author}  # fmt: skip
    with wh.transaction() as connection:
        bulk.upsert(connection, DUTY, pl.DataFrame([row], schema=DUTY.dtypes()))
        audit(connection, at, "duty", duty_id, author, f"{address} on {rota} from {start} until {end}")
    return duty_id


def end_duty(wh: Warehouse, duty_id: str, *, author: str, at: datetime) -> None:
    """End a duty now; one that has not begun never does. Raises InputError for an unknown or ended one."""
    query = "update alerts.duty set ends_at = greatest(starts_at, :at) where duty_id = :id and ends_at > :at"
    with wh.transaction() as connection:
        if not connection.execute(sa.text(query), {"id": duty_id, "at": at}).rowcount:
            raise InputError(f"{duty_id} is no duty that goes on or comes", "See medsupply alerts duty list")
        audit(connection, at, "duty_ended", duty_id, author, "ended")


def duties(wh: Warehouse, *, at: datetime) -> pl.DataFrame:
    """Duties that go on or come: duty_id, rota, address, starts_at, ends_at, author."""
    return wh.rows(DUTY, "ends_at > :at and ends_at > starts_at", at=at).sort("starts_at", "rota", "address")
