"""The analyst views of the picture: the latest version, small counts hidden, restricted reasons kept back."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from medsupply.tables import picture as tables
from medsupply.tables.picture_views import VIEWS
from medsupply.warehouse.database.bulk import copy
from medsupply.warehouse.database.connection import Warehouse

DAY = date(2026, 3, 5)
FIRST, SECOND = datetime(2026, 3, 6, tzinfo=UTC), datetime(2026, 3, 9, tzinfo=UTC)
STAMP: dict[str, Any] = {"as_of": DAY, "known_at": FIRST}


def put(wh: Warehouse, table: tables.Table, rows: list[dict[str, Any]]) -> None:
    frame = pl.DataFrame(rows, infer_schema_length=None)
    with wh.transaction() as connection:
        copy(connection, table, table.conform(frame))


def version(wh: Warehouse, stage: str, known_at: datetime) -> None:
    put(wh, tables.PICTURES, [{"as_of": DAY, "known_at": known_at, "stage": stage, "rows": 1, "content": "x"}])


def situation(**changed: Any) -> dict[str, Any]:
    row = {
        **STAMP,
        "county_code": "99",
        "medicine_id": "G0001",
        "grain": "medicine",
        "critical": True,
        "partial": False,
    }
    return {
        **row,
        "reasons": ["run_out_p56"],
        "shared": False,
        "rules_version": "1",
        "state": "reported",
        "level": "elevated",
        **changed,
    }


def test_the_situation_is_the_latest_known_and_the_history_all(warehouse: Warehouse) -> None:
    put(warehouse, tables.SITUATION, [situation(), situation(known_at=SECOND, level="severe")])
    version(warehouse, "judged", FIRST)
    version(warehouse, "judged", SECOND)
    latest = warehouse.read("SELECT level, known_at FROM analyst.situation")
    history = warehouse.read("SELECT level FROM analyst.situation_history ORDER BY known_at")
    assert latest["level"].to_list() == ["severe"]
    assert history["level"].to_list() == ["elevated", "severe"]


def test_the_reason_for_fimea_and_stm_is_no_reason_in_the_views(warehouse: Warehouse) -> None:
    put(warehouse, tables.SITUATION, [situation(reasons=["obligation_short", "run_out_p84"])])
    version(warehouse, "judged", FIRST)
    for view in ("situation", "situation_history"):
        reasons = warehouse.read(f"SELECT array_to_string(reasons, ',') AS r FROM analyst.{view}")
        assert reasons["r"].to_list() == ["restricted,run_out_p84"], view


def test_an_area_stands_apart_where_it_is_worse_than_the_country(warehouse: Warehouse) -> None:
    country = {"A": "elevated", "B": "normal", "C": "severe", "D": "unknown", "E": None}
    areas = [
        ("A", "01", "severe"), ("A", "02", "elevated"), ("B", "01", "watch"), ("B", "Y1", "elevated"),
        ("C", "01", "severe"), ("D", "01", "elevated"), ("E", "02", "severe"),
    ]  # fmt: skip
    rows = [situation(medicine_id=one, level=level) for one, level in country.items()]
    rows += [situation(medicine_id=one, county_code=area, level=level) for one, area, level in areas]
    put(warehouse, tables.SITUATION, rows)
    found = warehouse.read(
        "SELECT medicine_id, county_code, level, level_country FROM analyst.areas_apart ORDER BY 1, 2"
    )
    assert found.rows() == [
        ("A", "01", "severe", "elevated"), ("B", "Y1", "elevated", "normal"),
        ("D", "01", "elevated", "unknown"), ("E", "02", "severe", None),
    ]  # fmt: skip


def test_dispensings_are_rounded_and_small_ones_hidden(warehouse: Warehouse) -> None:
    row = {"day": DAY, "known_at": FIRST, "county_code": "08", "channel": "community", "packs": 3.0, "reporters": 2}
    counts = {"000001": 9.0, "000002": 10.0, "000003": 13.0, "000004": None, "000005": 0.0}
    put(warehouse, tables.DISPENSING_DAILY, [{**row, "vnr": v, "dispensings": n} for v, n in counts.items()])
    version(warehouse, "dispensing", FIRST)
    found = warehouse.read("SELECT dispensings, suppressed FROM analyst.dispensing_daily ORDER BY vnr")
    assert found["dispensings"].to_list() == [None, 10.0, 15.0, None, None]
    assert found["suppressed"].to_list() == [True, False, False, False, False]


def test_no_view_reads_the_state_reserve_or_single_holders(warehouse: Warehouse) -> None:
    read = warehouse.read(
        "SELECT DISTINCT table_schema || '.' || table_name AS t FROM information_schema.view_table_usage"
        " WHERE view_schema = 'analyst'"
    )
    assert "picture.state_reserve" not in set(read["t"])
    columns = warehouse.read(
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_schema = 'analyst' AND table_name = 'stock_daily'"
    )
    assert "holder_id" not in set(columns["column_name"])


def test_every_column_of_the_views_has_its_comment(warehouse: Warehouse) -> None:
    names = ", ".join(f"'{view.name}'" for view in VIEWS)
    bare = warehouse.read(
        "SELECT c.relname || '.' || a.attname AS missing FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0"
        f" WHERE n.nspname = 'analyst' AND c.relname IN ({names}) AND col_description(c.oid, a.attnum) IS NULL"
    )
    assert bare["missing"].to_list() == []
