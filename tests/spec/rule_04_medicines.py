from __future__ import annotations

from spec_cases import PACKAGE, picture_facts, text

from medsupply.picture.master import master

TITLE = "Which medicine a package belongs to"
TEXT = """G and the substitution group; without a group F, ATC code, strength and form; with only an ATC code A and the
code (packs and notices, no units). The family is S, the ATC code and the form class. The package map wins."""
TABLE = """
| group | atc | strength | form | map | = medicine | = family | = units a pack |
|---|---|---|---|---|---|---|---|
| 0196 | J01CA04 | 500 mg | tabletti |  | G0196 | SJ01CA04_oral_solid | 20 |
|  | J01CA04 | 1 g | tabletti |  | FJ01CA04_1000-mg_tabletti | SJ01CA04_oral_solid | 20 |
|  | J01CA04 | 1000 mg | tabletti |  | FJ01CA04_1000-mg_tabletti | SJ01CA04_oral_solid | 20 |
|  | J01CA04 |  | tabletti |  | AJ01CA04 | SJ01CA04_oral_solid |  |
|  | J01CA04 | 500 mg |  |  | AJ01CA04 | SJ01CA04 |  |
| 0196 | J01CA04 | 500 mg | tabletti | G0777 | G0777 | SJ01CA04_oral_solid | 20 |
|  |  |  |  |  |  |  |  |
"""


def outcome(row: dict[str, str]) -> dict[str, str]:
    package = {**PACKAGE, "substituutioryhma": row["group"] or None, "atckoodi": row["atc"] or None}
    package |= {"vahvuus": row["strength"] or None, "laakemuotonimi": row["form"] or None}
    mapped = {"article": "000101", "vnr": "000101", "medicine_id": row["map"], "author": "x"}
    maps = [{**mapped, "valid_from": picture_facts().as_of}] if row["map"] else []
    found = master(picture_facts(fimea_substitution=[package], package_map=maps)).packages.to_dicts()[0]
    units = found["units_per_pack"]
    return {
        "= medicine": text(found["medicine_id"]),
        "= family": text(found["family_id"]),
        "= units a pack": text(units),
    }
