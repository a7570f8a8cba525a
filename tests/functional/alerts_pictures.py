"""Small judged pictures, put straight into the warehouse: what evaluating alerts reads."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any

import polars as pl

from medsupply.days import end_of_day
from medsupply.tables.base import Table
from medsupply.tables.picture import MEDICINES, OBLIGATIONS, PICTURES, SITUATION
from medsupply.warehouse.database import bulk
from medsupply.warehouse.database.connection import Warehouse

START = date(2026, 3, 2)
CALM: dict[str, Any] = {
    "grain": "family",
    "atc": "J01CA04",
    "critical": True,
    "critical_class": 1,
    "level": "normal",
    "partial": False,
    "reasons": [],
    "stock_units": 5000.0,
    "floor_units": 700.0,
    "run_out_p14": 0.01,
    "run_out_p28": 0.02,
    "run_out_p56": 0.05,
    "run_out_p84": 0.08,
    "reporting_share": 1.0,
    "shared": False,
    "state": "reported",
    "rules_version": "test",
}
SHORT = {"level": "elevated", "reasons": ["run_out_p56"], "run_out_p28": 0.3, "run_out_p56": 0.6, "run_out_p84": 0.7}
GONE = {"level": "severe", "reasons": ["stock_at_floor"], "run_out_p14": 1.0, "run_out_p28": 1.0, "run_out_p56": 1.0,
        "run_out_p84": 1.0, "stock_units": 10.0}  # fmt: skip


def day(number: int) -> date:
    return START + timedelta(days=number)


def moment(number: int) -> datetime:
    return end_of_day(day(number))


def row(medicine: str, area: str = "99", **changes: Any) -> dict[str, Any]:
    """One family in one area; calm unless ``changes`` say otherwise."""
    return {**CALM, "medicine_id": medicine, "family_id": medicine, "county_code": area, **changes}


def medicine(medicine_id: str, **changes: Any) -> dict[str, Any]:
    names = {f"name_{language}": f"{medicine_id} {language}" for language in ("fi", "sv", "en")}
    found = {"medicine_id": medicine_id, "as_of": START, "known_at": moment(0), "grain": "family",
             "family_id": medicine_id, "atc": "J01CA04", **names, "form_class": "parenteral", "critical": True,
             "critical_class": 1, "critical_lists": ["eu"], "packages": 1, "marketed_packages": 1,
             "marketed_holders": 1, "special_permit_articles": 0, "substitutes": [], "state": "marketed"}  # fmt: skip
    return {**found, **changes}


def put(wh: Warehouse, number: int, rows: list[Mapping[str, Any]], *, known_at: datetime | None = None) -> datetime:
    """Store a judged picture of day ``number``; returns its moment."""
    at = known_at or moment(number)
    stamped = [{**one, "as_of": day(number), "known_at": at} for one in rows]
    named = {one["medicine_id"]: medicine(one["medicine_id"]) for one in rows}
    seen = {"as_of": day(number), "known_at": at, "stage": "judged", "rules_version": "test", "rows": len(rows),
            "content": sha256(repr(stamped).encode()).hexdigest()}  # fmt: skip
    with wh.transaction() as connection:
        bulk.upsert(connection, SITUATION, pl.DataFrame(stamped, schema_overrides=SITUATION.dtypes()))
        bulk.upsert(connection, MEDICINES, pl.DataFrame(list(named.values()), schema_overrides=MEDICINES.dtypes()))
        bulk.upsert(connection, PICTURES, pl.DataFrame([seen], schema_overrides=PICTURES.dtypes()))
    return at


def put_obligation(wh: Warehouse, number: int, medicine: str, *, short_today: bool | None) -> None:
    """What is known on day ``number`` of the obligatory storage of a family: below, enough, or not known (None)."""
    owed = {"as_of": day(number), "known_at": moment(number), "obliged_id": "O1", "family_id": medicine,
            "short_today": short_today, "short_days": 0, "short": False}  # fmt: skip
    seen = {"as_of": day(number), "known_at": moment(number), "stage": "measured", "rules_version": "test", "rows": 1,
            "content": f"{medicine}{short_today}"}  # fmt: skip
    with wh.transaction() as connection:
        bulk.upsert(connection, OBLIGATIONS, pl.DataFrame([owed], schema=OBLIGATIONS.dtypes()))
        bulk.upsert(connection, PICTURES, pl.DataFrame([seen], schema_overrides=PICTURES.dtypes()))


def any_row(table: Table, at: datetime, **given: object) -> pl.DataFrame:
    """A row of a table in which only ``given`` and the moment matter."""
    plain = {pl.String: "x", pl.Int64: 0, pl.Float64: 0.0, pl.Boolean: False, pl.Date: at.date(), pl.List: []}
    values = {name: given.get(name, plain.get(kind.base_type(), at)) for name, kind in table.dtypes().items()}
    return pl.DataFrame([values], schema=table.dtypes())
