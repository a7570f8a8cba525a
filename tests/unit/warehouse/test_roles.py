"""What each role may do, and above all what it may not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import psycopg
import pytest
import sqlalchemy as sa

from medsupply.errors import WarehouseError
from medsupply.settings import Settings
from medsupply.tables.catalogue import TABLES, VIEWS
from medsupply.warehouse.database.connecting import admin_connection
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.database.places import find_places
from medsupply.warehouse.database.roles import ROLES, SCHEMAS, role_of
from medsupply.warehouse.database.urls import analyst_url, role_url


@pytest.fixture(scope="module")
def analyst(shared_warehouse: Warehouse) -> Iterator[Warehouse]:
    with Warehouse.open(shared_warehouse.settings, role="medsupply_analyst") as opened:
        yield opened


def test_the_analyst_reads_every_view(analyst: Warehouse) -> None:
    assert VIEWS
    for view in VIEWS:
        assert analyst.read(f'SELECT * FROM analyst."{view.name}" LIMIT 1').columns
    assert analyst.read(f'SELECT * FROM "{VIEWS[0].name}"').columns  # search_path


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.full_name)
def test_the_analyst_reads_no_table(analyst: Warehouse, table: sa.Table) -> None:
    with pytest.raises(WarehouseError, match="may not do that"):
        analyst.read(f"SELECT * FROM {table.full_name}")


def test_the_analyst_reads_no_future_table(shared_warehouse: Warehouse, analyst: Warehouse) -> None:
    with shared_warehouse.transaction() as connection:
        connection.exec_driver_sql("CREATE TABLE core.later AS SELECT 1 AS one")
    with pytest.raises(WarehouseError, match="may not do that"):
        analyst.read("SELECT * FROM core.later")
    with shared_warehouse.transaction() as connection:
        connection.exec_driver_sql("DROP TABLE core.later")


FORBIDDEN = [
    "INSERT INTO analyst.medicines SELECT * FROM analyst.medicines",
    "DELETE FROM analyst.medicines",
    "UPDATE analyst.medicines SET atc = atc",
    "DROP VIEW analyst.medicines",
    "CREATE TABLE analyst.mine (a int)",
    "CREATE TABLE public.mine (a int)",
    "CREATE TEMPORARY TABLE mine (a int)",
    "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE SCHEMA mine",
    "SET ROLE medsupply_owner",
    "SET SESSION AUTHORIZATION medsupply_owner",
    "ALTER ROLE medsupply_analyst SUPERUSER",
    "ALTER ROLE medsupply_owner PASSWORD 'x'",
    "GRANT medsupply_owner TO medsupply_analyst",
    "SELECT rolpassword FROM pg_authid",
    "SELECT pg_read_file('postgresql.conf')",
    "COPY (SELECT 1) TO '/tmp/out'",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "SELECT ops.ensure_partition('picture.situation', '2026-01-01')",
]


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_the_analyst_may_not(analyst: Warehouse, statement: str) -> None:
    """Also after it has unset its own defaults: grants are the barrier."""
    with pytest.raises(WarehouseError, match="may not do that"), analyst.transaction() as connection:
        connection.exec_driver_sql("SET default_transaction_read_only = off")
        connection.exec_driver_sql("SET TRANSACTION READ WRITE")
        connection.exec_driver_sql(statement)


def test_the_analysts_defaults(analyst: Warehouse) -> None:
    assert analyst.read("SHOW statement_timeout").item() == "2min"
    assert analyst.read("SHOW default_transaction_read_only").item() == "on"
    assert analyst.read("SHOW search_path").item() == "analyst"


def test_a_query_that_takes_too_long_is_stopped_in_words(analyst: Warehouse) -> None:
    with pytest.raises(WarehouseError, match="stopped the query"), analyst.transaction() as connection:
        connection.exec_driver_sql("SET statement_timeout = 50")
        connection.exec_driver_sql("SELECT pg_sleep(5)")


@pytest.mark.parametrize("name", sorted(set(ROLES) - {"owner"}))
@pytest.mark.parametrize("schema", SCHEMAS)
def test_rights_are_as_declared(shared_warehouse: Warehouse, name: str, schema: str) -> None:
    role = role_of(name)
    query = """
        SELECT c.relname, p AS privilege FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
               unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) p
        WHERE n.nspname = :schema AND c.relkind IN ('r', 'p', 'v') AND c.relname <> 'alembic_version'
              AND has_table_privilege(:role, c.oid, p)
    """
    held = shared_warehouse.read(query, schema=schema, role=role.name)
    expected = set((role.rights(schema) or "").split(", ")) - {""}
    declared = {view.name for view in VIEWS} if schema == "analyst" else {t.name for t in TABLES if t.schema == schema}
    for table in declared:
        assert set(held.filter(pl.col("relname") == table)["privilege"]) >= expected
    assert set(held["privilege"]) <= expected


def test_nobody_but_the_roles_gets_in(shared_settings: Settings, server_home: Path) -> None:
    with admin_connection(find_places(server_home)) as connection:
        connection.execute("CREATE ROLE stranger LOGIN PASSWORD 'p'")
    try:
        url = sa.make_url(shared_settings.database_url).set(username="stranger", password="p")
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(url.render_as_string(hide_password=False))
    finally:
        with admin_connection(find_places(server_home)) as connection:
            connection.execute("DROP ROLE stranger")


def test_the_analysts_address_opens(shared_settings: Settings) -> None:
    with psycopg.connect(analyst_url(shared_settings)) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("medsupply_analyst",)


def test_a_machine_without_the_password(shared_settings: Settings, tmp_path: Path) -> None:
    elsewhere = Settings(home=tmp_path / "other", database_url=shared_settings.database_url)
    with pytest.raises(WarehouseError, match=r"no password for medsupply_sender.*medsupply migrate"):
        role_url(elsewhere, "sender")


def test_an_address_of_one_role_opens_that_role_only(shared_settings: Settings, tmp_path: Path) -> None:
    given = Settings(home=tmp_path / "other", database_url=role_url(shared_settings, "dashboard"))
    with Warehouse.open(given, role="dashboard") as opened:
        assert opened.read("SELECT current_user::text AS me").item() == "medsupply_dashboard"
    with pytest.raises(WarehouseError, match="no password for medsupply_owner"):
        Warehouse.open(given)


def test_unknown_role() -> None:
    with pytest.raises(WarehouseError, match=r"no role 'chief'.*Use one of owner, ingest"):
        role_of("chief")


@pytest.mark.parametrize(
    "statement", ["UPDATE ops.audit SET reason = 'x'", "DELETE FROM ops.audit", "TRUNCATE ops.audit"]
)
@pytest.mark.parametrize("role", ["owner", "ingest", "dashboard"])
def test_the_audit_is_never_changed(shared_settings: Settings, role: str, statement: str) -> None:
    with Warehouse.open(shared_settings, role=role) as opened:
        with opened.transaction() as connection:
            connection.execute(
                sa.text("INSERT INTO ops.audit VALUES (clock_timestamp(), 'release', 'stock-1', 'me', 'late')")
            )
        before = opened.read("SELECT count(*) AS n FROM ops.audit").item()
        with pytest.raises(WarehouseError, match="may not do that"), opened.transaction() as connection:
            connection.exec_driver_sql(statement)
        assert opened.read("SELECT count(*) AS n FROM ops.audit").item() == before >= 1
