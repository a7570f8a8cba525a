"""The figures of section 7 a second time, in SQL written from its text alone: no difference on random nations."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from small_nation import AS_OF, VNRS, nation

from medsupply.facts import Facts
from medsupply.picture.master import master
from medsupply.picture.measure import Measurement, measure
from medsupply.rules import load_rules

SQL = (Path(__file__).parent / "section7.sql").read_text(encoding="utf-8")
CLOSED = [
    date(2025, 12, 6),
    date(2025, 12, 24),
    date(2025, 12, 25),
    date(2025, 12, 26),
    date(2026, 1, 1),
    date(2026, 1, 6),
]
GROUPS = ("01 02 03 04 09 10 11 90", "12 13 14 15", "07 08 16", "05 06 17", "18 19 20 21")
COUNTIES = {county: f"Y{n}" for n, group in enumerate(GROUPS, 1) for county in group.split()}
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
COLUMNS = {
    "stock_units": "stock_units",
    "reserve_units": "reserve_units",
    "trailing": "trailing_demand_units",
    "reporting_share": "reporting_share",
    "out_share": "out_share",
    "usual_silent": "usual_units_silent",
    "notice_share": "notice_share",
    "notice_share_84": "notice_share_84",
    "notices_open": "notices_open",
    "dispensings_84": "dispensings_84",
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


def in_sql(facts: Facts, grid: pl.DataFrame) -> pl.DataFrame:
    """The figures of ``grid`` (area, medicine_id) as the SQL finds them."""
    connection = duckdb.connect()
    shortages = facts.reference["fimea_shortages"].rename(
        {"saatavuushairioalkupaiva": "start_on", "saatavuushairioloppupaiva": "end_on", "voimassa": "state"}
    )
    tables = {
        "params": pl.DataFrame({"d": [AS_OF]}),
        "closed": pl.DataFrame({"day": CLOSED}),
        "counties": pl.DataFrame({"county": list(COUNTIES), "y": list(COUNTIES.values())}),
        "holders": facts.reference["holders"],
        "permits": facts.reference["permits"],
        "notices": shortages,
        "stock": facts.stock.collect(),
        "snapshots": facts.snapshots,
        "gaps": facts.gaps,
        "dispensing": facts.dispensing.collect(),
        "packages": _packages(facts),
        "grid": grid,
    }
    for name, frame in tables.items():
        connection.register(name, frame.to_arrow())
    connection.execute("set timezone = 'UTC'")
    connection.execute(SQL)
    return pl.DataFrame(connection.sql("select * from figures order by area, medicine_id").to_arrow_table())


def differences(facts: Facts, found: Measurement) -> list[str]:
    """Each figure that differs, in words."""
    known = {name for worth in WORTH.values() for name in (worth[0], worth[2])}
    measured = found.measured.filter(pl.col("medicine_id").is_in(known)).rename({"county_code": "area"})
    grid = measured.select("area", "medicine_id")
    expected = in_sql(facts, grid)
    joined = expected.join(measured, on=["area", "medicine_id"], how="full", suffix="_found", coalesce=True)
    said = []
    for row in joined.sort("area", "medicine_id").iter_rows(named=True):
        for want, have in COLUMNS.items():
            a, b = row[want], row[have if have != want else f"{have}_found"]
            a = None if a is None else float(a)
            if not _same(a, b):
                said.append(f"{row['area']} {row['medicine_id']} {have}: {a} in SQL, {b} found")
    return said


def _same(a: float | None, b: float | None) -> bool:
    if a is None or b is None:
        return a is None and b is None
    return abs(a - b) <= 1e-9 * max(1.0, abs(a), abs(b))


@pytest.mark.parametrize("seed", range(12))
def test_no_figure_differs_from_sql_written_from_the_text(seed: int) -> None:
    facts = nation(seed)
    found = measure(facts, master(facts), load_rules())
    assert found.measured.height > 100
    assert differences(facts, found) == []


def test_a_wrong_figure_is_found() -> None:
    facts = nation(0)
    found = measure(facts, master(facts), load_rules())
    broken = found.measured.with_columns(pl.col("stock_units") + 1)
    assert differences(facts, Measurement(**{**found.frames(), "measured": broken}))
