# ruff: noqa: E501  (tables are as wide as they are)
from __future__ import annotations

from spec_cases import DAY, count, day, holder, measured, number, picture_facts, text

TITLE = "Stock and reserve"
TEXT = """Stock is packs less reserve_packs, lots that expire on or before the day left out. The own reserve of hospital
pharmacies and medicine centres counts as stock; in 99 also the reserve of others up to allowed_packs of an alitus permit in
force. The state reserve is in no figure until a release. Here one holder has 10 packs of 20 tablets; 2026-03-05."""
TABLE = """
| type | reserve packs | expires | permit | allowed | in force from | to | = stock in 99 | = reserve in 99 | = stock in county |
|---|---|---|---|---|---|---|---|---|---|
| wholesaler |  |  |  |  |  |  | 200 | 0 |  |
| wholesaler | 4 |  |  |  |  |  | 120 | 80 |  |
| wholesaler | 4 | 2026-03-05 |  |  |  |  | 0 | 0 |  |
| wholesaler | 4 | 2026-03-06 |  |  |  |  | 120 | 80 |  |
| wholesaler | 4 |  | alitus | 3 | 2026-03-01 |  | 180 | 20 |  |
| wholesaler | 4 |  | alitus | 9 | 2026-03-01 | 2026-03-05 | 200 | 0 |  |
| wholesaler | 4 |  | alitus | 9 | 2026-03-01 | 2026-03-04 | 120 | 80 |  |
| wholesaler | 4 |  | alitus | 9 | 2026-03-06 |  | 120 | 80 |  |
| wholesaler | 4 |  | alitus | 9 |  |  | 120 | 80 |  |
| hospital_pharmacy | 4 |  |  |  |  |  | 200 | 0 | 200 |
| medicine_centre | 4 |  |  |  |  |  | 200 | 0 | 200 |
| pharmacy | 4 |  |  |  |  |  | 120 | 80 | 120 |
| state_reserve |  |  |  |  |  |  |  |  |  |
| state_reserve |  |  | release | 3 | 2026-03-01 |  | 60 |  |  |
"""


def outcome(row: dict[str, str]) -> dict[str, str]:
    stock = count("X", DAY, 10.0, reserve_packs=number(row["reserve packs"]), expires_on=day(row["expires"]))
    permit = {"kind": row["permit"], "obliged_id": "O1", "vnr": "000101", "applied_on": DAY}
    permit |= {
        "valid_from": day(row["in force from"]),
        "valid_to": day(row["to"]),
        "allowed_packs": number(row["allowed"]),
    }
    known = picture_facts(holders=[holder("X", row["type"])], stock=[stock], permits=[permit] if row["permit"] else [])
    country, county = measured(known, "99"), measured(known, "08")
    return {
        "= stock in 99": text(country.get("stock_units")),
        "= reserve in 99": text(country.get("reserve_units")),
        "= stock in county": text(county.get("stock_units")),
    }
