"""What may happen around a load: the disk is full, the database goes away, two load at once, a file still grows."""

from __future__ import annotations

import os
import random
import resource
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from test_intake_kills import Loaders, filled

from medsupply.errors import WarehouseError, WarehouseUnavailable
from medsupply.settings import Settings
from medsupply.warehouse.database import server
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.database.hashing import warehouse_hash
from medsupply.warehouse.loading import committing, inbox, intake
from medsupply.warehouse.storage import compaction

AT = datetime(2026, 5, 1, tzinfo=UTC)
PAGE = 4096
HOLDERS = "holder_id;holder_type;name;county_code;valid_from\nA;pharmacy;A;01;2020-01-01\n"


def stock(rows: int, note: str = "") -> str:
    chance = random.Random(rows)
    lines = [f"A;2026-03-02;{n:06d};L{chance.randrange(10**9)}{note};{chance.randrange(10**6)}" for n in range(rows)]
    return "\n".join(["holder_id;counted_on;vnr;lot;packs", *lines, ""])


def put(wh: Warehouse, folder: Path, source: str, text: str) -> intake.Verdict:
    path = folder / f"{source}.csv"
    path.write_text(text)
    return intake.load(wh, source, [path], received_at=AT)[0]


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of 4 MB, or a skip where this user may not mount one."""
    place = Path(tempfile.mkdtemp(prefix="medsupply-disk-"))
    try:
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", place], capture_output=True).returncode:
            pytest.skip("this user may not mount a small file system")
        yield place
        subprocess.run(["umount", place], check=True)
    finally:
        place.rmdir()


def fill(place: Path, pages: int) -> Path:
    """Leave so many free pages on a small disk."""
    free = os.statvfs(place).f_bfree - pages
    ballast = place / "ballast"
    ballast.write_bytes(b"\0" * PAGE * free)
    return ballast


@pytest.mark.parametrize("stage", ["archive", "record"])
def test_the_disk_of_the_archive_is_full(
    fresh_settings: Settings, small_disk: Path, tmp_path: Path, stage: str
) -> None:
    text = stock(5000)
    archive = small_disk / "archive"
    with Warehouse.open(replace(fresh_settings, archive_url=str(archive))) as wh:
        put(wh, tmp_path, "holders", HOLDERS)
        for folder in ("raw/stock", "record/stock"):
            (archive / folder).mkdir()
        # Room for nothing, or for the bytes and their note but not for the record.
        ballast = fill(small_disk, 1 if stage == "archive" else len(text) // PAGE + 3)
        before = sorted(path for path in archive.rglob("*") if path.is_file())
        with pytest.raises(WarehouseError, match=r"cannot be written \(No space left on device\).*Free space"):
            put(wh, tmp_path, "stock", text)
        left = {path for path in archive.rglob("*") if path.is_file()} - set(before)
        assert not [path for path in left if path.suffix == ".part" or "record" in path.parts]
        assert wh.read("select count(*) as n from ops.deliveries where source = 'stock'").item() == 0
        ballast.unlink()
        assert put(wh, tmp_path, "stock", text).rows_accepted == 5000
        assert wh.read("select bool_and(equations_hold) as ok from analyst.deliveries").item()


def test_the_disk_is_full_while_days_are_closed(fresh_settings: Settings, small_disk: Path, tmp_path: Path) -> None:
    """A closed day needs room for its new file before the old ones go: without it all stays as it was."""
    archive, day = small_disk / "archive", date(2026, 3, 2)
    with Warehouse.open(replace(fresh_settings, archive_url=str(archive))) as wh:
        put(wh, tmp_path, "holders", HOLDERS)
        for rows in (3000, 2000):
            assert put(wh, tmp_path, "stock", stock(rows)).rows_accepted == rows
        before, files = warehouse_hash(wh).views, sorted(archive.rglob("*.parquet"))
        ballast = fill(small_disk, 1)
        later = AT + timedelta(days=40)
        with pytest.raises(WarehouseError, match=r"cannot be written \(No space left on device\).*Free space"):
            compaction.compact(wh, last=day, at=later)
        assert (warehouse_hash(wh).views, sorted(archive.rglob("*.parquet"))) == (before, files)
        ballast.unlink()
        compaction.compact(wh, last=day, at=later)
        compaction.sweep(wh, at=later + timedelta(hours=2))
        assert warehouse_hash(wh).views == before
        assert sorted(archive.rglob("*.parquet")) != files


def test_an_archive_that_is_read_only(fresh_settings: Settings, small_disk: Path, tmp_path: Path) -> None:
    """A disk with errors is remounted read-only: the file stays in the inbox, and is taken when it can be written."""
    folder = tmp_path / "inbox"
    (folder / "stock").mkdir(parents=True)
    with Warehouse.open(replace(fresh_settings, archive_url=str(small_disk / "archive"))) as wh:
        put(wh, tmp_path, "holders", HOLDERS)
        (folder / "stock" / "one.csv").write_text(stock(50))
        subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
        try:
            with pytest.raises(WarehouseError, match=r"cannot be written \(Read-only file system\)"):
                inbox.take(wh, folder, received_at=AT)
        finally:
            subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
        assert (folder / "stock" / "one.csv").exists()
        assert [one.rows_accepted for one in inbox.take(wh, folder, received_at=AT)] == [50]
        assert wh.read("select bool_and(equations_hold) as ok from analyst.deliveries").item()


def test_a_file_that_may_not_be_so_long(fresh_settings: Settings, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Warehouse.open(fresh_settings) as wh:
        put(wh, tmp_path, "holders", HOLDERS)
        text = stock(5000)
        (tmp_path / "stock.csv").write_text(text)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
        try:
            with pytest.raises(WarehouseError, match=r"cannot be written \(File too large\)"):
                intake.load(wh, "stock", [tmp_path / "stock.csv"], received_at=AT)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert put(wh, tmp_path, "stock", text).rows_accepted == 5000


@pytest.fixture
def own_server() -> Iterator[Settings]:
    """A private server of this test alone, in a home of its own."""
    home = Path(tempfile.mkdtemp(prefix="medsupply-faults-"))
    home.chmod(0o711)
    try:
        yield Settings(home=home, archive_url=str(home / "archive"))
    finally:
        server.down(Settings(home=home))
        shutil.rmtree(home)


def test_the_disk_of_the_database_is_full(tmp_path: Path) -> None:
    home = Path(tempfile.mkdtemp(prefix="medsupply-faults-"))
    own = Settings(home=home, archive_url=str(tmp_path / "archive"))
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=220m", "tmpfs", home], capture_output=True).returncode:
        pytest.skip("this user may not mount a small file system")
    try:
        home.chmod(0o711)
        bad = stock(40_000, note="\x07" + "x" * 300)
        with Warehouse.open(own) as wh:
            put(wh, tmp_path, "holders", HOLDERS)
            ballast = fill(home, 1500)
            with pytest.raises(WarehouseError, match=r"disk of the database is full|cannot be reached"):
                put(wh, tmp_path, "stock", bad)
            ballast.unlink()
        with Warehouse.open(own) as wh:
            assert wh.read("select count(*) as n from ops.deliveries where source = 'stock'").item() == 0
            assert put(wh, tmp_path, "stock", bad).rows_quarantined == 40_000
            assert wh.read("select bool_and(equations_hold) as ok from analyst.deliveries").item()
    finally:
        server.down(own)
        subprocess.run(["umount", home], check=True)
        home.rmdir()


def test_the_database_restarts_in_the_middle_of_a_transaction(
    own_server: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, times = tmp_path / "inbox", []
    for source, text in {"holders": HOLDERS, "stock": stock(60)}.items():
        (folder / source).mkdir(parents=True)
        (folder / source / "one.csv").write_text(text)

    def restart(point: str) -> None:
        if point == "merged" and not times:
            times.append(point)
            server.down(own_server)
            Warehouse.open(own_server).close()

    with Warehouse.open(own_server) as wh:
        monkeypatch.setattr(committing, "reached", restart)
        with pytest.raises(WarehouseUnavailable, match="cannot be reached"):
            inbox.take(wh, folder, received_at=AT)
        assert len(inbox.waiting(folder)) == 2
        assert wh.read("select count(*) as n from ops.deliveries").item() == 0
        assert [one.verdict for one in inbox.take(wh, folder, received_at=AT)] == ["accepted", "accepted"]
        assert inbox.waiting(folder) == [] and wh.read("select count(*) as n from core.holders").item() == 1


def test_two_loaders_at_once_on_one_inbox(fresh_settings: Settings, other_settings: Settings, tmp_path: Path) -> None:
    plain, folder = tmp_path / "plain", tmp_path / "inbox"
    number = filled(plain, 77) and filled(folder, 77)
    both = [Loaders(), Loaders()]
    try:
        assert both[0].load(other_settings, plain, None).code == 0
        codes: list[int] = []
        threads = [
            threading.Thread(target=lambda one=one: codes.append(one.load(fresh_settings, folder, None).code))
            for one in both
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
    finally:
        for one in both:
            one.close()
    with Warehouse.open(fresh_settings) as found, Warehouse.open(other_settings) as wanted:
        assert codes == [0, 0] and inbox.waiting(folder) == []
        assert warehouse_hash(found).views == warehouse_hash(wanted).views
        verdicts = found.read("select verdict, equations_hold from analyst.deliveries")
        assert verdicts.height == number and verdicts["equations_hold"].all()


def test_two_loaders_with_the_same_bytes(fresh_settings: Settings, tmp_path: Path) -> None:
    """They differ in when they received and in what they knew: one is stored whole, the other is its duplicate."""
    (tmp_path / "stock.csv").write_text(stock(2000))
    verdicts: list[intake.Verdict] = []

    def one(hour: int) -> None:
        with Warehouse.open(fresh_settings) as wh:
            at = AT.replace(hour=hour)
            verdicts.extend(intake.load(wh, "stock", [tmp_path / "stock.csv"], received_at=at))

    threads = [threading.Thread(target=one, args=(hour,)) for hour in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with Warehouse.open(fresh_settings) as wh:
        assert sorted(one.verdict for one in verdicts) == ["duplicate"] * 3 + ["partly"]
        put(wh, tmp_path, "holders", HOLDERS)
        row = wh.read("select * from analyst.deliveries where source = 'stock' and verdict <> 'duplicate'")
        assert row.height == 1 and row["equations_hold"].all() and row["rows_accepted"][0] == 2000


def test_a_file_that_grows_is_taken_when_it_is_whole(warehouse: Warehouse, tmp_path: Path) -> None:
    put(warehouse, tmp_path, "holders", HOLDERS)
    path = tmp_path / "inbox" / "stock" / "slow.csv"
    path.parent.mkdir(parents=True)
    lines = stock(40).splitlines(keepends=True)

    def write() -> None:
        with path.open("w") as file:
            for line in lines:
                file.write(line)
                file.flush()
                time.sleep(0.03)

    writer = threading.Thread(target=write)
    writer.start()
    told: list[intake.Verdict] = []
    until = time.monotonic() + 60
    while path.exists() or writer.is_alive() or not told:
        assert time.monotonic() < until
        told += inbox.take(warehouse, path.parent.parent, received_at=AT, settle=0.5)
    assert [(one.verdict, one.rows_accepted) for one in told] == [("accepted", 40)]


def test_a_file_that_grows_after_it_was_read_comes_back(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(warehouse, tmp_path, "holders", HOLDERS)
    path = tmp_path / "inbox" / "stock" / "slow.csv"
    path.parent.mkdir(parents=True)
    whole = stock(40)
    path.write_text(whole[: len(whole) // 2])
    settle = intake.settle

    def grown(wh: Warehouse) -> None:
        settle(wh)
        with path.open("a") as file:
            file.write(whole[len(whole) // 2 :])

    with monkeypatch.context() as patch:
        patch.setattr(intake, "settle", grown)
        inbox.take(warehouse, path.parent.parent, received_at=AT)
    assert [one.path for one in inbox.waiting(path.parent.parent)] == [path]
    again = inbox.take(warehouse, path.parent.parent, received_at=AT.replace(hour=1))
    assert [(one.verdict, one.rows_accepted) for one in again] == [("accepted", 40)]
    assert inbox.waiting(path.parent.parent) == []


def test_one_file_that_cannot_be_read_does_not_stop_the_others(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "inbox"
    for source, text in {"holders": HOLDERS, "stock": stock(60), "supply": "x"}.items():
        (folder / source).mkdir(parents=True)
        (folder / source / "one.csv").write_text(text)
    open_ = Path.open

    def forbidden(path: Path, *args: object, **options: object) -> object:
        if path.parent.name == "holders":
            raise PermissionError(13, "Permission denied")
        return open_(path, *args, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", forbidden)
    assert sorted(one.source for one in inbox.take(warehouse, folder, received_at=AT)) == ["stock", "supply"]
    assert [one.source for one in inbox.waiting(folder)] == ["holders"]
