"""The figures of section 7 a second time, in SQL written from its text alone: no difference on random nations."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from section7 import differences
from small_nation import VNRS, nation

from medsupply.facts import Facts
from medsupply.picture.master import master
from medsupply.picture.measure import Measurement, measure
from medsupply.rules import load_rules

# vnr: medicine, units in a pack, family, family units in a pack (mg; tablets of one strength where it is a combination)
WORTH: dict[str, tuple[str, float | None, str, float | None]] = {
    "000101": ("G0001", 20, "SJ01CA04_oral_solid", 10_000),
    "000102": ("G0001", 100, "SJ01CA04_oral_solid", 50_000),
    "000103": ("G0001", 30, "SJ01CA04_oral_solid", 15_000),
    "000201": ("G0002", 10, "SJ01CA04_oral_solid", 10_000),
    "000301": ("G0003", 80, "SJ01CA04_oral_liquid", 8_000),
    "000401": ("G0004", 1000, "SN02BE01_parenteral", 10_000),
    "000402": ("G0004", 37.5, "SN02BE01_parenteral", 375),
    "000501": ("G0005", 16, "SJ01CR02_oral_solid", 16),
    "000502": ("G0005", 24, "SJ01CR02_oral_solid", 24),
    "000601": ("G0006", None, "SR03AC02_inhaled", None),
}


def _packages(facts: Facts) -> pl.DataFrame:
    listed = {row["vnrnro"]: row for row in facts.reference["fimea_substitution"].iter_rows(named=True)}
    rows: list[dict[str, Any]] = []
    for vnr in VNRS:
        medicine, units, family, family_units = WORTH[vnr]
        market = {"marketed": listed[vnr]["kaupan"], "parallel": listed[vnr]["rinnakkaistuonti"]}
        rows.append({"vnr": vnr, "medicine_id": medicine, "per_pack": units, **market})
        rows.append({"vnr": vnr, "medicine_id": family, "per_pack": family_units, **market})
    return pl.DataFrame(rows, schema_overrides={"per_pack": pl.Float64})


@pytest.mark.parametrize("seed", range(12))
def test_no_figure_differs_from_sql_written_from_the_text(seed: int) -> None:
    facts = nation(seed)
    found = measure(facts, master(facts), load_rules())
    assert found.measured.height > 100
    assert differences(facts, _packages(facts), found) == []


def test_a_wrong_figure_is_found() -> None:
    facts = nation(0)
    found = measure(facts, master(facts), load_rules())
    broken = found.measured.with_columns(pl.col("stock_units") + 1)
    assert differences(facts, _packages(facts), Measurement(**{**found.frames(), "measured": broken}))
