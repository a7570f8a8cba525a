# ruff: noqa: E501  (tables are as wide as they are)
from __future__ import annotations

from spec_cases import DAY, PACKAGE, count, holder, measured, picture_facts, text

TITLE = "Pooling: packs of different sizes are never added"
TEXT = """A medicine adds units. A family adds mg of its substance over all strengths; where a strength is a combination or
cannot be read it adds units only where all its packages share unit and strength, else it has no figure. One holder has one
pack of each of two packages."""
TABLE = """
| first | second | same group | = medicine of the first | = family |
|---|---|---|---|---|
| 500 mg, 20 | 500 mg, 100 (2 x 50) | yes | 120 | 60000 |
| 500 mg, 20 | 1 g, 10 | no | 20 | 20000 |
| 500 mg/125 mg, 20 | 500 mg/125 mg, 16 | no | 20 | 36 |
| 500 mg/125 mg, 20 | 875 mg/125 mg, 16 | no | 20 |  |
| 500 mg, 60 annosta | 500 mg, 20 | yes | 20 | 10000 |
| 500 mg, 60 annosta | 500 mg, 60 annosta | yes |  |  |
| 1 g, 10 x 1 g | 1 g, 10 x 1000 mg | yes | 20 | 20000 |
"""


def outcome(row: dict[str, str]) -> dict[str, str]:
    packages = []
    for n, name in enumerate(("first", "second"), 1):
        strength, size = row[name].split(", ")
        group = "0001" if row["same group"] == "yes" else f"000{n}"
        changed = {"vnrnro": f"00010{n}", "vahvuus": strength, "pakkauskoko": size, "substituutioryhma": group}
        packages.append({**PACKAGE, **changed})
    stock = [count("W", DAY, 1.0, package["vnrnro"]) for package in packages]
    known = picture_facts(holders=[holder("W", "wholesaler")], stock=stock, fimea_substitution=packages)
    medicine, family = measured(known, "99"), measured(known, "99", "SJ01CA04_oral_solid")
    return {"= medicine of the first": text(medicine["stock_units"]), "= family": text(family["stock_units"])}
