"""The private server lives, dies, comes back, and says in words what bars it."""

from __future__ import annotations

import dataclasses
import fcntl
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from medsupply.errors import WarehouseError, WarehouseUnavailable
from medsupply.settings import Settings
from medsupply.warehouse.database import connecting, server, urls
from medsupply.warehouse.database import places as places_module
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.database.places import Places, find_places
from medsupply.warehouse.database.processes import run_program, start_error
from medsupply.warehouse.database.secrets import FOLDER
from medsupply.warehouse.database.urls import analyst_url


@pytest.fixture(scope="module")
def own_home() -> Iterator[Path]:
    """A home of this module alone, whose server the tests may kill."""
    home = Path(tempfile.mkdtemp(prefix="medsupply-own-"))
    home.chmod(0o711)
    try:
        yield home
    finally:
        server.down(Settings(home=home))
        shutil.rmtree(home)


@pytest.fixture
def own(own_home: Path) -> Settings:
    return Settings(home=own_home)


def kill(places: Places) -> None:
    number = server.postmaster(places)
    assert number is not None
    os.kill(number, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(number)] if psutil.pid_exists(number) else [], timeout=10)


def child(code: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


OPEN = """
    import sys
    from pathlib import Path
    from medsupply.settings import Settings
    from medsupply.warehouse.database.connection import Warehouse
    warehouse = Warehouse.open(Settings(home=Path(sys.argv[1])))
    print(warehouse.read("SELECT pg_postmaster_start_time()::text").item(), flush=True)
"""


def test_two_processes_that_open_at_once_start_one_server(own: Settings) -> None:
    children = [child(OPEN, str(own.home)) for _ in range(3)]
    said = [process.communicate(timeout=120) for process in children]
    assert [process.returncode for process in children] == [0, 0, 0], said
    assert len({out.splitlines()[-1] for out, _ in said}) == 1


def test_the_server_outlives_the_killed_starter(own: Settings) -> None:
    server.down(own)
    starter = child(OPEN + "    import time; time.sleep(60)", str(own.home))
    assert starter.stdout is not None
    starter.stdout.readline()
    os.kill(starter.pid, signal.SIGKILL)
    starter.communicate(timeout=30)
    number = server.postmaster(find_places(own.home))
    assert number is not None
    assert os.getsid(number) != os.getsid(0)
    assert os.getpgid(number) == number


def test_everything_of_it_is_private(own: Settings) -> None:
    places = server.ensure(own)
    secrets = own.home / FOLDER
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets.iterdir()} == {0o600}
    for folder in (places.data, places.socket):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    number = server.postmaster(places)
    assert number is not None
    assert psutil.Process(number).uids().real == places.uid != 0
    with connecting.admin_connection(places) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        rules = connection.execute("SELECT DISTINCT auth_method FROM pg_hba_file_rules").fetchall()
    assert rules == [("scram-sha-256",)]
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(host=str(places.socket), user="medsupply_owner", dbname="medsupply", password="guess")


def test_down_and_up_keeps_what_is_stored(own: Settings) -> None:
    with Warehouse.open(own) as warehouse, warehouse.transaction() as connection:
        connection.exec_driver_sql("CREATE TABLE core.kept AS SELECT 1 AS one")
    assert server.down(own) is True
    assert server.postmaster(find_places(own.home)) is None
    assert server.down(own) is False
    with Warehouse.open(own) as warehouse:
        assert warehouse.read("SELECT one FROM core.kept").item() == 1


LOAD = """
    import sys
    from pathlib import Path
    from medsupply.settings import Settings
    from medsupply.warehouse.database.connection import Warehouse
    warehouse = Warehouse.open(Settings(home=Path(sys.argv[1])))
    with warehouse.transaction() as connection:
        connection.exec_driver_sql("CREATE TABLE core.half AS SELECT g FROM generate_series(1, 100000) g")
        print("writing", flush=True)
        connection.exec_driver_sql("INSERT INTO core.half SELECT g FROM generate_series(1, 100000000) g")
"""


