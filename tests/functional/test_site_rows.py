"""Rows of single sites leave for a named person and purpose only, as they stood at a moment."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
import typer.testing

from medsupply.cli import app
from medsupply.settings import Settings
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.loading import intake, undo
from medsupply.warehouse.storage import compaction

HOLDERS = """holder_id;holder_type;name;county_code;valid_from
A;pharmacy;A;01;2020-01-01
B;pharmacy;B;02;2020-01-01
V;state_reserve;V;01;2020-01-01
"""
STOCK = "holder_id;counted_on;vnr;packs\n"
DISPENSED = "reporter_id;day;county_code;channel;vnr;packs;dispensings\n"
DELIVERIES = (
    ("holders", HOLDERS),
    ("stock", STOCK + "B;2026-03-02;100001;7\nA;2026-03-02;100002;5\nA;2026-03-02;100001;4\nV;2026-03-02;100001;900\n"),
    ("dispensing", DISPENSED + "A;2026-03-02;01;community;100001;3;2\n"),
    ("stock", STOCK + "A;2026-03-02;100001;1\n"),
    ("stock", STOCK + "B;2026-03-02;100001;99\n"),
)
ASKED = ("--day", "2026-03-02")
NAMED = ("--who", "Liisa", "--why", "recall of a lot")


def hour(number: int) -> datetime:
    return datetime(2026, 3, 3, number, tzinfo=UTC)


@pytest.fixture
def wh(warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """A correction at 3, a snapshot at 4 that is withdrawn at 5, the day closed at 6."""
    _environment(warehouse.settings, monkeypatch)
    for number, (source, text) in enumerate(DELIVERIES):
        path = tmp_path / f"{number}.csv"
        path.write_text(text)
        told = intake.load(warehouse, source, [path], received_at=hour(number))[0]
        assert told.verdict == "accepted"
    undo.withdraw(warehouse, told.delivery_id, author="x", reason="y", at=hour(5))
    return warehouse


def _environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDSUPPLY_HOME", str(settings.home))
    monkeypatch.setenv("MEDSUPPLY_DATABASE_URL", str(settings.database_url))
    monkeypatch.setenv("MEDSUPPLY_ARCHIVE_URL", settings.archive_url)


def run(*words: str) -> typer.testing.Result:
    return typer.testing.CliRunner().invoke(app, ["export", "site-rows", *words])


def exported(out: Path, number: int, source: str = "stock") -> pl.DataFrame:
    known_at = ("--known-at", hour(number).isoformat())
    done = run("--source", source, *ASKED, *known_at, "--out", str(out), *NAMED)
    assert done.exit_code == 0, (done.output, done.exception)
    return pl.read_parquet(out)


def stock(out: Path, number: int) -> list[tuple[str, str, float]]:
    return exported(out, number).select("holder_id", "vnr", "packs").rows()


def test_rows_stand_as_known_at_the_moment_before_and_after_the_day_is_closed(wh: Warehouse, tmp_path: Path) -> None:
    first = [("A", "100001", 4.0), ("A", "100002", 5.0), ("B", "100001", 7.0)]
    corrected = [("A", "100001", 1.0), ("B", "100001", 7.0)]
    replaced = [("A", "100001", 1.0), ("B", "100001", 99.0)]
    wanted = {1: first, 3: corrected, 4: replaced, 5: corrected}
    assert {number: stock(tmp_path / "s.parquet", number) for number in wanted} == wanted
    assert compaction.compact(wh, last=date(2026, 3, 2), at=hour(6)) == 2
    assert {number: stock(tmp_path / "s.parquet", number) for number in wanted} == wanted
    assert not list(tmp_path.glob(".*.part"))


def test_counts_of_dispensings_stay(wh: Warehouse, tmp_path: Path) -> None:
    rows = exported(tmp_path / "d.parquet", 5, "dispensing")
    assert rows.height == 1
    assert rows["packs"].to_list() == [3.0]
    assert "dispensings" not in rows.columns


def test_every_export_stands_in_the_audit(wh: Warehouse, tmp_path: Path) -> None:
    exported(tmp_path / "s.parquet", 5)
    query = "select action, subject, author, reason from ops.audit where action = 'export_site_rows'"
    subject = "stock 2026-03-02 to 2026-03-02 as known at 2026-03-03T05:00:00+00:00 in s.parquet"
    assert wh.read(query).rows() == [("export_site_rows", subject, "Liisa", "recall of a lot")]


@pytest.mark.parametrize(
    "named", [("--who", "Liisa"), ("--why", "x"), ("--who", " ", "--why", "x"), ("--who", "L", "--why", "")]
)
def test_nothing_leaves_without_a_name_and_a_purpose(wh: Warehouse, tmp_path: Path, named: tuple[str, ...]) -> None:
    out = tmp_path / "s.parquet"
    assert run("--source", "stock", *ASKED, "--out", str(out), *named).exit_code != 0
    assert not out.exists()
    assert wh.read("select count(*) as n from ops.audit where action = 'export_site_rows'").item() == 0


def test_what_cannot_be_asked_is_refused(wh: Warehouse, tmp_path: Path) -> None:
    good = {"--source": "stock", "--day": "2026-03-02", "--out": str(tmp_path / "s.parquet")}
    wrong = ({"--source": "holders"}, {"--to": "2026-03-01"}, {"--to": "2026-04-02"}, {"--out": "s.csv"})
    for one in wrong:
        assert run(*(word for pair in (good | one).items() for word in pair), *NAMED).exit_code != 0


def test_a_view_is_exported_as_before(wh: Warehouse, tmp_path: Path) -> None:
    out = tmp_path / "v.csv"
    done = typer.testing.CliRunner().invoke(app, ["export", "holders", "--out", str(out)])
    assert done.exit_code == 0, (done.output, done.exception)
    assert "holder_id" in out.read_text()
