# ruff: noqa: E501  (tables are as wide as they are)
from __future__ import annotations

from datetime import timedelta

from spec_cases import DAY, KNOWN, judged, number, text
from spec_cases import row as measured_row

TITLE = "Daily demand and cover"
TEXT = """Daily demand is the newest forecast with cutoff in the last 14 days that beat the trailing mean, else the trailing
demand. While stock is at or below the floor it is no less than the value of the last day above it: by the forecast of that
day, else its trailing demand; of a shortage longer than measure looks back, what the picture before carried on. Cover is
stock over daily demand; where demand is zero or unknown there is no cover, never 0 and never infinite. Trailing demand times
7 is the floor; the reserve is 50."""
TABLE = """
| stock | trailing | forecast | cutoff days ago | beat trailing | last day above the floor, days ago | its trailing | carried, of days ago | = demand | = basis | = cover | = with reserve |
|---|---|---|---|---|---|---|---|---|---|---|---|
| 1000 | 10 |  |  |  |  |  |  | 10 | trailing | 100 | 105 |
| 1000 | 10 | 20 | 4 | yes |  |  |  | 20 | forecast | 50 | 52.5 |
| 1000 | 10 | 20 | 4 | no |  |  |  | 10 | trailing | 100 | 105 |
| 1000 | 10 | 20 | 15 | yes |  |  |  | 10 | trailing | 100 | 105 |
| 1000 | 10 | 20 | 14 | yes |  |  |  | 20 | forecast | 50 | 52.5 |
| 70 | 10 |  |  |  | 1 | 14 |  | 14 | before_shortage | 5 | 8.571429 |
| 70 | 10 |  |  |  | 1 | 8 |  | 10 | trailing | 7 | 12 |
| 70 | 10 | 20 | 4 | yes | 1 | 14 |  | 20 | forecast | 3.5 | 6 |
| 70 | 10 | 20 | 30 | yes | 20 | 14 |  | 20 | before_shortage | 3.5 | 6 |
| 70 | 10 | 20 | 30 | yes | 10 | 14 |  | 14 | before_shortage | 5 | 8.571429 |
| 70 | 10 | 20 | 30 | no | 20 | 14 |  | 14 | before_shortage | 5 | 8.571429 |
| 70 | 10 |  |  |  |  |  | 14, 85 | 14 | before_shortage | 5 | 8.571429 |
| 70 | 10 |  |  |  |  |  | 14, 84 | 10 | trailing | 7 | 12 |
| 70 | 10 |  |  |  | 60 | 12 | 14, 85 | 12 | before_shortage | 5.833333 | 10 |
| 80 | 10 |  |  |  |  |  | 14, 85 | 10 | trailing | 8 | 13 |
| 1000 | 0 |  |  |  |  |  |  | 0 | trailing |  |  |
| 1000 |  |  |  |  |  |  |  |  |  |  |  |
|  | 10 |  |  |  |  |  |  | 10 | trailing |  |  |
"""


def outcome(row: dict[str, str]) -> dict[str, str]:
    trailing = number(row["trailing"])
    floor = None if trailing is None else 7 * trailing
    changed = {"stock_units": number(row["stock"]), "reserve_units": 50.0, "floor_units": floor}
    if row["last day above the floor, days ago"]:
        days = int(row["last day above the floor, days ago"])
        changed |= {"demand_before_on": DAY - timedelta(days=days)}
        changed |= {"demand_before_trailing_units": number(row["its trailing"])}
    now = measured_row(**changed, trailing_demand_units=trailing)
    key = {"medicine_id": now["medicine_id"], "county_code": "99"}
    forecast = []
    if row["forecast"]:
        cutoff = DAY - timedelta(days=int(row["cutoff days ago"]))
        beat = row["beat trailing"] == "yes"
        forecast = [{**key, "cutoff": cutoff, "daily_units": float(row["forecast"]), "beat_trailing": beat}]
    previous = []
    if row["carried, of days ago"]:
        value, days = (int(cell) for cell in row["carried, of days ago"].split(", "))
        before = {
            **key,
            "as_of": DAY - timedelta(days=1),
            "known_at": KNOWN - timedelta(days=1),
            "reporting_share": 1.0,
        }
        begun = {"demand_before_units": float(value), "demand_before_on": DAY - timedelta(days=days)}
        previous = [{**before, **begun}]
    found = judged([now], forecast=forecast, previous=previous)[0]
    return {
        "= demand": text(found["daily_demand_units"]),
        "= basis": text(found["demand_basis"]),
        "= cover": text(found["cover_days"]),
        "= with reserve": text(found["cover_days_with_reserve"]),
    }