def test_kill_9_of_the_server_while_loading(own: Settings) -> None:
    with Warehouse.open(own) as warehouse, warehouse.transaction() as connection:
        connection.exec_driver_sql("CREATE TABLE core.whole AS SELECT g FROM generate_series(1, 1000) g")
    loader = child(LOAD, str(own.home))
    assert loader.stdout is not None
    assert loader.stdout.readline() == "writing\n"
    kill(find_places(own.home))
    begun = time.monotonic()
    server.ensure(own)
    assert time.monotonic() - begun < 20  # a busy backend outlives its server; it must not hold the new one up
    _, said = loader.communicate(timeout=60)
    assert "WarehouseUnavailable" in said
    with Warehouse.open(own) as warehouse:
        assert warehouse.read("SELECT count(*) AS n FROM core.whole").item() == 1000
        assert warehouse.read("SELECT to_regclass('core.half')::text AS t").item() is None


def test_an_open_warehouse_reads_on_after_a_restart(own: Settings) -> None:
    with Warehouse.open(own) as warehouse:
        warehouse.read("SELECT 1 AS one")
        kill(find_places(own.home))
        server.ensure(own)
        assert warehouse.read("SELECT 1 AS one").item() == 1


def test_a_number_of_another_program_in_postmaster_pid(own: Settings) -> None:
    places = server.ensure(own)
    server.down(own)
    other = subprocess.Popen(["sleep", "60"], user=places.uid if os.geteuid() == 0 else None)
    try:
        file = places.data / "postmaster.pid"
        file.write_text(f"{other.pid}\n{places.data}\n1700000000\n5432\n{places.socket}\n\n\nready\n")
        os.chown(file, places.uid, places.gid)
        file.chmod(0o600)
        lock = places.socket / ".s.PGSQL.5432.lock"
        lock.write_text(file.read_text())
        os.chown(lock, places.uid, places.gid)
        with Warehouse.open(own) as warehouse:
            assert warehouse.read("SELECT 1 AS one").item() == 1
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_killed_between_start_and_first_roles(tmp_path: Path) -> None:
    """A server whose making was cut off gets its roles from whoever comes next."""
    home = Path(tempfile.mkdtemp(prefix="medsupply-cut-"))
    home.chmod(0o711)
    settings = Settings(home=home)
    try:
        places = find_places(home)
        (places.base / "draft-1").mkdir()
        (places.base / "draft-1.password").write_text("left behind")
        with server._locked(places):
            server._create(places)
            server._start(places)
        with Warehouse.open(settings) as warehouse:
            assert warehouse.read("SELECT current_user::text AS me").item() == "medsupply_owner"
        assert not list(places.base.glob("draft-*"))
    finally:
        server.down(settings)
        shutil.rmtree(home)


