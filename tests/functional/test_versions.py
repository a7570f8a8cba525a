"""Late files make new versions of the days they belong to, which say what changed; days made side by side."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
from test_written import Life
from written import LAST, morning, nation

from medsupply import flow
from medsupply.settings import Settings
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.database.hashing import warehouse_hash

KEY = ["county_code", "medicine_id"]


def lived(wh: Warehouse, folder: Path, until: datetime, seed: int = 5) -> Life:
    folder.mkdir(exist_ok=True)
    life = Life(wh, nation(seed), folder)
    life.until(until)
    return life


def late_snapshot(wh: Warehouse, folder: Path, day: date, at: datetime) -> None:
    """P4 had nothing left on a day on which nobody had heard of D1, and D1 had nothing either."""
    rows = [f"{holder};{day};;;;0;" for holder in ("P4", "D1")]
    path = folder / "late.csv"
    path.write_text("holder_id;counted_on;vnr;lot;expires_on;packs;reserve_packs\n" + "\n".join(rows) + "\n")
    flow.load(wh, "stock", [path], received_at=at)


def test_a_late_file_makes_new_versions_of_its_days_that_say_what_changed(warehouse: Warehouse, tmp_path: Path) -> None:
    days = [LAST - timedelta(days=n) for n in (6, 5, 4, 3, 2, 1)]
    lived(warehouse, tmp_path / "files", morning(LAST, 20))
    for day in days:
        flow.picture(warehouse, day, morning(LAST, 20))
    assert flow.correct(warehouse, LAST, morning(LAST, 20)) == [], "nothing is late yet"
    late_snapshot(warehouse, tmp_path, days[2], morning(LAST, 22))
    remade = flow.correct(warehouse, LAST, morning(LAST, 23))
    assert days[2] in remade
    assert not {days[0], days[1]} & set(remade), "a day before the late snapshot stays as it was"
    _corrections_are_what_differs(warehouse, days[2], morning(LAST, 20), morning(LAST, 23))
    assert flow.correct(warehouse, LAST, morning(LAST, 23)) == [], "twice changes nothing"


def _corrections_are_what_differs(wh: Warehouse, day: date, then: datetime, now: datetime) -> None:
    history = "select * from analyst.situation_history where as_of = :day and known_at = :at"
    before, after = (wh.read(history, day=day, at=at) for at in (then, now))
    joined = after.join(before, on=KEY, suffix="_before")
    names = ("level", "stock_units", "daily_demand_units")
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_before")) for name in names)
    differing = joined.filter(~same).select(*KEY)
    found = wh.read("select * from analyst.corrections where as_of = :day and known_at = :at", day=day, at=now)
    assert differing.height > 0
    assert differing.join(found, on=KEY, how="anti").is_empty()
    for row in found.join(joined, on=KEY).iter_rows(named=True):
        if row["stock_units"] is not None and row["stock_units_before"] is not None:
            assert abs(row["stock_change_units"] - (row["stock_units"] - row["stock_units_before"])) < 1e-6
    assert {"99", "90", "Y1"} <= set(found["county_code"])


def test_a_backfill_side_by_side_is_the_one_after_the_other(
    fresh_settings: Settings, other_settings: Settings, tmp_path: Path
) -> None:
    at = morning(LAST + timedelta(days=30))
    days = [LAST - timedelta(days=n) for n in range(5, -1, -1)]
    hashes = []
    for settings, workers, order in ((fresh_settings, 1, days), (other_settings, 3, days[::-1])):
        with Warehouse.open(settings) as wh:
            lived(wh, tmp_path / f"files-{workers}", at)
            flow.backfill(wh, order, at, workers=workers)
            hashes.append(warehouse_hash(wh).views)
            flow.backfill(wh, order, at, workers=workers)
            assert warehouse_hash(wh).views == hashes[-1], "twice changes nothing"
            assert wh.read("select count(distinct as_of) as n from analyst.situation").item() == len(days)
    assert hashes[0] == hashes[1]


def test_a_backfill_killed_in_the_middle_ends_as_one_that_was_not(
    fresh_settings: Settings, other_settings: Settings, tmp_path: Path
) -> None:
    at = morning(LAST + timedelta(days=30))
    days = [LAST - timedelta(days=n) for n in range(4, -1, -1)]
    hashes = []
    for settings, killed in ((fresh_settings, False), (other_settings, True)):
        with Warehouse.open(settings) as wh:
            lived(wh, tmp_path / f"files-{killed}", at)
            if killed:
                kill_in_the_middle(settings, wh, days, at)
            flow.backfill(wh, days, at, workers=1)
            hashes.append(warehouse_hash(wh).views)
    assert hashes[0] == hashes[1]


def kill_in_the_middle(settings: Settings, wh: Warehouse, days: list[date], at: datetime) -> None:
    """``medsupply backfill`` with two workers, killed with all its processes once some days are measured."""
    command = [sys.executable, "-m", "medsupply", "backfill", str(days[0]), str(days[-1]), "--known-at", at.isoformat()]
    environment = {**os.environ, "MEDSUPPLY_HOME": str(settings.home), "MEDSUPPLY_WORKERS": "2"}
    environment |= {"MEDSUPPLY_DATABASE_URL": str(settings.database_url), "MEDSUPPLY_ARCHIVE_URL": settings.archive_url}
    process = subprocess.Popen(command, env=environment, start_new_session=True)
    measured = "select count(*) as n from picture.pictures where stage = 'measured'"
    while process.poll() is None and wh.read(measured).item() < 2:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it was done before it could be killed"
    assert wh.read("select count(*) as n from picture.pictures where stage = 'judged'").item() < len(days)
