# ruff: noqa: E501  (tables are as wide as they are)
from __future__ import annotations

from datetime import timedelta

from spec_cases import DAY, count, holder, measured, picture_facts, sale, text

TITLE = "Demand before a shortage"
TEXT = """Stock at or below the floor on the report day: the last day above it is looked for among the 84 days before, each
measured from the deliveries as a report day of its own. Days of which nothing is known are passed over; a carried snapshot
stands. The pharmacy sells one pack of 20 tablets a day while it has any and sends a nil row when it sold none; the floor of a
county is three days. Days are counted back from the report day, which is 0."""
TABLE = """
| packs | of days | none on days | not heard of on days | sold on days | = last day above, days ago | = demand of that day |
|---|---|---|---|---|---|---|
| 10 | 1-100 | 0 |  | 1-120 | 1 | 20 |
| 10 | 10-100 | 0-9 |  | 10-120 | 10 | 20 |
| 10 | 40-100 | 0-39 |  | 40-120 | 40 | 20 |
| 10 | 84-100 | 0-83 |  | 84-160 | 84 | 20 |
| 10 | 85-100 | 0-84 |  | 85-160 |  |  |
| 3 | 10-100 | 0-9 |  | 10-120 |  |  |
| 3.5 | 10-100 | 0-9 |  | 10-120 | 10 | 20 |
| 10 | 10-100 | 0-2 | 3-9 | 10-120 | 7 | 20 |
| 10 | 10-100 | 0-2, 9 | 3-8 | 10-120 | 10 | 20 |
|  |  | 0-100 |  | 10-120 |  |  |
| 10 | 0-100 |  |  | 1-120 |  |  |
"""


def days(cell: str) -> list[int]:
    spans = [part.strip().partition("-") for part in cell.split(",") if part.strip()]
    return [n for first, _, last in spans for n in range(int(first), int(last or first) + 1)]


def outcome(row: dict[str, str]) -> dict[str, str]:
    have, empty, sold = (days(row[name]) for name in ("of days", "none on days", "sold on days"))
    stock = [count("P1", DAY - timedelta(days=n), float(row["packs"])) for n in have]
    stock += [count("P1", DAY - timedelta(days=n), None) for n in empty]
    nil = [n for n in range(min(sold)) if n not in days(row["not heard of on days"])]
    sales = [sale("P1", DAY - timedelta(days=n), 1.0) for n in sold]
    sales += [sale("P1", DAY - timedelta(days=n), 0.0, "") for n in nil]
    found = measured(picture_facts(holders=[holder("P1")], stock=stock, dispensing=sales), "08")
    on = found["demand_before_on"]
    return {
        "= last day above, days ago": text((DAY - on).days if on else None),
        "= demand of that day": text(found["demand_before_trailing_units"]),
    }
