from __future__ import annotations

import polars as pl
from spec_cases import DAY, PACKAGE, count, day, holder, number, picture_facts, text

from medsupply.picture.master import master
from medsupply.picture.measure import measure
from medsupply.rules import load_rules

TITLE = "States of a number"
TEXT = """Zero is a reported value, missing never is. One pharmacy; the package was in its snapshots of two weeks ago. A
package absent from a snapshot is not stocked; one with a quarantined row in it is carried from the snapshot before; an
unknown VNR counts in packs as unmapped."""
TABLE = """
| counted on | packs | vnr | quarantined row | = state | = packs | = units |
|---|---|---|---|---|---|---|
| 2026-03-05 | 5 | 000101 | no | reported | 5 | 100 |
| 2026-03-05 | 0 | 000101 | no | reported | 0 | 0 |
| 2026-03-03 | 5 | 000101 | no | late | 5 | 100 |
| 2026-03-05 |  |  | no | not_stocked | 0 | 0 |
| 2026-02-20 | 5 | 000101 | no | missing |  |  |
| 2026-03-05 | 5 | 000101 | yes | reported | 8 | 160 |
| 2026-03-05 | 5 | 999999 | no | unmapped | 5 |  |
"""


def outcome(row: dict[str, str]) -> dict[str, str]:
    counted = day(row["counted on"])
    assert counted
    earlier = [count("P1", day(one) or DAY, 8.0, row["vnr"] or "000101") for one in ("2026-02-18", "2026-02-19")]
    gap = {"holder_id": "P1", "counted_on": counted, "vnr": "000101"}
    known = picture_facts(
        holders=[holder("P1")],
        stock=[*earlier, count("P1", counted, number(row["packs"]), row["vnr"])],
        gaps=[gap] if row["quarantined row"] == "yes" else [],
        fimea_substitution=[PACKAGE],
    )
    daily = measure(known, master(known), load_rules()).stock_daily.filter(pl.col("county_code") == "08").to_dicts()
    assert len(daily) == 1
    return {"= state": daily[0]["state"], "= packs": text(daily[0]["packs"]), "= units": text(daily[0]["units"])}
