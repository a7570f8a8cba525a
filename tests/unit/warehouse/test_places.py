"""Where the private server lives: long paths, barred folders, programs and passwords."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest

from medsupply.errors import WarehouseError
from medsupply.settings import Settings
from medsupply.warehouse import health
from medsupply.warehouse.database import places as places_module
from medsupply.warehouse.database import server
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.database.places import find_places, reaches
from medsupply.warehouse.database.secrets import ensure_secret


def test_a_home_that_cannot_be_made() -> None:
    with pytest.raises(WarehouseError, match=r"MEDSUPPLY_HOME cannot be used.*Set MEDSUPPLY_HOME"):
        Warehouse.open(Settings(home=Path("/dev/null/home")))


def test_a_home_that_pg_ctl_cannot_quote(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match="path without"):
        Warehouse.open(Settings(home=tmp_path / "a$HOME"))


def test_spaces_and_quotes_in_the_path() -> None:
    outer = Path(tempfile.mkdtemp(prefix="medsupply it's "))
    outer.chmod(0o711)
    settings = Settings(home=outer)
    try:
        with Warehouse.open(settings) as warehouse:
            command = health.analyst_command(warehouse)
        done = subprocess.run(["sh", "-c", f"{command} -At -c 'SELECT 1'"], capture_output=True, text=True, check=False)
        assert (done.stdout, done.stderr) == ("1\n", "")
    finally:
        server.down(settings)
        shutil.rmtree(outer)


def test_a_long_path_gets_a_short_private_socket_folder() -> None:
    outer = Path(tempfile.mkdtemp(prefix="medsupply-long-"))
    outer.chmod(0o711)
    home = outer / ("a folder of a long name " * 4) / ("x" * 60)
    home.mkdir(parents=True)
    settings = Settings(home=home)
    try:
        with Warehouse.open(settings) as warehouse:
            assert warehouse.read("SELECT 1 AS one").item() == 1
        folder = find_places(home).socket
        assert len(str(folder)) < 90
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    finally:
        server.down(settings)
        shutil.rmtree(find_places(home).socket)
        shutil.rmtree(outer)


def test_a_foreign_short_socket_folder_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places_module, "SOCKET_ROOM", 0)
    monkeypatch.setattr(places_module, "SHORT", tmp_path)
    outer = Path(tempfile.mkdtemp(prefix="medsupply-foreign-"))
    outer.chmod(0o711)
    try:
        folder = find_places(outer).socket
        folder.chmod(0o777)
        with pytest.raises(WarehouseError, match="is not a private folder"):
            find_places(outer)
    finally:
        shutil.rmtree(outer)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives the server a user of its own")
def test_a_home_that_the_servers_user_does_not_reach() -> None:
    outer = Path(tempfile.mkdtemp(prefix="medsupply-barred-"))  # mode 0700
    settings = Settings(home=outer / "home")
    base = None
    try:
        with Warehouse.open(settings) as warehouse:
            assert warehouse.read("SELECT 1 AS one").item() == 1
        base = find_places(settings.home).base
        assert base.parent == places_module.REFUGE
        assert (settings.home / "postgres.location").read_text().strip() == str(base)
    finally:
        server.down(settings)
        shutil.rmtree(outer)
        if base:
            shutil.rmtree(base)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives the server a user of its own")
def test_programs_are_copied_where_the_servers_user_reaches_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = places_module._server_user()
    refuge = Path(tempfile.mkdtemp(prefix="medsupply-refuge-", dir="/var/lib"))
    refuge.chmod(0o711)
    monkeypatch.setattr(places_module, "REFUGE", refuge)
    monkeypatch.setattr(places_module, "reaches", lambda who, path: refuge in path.parents and reaches(who, path))
    try:
        programs = places_module._programs(account)
        assert programs.is_relative_to(refuge)
        assert reaches(account, programs / "postgres")
        said = subprocess.run([programs / "postgres", "--version"], user=account.pw_uid, capture_output=True, text=True)
        assert said.stdout.startswith("postgres (PostgreSQL) 18")
        assert places_module._programs(account) == programs
    finally:
        shutil.rmtree(refuge)


def test_a_password_is_made_once(tmp_path: Path) -> None:
    first = ensure_secret(tmp_path, "someone")
    assert len(first) >= 32
    assert ensure_secret(tmp_path, "someone") == first
