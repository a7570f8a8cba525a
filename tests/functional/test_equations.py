"""Equations that are false are found by the check, shown on the page and mailed to operations."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from medsupply.alerts.store.signs import signs
from medsupply.warehouse import health
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.loading import intake, proof
from medsupply.warehouse.storage import compaction

AT = datetime(2026, 3, 3, tzinfo=UTC)
HOLDERS = "holder_id;holder_type;name;county_code;valid_from\nA;pharmacy;A;01;2020-01-01\n"
STOCK = "holder_id;counted_on;vnr;packs\nA;2026-03-02;000001;5\nA;2026-03-02;000002;x\n"


@pytest.fixture
def loaded(warehouse: Warehouse, tmp_path: Path) -> Warehouse:
    for source, text in {"holders": HOLDERS, "stock": STOCK, "supply": "<html>"}.items():
        (tmp_path / source).write_text(text)
        intake.load(warehouse, source, [tmp_path / source], received_at=AT)
    return warehouse


def changed(column: str) -> Callable[[Warehouse], None]:
    def change(wh: Warehouse) -> None:
        with wh.transaction() as connection:
            connection.exec_driver_sql(f"UPDATE ops.deliveries SET {column} = {column} + 1 WHERE source = 'stock'")

    return change


def file_of(wh: Warehouse, pattern: str) -> Path:
    return next(iter(Path(wh.settings.archive_url).glob(pattern)))


def forgotten(wh: Warehouse) -> None:
    with wh.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM ops.quarantine")


FALSE: dict[str, tuple[str, Callable[[Warehouse], object]]] = {
    "rows": ("counts", changed("rows_received")),
    "packs": ("counts", changed("packs_accepted")),
    "lines": ("counts", changed("lines_blank")),
    "bytes": ("counts", changed("bytes_archived")),
    "a row of the quarantine is gone": ("quarantine", forgotten),
    "the bytes are gone": ("archive", lambda wh: file_of(wh, "raw/stock/*[!n]").unlink()),
    "the bytes of a refused file are gone": ("archive", lambda wh: file_of(wh, "raw/supply/*[!n]").unlink()),
    "the bytes are cut": ("archive", lambda wh: file_of(wh, "raw/stock/*[!n]").write_bytes(b"x")),
    "the record is gone": ("record", lambda wh: file_of(wh, "record/stock/*").unlink()),
    "the record is noise": ("record", lambda wh: file_of(wh, "record/stock/*").write_bytes(b"PAR1 noise PAR1")),
    "the record is another": (
        "record", lambda wh: file_of(wh, "record/stock/*").write_bytes(file_of(wh, "record/holders/*").read_bytes()),
    ),
}  # fmt: skip


def told(wh: Warehouse) -> list[str]:
    return [str(one) for one in signs(wh, AT) if one.code == "equations"]


def test_all_is_well_at_first(loaded: Warehouse) -> None:
    assert proof.broken(loaded).is_empty() and told(loaded) == []
    found = health.check(loaded).row(by_predicate=health.pl.col("check") == "equations", named=True)
    assert found["ok"] and found["value"].startswith("3 deliveries add up")


@pytest.mark.parametrize("what", FALSE)
def test_what_is_false_is_found_and_mailed(loaded: Warehouse, what: str) -> None:
    equation, falsify = FALSE[what]
    falsify(loaded)
    found = proof.broken(loaded)
    assert found["equation"].to_list() == [equation]
    assert [found["what"][0] in line and "medsupply check" in line for line in told(loaded)] == [True]
    finding = health.check(loaded).row(by_predicate=health.pl.col("check") == "equations", named=True)
    assert not finding["ok"] and found["what"][0] in finding["value"] and finding["what_to_do"]


def test_closed_days_are_counted_in_their_files(loaded: Warehouse) -> None:
    compaction.compact(loaded, last=date(2026, 3, 2), at=AT)
    compaction.sweep(loaded, at=AT + timedelta(days=1))
    assert proof.broken(loaded).is_empty()
    lost = file_of(loaded, "record/stock/days/*")
    lost.unlink()
    name = str(lost.relative_to(loaded.settings.archive_url))
    assert (name, "record") in proof.broken(loaded).rows()
