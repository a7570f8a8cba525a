from __future__ import annotations

import polars as pl
from spec_cases import holder, picture_facts, text

from medsupply.picture.reach import holder_areas, valid_holders

TITLE = "Where a holder counts"
TEXT = """Stock and demand of a holder belong to its county, that county's collaborative area and the country, unless
``serves`` says more; in a county it shares with others it is marked shared; in Y and 99 it is added once. Wholesalers,
marketing authorisation holders and THL count in 99 only, the state reserve nowhere. Åland stands alone."""
TABLE = """
| type | county | serves | = areas | = shared in |
|---|---|---|---|---|
| pharmacy | 08 |  | 08, 99, Y3 |  |
| pharmacy | 91 |  | 91, 99 |  |
| hospital_pharmacy | 90 | 01,02,03,04,90 | 01, 02, 03, 04, 90, 99, Y1 | 01, 02, 03, 04, 90 |
| hospital_pharmacy | 08 | 08,07,13 | 07, 08, 13, 99, Y2, Y3 | 07, 08, 13, Y2, Y3 |
| hospital_pharmacy | 08 | Y3 | 07, 08, 16, 99, Y3 | 07, 08, 16 |
| wholesaler | 90 |  | 99 |  |
| mah | 08 |  | 99 |  |
| thl | 90 |  | 99 |  |
| state_reserve | 90 |  |  |  |
"""


def outcome(row: dict[str, str]) -> dict[str, str]:
    known = picture_facts(holders=[holder("X", row["type"], row["county"], serves=row["serves"] or None)])
    areas = holder_areas(valid_holders(known)).sort("area")
    shared = areas.filter(pl.col("shared"))["area"].to_list()
    return {"= areas": text(areas["area"].to_list()), "= shared in": text(shared)}
