"""Runs section7.sql in DuckDB on facts, and tells each figure in which a measurement differs from it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from medsupply.facts import Facts
from medsupply.picture.measure import Measurement

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


def in_sql(facts: Facts, packages: pl.DataFrame, grid: pl.DataFrame) -> pl.DataFrame:
    """The figures of ``grid`` (area, medicine_id) as the SQL finds them."""
    connection = duckdb.connect()
    shortages = facts.reference["fimea_shortages"].rename(
        {"saatavuushairioalkupaiva": "start_on", "saatavuushairioloppupaiva": "end_on", "voimassa": "state"}
    )
    tables = {
        "params": pl.DataFrame({"d": [facts.as_of]}),
        "closed": pl.DataFrame({"day": CLOSED}),
        "counties": pl.DataFrame({"county": list(COUNTIES), "y": list(COUNTIES.values())}),
        "holders": facts.reference["holders"],
        "permits": facts.reference["permits"],
        "notices": shortages,
        "stock": facts.stock.collect(),
        "snapshots": facts.snapshots,
        "gaps": facts.gaps,
        "dispensing": facts.dispensing.collect(),
        "packages": packages,
        "grid": grid,
    }
    for name, frame in tables.items():
        connection.register(name, frame.to_arrow())
    connection.execute("set timezone = 'UTC'")
    connection.execute(SQL)
    return pl.DataFrame(connection.sql("select * from figures order by area, medicine_id").to_arrow_table())


def differences(facts: Facts, packages: pl.DataFrame, found: Measurement) -> list[str]:
    """Each figure that differs, in words."""
    known = packages["medicine_id"].unique()
    measured = found.measured.filter(pl.col("medicine_id").is_in(known.implode())).rename({"county_code": "area"})
    grid = measured.select("area", "medicine_id")
    expected = in_sql(facts, packages, grid)
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
