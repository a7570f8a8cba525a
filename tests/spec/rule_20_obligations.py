# ruff: noqa: E501  (tables are as wide as they are)
from __future__ import annotations

from datetime import timedelta

import polars as pl
from spec_cases import DAY, count, day, holder, number, picture_facts, text

from medsupply.picture.master import master
from medsupply.picture.measure import measure
from medsupply.rules import load_rules

TITLE = "Obligatory storage"
TEXT = """Required: base packs / base months x factor, per obliged party and family, in mg. Held: the reserve of every holder
that stores for the party; where owners are unknown, nationally per family. Short: held under required less permits on 14
days running. A permit to go below (alitus) and an exemption (vapautus) take packs off; packs that may be stored as an
equivalent product or substance (korvaava) need not be found as such; without a number both of the latter are for the whole
obligation of the package. O1 must store 60 / 6 x 10 = 100 packs of 20 x 500 mg (1000000 mg), counted daily."""
TABLE = """
| reserve packs | owner | short for days | permit | permit packs | permit from | = obliged | = months | = required | = held | = permit | = replaced | = missing | = short |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|
| 100 | O1 | 0 |  |  |  | O1 | 10 | 1000000 | 1000000 | 0 | 0 | 0 | no |
| 99 | O1 | 14 |  |  |  | O1 | 10 | 1000000 | 990000 | 0 | 0 | 10000 | yes |
| 99 | O1 | 13 |  |  |  | O1 | 10 | 1000000 | 990000 | 0 | 0 | 10000 | no |
| 99 | O1 | 14 | alitus | 1 | 2026-01-01 | O1 | 10 | 1000000 | 990000 | 10000 | 0 | 0 | no |
| 99 | O1 | 14 | alitus | 1 | 2026-03-05 | O1 | 10 | 1000000 | 990000 | 10000 | 0 | 0 | no |
| 99 | O1 | 14 | alitus | 1 |  | O1 | 10 | 1000000 | 990000 | 0 | 0 | 10000 | yes |
| 99 |  | 14 |  |  |  | 99 | 10 | 1000000 | 990000 | 0 | 0 | 10000 | yes |
| 99 | O2 | 14 |  |  |  | O1 | 10 | 1000000 | 0 | 0 | 0 | 1000000 | yes |
| 40 | O1 | 14 | vapautus |  | 2026-01-01 | O1 | 10 | 1000000 | 400000 | 1000000 | 0 | 0 | no |
| 40 | O1 | 14 | vapautus | 50 | 2026-01-01 | O1 | 10 | 1000000 | 400000 | 500000 | 0 | 100000 | yes |
| 40 | O1 | 14 | korvaava | 60 | 2026-01-01 | O1 | 10 | 1000000 | 400000 | 0 | 600000 | 0 | no |
| 40 | O1 | 14 | korvaava | 50 | 2026-01-01 | O1 | 10 | 1000000 | 400000 | 0 | 500000 | 100000 | yes |
| 0 | O1 | 14 | korvaava |  | 2026-01-01 | O1 | 10 | 1000000 | 0 | 0 | 1000000 | 0 | no |
| 40 |  | 14 | korvaava | 60 | 2026-01-01 | 99 | 10 | 1000000 | 400000 | 0 | 600000 | 0 | no |
"""


def outcome(row: dict[str, str]) -> dict[str, str]:
    stock = []
    for n in range(30):
        packs = (
            float(row["reserve packs"])
            if n < int(row["short for days"] or 0) or row["reserve packs"] == "100"
            else 100.0
        )
        counted = DAY - timedelta(days=n)
        stock.append(count("W", counted, packs, reserve_packs=packs, owner_id=row["owner"] or None))
    duty = {"year": 2026, "obliged_id": "O1", "obliged_type": "importer", "vnr": "000101", "base_packs": 60.0}
    permit = {"kind": row["permit"], "obliged_id": "O1", "vnr": "000101", "applied_on": DAY}
    permit |= {"valid_from": day(row["permit from"]), "allowed_packs": number(row["permit packs"])}
    known = picture_facts(
        holders=[holder("W", "wholesaler")],
        stock=stock,
        obligations=[{**duty, "base_months": 6.0, "factor_months": 10.0}],
        permits=[permit] if row["permit"] else [],
    )
    found = measure(known, master(known), load_rules()).obligations.filter(pl.col("obliged_id") != "O2").to_dicts()[0]
    names = {"obliged": "obliged_id", "required": "required_units", "held": "held_units", "missing": "missing_units"}
    names |= {"permit": "permit_units", "replaced": "replaced_units", "months": "months"}
    return {f"= {name}": text(found[column]) for name, column in {**names, "short": "short"}.items()}
