"""medsupply quarantine list, show, release, unmapped; report and withdraw: as an operator types them."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import typer.testing

from medsupply.cli import app
from medsupply.settings import Settings
from medsupply.tables import picture as tables
from medsupply.warehouse.database.bulk import copy
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.loading import intake

AT = datetime(2026, 3, 3, tzinfo=UTC)
HOLDERS = "holder_id;holder_type;name;county_code;valid_from\nA;pharmacy;A;01;2020-01-01\n"
STOCK = "holder_id;counted_on;vnr;packs\nA;2026-03-02;000001;5\nA;2026-03-02;000001;6\nB;2026-03-02;000002;7\n"


@pytest.fixture
def delivery(fresh_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("MEDSUPPLY_HOME", str(fresh_settings.home))
    monkeypatch.setenv("MEDSUPPLY_DATABASE_URL", fresh_settings.database_url)
    monkeypatch.setenv("MEDSUPPLY_ARCHIVE_URL", fresh_settings.archive_url)
    with Warehouse.open(fresh_settings) as wh:
        for source, text in {"holders": HOLDERS, "stock": STOCK}.items():
            (tmp_path / source).write_text(text)
            told = intake.load(wh, source, [tmp_path / source], received_at=AT)[0]
    return told.delivery_id


def run(*words: str, code: int = 0) -> str:
    done = typer.testing.CliRunner().invoke(app, list(words))
    assert done.exit_code == code, done.output
    return done.output


def rows(*words: str) -> list[dict[str, Any]]:
    output = run(*words, "--format", "json")
    found: list[dict[str, Any]] = json.loads(output[output.index("[") :])
    return found


def test_list_show_release(delivery: str) -> None:
    assert [(one["reason_code"], one["rows"], one["first_line"]) for one in rows("quarantine", "list")] == [
        ("conflicting_key", 2, 2),
        ("unknown_holder", 1, 4),
    ]
    shown = rows("quarantine", "show", delivery)
    assert [(one["line"], one["original"]) for one in shown] == [
        (2, "A;2026-03-02;000001;5"),
        (3, "A;2026-03-02;000001;6"),
        (4, "B;2026-03-02;000002;7"),
    ]
    why = ("--author", "Aino", "--reason", "asked the sender")
    assert "1 released." in run("quarantine", "release", delivery, "--line", "3", *why)
    assert "0 released." in run("quarantine", "release", delivery, *why)
    assert [one["released_by"] for one in rows("quarantine", "show", delivery)] == [None, "Aino", None]


def test_report_and_withdraw(delivery: str) -> None:
    assert "Rivit: vastaanotettu 3" in run("report", delivery, "--language", "fi")
    assert run("report", delivery, "--language", "sv", "--csv").startswith("rad;fält;")
    run("withdraw", delivery, "--author", "Aino", "--reason", "wrong day")
    assert "withdrawn" in run("report", delivery, "--language", "en")


def test_unmapped_by_volume_until_a_list_names_them(delivery: str, fresh_settings: Settings) -> None:
    day = date(2026, 3, 2)
    stock = {"day": day, "known_at": AT, "county_code": "01", "holder_type": "pharmacy", "holders": 1}
    out = {"day": day, "known_at": AT, "county_code": "01", "channel": "community", "reporters": 1}
    with Warehouse.open(fresh_settings) as wh:
        put(wh, tables.STOCK_DAILY, [
            {**stock, "vnr": "199999", "state": "unmapped", "packs": 5.0},
            {**stock, "vnr": "188888", "state": "unmapped", "packs": 7.0},
            {**stock, "vnr": "000001", "state": "reported", "packs": 900.0, "medicine_id": "G0001"},
        ])  # fmt: skip
        put(wh, tables.DISPENSING_DAILY, [{**out, "vnr": "199999", "packs": 4.0}])
        stages = [("measured", day), ("dispensing", day)]
        put(wh, tables.PICTURES, [
            {"as_of": day, "known_at": AT, "stage": stage, "rows": 1, "content": "x"} for stage, day in stages
        ])  # fmt: skip
    found = rows("quarantine", "unmapped")
    assert [(one["vnr"], one["packs_in_stock"], one["packs_dispensed_84_days"]) for one in found] == [
        ("199999", 5.0, 4.0),
        ("188888", 7.0, 0.0),
    ]
    with Warehouse.open(fresh_settings) as wh:
        put(wh, tables.PACKAGES, [named(day)])
    assert [one["vnr"] for one in rows("quarantine", "unmapped")] == ["188888"]


def named(day: date) -> dict[str, Any]:
    """The package as a list names it."""
    required = {name: column.dtype for name, column in tables.PACKAGES.frame.columns().items() if not column.nullable}
    row = {name: False if dtype == pl.Boolean else "x" for name, dtype in required.items()}
    return row | {"vnr": "199999", "medicine_id": "G0001", "as_of": day, "known_at": AT}


def put(wh: Warehouse, table: Any, content: list[dict[str, Any]]) -> None:
    with wh.transaction() as connection:
        copy(connection, table, table.conform(pl.DataFrame(content, infer_schema_length=None)))
