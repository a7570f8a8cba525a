# ruff: noqa: E501  (tables are as wide as they are)
from __future__ import annotations

from typing import Any

from spec_cases import judged, text
from spec_cases import row as measured_row

TITLE = "Areas, families and seasons"
TEXT = """Areas other than 99 look at stock, out share and run-out only, have no level under 10 dispensings in 84 days, and
stand above watch only where 99 is at least watch or half of their own demand has run out. A medicine whose family is normal
or watch is at most elevated: other strengths last. Outside its season a medicine has no level. The first row is judged; the
second stands beside it."""
TABLE = """
| row | beside it | = level | = reasons |
|---|---|---|---|
| 08 stock 10 | 99 stock 1000 | watch | stock_at_floor, country_normal |
| 08 stock 10 | 99 stock 10 | severe | stock_at_floor |
| 08 stock 10 | 99 notice 0.5 | severe | stock_at_floor |
| 08 stock 10 out 0.5 | 99 stock 1000 | severe | stock_at_floor, out_share |
| 08 stock 10 dispensings 9 | 99 stock 10 |  | low_demand |
| 08 stock 10 dispensings 10 | 99 stock 10 | severe | stock_at_floor |
| 08 notice 1 | 99 stock 1000 | normal |  |
| medicine stock 10 | family stock 1000 | elevated | stock_at_floor, other_strengths_last |
| medicine stock 10 | family notice 0.5 | elevated | stock_at_floor, other_strengths_last |
| medicine stock 10 | family stock 10 | severe | stock_at_floor |
| 99 stock 10 season 10-01 04-30 | 99 other | severe | stock_at_floor |
| 99 stock 10 season 04-01 09-30 | 99 other |  | out_of_season |
"""
NAMES = {"stock": "stock_units", "out": "out_share", "notice": "notice_share_84", "dispensings": "dispensings_84"}
OTHER = {"medicine_id": "SA01AA01_oral_solid", "family_id": "SA01AA01_oral_solid"}


def _row(cell: str) -> dict[str, Any]:
    first, *rest = cell.split()
    changed: dict[str, Any] = {"county_code": first if first.isdigit() else "99"}
    if first == "medicine":
        changed |= {"grain": "medicine", "medicine_id": "G0001"}
    while rest:
        name = rest.pop(0)
        if name == "season":
            changed |= {"season_from": rest.pop(0), "season_to": rest.pop(0)}
        elif name == "other":
            changed |= OTHER
        else:
            changed[NAMES[name]] = float(rest.pop(0))
    if changed["county_code"] != "99":
        changed["floor_units"] = 30.0
    return measured_row(**changed)


def outcome(row: dict[str, str]) -> dict[str, str]:
    wanted = _row(row["row"])
    found = judged([wanted, _row(row["beside it"])])
    key = ("county_code", "medicine_id")
    one = next(item for item in found if all(item[name] == wanted[name] for name in key))
    return {"= level": text(one["level"]), "= reasons": text(one["reasons"])}
