# ruff: noqa: E501  (tables are as wide as they are)
from __future__ import annotations

from datetime import UTC, date, datetime

from spec_cases import DAY, PACKAGE, holder, measured, picture_facts, sale, text

TITLE = "Share under notice, holders and parallel imports"
TEXT = """The share of the dispensing of 84 days whose package is under notice; without dispensing the share of marketed
packages. Where an original is marketed, parallel imports are left out of the package form and of the holders. Holder names
are compared normalised. A, B: originals; P: a parallel import; an asterisk: under notice; lower case: not on the market."""
TABLE = """
| packages | dispensed | = notice share | = basis | = marketed packages | = marketed holders |
|---|---|---|---|---|---|
| A* B |  | 0.5 | packages | 2 | 2 |
| A* B | A 3, B 1 | 0.75 | dispensing | 2 | 2 |
| A* b |  | 1 | packages | 1 | 1 |
| A* P |  | 1 | packages | 2 | 1 |
| A P* |  | 0 | packages | 2 | 1 |
| a P* |  | 1 | packages | 1 | 1 |
| A A2 |  | 0 | packages | 2 | 1 |
| a* |  |  |  | 0 | 0 |
"""
HOLDERS = {"A": "Orion Oyj", "A2": "ORION OYJ (Espoo)", "B": "Teva Finland Oy", "P": "Orifarm Oy"}


def outcome(row: dict[str, str]) -> dict[str, str]:
    packages, notices, vnrs = [], [], {}
    for n, cell in enumerate(row["packages"].split(), 1):
        name = cell.rstrip("*")
        vnrs[name.upper()] = f"00010{n}"
        changed = {"vnrnro": f"00010{n}", "haltija": HOLDERS[name.upper()], "kaupan": name.isupper()}
        packages.append({**PACKAGE, **changed, "rinnakkaistuonti": name.upper() == "P"})
        if cell.endswith("*"):
            dates = {"saatavuushairioalkupaiva": DAY, "saatavuushairioloppupaiva": date(9999, 12, 31)}
            known_from = datetime(2026, 3, 2, tzinfo=UTC)
            notices.append({"vnr": f"00010{n}", "voimassa": "K", "known_from": known_from, **dates})
    sold = [cell.split() for cell in row["dispensed"].split(", ") if cell]
    sales = [sale("P1", DAY, float(packs), vnrs[name]) for name, packs in sold]
    known = picture_facts(
        holders=[holder("P1")],
        fimea_substitution=packages,
        fimea_shortages=notices,
        dispensing=sales,
    )
    found = measured(known, "99")
    return {
        "= notice share": text(found["notice_share"]),
        "= basis": text(found["notice_basis"]),
        "= marketed packages": text(found["marketed_packages"]),
        "= marketed holders": text(found["marketed_holders"]),
    }
