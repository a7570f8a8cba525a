"""Deliveries in the warehouse: counts, two times, holds, releases, withdrawal, rebuild, kills."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from medsupply.settings import Settings
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.database.hashing import warehouse_hash
from medsupply.warehouse.facts import facts
from medsupply.warehouse.loading import inbox, intake, undo
from medsupply.warehouse.loading.failpoints import POINTS
from medsupply.warehouse.storage import compaction

AT = datetime(2026, 3, 3, tzinfo=UTC)
DAY = date(2026, 3, 2)
HEADER = "holder_id;counted_on;vnr;packs"
HOLDERS = "holder_id;holder_type;name;county_code;valid_from\n"


def put(wh: Warehouse, folder: Path, source: str, text: str, at: datetime = AT, name: str = "") -> intake.Verdict:
    path = folder / (name or f"{source}-{len(list(folder.iterdir()))}.csv")
    path.write_text(text)
    return intake.load(wh, source, [path], received_at=at)[0]


def holders(*ids: str) -> str:
    return HOLDERS + "".join(f"{one};pharmacy;{one};01;2020-01-01\n" for one in ids)


def stock(holder: str, day: date, packs: dict[int, float]) -> str:
    return f"{HEADER}\n" + "".join(f"{holder};{day};{vnr:06d};{value}\n" for vnr, value in packs.items())


def standing(wh: Warehouse, at: datetime, day: date = DAY) -> dict[tuple[str, str], float]:
    rows = facts(wh, day, at).stock.filter(pl.col("counted_on") == day).collect()
    return {(holder, vnr): packs for holder, vnr, packs in rows.select("holder_id", "vnr", "packs").iter_rows()}


def test_rows_wait_for_their_holder_and_are_released_by_its_list(warehouse: Warehouse, tmp_path: Path) -> None:
    text = stock("A", DAY, {1: 5, 2: 6}) + f"A;{DAY};000001;5\n"
    first = put(warehouse, tmp_path, "stock", text)
    assert (first.verdict, first.rows_accepted, first.rows_quarantined) == ("partly", 0, 3)
    put(warehouse, tmp_path, "holders", holders("A"), AT + timedelta(hours=1))
    row = warehouse.read("select * from analyst.deliveries where source = 'stock'").row(0, named=True)
    assert (row["verdict"], row["rows_accepted"], row["rows_quarantined"], row["rows_duplicate"]) == (
        "accepted",
        2,
        0,
        1,
    )
    assert (row["packs_accepted"], row["packs_duplicate"], row["equations_hold"]) == (11, 5, True)
    assert standing(warehouse, AT) == {} and facts(warehouse, DAY, AT).snapshots.height == 0
    assert standing(warehouse, AT + timedelta(hours=2)) == {("A", "000001"): 5, ("A", "000002"): 6}


def test_a_correction_replaces_a_snapshot_whole_and_the_past_stays(warehouse: Warehouse, tmp_path: Path) -> None:
    put(warehouse, tmp_path, "holders", holders("A"))
    put(warehouse, tmp_path, "stock", stock("A", DAY, {1: 5, 2: 6}), AT)
    put(warehouse, tmp_path, "stock", stock("A", DAY, {1: 7}), AT + timedelta(hours=1))
    assert standing(warehouse, AT) == {("A", "000001"): 5, ("A", "000002"): 6}
    assert standing(warehouse, AT + timedelta(hours=1)) == {("A", "000001"): 7}


def test_the_same_bytes_again_are_one_row_more(warehouse: Warehouse, tmp_path: Path) -> None:
    put(warehouse, tmp_path, "holders", holders("A"))
    before = warehouse_hash(warehouse).total
    for number in (1, 2):
        again = put(warehouse, tmp_path, "holders", holders("A"), name=f"other-{number}.csv")
        assert (again.verdict, again.delivery_id[-3:]) == ("duplicate", f"-d{number}")
    assert warehouse_hash(warehouse).total == before


def test_a_cut_snapshot_is_held_until_the_next_agrees(warehouse: Warehouse, tmp_path: Path) -> None:
    put(warehouse, tmp_path, "holders", holders("A"))
    days = [DAY + timedelta(days=n) for n in range(3)]
    sizes = (100, 79, 80)
    told = [
        put(warehouse, tmp_path, "stock", stock("A", day, dict.fromkeys(range(size), 1)), AT + timedelta(days=n))
        for n, (day, size) in enumerate(zip(days, sizes, strict=True))
    ]
    assert [one.verdict for one in told] == ["accepted", "held", "accepted"]
    assert len(standing(warehouse, AT + timedelta(days=1), days[1])) == 0
    assert len(standing(warehouse, AT + timedelta(days=2), days[1])) == 79
    stored = warehouse.read("select verdict from analyst.deliveries where source = 'stock' order by received_at")
    assert stored["verdict"].to_list() == ["accepted"] * 3


@pytest.mark.parametrize(("rows", "verdict"), [(80, "accepted"), (79, "held")])
def test_the_edge_of_a_hold(warehouse: Warehouse, tmp_path: Path, rows: int, verdict: str) -> None:
    ids = [f"H{n}" for n in range(100)]
    put(warehouse, tmp_path, "holders", holders(*ids))
    assert put(warehouse, tmp_path, "holders", holders(*ids[:rows]), AT + timedelta(days=1)).verdict == verdict
    known = warehouse.read("select count(*) as n from analyst.holders").item()
    assert known == (rows if verdict == "accepted" else 100)


def test_a_held_list_is_released_when_the_next_agrees(warehouse: Warehouse, tmp_path: Path) -> None:
    ids = [f"H{n}" for n in range(100)]
    sizes = {0: 100, 1: 60, 2: 61}
    for days, size in sizes.items():
        put(warehouse, tmp_path, "holders", holders(*ids[:size]), AT + timedelta(days=days))
    rows = warehouse.read("select holder_id, known_to from core.holders")
    assert rows.filter(pl.col("known_to").is_null()).height == 61
    assert rows["known_to"].drop_nulls().unique().to_list() == [AT + timedelta(days=2)]


def supply(packs: int, vnr: int = 1) -> str:
    return (
        f"holder_id;vnr;announced_on;expected_on;packs;certainty\nA;{vnr:06d};2026-03-01;2026-03-09;{packs};planned\n"
    )


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_any_order_of_arrival_gives_the_same_tables(
    warehouse: Warehouse, tmp_path: Path, order: tuple[int, ...]
) -> None:
    put(warehouse, tmp_path, "holders", holders("A", "B"))
    for number in order:
        at = AT + timedelta(hours=number)
        put(warehouse, tmp_path, "supply", supply(number), at, f"s{number}.csv")
        put(warehouse, tmp_path, "stock", stock("A", DAY, {1: number, number + 5: 1}), at, f"t{number}.csv")
        vnrs = range(100, 103 - number)
        notices = "".join(
            f'"{vnr:06d}";"K";"2026-03-01";"2026-04-0{number + 1}";"2026-02-01";"2026-02-01";"X"\n' for vnr in vnrs
        )
        columns = "VNR;Voimassa;SaatavuushairioAlkupaiva;SaatavuushairioLoppupaiva;Ilmoituspaiva;Muokkauspaiva;Yritys\n"
        put(warehouse, tmp_path, "fimea_shortages", columns + notices, at, f"n{number}.csv")
    rows = warehouse.read("select packs, known_from, known_to from core.supply order by known_from").rows()
    moments = [AT + timedelta(hours=n) for n in range(3)]
    assert rows == [(0.0, moments[0], moments[1]), (1.0, moments[1], moments[2]), (2.0, moments[2], None)]
    assert standing(warehouse, AT + timedelta(days=1)) == {("A", "000001"): 2, ("A", "000007"): 1}
    versions = warehouse.read("select vnr, known_from, known_to from core.fimea_shortages")
    assert versions.height == 6 and versions["known_to"].null_count() == 1


def test_a_withdrawn_delivery_counts_until_then(warehouse: Warehouse, tmp_path: Path) -> None:
    put(warehouse, tmp_path, "holders", holders("A"))
    put(warehouse, tmp_path, "supply", supply(1), AT)
    wrong = put(warehouse, tmp_path, "supply", supply(99), AT + timedelta(hours=1))
    undo.withdraw(warehouse, wrong.delivery_id, author="x", reason="y", at=AT + timedelta(hours=2))
    rows = warehouse.read("select packs, known_from, known_to from core.supply order by known_from").rows()
    hours = [AT + timedelta(hours=n) for n in range(3)]
    assert rows == [(1.0, hours[0], hours[1]), (99.0, hours[1], hours[2]), (1.0, hours[2], None)]


def test_rebuild_gives_the_same_hash(warehouse: Warehouse, tmp_path: Path) -> None:
    put(warehouse, tmp_path, "stock", stock("A", DAY, {1: 5}) + "B;x;000001;1\n")
    put(warehouse, tmp_path, "stock", "<html>")
    put(warehouse, tmp_path, "stock", f"{HEADER};hetu\n")
    put(warehouse, tmp_path, "holders", holders("A"), AT + timedelta(hours=1))
    put(warehouse, tmp_path, "holders", holders("A"), AT + timedelta(hours=2), "again.csv")
    wrong = put(warehouse, tmp_path, "supply", supply(99), AT + timedelta(hours=3))
    undo.withdraw(warehouse, wrong.delivery_id, author="x", reason="y", at=AT + timedelta(hours=4))
    before = warehouse_hash(warehouse).views
    assert undo.rebuild(warehouse) == 6
    assert warehouse_hash(warehouse).views == before
    duplicates = warehouse.read("select count(*) as n from analyst.deliveries where verdict = 'duplicate'").item()
    assert duplicates == 1


def filled(folder: Path) -> None:
    texts = {
        "holders": holders("A", "B"),
        "stock": stock("A", DAY, {1: 5, 2: 6}) + "Z;2026-03-02;000001;1\n",
        "supply": supply(3),
    }
    for source, text in texts.items():
        (folder / source).mkdir(parents=True, exist_ok=True)
        (folder / source / "one.csv").write_text(text)


RUN = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from medsupply.settings import Settings
from medsupply.warehouse.loading import inbox
from medsupply.warehouse.database.connection import Warehouse
settings = Settings(home=Path(sys.argv[1]), database_url=sys.argv[2], archive_url=sys.argv[3])
with Warehouse.open(settings) as warehouse:
    inbox.take(warehouse, Path(sys.argv[4]), received_at=datetime(2026, 3, 3, tzinfo=UTC))
"""


