# ruff: noqa: E501  (tables are as wide as they are)
from __future__ import annotations

from datetime import timedelta

from spec_cases import DAY, count, holder, measured, picture_facts, sale, text

TITLE = "Out share"
TEXT = """Among dispensing holders heard of that had usable units in at least half of their snapshots 83 to 28 days before:
trailing demand of those with none now / of all of them. P1 sells 3 packs a day and has stock; P2 sells 1 a day."""
TABLE = """
| P2 had it in | P2 now | P2 dispenses | = out share |
|---|---|---|---|
| all snapshots | none | yes | 0.25 |
| all snapshots | 5 packs | yes | 0 |
| half of them | none | yes | 0.25 |
| fewer than half | none | yes | 0 |
| all snapshots | expired lots only | yes | 0.25 |
| all snapshots | silent | yes | 0 |
| all snapshots | none | no | 0 |
"""
EVERY = {"all snapshots": 1, "half of them": 2, "fewer than half": 3}


def outcome(row: dict[str, str]) -> dict[str, str]:
    stock, sales = [], []
    for n in range(28, 84):
        then = DAY - timedelta(days=n)
        has = n % EVERY[row["P2 had it in"]] == 0
        stock += [count("P1", then, 5.0), count("P2", then, 5.0 if has else None)]
    for n in range(84):
        sales.append(sale("P1", DAY - timedelta(days=n), 3.0))
        sales += [sale("P2", DAY - timedelta(days=n), 1.0)] if row["P2 dispenses"] == "yes" else []
    stock.append(count("P1", DAY, 5.0))
    now = {
        "none": [count("P2", DAY, None)],
        "5 packs": [count("P2", DAY, 5.0)],
        "expired lots only": [count("P2", DAY, 5.0, expires_on=DAY)],
        "silent": [],
    }
    known = picture_facts(holders=[holder("P1"), holder("P2")], stock=[*stock, *now[row["P2 now"]]], dispensing=sales)
    return {"= out share": text(measured(known, "99")["out_share"])}