def test_a_held_lock_is_named(own: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    server.down(own)
    monkeypatch.setattr(server, "LOCK_SECONDS", 0.2)
    with find_places(own.home).lock.open("r+") as held:
        held.truncate()
        held.write("12345")
        held.flush()
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(WarehouseUnavailable, match="Process 12345 has held"):
            Warehouse.open(own)


def test_data_of_another_version(own: Settings) -> None:
    file = server.ensure(own).data / "PG_VERSION"
    server.down(own)
    file.write_text("16\n")
    try:
        with pytest.raises(WarehouseError, match="holds the data of PostgreSQL 16; this medsupply reads version 18"):
            Warehouse.open(own)
    finally:
        file.write_text("18\n")


def test_a_data_folder_of_another_version_beside(tmp_path: Path) -> None:
    places = Places(tmp_path, tmp_path, tmp_path, tmp_path, os.geteuid(), os.getegid())
    (tmp_path / "17").mkdir()
    with pytest.raises(WarehouseError, match="PostgreSQL 17"):
        server._check_version(places)


def test_programs_that_are_not_installed(own: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places_module, "find_spec", lambda _: None)
    with pytest.raises(WarehouseError, match=r"not installed.*make setup"):
        Warehouse.open(own)


def test_a_data_folder_with_wrong_permissions(own: Settings) -> None:
    data = server.ensure(own).data
    server.down(own)
    data.chmod(0o755)
    try:
        with pytest.raises(WarehouseError, match=r"does not start.*permission"):
            Warehouse.open(own)
    finally:
        data.chmod(0o700)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("initdb: error: could not write to file: No space left on device", "is full. Free space"),
        ("FATAL:  could not create semaphores: No space left on device", "is full"),
        ("FATAL: database files are incompatible with server", "incompatible"),
        ("FATAL: pre-existing shared memory block is still in use", "End the processes left behind"),
        ("", "it says nothing"),
    ],
)
def test_what_the_server_says_is_explained(own: Settings, said: str, words: str) -> None:
    assert words in str(start_error(find_places(own.home), "The database does not start", said))


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A folder on a disk of 16 MB."""
    folder = Path(tempfile.mkdtemp(prefix="medsupply-full-"))
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m,mode=711", "tmpfs", str(folder)], check=False)
    if mounted.returncode:
        folder.rmdir()
        pytest.skip("this machine does not let us mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk_while_making_the_database(small_disk: Path) -> None:
    with pytest.raises(WarehouseError, match=r"is full\. Free space on it"):
        Warehouse.open(Settings(home=small_disk))
    assert not list(small_disk.glob("postgres/draft-*"))


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk_while_loading(own: Settings, small_disk: Path) -> None:
    """What does not fit is refused in words; what was there stays, and the service goes on."""
    places = server.ensure(own)
    os.chown(small_disk, places.uid, places.gid)
    with Warehouse.open(own) as warehouse, connecting.admin_connection(places, "medsupply") as admin:
        admin.execute(f"CREATE TABLESPACE small OWNER medsupply_owner LOCATION '{small_disk}'")  # type: ignore[arg-type]
        try:
            with warehouse.transaction() as connection:
                connection.exec_driver_sql("CREATE TABLE core.small (g bigint) TABLESPACE small")
                connection.exec_driver_sql("INSERT INTO core.small VALUES (1)")
            with pytest.raises(WarehouseError, match="disk of the database is full"), warehouse.transaction() as c:
                c.exec_driver_sql("INSERT INTO core.small SELECT generate_series(1, 10000000)")
            assert warehouse.read("SELECT count(*) AS n FROM core.small").item() == 1
        finally:
            admin.execute("DROP TABLE core.small")
            admin.execute("CHECKPOINT")
            admin.execute("DROP TABLESPACE small")


def test_two_names_of_one_folder_are_one_server(own: Settings, tmp_path: Path) -> None:
    alias = tmp_path / "alias"
    alias.symlink_to(own.home)
    first = server.postmaster(server.ensure(own))
    assert server.postmaster(server.ensure(Settings(home=alias))) == first
    assert server.down(Settings(home=alias)) is True
    assert server.postmaster(find_places(own.home)) is None


def test_programs_that_cannot_be_run(own: Settings) -> None:
    places = dataclasses.replace(server.ensure(own), programs=own.home)
    with pytest.raises(WarehouseError, match=r"pg_ctl cannot be run as user \d+.*ordinary user"):
        run_program(places, "pg_ctl", "--version")


def test_lost_passwords(own: Settings) -> None:
    server.ensure(own)
    secrets, aside = own.home / FOLDER, own.home / "aside"
    secrets.rename(aside)
    try:
        with pytest.raises(WarehouseError, match=r"password of medsupply_admin is missing.*Restore that folder"):
            Warehouse.open(own)
    finally:
        shutil.rmtree(secrets, ignore_errors=True)
        aside.rename(secrets)
    Warehouse.open(own).close()


def test_airflow_has_a_database_of_its_own(own: Settings) -> None:
    url, async_url = urls.airflow_database_url(own)
    assert (url, async_url) == urls.airflow_database_url(own)
    assert async_url == url.replace("+psycopg", "+asyncpg")
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        assert connection.execute("SELECT current_user, current_database()").fetchone() == (
            "medsupply_airflow",
            "airflow",
        )
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(url.replace("+psycopg", "").replace("/airflow?", "/medsupply?"))


def test_psql_takes_the_analysts_address(own: Settings) -> None:
    Warehouse.open(own).close()
    places = find_places(own.home)
    command = [str(places.programs / "psql"), analyst_url(own), "-At", "-c", "SELECT current_user"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("medsupply_analyst\n", "")


def test_starting_takes_a_moment_only(own: Settings) -> None:
    server.down(own)
    begun = time.monotonic()
    Warehouse.open(own).close()
    assert time.monotonic() - begun < 10
