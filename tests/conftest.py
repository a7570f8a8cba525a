"""Fixtures for every test: one private PostgreSQL per test process, one fresh migrated database per test."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from medsupply.settings import Settings
from medsupply.warehouse.connection import Warehouse
from medsupply.warehouse.places import find_places
from medsupply.warehouse.roles import DATABASE, OWNER, create_database, grant_database
from medsupply.warehouse.secrets import FOLDER
from medsupply.warehouse.server import admin_connection, down
from medsupply.warehouse.urls import role_url


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


@pytest.fixture
def fresh_settings(server_home: Path, tmp_path: Path) -> Iterator[Settings]:
    """Settings of a fresh, migrated, empty database; home and archive are folders of this test alone."""
    name = f"test_{os.getpid()}_{os.urandom(4).hex()}"
    private = Settings(home=server_home)
    with admin_connection(find_places(server_home)) as connection:
        create_database(connection, name, OWNER.name, template=DATABASE)
        grant_database(connection, name)  # a template hands its grants on, but not those on itself
    home = tmp_path / "home"
    home.mkdir()
    shutil.copytree(server_home / FOLDER, home / FOLDER)
    url = sa.make_url(role_url(private, "owner")).set(database=name, drivername="postgresql")
    yield replace(
        private,
        home=home,
        database_url=url.render_as_string(hide_password=False),
        archive_url=str(home / "archive"),
    )
    with admin_connection(find_places(server_home)) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')  # type: ignore[arg-type]


@pytest.fixture
def warehouse(fresh_settings: Settings) -> Iterator[Warehouse]:
    """A fresh warehouse, open as its owner."""
    opened = Warehouse.open(fresh_settings)
    yield opened
    opened.close()
