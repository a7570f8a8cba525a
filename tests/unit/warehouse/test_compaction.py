"""Closed days as one file: whatever is asked of the record, at any moment, has the answer it had before."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from medsupply.settings import Settings
from medsupply.warehouse import site_rows
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.database.hashing import warehouse_hash
from medsupply.warehouse.loading import intake, undo
from medsupply.warehouse.loading.failpoints import COMPACTING
from medsupply.warehouse.storage import compaction
from medsupply.warehouse.storage.store import open_store

FIRST = date(2026, 3, 2)
DAYS = [FIRST + timedelta(days=n) for n in range(4)]
AT = datetime(2026, 3, 10, tzinfo=UTC)
LATER = AT + timedelta(days=40)


class Nation:
    """A small nation that delivers, corrects, withdraws and releases at random; each event an hour later."""

    def __init__(self, wh: Warehouse, folder: Path, seed: int) -> None:
        self.wh, self.folder, self.chance = wh, folder, random.Random(seed)
        self.at, self.sent = AT, list[str]()
        self.put("holders", "holder_id;holder_type;name;county_code;valid_from\nA;pharmacy;A;01;2020-01-01\n")

    def put(self, source: str, text: str) -> None:
        self.at += timedelta(hours=1)
        path = self.folder / f"{source}-{self.at:%m%d%H}.csv"
        path.write_text(text)
        verdict = intake.load(self.wh, source, [path], received_at=self.at)[0]
        if source in ("stock", "dispensing") and verdict.verdict in ("accepted", "partly"):
            self.sent.append(verdict.delivery_id)

    def stock(self) -> None:
        """Snapshots of one to three days of one or two holders; one holder is not listed yet, one row is broken."""
        lines = ["holder_id;counted_on;vnr;packs"]
        for holder in self.chance.sample("AZ", self.chance.randint(1, 2)):
            for day in self.chance.sample(DAYS, self.chance.randint(1, 3)):
                vnrs = self.chance.sample(range(100000, 100006), self.chance.randint(0, 4))
                lines += [f"{holder};{day};{vnr};{self.chance.randint(0, 9)}" for vnr in vnrs] or [f"{holder};{day};;0"]
        self.put("stock", "\n".join([*lines, "A;2026-03-02;100000;x", ""]))

    def dispensing(self) -> None:
        lines = ["reporter_id;day;county_code;channel;vnr;packs;dispensings"]
        for day in self.chance.sample(DAYS, self.chance.randint(1, 3)):
            vnrs = self.chance.sample(range(100000, 100004), self.chance.randint(1, 3))
            lines += [f"A;{day};01;community;{vnr};{self.chance.randint(0, 9)};1" for vnr in vnrs]
        self.put("dispensing", "\n".join([*lines, ""]))

    def listed(self) -> None:
        """The second holder is listed: its rows leave the quarantine, also those of closed days."""
        text = "holder_id;holder_type;name;county_code;valid_from\n"
        self.put("holders", text + "A;pharmacy;A;01;2020-01-01\nZ;pharmacy;Z;02;2020-01-01\n")

    def withdrawn(self) -> None:
        if self.sent:
            self.at += timedelta(hours=1)
            one = self.sent.pop(self.chance.randrange(len(self.sent)))
            undo.withdraw(self.wh, one, author="x", reason="y", at=self.at)

    def compacted(self) -> None:
        compaction.compact(self.wh, last=self.chance.choice(DAYS), at=self.at)
        compaction.sweep(self.wh, at=self.at + self.chance.choice([timedelta(0), timedelta(hours=2)]))


def answers(wh: Warehouse) -> dict[datetime, list[tuple[object, ...]]]:
    """Every row that stood at the end of each hour."""
    hours = [AT + timedelta(hours=n, minutes=1) for n in range(24)]
    return {at: rows_at(wh, at) for at in hours}


def stock_rows(wh: Warehouse, at: datetime) -> pl.LazyFrame:
    found = site_rows.snapshots(wh, "stock", DAYS[0], DAYS[-1], at)
    where = site_rows.index(wh, "stock", DAYS[0], DAYS[-1], at)
    return site_rows.StockRows(where, found, site_rows.standing(found)).between(DAYS[0], DAYS[-1])


def rows_at(wh: Warehouse, at: datetime) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    dispensed = site_rows.dispensing(wh, DAYS[0], DAYS[-1], at)
    for source, rows in (("stock", stock_rows(wh, at)), ("dispensing", dispensed)):
        found += sorted((source, *(str(value) for value in row)) for row in rows.collect().iter_rows())
    return found


def files(wh: Warehouse) -> list[str]:
    return [name for name in open_store(wh.settings.archive_url).names("record") if "/holders/" not in name]


def place(wh: Warehouse, name: str) -> str:
    return open_store(wh.settings.archive_url).location(name)


@pytest.mark.parametrize("seed", range(3))
def test_nothing_that_can_be_asked_changes(warehouse: Warehouse, tmp_path: Path, seed: int) -> None:
    (tmp_path / "sent").mkdir()
    nation = Nation(warehouse, tmp_path / "sent", seed)
    steps = [nation.stock] * 5 + [nation.dispensing] * 3 + [nation.listed, nation.withdrawn, nation.withdrawn]
    steps += [nation.compacted] * 4
    nation.chance.shuffle(steps)
    for step in steps:
        before = rows_at(warehouse, LATER), warehouse_hash(warehouse).total
        step()
        if step == nation.compacted:
            assert (rows_at(warehouse, LATER), warehouse_hash(warehouse).total) == before
    told, hashed = answers(warehouse), warehouse_hash(warehouse).total
    assert compaction.compact(warehouse, last=DAYS[-1], at=nation.at) >= 0
    assert compaction.compact(warehouse, last=DAYS[-1], at=nation.at) == 0
    assert answers(warehouse) == told
    compaction.sweep(warehouse, at=nation.at + timedelta(days=1))
    assert answers(warehouse) == told
    assert warehouse_hash(warehouse).total == hashed
    assert not any(pl.read_parquet(place(warehouse, name)).height for name in files(warehouse) if "/days/" not in name)
    assert not compaction.missing_files(warehouse)
    undo.rebuild(warehouse)
    compaction.sweep(warehouse, at=nation.at)
    assert (answers(warehouse), warehouse_hash(warehouse).total) == (told, hashed)
    compaction.compact(warehouse, last=DAYS[1], at=nation.at)
    compaction.sweep(warehouse, at=nation.at + timedelta(days=1))
    assert (answers(warehouse), warehouse_hash(warehouse).total) == (told, hashed)


def test_the_rows_of_a_delivery_are_found_before_and_after(warehouse: Warehouse, tmp_path: Path) -> None:
    nation = Nation(warehouse, tmp_path, 3)
    nation.stock()
    nation.stock()
    nation.listed()
    store = open_store(warehouse.settings.archive_url)

    def lines() -> list[list[int]]:
        with warehouse.engine.connect() as connection:
            found = [site_rows.of_delivery(connection, store, "stock", one).collect() for one in nation.sent]
        return [rows["line"].to_list() for rows in found]

    before = lines()
    assert sum(map(len, before)) == warehouse.read("select sum(rows_accepted) as n from ops.deliveries"
                                                   " where source = 'stock'").item()  # fmt: skip
    for last in DAYS:
        compaction.compact(warehouse, last=last, at=nation.at)
        compaction.sweep(warehouse, at=nation.at + timedelta(days=1))
        assert lines() == before


def test_a_file_lost_from_the_record_is_noticed(warehouse: Warehouse, tmp_path: Path) -> None:
    nation = Nation(warehouse, tmp_path, 1)
    nation.stock()
    store = open_store(warehouse.settings.archive_url)
    store.delete(files(warehouse)[0])
    assert compaction.missing_files(warehouse)
    undo.rebuild(warehouse)
    assert not compaction.missing_files(warehouse)


def test_a_row_that_is_not_in_the_record_stops_the_compaction(warehouse: Warehouse, tmp_path: Path) -> None:
    nation = Nation(warehouse, tmp_path, 1)
    nation.stock()
    with warehouse.transaction() as connection:
        connection.exec_driver_sql("update ops.snapshots set rows = rows + 1")
    with pytest.raises(AssertionError, match="does not hold the rows"):
        compaction.compact(warehouse, last=DAYS[-1], at=AT)
    assert all("/days/" not in name for name in files(warehouse))


def test_the_sweep_takes_orphans_and_leaves_what_is_being_read(warehouse: Warehouse, tmp_path: Path) -> None:
    nation = Nation(warehouse, tmp_path, 1)
    nation.stock()
    store = open_store(warehouse.settings.archive_url)
    store.put("record/stock/stock-0123456789ab.0.parquet", b"of a loader that was killed")
    store.put("raw/stock/.abc.1.part", b"half")
    before = rows_at(warehouse, LATER)
    reading = stock_rows(warehouse, LATER)
    compaction.compact(warehouse, last=DAYS[-1], at=AT)
    swept = compaction.sweep(warehouse, at=AT + timedelta(minutes=59))
    assert (swept.orphans, swept.replaced, swept.temporary) == (1, 0, 1)
    assert reading.collect().height  # its files are still there
    swept = compaction.sweep(warehouse, at=AT + timedelta(minutes=61))
    assert (swept.orphans, swept.replaced, swept.temporary) == (0, 1, 0)
    assert rows_at(warehouse, LATER) == before
    raw = [name for name in store.names("raw") if not name.endswith(".json")]
    assert len(raw) == 2  # the archive is never swept


RUN = """
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from medsupply.settings import Settings
from medsupply.warehouse.storage import compaction
from medsupply.warehouse.database.connection import Warehouse
settings = Settings(home=Path(sys.argv[1]), database_url=sys.argv[2], archive_url=sys.argv[3])
at = datetime(2026, 3, 20, tzinfo=UTC)
with Warehouse.open(settings) as warehouse:
    compaction.compact(warehouse, last=date(2026, 3, 5), at=at)
    compaction.sweep(warehouse, at=at + timedelta(hours=2))
"""


def run(settings: Settings, point: str = "") -> int:
    arguments = [str(settings.home), settings.database_url, settings.archive_url]
    environ = {**os.environ, "MEDSUPPLY_FAILPOINT": point}
    return subprocess.run([sys.executable, "-c", RUN, *arguments], env=environ, timeout=120, check=False).returncode


def test_killed_at_any_point_and_run_again_it_is_the_same_record(fresh_settings: Settings, tmp_path: Path) -> None:
    with Warehouse.open(fresh_settings) as warehouse:
        nation = Nation(warehouse, tmp_path, 5)
        for step in (nation.stock, nation.stock, nation.dispensing, nation.listed):
            step()
        told = answers(warehouse)
        for point in COMPACTING:
            assert run(fresh_settings, point) == -signal.SIGKILL
            assert answers(warehouse) == told
            assert not compaction.missing_files(warehouse)
            nation.stock()
            told = answers(warehouse)
        assert run(fresh_settings) == 0
        assert answers(warehouse) == told
        noted = warehouse.read("select file_name from ops.compacted_days order by 1")["file_name"].to_list()
        assert [name for name in files(warehouse) if "/days/" in name] == noted and len(noted) > 4
        assert warehouse.read("select count(*) as n from ops.replaced").item() == 0
