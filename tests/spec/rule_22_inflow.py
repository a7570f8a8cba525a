# ruff: noqa: E501  (tables are as wide as they are)
from __future__ import annotations

from datetime import timedelta

import polars as pl
from spec_cases import DAY, count, holder, number, picture_facts, sale, text

from medsupply.picture.flows import flows

TITLE = "Net inflow"
TEXT = """Between two consecutive snapshots of a holder: balance now less balance then, plus dispensed, plus expired in
between; the balance holds the reserve, expired packs are out of it, absent is 0. Never clipped: a transfer out is negative.
The first snapshot is opening stock. Snapshots are 2 days apart."""
TABLE = """
| then | of them expiring in between | dispensed | now | = net inflow |
|---|---|---|---|---|
| 10 | 0 | 0 | 10 | 0 |
| 10 | 0 | 4 | 6 | 0 |
| 10 | 0 | 4 | 16 | 10 |
| 10 | 3 | 4 | 3 | 0 |
| 10 | 0 | 0 | 7 | -3 |
| 10 | 0 | 0 |  | -10 |
|  | 0 | 0 | 5 | 5 |
"""


def outcome(row: dict[str, str]) -> dict[str, str]:
    first = DAY - timedelta(days=2)
    then, soon = number(row["then"]), float(row["of them expiring in between"])
    stock = [count("P1", first, None)] if then is None else [count("P1", first, then - soon, lot="A")]
    stock += [count("P1", first, soon, lot="B", expires_on=DAY)] if soon else []
    now = number(row["now"])
    stock.append(count("P1", DAY, now))
    known = picture_facts(holders=[holder("P1")], stock=stock, dispensing=[sale("P1", DAY, float(row["dispensed"]))])
    found = flows(known, known.dispensing, ()).country.filter((pl.col("vnr") == "000101") & (pl.col("day") == DAY))
    return {"= net inflow": text(found["inflow"].item())}
