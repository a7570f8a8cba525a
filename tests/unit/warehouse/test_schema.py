"""Schemas and views stand as declared, with a comment on everything; the dictionary says the same."""

from __future__ import annotations

import polars as pl
import pytest

from medsupply.tables.base import Table, View
from medsupply.tables.catalogue import TABLES, VIEWS
from medsupply.tables.deliveries import CONTRACTS
from medsupply.tables.dictionary import contracts, dictionary, type_words, view_columns, view_sources
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.database.roles import SCHEMAS
from medsupply.warehouse.database.schema import create_views

COLUMNS = """
    SELECT c.relname AS relation, a.attname AS column, col_description(c.oid, a.attnum) AS comment
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = :schema AND c.relname = :name AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
# Design section 6: names and meaning are a contract.
CONTRACT = {
    "medicines": "medicine_id grain family_id atc strength form form_class unit substitution_group critical "
    "critical_class marketed_packages marketed_holders state",
    "packages": "vnr medicine_id",
    "holders": "holder_id holder_type name county_code",
    "stock_daily": "day county_code holder_type vnr medicine_id packs units reserve_units state",
    "dispensing_daily": "day county_code vnr medicine_id packs units",
    "purchases_weekly": "",
    "shortage_notices": "vnr",
    "obligations": "",
    "situation": "as_of known_at medicine_id grain atc county_code level level_if_missing_empty level_if_missing_usual "
    "reasons stock_units reserve_units floor_units trailing_demand_units daily_demand_units demand_basis cover_days "
    "cover_days_high cover_days_with_reserve out_share run_out_p14 run_out_p28 run_out_p56 run_out_p84 "
    "run_out_p14_with_reserve run_out_p14_announced run_out_p84_announced run_out_on notice_share notice_share_84 "
    "notices_open demand_index demand_index_expected reporting_share shared rules_version",
    "situation_history": "as_of known_at medicine_id county_code level",
    "demand_forecast": "medicine_id county_code",
    "run_out": "as_of known_at medicine_id county_code horizon_days p p_announced p_with_reserve",
    "alerts": "alert_id rule medicine_id county_code episode level state opened_on changed_on closed_on reasons",
    "alert_scores": "",
    "notifications": "message_id alert_id episode recipient language kind status created_at sent_at attempts",
    "deliveries": "delivery_id source file_name sha256 sender received_at verdict reason rows_received rows_accepted "
    "rows_quarantined rows_duplicate packs_received packs_accepted packs_quarantined packs_duplicate",
    "quarantine": "",
    "completeness": "",
}


def columns(warehouse: Warehouse, schema: str, name: str) -> pl.DataFrame:
    return warehouse.read(COLUMNS, schema=schema, name=name)


@pytest.mark.parametrize("name", CONTRACT)
def test_the_public_views_are_there(shared_warehouse: Warehouse, name: str) -> None:
    found = columns(shared_warehouse, "analyst", name)["column"].to_list()
    assert found, f"analyst.{name} is missing"
    assert set(CONTRACT[name].split()) <= set(found)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_every_view_and_column_has_a_comment(shared_warehouse: Warehouse, view: View) -> None:
    said = shared_warehouse.read("SELECT obj_description(to_regclass(:v)) AS words", v=f"analyst.{view.name}").item()
    assert said == view.description
    found = columns(shared_warehouse, "analyst", view.name)
    assert found.filter(pl.col("comment").is_null())["column"].to_list() == []
    assert set(view.columns) <= set(found["column"]), "a comment on a column that is not there"


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.full_name)
def test_every_table_and_column_has_a_comment(shared_warehouse: Warehouse, table: Table) -> None:
    found = columns(shared_warehouse, table.schema, table.name)
    assert found["column"].to_list() == table.columns
    assert found.filter(pl.col("comment").is_null() | (pl.col("comment") == ""))["column"].to_list() == []
    assert table.description


def test_every_schema_has_a_comment(shared_warehouse: Warehouse) -> None:
    query = "SELECT nspname FROM pg_namespace WHERE obj_description(oid, 'pg_namespace') IS NOT NULL"
    assert set(SCHEMAS) <= set(shared_warehouse.read(query)["nspname"])


def test_no_two_tables_or_views_share_a_name() -> None:
    names = [*(table.full_name for table in TABLES), *(f"analyst.{view.name}" for view in VIEWS)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_the_dictionary_knows_the_columns_that_the_database_has(shared_warehouse: Warehouse, view: View) -> None:
    assert view_columns(view) == columns(shared_warehouse, "analyst", view.name)["column"].to_list()


KINDS = {
    "character": "text",
    "double precision": "number",
    "bigint": "whole number",
    "date": "day",
    "timestamp with time zone": "moment, UTC",
    "boolean": "true or false",
}


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_the_dictionary_knows_the_types_that_the_database_has(shared_warehouse: Warehouse, view: View) -> None:
    query = """
        SELECT attname AS column, format_type(atttypid, atttypmod) AS kind FROM pg_attribute
        WHERE attrelid = to_regclass(:name) AND attnum > 0
    """
    kinds = dict(shared_warehouse.read(query, name=f"analyst.{view.name}").rows())
    for name, column in view_sources(view).items():
        words = type_words(column)
        if kinds[name].endswith("[]"):
            assert words == "list of texts", name
        else:
            expected = next((said for kind, said in KINDS.items() if kinds[name].startswith(kind)), kinds[name])
            assert words.split(":")[0] == expected, name


def test_the_dictionary_names_everything() -> None:
    text = dictionary()
    for table in TABLES:
        assert f"#### {table.full_name}\n" in text
    for view in VIEWS:
        assert f"### analyst.{view.name}\n" in text
    assert "| `medicine_id` | text |" in text
    assert text == dictionary()


def test_the_contracts_name_every_source() -> None:
    text = contracts()
    for source, contract in CONTRACTS.items():
        assert f"## {source}\n" in text
        for name in contract.column_names():
            assert f"| `{name}` |" in text
    assert "| `reserve_packs` | number | packs | Of them obligatory storage | may be empty, optional |" in text


def test_columns_are_read_from_the_outermost_select() -> None:
    query = """
        WITH x AS (SELECT a, b FROM core.t) -- a remark, with FROM
        SELECT DISTINCT x.a, coalesce(b, 'FROM, x') AS b2, (SELECT max(c) FROM y) "d", extract(day FROM e) AS e FROM x
    """
    assert view_columns(View("v", query, "A view")) == ["a", "b2", "d", "e"]


def test_views_are_made_anew_when_they_change(warehouse: Warehouse) -> None:
    first = View("first", "SELECT '100 % :x'::text AS said", "First", {"said": "What 'it' said, 5 %"})
    with warehouse.transaction() as connection:
        create_views(connection, [first])
        create_views(connection, [View("first", "SELECT 1 AS other", "Changed", {"other": "Other"})])
    assert columns(warehouse, "analyst", "first").rows() == [("first", "other", "Other")]
    with warehouse.transaction() as connection:
        create_views(connection, [first])
    assert warehouse.read("SELECT said FROM analyst.first").item() == "100 % :x"
