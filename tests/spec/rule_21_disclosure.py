# ruff: noqa: E501  (tables are as wide as they are)
from __future__ import annotations

import duckdb
from spec_cases import text

from medsupply.picture.disclosure import Gate, may_see
from medsupply.tables.picture_views import shown_count

TITLE = "Disclosure"
TEXT = """Counts of dispensings under 5, in a county under 10, are not shown; others leave the service rounded to 5. Figures
of a single company, obligations and the state reserve are shown only to those who may see them; an area sees the public
holders that stand in it."""
TABLE = """
| what | role | of | where | = shown |
|---|---|---|---|---|
| 4 dispensings |  |  | country |  |
| 5 dispensings |  |  | country | 5 |
| 9 dispensings |  |  | county |  |
| 12 dispensings |  |  | county | 10 |
| 13 dispensings |  |  | county | 15 |
| company | analyst | fimea |  | yes |
| company | reader | fimea |  | no |
| company | duty_officer | 08 |  | no |
| obligation | duty_officer | stm |  | yes |
| obligation | duty_officer | nesa |  | no |
| state_reserve | duty_officer | nesa |  | yes |
| state_reserve | duty_officer | thl |  | no |
| own_public_holders | reader | 08 | 08 | yes |
| own_public_holders | reader | 08 | 07 | no |
"""


def outcome(row: dict[str, str]) -> dict[str, str]:
    if row["what"].endswith("dispensings"):
        count = shown_count("n", county=row["where"] == "county")
        found = duckdb.sql(f"SELECT {count} FROM (SELECT {row['what'].split()[0]}::double AS n)").fetchall()
        return {"= shown": text(found[0][0])}
    return {"= shown": text(may_see(Gate(row["what"]), row["role"], row["of"], row["where"] or None))}