def run(settings: Settings, folder: Path, point: str = "") -> int:
    arguments = [str(settings.home), settings.database_url, settings.archive_url, str(folder)]
    environ = {**os.environ, "MEDSUPPLY_FAILPOINT": point}
    done = subprocess.run([sys.executable, "-c", RUN, *arguments], env=environ, capture_output=True, timeout=120)
    return done.returncode


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_a_point_and_run_again_it_is_the_same_warehouse(
    fresh_settings: Settings, tmp_path: Path, point: str
) -> None:
    folder = tmp_path / "inbox"
    filled(folder)
    assert run(fresh_settings, folder, point) == -signal.SIGKILL
    with Warehouse.open(fresh_settings) as warehouse:
        inbox.take(warehouse, folder, received_at=AT)
        assert inbox.waiting(folder) == []
        rows = warehouse.read(
            "select source, verdict, rows_accepted, rows_quarantined, equations_hold from analyst.deliveries order by 1"
        )
        compaction.sweep(warehouse, at=AT)
        assert standing(warehouse, AT) == {("A", "000001"): 5, ("A", "000002"): 6}
    assert rows.rows() == [
        ("holders", "accepted", 2, 0, True),
        ("stock", "partly", 2, 1, True),
        ("supply", "accepted", 1, 0, True),
    ]
