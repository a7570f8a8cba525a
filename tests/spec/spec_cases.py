"""Small builders that the rules share: cells to values, one medicine, one measured row."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
from picture_facts import facts

from medsupply.facts import Facts
from medsupply.picture.judge import judge
from medsupply.picture.master import master
from medsupply.picture.measure import measure
from medsupply.rules import load_rules
from medsupply.tables.picture import MEASURED, SITUATION

DAY = date(2026, 3, 5)  # a Thursday
KNOWN = datetime(2026, 3, 6, tzinfo=UTC)
PACKAGE = {"vnrnro": "000101", "substituutioryhma": "0001", "atckoodi": "J01CA04", "vahvuus": "500 mg"}
PACKAGE |= {
    "pakkauskoko": "20",
    "laakemuotonimi": "tabletti",
    "haltija": "A Oy",
    "kaupan": True,
    "rinnakkaistuonti": False,
}

CRITICAL = [{"list": "eu", "atc5": "J01CA04", "n": "Amoxicillin", "route": "oral use"}]


def text(value: Any) -> str:
    """A value as a cell: empty for None, plain numbers, yes and no."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return (
            f"{value:.6f}".rstrip("0").rstrip(".").replace("-0", "0")
            if abs(value) < 5e-7
            else f"{value:.6f}".rstrip("0").rstrip(".")
        )
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(text(one) for one in value)
    return str(value)


def number(cell: str) -> float | None:
    return float(cell) if cell else None


def day(cell: str) -> date | None:
    return date.fromisoformat(cell) if cell else None


def holder(holder_id: str, holder_type: str = "pharmacy", county: str | None = "08", **more: Any) -> dict[str, Any]:
    row = {"holder_id": holder_id, "holder_type": holder_type, "county_code": county, "name": holder_id}
    return {**row, "valid_from": date(2020, 1, 1), **more}


def count(holder_id: str, counted_on: date, packs: float | None, vnr: str = "000101", **more: Any) -> dict[str, Any]:
    """A row of a snapshot; packs None: the holder has nothing (nil row)."""
    row = {
        "holder_id": holder_id,
        "counted_on": counted_on,
        "vnr": vnr if packs is not None else "",
        "packs": packs or 0.0,
    }
    return {**row, **more}


def sale(reporter: str, sold_on: date, packs: float, vnr: str = "000101", **more: Any) -> dict[str, Any]:
    row = {
        "reporter_id": reporter,
        "day": sold_on,
        "county_code": "08",
        "channel": "community",
        "vnr": vnr,
        "packs": packs,
    }
    return {**row, **more}


def picture_facts(**sources: Any) -> Facts:
    """Facts of DAY with the one package, unless a source says otherwise."""
    as_of = sources.pop("as_of", DAY)
    return facts(as_of, **{"fimea_substitution": [PACKAGE], "critical_list": CRITICAL, **sources})


def measured(known: Facts, area: str, medicine: str = "G0001") -> dict[str, Any]:
    """The measured row of a medicine in an area; empty where there is none."""
    found = measure(known, master(known), load_rules()).measured
    rows = found.filter((pl.col("county_code") == area) & (pl.col("medicine_id") == medicine)).to_dicts()
    return rows[0] if rows else {}


DEFAULTS: dict[str, Any] = {
    "as_of": DAY,
    "known_at": KNOWN,
    "medicine_id": "SJ01CA04_oral_solid",
    "family_id": "SJ01CA04_oral_solid",
    "county_code": "99",
    "grain": "family",
    "atc": "J01CA04",
    "unit": "mg",
    "critical": True,
    "critical_class": 2,
    "market_state": "marketed",
    "stock_units": 1000.0,
    "reserve_units": 0.0,
    "trailing_demand_units": 10.0,
    "floor_units": 70.0,
    "usual_units": 1000.0,
    "usual_units_heard": 1000.0,
    "usual_units_silent": 0.0,
    "reporting_share": 1.0,
    "dispensings_84": 500.0,
    "notice_packages_share": 0.0,
    "notice_packages_share_28": 0.0,
    "notice_share": 0.0,
    "notice_share_84": 0.0,
    "notices_open": 0,
    "notices_late": False,
    "marketed_packages": 3,
    "marketed_holders": 2,
    "special_permit_articles": 0,
    "other_medicines": 1,
    "dispensed_year": True,
    "shared": False,
    "state": "reported",
    "holders_valid": 10,
    "holders_heard": 10,
}


def row(**changed: Any) -> dict[str, Any]:
    """A measured row of a family with plenty of stock, changed as said."""
    return {**DEFAULTS, **changed}


def judged(
    rows: list[dict[str, Any]],
    run_out: dict[str, float | None] | None = None,
    previous: list[dict[str, Any]] | None = None,
    forecast: list[dict[str, Any]] | None = None,
    expected: list[dict[str, Any]] | None = None,
) -> list[dict[str, Any]]:
    """The situation of measured rows; ``run_out``: p14, p56, p84, p14_with_reserve, the same for every row."""
    frame = MEASURED.conform(pl.DataFrame(rows, infer_schema_length=None))
    situation = judge(
        frame,
        demand_forecast=pl.DataFrame(forecast) if forecast else None,
        run_out=_run_out(rows, run_out) if run_out else None,
        index_expected=pl.DataFrame(expected) if expected else None,
        previous=SITUATION.conform(pl.DataFrame(previous)) if previous else None,
        rules=load_rules(),
    )
    return situation.to_dicts()


def _run_out(rows: list[dict[str, Any]], values: dict[str, float | None]) -> pl.DataFrame:
    found = []
    for one in rows:
        for days in (14, 28, 56, 84):
            line = {name: one[name] for name in ("as_of", "known_at", "medicine_id", "county_code")}
            line |= {"horizon_days": days, "p": values.get(f"p{days}"), "p_announced": None}
            found.append({**line, "p_with_reserve": values.get("p14_with_reserve") if days == 14 else None})
    schema = {"p": pl.Float64, "p_announced": pl.Float64, "p_with_reserve": pl.Float64}
    return pl.DataFrame(found, schema_overrides=schema)
