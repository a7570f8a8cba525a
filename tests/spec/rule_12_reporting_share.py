# ruff: noqa: E501  (tables are as wide as they are)
from __future__ import annotations

from datetime import timedelta

from spec_cases import DAY, count, holder, measured, picture_facts, text

TITLE = "Reporting share, and cover with silent holders"
TEXT = """Usual units of the holders heard of / usual units of all valid ones; usual units are the mean over all snapshots
31 to 4 days before, a medicine absent from one counting 0. Without any usual units the plain share of holders. W1 usually
has 30 packs and has them today; W2 as the table says."""
TABLE = """
| W2 then | W2 today | = reporting share | = usual units silent |
|---|---|---|---|
| 10 packs in each | heard of | 1 | 0 |
| 10 packs in each | silent | 0.75 | 200 |
| 10 packs in every second, none in the others | silent | 0.857143 | 100 |
| no snapshot | silent | 1 | 0 |
| the medicine in none | silent | 1 | 0 |
"""


def outcome(row: dict[str, str]) -> dict[str, str]:
    rows = []
    for n in range(4, 32):
        then = DAY - timedelta(days=n)
        rows.append(count("W1", then, 30.0))
        if row["W2 then"] != "no snapshot":
            has = row["W2 then"] == "10 packs in each" or (row["W2 then"].startswith("10 packs in every") and n % 2)
            rows.append(count("W2", then, 10.0 if has else None))
    rows.append(count("W1", DAY, 30.0))
    rows += [count("W2", DAY, 10.0)] if row["W2 today"] == "heard of" else []
    known = picture_facts(holders=[holder("W1", "wholesaler"), holder("W2", "wholesaler")], stock=rows)
    found = measured(known, "99")
    silent = found["usual_units_silent"]
    return {"= reporting share": text(found["reporting_share"]), "= usual units silent": text(silent)}
