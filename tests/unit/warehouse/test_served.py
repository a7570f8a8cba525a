"""The same warehouse on a served PostgreSQL: Debian's package, a cluster of this test's own, reached over TCP."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import psycopg
import pytest
import sqlalchemy as sa

from medsupply.errors import WarehouseError
from medsupply.settings import Settings
from medsupply.tables.catalogue import VIEWS
from medsupply.tables.ops import DELIVERIES
from medsupply.warehouse import health
from medsupply.warehouse.database.connection import Warehouse, copy, upsert
from medsupply.warehouse.database.hashing import warehouse_hash
from medsupply.warehouse.database.migrate import migrate
from medsupply.warehouse.database.places import find_places
from medsupply.warehouse.database.urls import analyst_url

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
pytestmark = [
    pytest.mark.served,
    pytest.mark.skipif(not PROGRAMS, reason="Debian's postgresql is not installed (apt-get install postgresql)"),
]
SUPERUSER = {"user": "chief", "password": "chief", "host": "127.0.0.1"}


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A served cluster with scram over TCP; ended with this module."""
    folder = Path(tempfile.mkdtemp(prefix="medsupply-served-"))
    account = pwd.getpwuid(os.geteuid()) if os.geteuid() else pwd.getpwuid(find_places(folder / "any").uid)
    folder.chmod(0o711)
    owned = folder / "served"
    owned.mkdir(mode=0o700)
    password = owned / "password"
    password.write_text(SUPERUSER["password"])
    for path in (owned, password):
        os.chown(path, account.pw_uid, account.pw_gid)

    def run(program: str, *arguments: str) -> None:
        command = [str(PROGRAMS[-1].parent / program), "-D", str(owned / "data"), *arguments]
        other = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
        with (folder / "said").open("w+") as said:
            done = subprocess.run(command, stdout=said, stderr=said, cwd="/", check=False, **other)  # type: ignore[call-overload]
            said.seek(0)
            assert done.returncode == 0, said.read()

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = int(free.getsockname()[1])
    try:
        access = ["-A", "scram-sha-256", "--pwfile", str(password), "-U", SUPERUSER["user"]]
        run("initdb", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", *access)
        options = f"-p {number} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
        run("pg_ctl", "-w", "-l", str(owned / "log"), "-o", options, "start")
        try:
            yield number
        finally:
            run("pg_ctl", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


def run_as_chief(port: int, *statements: str) -> None:
    with psycopg.connect(**SUPERUSER, port=port, dbname="postgres", autocommit=True) as connection:  # type: ignore[arg-type]
        for statement in statements:
            connection.execute(statement)  # type: ignore[arg-type]


def settings_of(port: int, user: str, database: str, home: Path) -> Settings:
    return Settings(home=home, database_url=f"postgresql://{user}:secret%40:/@127.0.0.1:{port}/{database}")


@pytest.fixture(scope="module")
def served(port: int, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A database whose owner may make roles, as docs tell an administrator to prepare it."""
    run_as_chief(
        port,
        "CREATE ROLE preparedness LOGIN CREATEROLE PASSWORD 'secret@:/'",
        "CREATE DATABASE medication OWNER preparedness",
    )
    return settings_of(port, "preparedness", "medication", tmp_path_factory.mktemp("served"))


def test_an_owner_who_may_not_make_roles_is_told_what_to_ask_for(port: int, tmp_path: Path) -> None:
    run_as_chief(port, "CREATE ROLE poor LOGIN PASSWORD 'secret@:/'", "CREATE DATABASE poor OWNER poor")
    try:
        with pytest.raises(WarehouseError, match=r"lacks the roles medsupply_ingest.*CREATE ROLE medsupply_ingest"):
            Warehouse.open(settings_of(port, "poor", "poor", tmp_path))
    finally:
        run_as_chief(port, "DROP DATABASE poor", "DROP ROLE poor")


def test_roles_that_the_administrator_made_are_enough(port: int, served: Settings, tmp_path: Path) -> None:
    migrate(served)  # makes the roles
    run_as_chief(port, "CREATE ROLE plain LOGIN PASSWORD 'secret@:/'", "CREATE DATABASE plain OWNER plain")
    settings = settings_of(port, "plain", "plain", tmp_path)
    with Warehouse.open(settings) as warehouse:
        assert warehouse.read("SELECT count(*) AS n FROM analyst.situation").item() == 0
    with pytest.raises(WarehouseError, match="no password for medsupply_analyst"):
        Warehouse.open(settings, role="analyst")


def test_the_same_rows_and_the_same_hash_as_on_the_private_server(served: Settings, warehouse: Warehouse) -> None:
    zero = {name: 0 for name in DELIVERIES.columns if name.startswith(("rows_", "packs_", "bytes_received"))}
    same = {**zero, "source": "stock", "sha256": "1", "received_at": datetime(2026, 1, 1, tzinfo=UTC), "parts": 0}
    rows = [
        {**same, "delivery_id": "stock-å", "file_name": "", "verdict": "accepted", "held": False},
        {**same, "delivery_id": "stock-B", "file_name": "b.csv", "verdict": "held", "held": True},
    ]
    frame = DELIVERIES.conform(pl.DataFrame(rows))
    with Warehouse.open(served) as opened:
        for target in (opened, warehouse):
            with target.transaction() as connection:
                copy(connection, DELIVERIES, frame)
                upsert(connection, DELIVERIES, frame)
        assert opened.rows(DELIVERIES).equals(warehouse.rows(DELIVERIES))
        assert warehouse_hash(opened).views == warehouse_hash(warehouse).views


def test_views_and_rights(served: Settings) -> None:
    migrate(served)
    with Warehouse.open(served, role="analyst") as analyst:
        for view in VIEWS:
            assert analyst.read(f'SELECT * FROM analyst."{view.name}" LIMIT 1').columns
        for forbidden in ("SELECT * FROM ops.deliveries", "SELECT * FROM core.holders"):
            with pytest.raises(WarehouseError, match="may not do that"):
                analyst.read(forbidden)
        with pytest.raises(WarehouseError, match="may not do that"), analyst.transaction() as connection:
            connection.exec_driver_sql("SET default_transaction_read_only = off")
            connection.exec_driver_sql("CREATE TEMPORARY TABLE mine (a int)")
    with psycopg.connect(analyst_url(served)) as connection:
        assert connection.execute("SHOW statement_timeout").fetchone() == ("2min",)


def test_it_is_well(served: Settings) -> None:
    with Warehouse.open(served) as opened:
        found = health.check(opened)
        assert found.filter(~found["ok"].fill_null(True)).is_empty(), found
        assert "served" in found["value"][0]


def test_migrating_again_changes_nothing(served: Settings) -> None:
    with Warehouse.open(served) as opened:
        before = opened.read("SELECT oid::text AS oid FROM pg_class WHERE relname = 'situation' ORDER BY 1")
    with Warehouse.open(served) as opened:
        assert opened.read("SELECT oid::text AS oid FROM pg_class WHERE relname = 'situation' ORDER BY 1").equals(
            before
        )


def test_airflows_database_is_the_operators(served: Settings) -> None:
    from medsupply.warehouse.database.urls import airflow_database_url

    with pytest.raises(WarehouseError, match="AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"):
        airflow_database_url(served)


def test_the_address_is_not_shown(served: Settings) -> None:
    assert "secret" not in repr(served)
    with Warehouse.open(served) as opened:
        assert "secret" not in repr(opened.engine)
    assert sa.make_url(analyst_url(served)).username == "medsupply_analyst"
