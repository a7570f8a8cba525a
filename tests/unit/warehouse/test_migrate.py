"""The chain of migrations leads to what is declared, with and without data, forwards and back, all or nothing."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from medsupply.errors import WarehouseError, WarehouseUnavailable
from medsupply.settings import Settings
from medsupply.tables.base import METADATA, Table
from medsupply.tables.catalogue import TABLES
from medsupply.warehouse.database import migrate as migrations
from medsupply.warehouse.database import schema
from medsupply.warehouse.database.accounts import create_database, grant_database
from medsupply.warehouse.database.autogenerate import include_name, include_object
from medsupply.warehouse.database.connecting import admin_connection
from medsupply.warehouse.database.connection import Warehouse, copy
from medsupply.warehouse.database.engine import make_engine
from medsupply.warehouse.database.places import find_places
from medsupply.warehouse.database.roles import OWNER


@pytest.fixture
def empty_database(server_home: Path, fresh_settings: Settings) -> Iterator[Settings]:
    """Settings of a database that nothing was done to."""
    name = "bare_" + sa.make_url(fresh_settings.database_url).database.removeprefix("test_")  # type: ignore[union-attr]
    with admin_connection(find_places(server_home)) as connection:
        create_database(connection, name, OWNER.name)
        grant_database(connection, name)
    url = sa.make_url(fresh_settings.database_url).set(database=name).render_as_string(hide_password=False)
    yield Settings(home=fresh_settings.home, database_url=url)
    with admin_connection(find_places(server_home)) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')  # type: ignore[arg-type]


def differences(connection: sa.Connection) -> list[object]:
    options = {"include_schemas": True, "include_name": include_name, "include_object": include_object}
    context = MigrationContext.configure(connection, opts={**options, "compare_type": True})
    return list(compare_metadata(context, METADATA))


def sample(table: Table, rows: int = 20) -> pl.DataFrame:
    """Rows of a table by the types of its columns alone; keys differ."""
    return pl.DataFrame([values(table, name, rows) for name in table.columns])


def values(table: Table, name: str, rows: int) -> pl.Series:
    dtype = table.dtypes()[name]
    steps = pl.int_range(rows, eager=True)
    if isinstance(dtype, pl.Enum):
        return pl.Series(name, [dtype.categories[step % len(dtype.categories)] for step in range(rows)], dtype=dtype)
    if isinstance(dtype, pl.List):
        return pl.Series(name, [[f"a{step}", ""] for step in range(rows)], dtype=dtype)
    if dtype == pl.String:
        length = getattr(table.sql.c[name].type, "length", None) or 9
        return pl.Series(name, [f"{step:0{length}d}"[-length:] for step in range(rows)])
    if dtype == pl.Boolean:
        return (steps % 2 == 0).alias(name)
    if dtype == pl.Date:
        return pl.Series(name, [date(2026, 1, 25) + timedelta(days=step) for step in range(rows)])
    if isinstance(dtype, pl.Datetime):
        begin = datetime(2026, 1, 1, tzinfo=UTC)
        return pl.Series(name, [begin + timedelta(hours=step) for step in range(rows)], dtype=dtype)
    return steps.cast(dtype).alias(name)


def fill(warehouse: Warehouse) -> dict[str, pl.DataFrame]:
    filled = {}
    for table in TABLES:
        with warehouse.transaction() as connection:
            copy(connection, table, sample(table))
        filled[table.full_name] = warehouse.rows(table)
    return filled


def test_the_migrated_database_is_what_is_declared(warehouse: Warehouse) -> None:
    with warehouse.engine.connect() as connection:
        assert differences(connection) == []


def test_the_comparison_sees_a_difference(warehouse: Warehouse) -> None:
    with warehouse.transaction() as connection:
        connection.exec_driver_sql("ALTER TABLE ops.deliveries ADD COLUMN forgotten text")
        connection.exec_driver_sql("CREATE TABLE core.stray (a int)")
    with warehouse.engine.connect() as connection:
        assert len(differences(connection)) == 2


def test_every_table_takes_data_and_nothing_differs_afterwards(warehouse: Warehouse) -> None:
    filled = fill(warehouse)
    assert all(frame.height == 20 for frame in filled.values())
    with warehouse.engine.connect() as connection:
        assert differences(connection) == []


def test_one_down_and_up_again_on_a_database_with_data(warehouse: Warehouse) -> None:
    filled = fill(warehouse)
    with warehouse.transaction() as connection:
        for (name,) in connection.execute(sa.text("SELECT viewname FROM pg_views WHERE schemaname = 'analyst'")):
            schema.run(connection, f'DROP VIEW IF EXISTS analyst."{name}" CASCADE')
        command.downgrade(migrations.alembic_config(connection), "-1")
        query = "SELECT table_schema || '.' || table_name, column_name FROM information_schema.columns"
        left = {tuple(row) for row in connection.execute(sa.text(query))}
        command.upgrade(migrations.alembic_config(connection), "head")
        migrations.finish(connection)
    with warehouse.engine.connect() as connection:
        assert differences(connection) == []
    for table in TABLES:
        # What the newest revision adds is empty after it has been taken back; all else is as it was.
        old = [column for column in table.columns if (table.full_name, column) in left]
        kept = warehouse.rows(table)
        assert kept.select(old).equals(filled[table.full_name].select(old)) if old else kept.is_empty()


def test_all_the_way_down_and_up(warehouse: Warehouse) -> None:
    with warehouse.transaction() as connection:
        schema.create_views(connection, [])
        command.downgrade(migrations.alembic_config(connection), "base")
        assert connection.scalar(sa.text("SELECT count(*) FROM pg_tables WHERE schemaname IN ('core', 'picture')")) == 0
        command.upgrade(migrations.alembic_config(connection), "head")
        migrations.finish(connection)
    with warehouse.engine.connect() as connection:
        assert differences(connection) == []


def test_one_chain_with_one_head() -> None:
    script = ScriptDirectory.from_config(migrations.alembic_config())
    assert len(script.get_heads()) == len(script.get_bases()) == 1
    assert script.get_current_head() == migrations.head()


def test_from_nothing(empty_database: Settings) -> None:
    assert migrations.migrate(empty_database) == migrations.head()
    with Warehouse.open(empty_database) as warehouse, warehouse.engine.connect() as connection:
        assert differences(connection) == []


def test_two_migrations_at_once(empty_database: Settings) -> None:
    failures: list[BaseException] = []

    def work() -> None:
        try:
            migrations.migrate(empty_database)
        except BaseException as error:  # noqa: BLE001  handed to the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    with Warehouse.open(empty_database) as warehouse, warehouse.engine.connect() as connection:
        assert differences(connection) == []


def test_a_migration_that_fails_leaves_nothing(empty_database: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: sa.Connection) -> None:
        raise RuntimeError("cut off")

    monkeypatch.setattr(schema, "grant", fail)
    with pytest.raises(RuntimeError, match="cut off"):
        migrations.migrate(empty_database)
    engine = make_engine(empty_database.database_url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM pg_namespace WHERE nspname = 'core'")) == 0
    engine.dispose()
    monkeypatch.undo()
    assert migrations.migrate(empty_database) == migrations.head()


def test_a_migration_does_not_wait_for_ever(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrations, "LOCK_TIMEOUT", "100ms")
    with warehouse.transaction() as connection:
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": migrations.ADVISORY_LOCK})
        with pytest.raises(WarehouseUnavailable, match="lock timeout"):
            migrations.migrate(warehouse.settings)


def test_a_revision_of_a_newer_program(warehouse: Warehouse) -> None:
    with warehouse.transaction() as connection:
        connection.exec_driver_sql("UPDATE ops.alembic_version SET version_num = 'future'")
    with pytest.raises(WarehouseError, match=r"revision future.*newer medsupply"):
        migrations.migrate(warehouse.settings)


def test_a_changed_declaration_gets_its_revision(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = tmp_path / "migrations"
    shutil.copytree(schema.MIGRATIONS, copied)
    monkeypatch.setattr(schema, "MIGRATIONS", copied)
    sa.Table("novelty", METADATA, sa.Column("day", sa.Date(), primary_key=True), schema="core")
    try:
        path = migrations.revise(warehouse.settings, "a table of new things")
        assert path.parent == copied / "versions"
        assert migrations.migrate(warehouse.settings) == path.name.partition("_")[0]
        with warehouse.engine.connect() as connection:
            assert differences(connection) == []
        assert warehouse.read("SELECT * FROM core.novelty").columns == ["day"]
    finally:
        METADATA.remove(METADATA.tables["core.novelty"])
