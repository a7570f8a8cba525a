# ruff: noqa: E501  (tables are as wide as they are)
from __future__ import annotations

from datetime import timedelta

from spec_cases import DAY, holder, measured, picture_facts, sale, text

TITLE = "Trailing demand"
TEXT = """Per reporter 1/7 x the sum over weekdays of the mean units on the reported days of that weekday. A weekday never
reported counts 0 where there are 28 or more reported days; with fewer the plain mean over the reported days stands. Days not
reported are not zero days; a nil row is a reported day. A pack is 20 tablets."""
TABLE = """
| reported days | packs a day | of them nil rows | returned a day | = units a day |
|---|---|---|---|---|
| every day of 84 | 1 | none | 0 | 20 |
| every day of 84 | 1 | Sundays | 0 | 17.142857 |
| every day but Sundays | 1 | none | 0 | 17.142857 |
| the last 6, no Sunday in them | 1 | none | 0 | 20 |
| every second day | 1 | none | 0 | 20 |
| the last 7 | 1 | none | 0.5 | 10 |
| the last 7 | 1 | Sundays | 0 | 17.142857 |
| none |  |  |  |  |
"""
DAYS = {
    "every day of 84": range(84),
    "every day but Sundays": [n for n in range(84) if (DAY - timedelta(days=n)).weekday() != 6],
    "the last 6, no Sunday in them": [n for n in range(7) if (DAY - timedelta(days=n)).weekday() != 6],
    "every second day": range(0, 84, 2),
    "the last 7": range(7),
    "none": [],
}


def outcome(row: dict[str, str]) -> dict[str, str]:
    sales = []
    for n in DAYS[row["reported days"]]:
        sold_on = DAY - timedelta(days=n)
        nil = row["of them nil rows"] == "Sundays" and sold_on.weekday() == 6
        returned = float(row["returned a day"] or 0)
        sales.append(sale("P1", sold_on, 0.0, "") if nil else sale("P1", sold_on, 1.0, returned_packs=returned))
    known = picture_facts(holders=[holder("P1")], dispensing=sales)
    return {"= units a day": text(measured(known, "99").get("trailing_demand_units"))}
