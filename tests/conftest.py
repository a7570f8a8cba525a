"""Fixtures for every test: one private PostgreSQL per test process, one fresh migrated database per test."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
import structlog

from medsupply.settings import Settings
from medsupply.warehouse.database.accounts import create_database, grant_database
from medsupply.warehouse.database.connecting import admin_connection
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.database.places import find_places
from medsupply.warehouse.database.roles import DATABASE, OWNER
from medsupply.warehouse.database.secrets import FOLDER
from medsupply.warehouse.database.server import down
from medsupply.warehouse.database.urls import role_url


@pytest.fixture(autouse=True)
def logs_of_their_own() -> Iterator[None]:
    """A command that a test ran in this process has set the log up on a stream that is closed by now."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def server_home() -> Iterator[Path]:
    """MEDSUPPLY_HOME of a running private server with a migrated database; stopped at the end, come what may."""
    home = Path(tempfile.mkdtemp(prefix="medsupply-test-"))
    home.chmod(0o711)  # the server's own user must pass through
    settings = Settings(home=home, archive_url=str(home / "archive"))
    try:
        Warehouse.open(settings).close()
        with admin_connection(find_places(home)) as connection:
            # Nothing here outlives the machine, so waiting for the disk proves nothing.
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
        yield home
    finally:
        down(settings)
        shutil.rmtree(home)


@contextlib.contextmanager
def _fresh_database(server_home: Path, home: Path) -> Iterator[Settings]:
    name = f"test_{os.getpid()}_{os.urandom(4).hex()}"
    with admin_connection(find_places(server_home)) as connection:
        create_database(connection, name, OWNER.name, template=DATABASE)
        grant_database(connection, name)  # a template hands its grants on, but not those on itself
    shutil.copytree(server_home / FOLDER, home / FOLDER)
    url = sa.make_url(role_url(Settings(home=server_home), "owner")).set(database=name, drivername="postgresql")
    try:
        yield Settings(
            home=home,
            database_url=url.render_as_string(hide_password=False),
            archive_url=str(home / "archive"),
        )
    finally:
        with admin_connection(find_places(server_home)) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')  # type: ignore[arg-type]


@pytest.fixture
def fresh_settings(server_home: Path, tmp_path: Path) -> Iterator[Settings]:
    """Settings of a fresh, migrated, empty database; home and archive are folders of this test alone."""
    with _fresh_database(server_home, tmp_path / "home") as settings:
        yield settings


@pytest.fixture
def other_settings(server_home: Path, tmp_path: Path) -> Iterator[Settings]:
    """A second one, for two ways that must lead to the same warehouse."""
    with _fresh_database(server_home, tmp_path / "other") as settings:
        yield settings


@pytest.fixture(scope="module")
def shared_settings(server_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Like ``fresh_settings``, one for all tests of a module that only read."""
    with _fresh_database(server_home, tmp_path_factory.mktemp("shared") / "home") as settings:
        yield settings


@pytest.fixture
def warehouse(fresh_settings: Settings) -> Iterator[Warehouse]:
    """A fresh warehouse, open as its owner."""
    with Warehouse.open(fresh_settings) as opened:
        yield opened


@pytest.fixture(scope="module")
def shared_warehouse(shared_settings: Settings) -> Iterator[Warehouse]:
    """A warehouse for all tests of a module that only read, open as its owner."""
    with Warehouse.open(shared_settings) as opened:
        yield opened
