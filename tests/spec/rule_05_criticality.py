# ruff: noqa: E501  (tables are as wide as they are)
from __future__ import annotations

import polars as pl
from spec_cases import picture_facts, text

from medsupply.picture.master import master

TITLE = "Critical, and the class"
TEXT = """A family is critical when it is on the national list, else on the EU Union list (the route fits the form class),
or under obligatory storage. The class is the national list's; else 1 for the EU list and storage, 2 for one of them. The
family here is amoxicillin, oral solid; each list line has a row, without any package too."""
TABLE = """
| list | atc | route | class | stored | = critical | = class | = rows of the atc |
|---|---|---|---|---|---|---|---|
| eu | J01CA04 | oral use |  | no | yes | 2 | SJ01CA04_oral_solid marketed |
| eu | J01CA04 | oral use |  | yes | yes | 1 | SJ01CA04_oral_solid marketed |
|  |  |  |  | yes | yes | 2 | SJ01CA04_oral_solid marketed |
| national | J01CA04 | oral use | 3 | yes | yes | 3 | SJ01CA04_oral_solid marketed |
| storage | J01CA04 | |  | no | yes | 2 | SJ01CA04_oral_solid marketed |
| eu | J01CA04 | |  | no | yes | 2 | SJ01CA04_oral_solid marketed |
| eu | J01CA04 | intravenous use |  | no | no |  | SJ01CA04_oral_solid marketed, SJ01CA04_parenteral no_package_known |
| eu | J01CA04 | intravenous use, oral use |  | no | yes | 2 | SJ01CA04_oral_solid marketed, SJ01CA04_parenteral no_package_known |
| eu | B01AB01 | intravenous use |  | no | no |  | SB01AB01_parenteral no_package_known |
|  |  |  |  | no | no |  | SJ01CA04_oral_solid marketed |
"""


def outcome(row: dict[str, str]) -> dict[str, str]:
    line = {"list": row["list"], "atc5": row["atc"], "n": "Substance", "route": row["route"] or None}
    line["class"] = int(row["class"]) if row["class"] else None
    duty = {"year": 2026, "obliged_id": "O1", "obliged_type": "importer", "vnr": "000101", "base_packs": 6.0}
    duty |= {"base_months": 6.0, "factor_months": 10.0}
    known = picture_facts(
        critical_list=[line] if row["list"] else [], obligations=[duty] if row["stored"] == "yes" else []
    )
    families = master(known).medicines.filter(pl.col("grain") == "family")
    amoxicillin = families.filter(pl.col("medicine_id") == "SJ01CA04_oral_solid").to_dicts()[0]
    of_atc = families.filter(pl.col("atc") == (row["atc"] or "J01CA04")).sort("medicine_id")
    rows = [f"{one['medicine_id']} {one['state']}" for one in of_atc.to_dicts()]
    return {
        "= critical": text(amoxicillin["critical"]),
        "= class": text(amoxicillin["critical_class"]),
        "= rows of the atc": text(rows),
    }
