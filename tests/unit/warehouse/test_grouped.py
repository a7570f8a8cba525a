"""Small deliveries that share a transaction: the same result as one by one, and none stopped by another."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.database.hashing import warehouse_hash
from medsupply.warehouse.loading import committing, inbox, intake
from medsupply.warehouse.storage import store
from medsupply.warehouse.storage.store import FolderStore

AT = datetime(2026, 3, 3, tzinfo=UTC)
DAY = date(2026, 3, 2)


def fill(folder: Path) -> None:
    """A list; snapshots of three days, one of them cut; one file twice, one refused, one with a bad row."""
    holders = "holder_id;holder_type;name;county_code;valid_from\n"
    texts = {"holders/a.csv": holders + "".join(f"{one};pharmacy;{one};01;2020-01-01\n" for one in "ABC")}
    for holder, day, rows in (("A", 0, 100), ("A", 1, 60), ("B", 0, 3), ("B", 1, 3), ("C", 0, 60), ("A", 2, 61)):
        lines = [f"{holder};{DAY + timedelta(days=day)};{vnr:06d};1" for vnr in range(rows)]
        texts[f"stock/{day}{holder}.csv"] = "\n".join(["holder_id;counted_on;vnr;packs", *lines, ""])
    texts["stock/0again.csv"] = texts["stock/0A.csv"]
    texts["stock/0broken.csv"] = "<html>"
    texts["stock/0bad.csv"] = f"holder_id;counted_on;vnr;packs\nA;2026-02-20;000001;x\nZ;{DAY};000001;1\n"
    dispensing = "reporter_id;day;county_code;channel;vnr;packs;dispensings"
    texts["dispensing/0.csv"] = f"{dispensing}\nA;{DAY};01;community;;0;0\n"
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_together_or_one_by_one_is_the_same(warehouse: Warehouse, tmp_path: Path, monkeypatch: Any) -> None:
    found = []
    for files in (32, 1):
        monkeypatch.setattr(intake, "GROUP_FILES", files)
        folder = tmp_path / str(files)
        fill(folder)
        told = inbox.take(warehouse, folder, received_at=AT)
        views = warehouse_hash(warehouse).views
        found.append(([(one.delivery_id, one.verdict, one.rows_accepted) for one in told], views))
        with warehouse.transaction() as connection:
            for table in ("deliveries", "snapshots", "quarantine"):
                connection.exec_driver_sql(f"delete from ops.{table}")
            connection.exec_driver_sql("delete from core.holders")
    assert found[0] == found[1]
    verdicts = [verdict for _, verdict, _ in found[0][0]]
    assert verdicts.count("duplicate") == 1 and "held" in verdicts and "partly" in verdicts and "refused" in verdicts


def test_one_that_cannot_be_stored_stops_none_before_it(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path)
    proves = committing.prove

    def prove(row: dict[str, object], record_rows: int) -> None:
        if row["file_name"] == "0C.csv":
            raise AssertionError("rows do not add up")
        proves(row, record_rows)

    monkeypatch.setattr(committing, "prove", prove)
    with pytest.raises(AssertionError, match="add up"):
        inbox.take(warehouse, tmp_path, received_at=AT)
    stored = warehouse.read("select file_name from ops.deliveries where source = 'stock' order by 1")["file_name"]
    assert stored.to_list() == ["0A.csv", "0B.csv"]
    monkeypatch.undo()
    inbox.take(warehouse, tmp_path, received_at=AT)
    assert inbox.waiting(tmp_path) == []
    assert warehouse.read("select count(*) as n from ops.deliveries").item() == 11


def test_a_file_that_cannot_be_read_stops_the_load_after_those_before_it(warehouse: Warehouse, tmp_path: Path) -> None:
    fill(tmp_path)
    paths = [tmp_path / "holders" / "a.csv", tmp_path / "none.csv"]
    with pytest.raises(Exception, match=r"none\.csv cannot be read"):
        intake.load(warehouse, "holders", paths, received_at=AT)
    assert warehouse.read("select count(*) as n from core.holders").item() == 3


@pytest.mark.parametrize("at_once", [1, 20])
def test_files_are_whole_and_leave_no_temporary_ones(tmp_path: Path, at_once: int, monkeypatch: Any) -> None:
    for call in (store._SYNCFS, None):
        monkeypatch.setattr(store, "_SYNCFS", call)
        folder = FolderStore(tmp_path)
        folder.put_all({f"a/{number}": bytes([number]) for number in range(at_once)})
        assert list(folder.names("a")) == sorted(f"a/{number}" for number in range(at_once))
        assert [folder.get(f"a/{number}") for number in range(at_once)] == [bytes([n]) for n in range(at_once)]


def test_a_disk_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "_sync", full)
    with pytest.raises(Exception, match="No space left"):
        FolderStore(tmp_path).put_all({"a/1": b"1", "a/2": b"2"})
    assert list(FolderStore(tmp_path).names("a")) == []


def test_frames_of_a_group_have_one_schema(warehouse: Warehouse, tmp_path: Path) -> None:
    """Rows in quarantine of several deliveries are written together, whichever of their columns are empty."""
    for number, line in enumerate(["Z;2026-03-02;000001;1", "A;x;000001;1", "A;2026-03-02;000001"]):
        (tmp_path / "stock").mkdir(exist_ok=True)
        (tmp_path / "stock" / f"{number}.csv").write_text(f"holder_id;counted_on;vnr;packs\n{line}\n")
    inbox.take(warehouse, tmp_path, received_at=AT)
    codes = warehouse.read("select reason_code from ops.quarantine").get_column("reason_code")
    assert codes.sort().to_list() == ["not_a_day", "unknown_holder", "wrong_number_of_fields"]
    assert isinstance(codes, pl.Series)
