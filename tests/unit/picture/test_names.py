"""Names of substances: a code that says only "combinations" is named with its group."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

from medsupply.picture.names import substance_names

sys.path.insert(0, str(Path(__file__).parent))
from picture_facts import facts

ATC = (
    ("G03GA", "Gonadotropiinit", "Gonadotropiner"),
    ("G03GA30", "yhdistelmävalmisteet", "kombinationer"),
    ("G03GA05", "follitropiini alfa", "follitropin alfa"),
    ("V99AA30", "yhdistelmävalmisteet", "kombinationer"),
)


def test_combinations_are_named_with_their_group() -> None:
    rows = [{"atckoodi": code, "selites": fi, "seliter": sv} for code, fi, sv in ATC]
    names = {row["atc"]: row for row in substance_names(facts(date(2026, 3, 1), fimea_atc=rows)).to_dicts()}
    assert names["G03GA30"]["name_fi"] == "gonadotropiinit, yhdistelmävalmisteet"
    assert names["G03GA30"]["name_sv"] == names["G03GA30"]["name_en"] == "gonadotropiner, kombinationer"
    assert names["G03GA05"]["name_fi"] == "follitropiini alfa"
    assert names["V99AA30"]["name_fi"] == "yhdistelmävalmisteet", "its group has no name"
