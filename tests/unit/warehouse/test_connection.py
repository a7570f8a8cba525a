"""What is written comes back the same: types, missing values, lists, partitions, keys."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import dataframely as dy
import polars as pl
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from medsupply.errors import InputError, WarehouseError, WarehouseUnavailable
from medsupply.settings import Settings
from medsupply.tables.base import METADATA, Table, count, day, flag, moment, number, text, texts
from medsupply.warehouse.database import server
from medsupply.warehouse.database.connection import Warehouse, copy, replace, upsert


class EveryKind(dy.Schema):
    vnr = text("Package", primary_key=True)
    counted_on = day("Day", primary_key=True)
    note = text("Note", nullable=True)
    packs = number("Packs", "packs", nullable=True)
    holders = count("Holders", "holders", nullable=True)
    seen_at = moment("Seen", nullable=True)
    late = flag("Late", nullable=True)
    level = dy.Enum(("severe", "watch"), description="Level", nullable=True)
    reasons = texts("Reasons", nullable=True)


def _declared(name: str, **options: str) -> Table:
    table = Table("core", name, EveryKind, "A table of every kind of column, for tests", **options)
    METADATA.remove(table.sql)  # a test's table is no part of the warehouse
    return table


PLAIN = _declared("test_every_kind")
MONTHLY = _declared("test_monthly", partition_by_month="counted_on")


@pytest.fixture
def tables(warehouse: Warehouse) -> Iterator[Warehouse]:
    with warehouse.transaction() as connection:
        PLAIN.sql.create(connection)
        MONTHLY.sql.create(connection)
    yield warehouse


def rows(*values: tuple[str, date], **columns: list[object]) -> pl.DataFrame:
    keys = {"vnr": [vnr for vnr, _ in values], "counted_on": [day for _, day in values]}
    return PLAIN.conform(pl.DataFrame(keys | columns, strict=False))


FULL = rows(
    ("000001", date(2026, 1, 31)),
    ("000002", date(2026, 2, 1)),
    ("000003", date(9999, 12, 31)),
    note=["", None, '\\N "quoted", åäö\nline; \\.'],
    packs=[0.1 + 0.2, None, -1e300],
    holders=[0, None, 2**60],
    seen_at=[datetime(2026, 1, 1, 23, 59, 59, 123456, UTC), None, datetime(1, 1, 1, tzinfo=UTC)],
    late=[True, None, False],
    level=["severe", None, "watch"],
    reasons=[["", 'a"b', "c\\d,{}", "NULL", None], None, []],
)


def test_everything_comes_back_the_same(tables: Warehouse) -> None:
    with tables.transaction() as connection:
        assert copy(connection, PLAIN, FULL) == 3
    assert_frame_equal(tables.rows(PLAIN), FULL)


def test_empty_string_is_not_missing_and_zero_is_not_missing(tables: Warehouse) -> None:
    with tables.transaction() as connection:
        copy(connection, PLAIN, FULL)
    found = tables.read("SELECT vnr FROM core.test_every_kind WHERE note = '' AND holders = 0 AND packs IS NOT NULL")
    assert found["vnr"].to_list() == ["000001"]
    assert tables.read("SELECT vnr FROM core.test_every_kind WHERE note IS NULL")["vnr"].to_list() == ["000002"]


def test_empty_result_has_the_types_of_a_full_one(tables: Warehouse) -> None:
    empty = tables.read("SELECT * FROM core.test_every_kind")
    assert empty.is_empty()
    with tables.transaction() as connection:
        copy(connection, PLAIN, FULL)
    full = tables.read("SELECT * FROM core.test_every_kind")
    assert empty.schema == full.schema
    assert full.schema["reasons"] == pl.List(pl.String)
    assert full.schema["seen_at"] == pl.Datetime("us", "UTC")
    assert full.schema["counted_on"] == pl.Date
    assert tables.rows(PLAIN, "false").schema == PLAIN.empty().schema


LISTS = st.none() | st.lists(st.none() | st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(note=st.none() | st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])), reasons=LISTS)
def test_any_text_comes_back_the_same(tables: Warehouse, note: str | None, reasons: list[str | None] | None) -> None:
    frame = rows(("1", date(2026, 1, 1)), note=[note]).with_columns(
        pl.Series("reasons", [reasons], dtype=pl.List(pl.String))
    )
    with tables.transaction() as connection:
        replace(connection, PLAIN, frame, vnr="1")
    assert_frame_equal(tables.rows(PLAIN), frame)


def test_replace_touches_matching_rows_only(tables: Warehouse) -> None:
    with tables.transaction() as connection:
        copy(connection, PLAIN, FULL)
        replace(connection, PLAIN, rows(("9", date(2026, 1, 31))), counted_on=date(2026, 1, 31))
        replace(connection, PLAIN, PLAIN.empty(), vnr=["000003"], reasons=[[]])
    assert tables.rows(PLAIN)["vnr"].to_list() == ["000002", "9"]


def test_replace_without_a_match_is_refused(tables: Warehouse) -> None:
    with pytest.raises(ValueError, match="would empty the table"), tables.transaction() as connection:
        replace(connection, PLAIN, FULL)


def test_upsert_updates_by_key_and_inserts_the_rest(tables: Warehouse) -> None:
    with tables.transaction() as connection:
        copy(connection, PLAIN, FULL)
        changed = rows(("000001", date(2026, 1, 31)), ("7", date(2026, 1, 1)), note=["new", None])
        assert upsert(connection, PLAIN, changed) == 2
        assert upsert(connection, PLAIN, changed) == 2
    found = tables.rows(PLAIN)
    assert found["vnr"].to_list() == ["000001", "000002", "000003", "7"]
    assert found["note"].to_list()[0] == "new"


def test_a_failed_transaction_leaves_nothing(tables: Warehouse) -> None:
    with pytest.raises(sa.exc.IntegrityError), tables.transaction() as connection:
        copy(connection, PLAIN, FULL)
        connection.execute(sa.insert(PLAIN.sql).values(vnr="000001", counted_on=date(2026, 1, 31)))
    assert tables.rows(PLAIN).is_empty()


def test_partitions_are_made_by_month(tables: Warehouse) -> None:
    with tables.transaction() as connection:
        copy(connection, MONTHLY, FULL)
        upsert(connection, MONTHLY, FULL)
    names = tables.read("SELECT inhrelid::regclass::text AS name FROM pg_inherits ORDER BY 1")["name"].to_list()
    assert [name for name in names if "test_monthly_" in name and "pkey" not in name] == [
        "core.test_monthly_2026_01",
        "core.test_monthly_2026_02",
        "core.test_monthly_9999_12",
    ]
    assert_frame_equal(tables.rows(MONTHLY), FULL)


def test_ingest_makes_partitions_though_it_is_not_the_owner(tables: Warehouse, fresh_settings: Settings) -> None:
    with tables.transaction() as connection:
        connection.execute(sa.text("GRANT SELECT, INSERT ON core.test_monthly TO medsupply_ingest"))
    with Warehouse.open(fresh_settings, role="ingest") as ingest:
        with ingest.transaction() as connection:
            copy(connection, MONTHLY, FULL)
        assert ingest.rows(MONTHLY).height == 3


def test_parameters_and_odd_queries(warehouse: Warehouse) -> None:
    query = "-- a remark\nSELECT 'a%:b' AS a, :x::int AS x, '12:30'::text AS t WHERE 'k' = ANY (:keys);"
    found = warehouse.read(query, x=3, keys=["k"])
    assert found.rows() == [("a%:b", 3, "12:30")]
    assert warehouse.read("SELECT 1 AS day, 2 AS day").columns == ["day", "day_2"]
    assert warehouse.read("SHOW timezone").item() == "UTC"
    assert warehouse.read("SELECT jsonb_build_object('a', 1) AS j, 2.5::numeric AS n").rows() == [('{"a": 1}', 2.5)]
    ordered = warehouse.read("SELECT g FROM generate_series(1, 500) g ORDER BY g DESC")["g"].to_list()
    assert ordered == list(range(500, 0, -1))


@pytest.mark.parametrize(
    ("query", "error", "words"),
    [
        ("SELECT 1 FROM analyst.nothing", InputError, "does not exist"),
        ("SELEC 1", InputError, "syntax error"),
        ("SELECT :a", InputError, ":a without a value"),
        ("SET timezone = 'UTC'", InputError, "returns no rows"),
    ],
)
def test_wrong_queries_say_what_to_do(warehouse: Warehouse, query: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        warehouse.read(query)
    assert warehouse.read("SELECT 1 AS one").item() == 1


def test_a_read_does_not_write(tables: Warehouse) -> None:
    with pytest.raises(WarehouseError, match="read-only transaction"):
        tables.read("DELETE FROM core.test_every_kind RETURNING vnr")
    with pytest.raises(InputError, match="multiple commands"):
        tables.read("SELECT 1; DROP TABLE core.test_every_kind")
    assert tables.rows(PLAIN).is_empty()


def test_a_server_that_is_not_there(fresh_settings: Settings) -> None:
    away = Settings(home=fresh_settings.home, database_url="postgresql://medsupply_owner:x@127.0.0.1:1/none")
    with pytest.raises(WarehouseUnavailable, match="cannot be reached"):
        Warehouse.open(away)


def test_a_wrong_password(fresh_settings: Settings) -> None:
    url = sa.make_url(fresh_settings.database_url).set(password="wrong").render_as_string(hide_password=False)
    with pytest.raises(WarehouseError, match="refuses the sign-in") as caught:
        Warehouse.open(Settings(home=fresh_settings.home, database_url=url))
    assert "wrong" not in str(caught.value)


def test_a_home_without_a_warehouse_says_how_to_make_one(tmp_path: Path) -> None:
    mine = Settings.from_environ({"MEDSUPPLY_HOME": str(tmp_path / "new")})
    try:
        with pytest.raises(WarehouseError, match="no warehouse here") as caught:
            Warehouse.open(mine, role="analyst")
        assert "migrate" in str(caught.value)
    finally:
        server.down(mine)
