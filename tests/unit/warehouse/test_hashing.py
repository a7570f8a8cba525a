"""The hash sees every difference but the clock's; the health check sees what is wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
import sqlalchemy as sa

from medsupply.settings import Settings
from medsupply.tables.catalogue import VIEWS
from medsupply.tables.ops import DELIVERIES
from medsupply.warehouse import health
from medsupply.warehouse.database.connection import Warehouse, copy
from medsupply.warehouse.database.hashing import WarehouseHash, row_counts, warehouse_hash

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


def delivery(number: int, **changes: object) -> dict[str, object]:
    zero = {name: 0 for name in DELIVERIES.columns if name.startswith(("rows_", "packs_", "bytes_"))}
    row: dict[str, object] = {
        **zero,
        "delivery_id": f"stock-{number}",
        "source": "stock",
        "file_name": "a.csv",
        "sha256": f"{number}",
        "received_at": NOW,
        "verdict": "accepted",
        "held": False,
        "parts": 1,
    }
    return row | changes


def frame(*rows: dict[str, object]) -> pl.DataFrame:
    return DELIVERIES.conform(pl.DataFrame(rows, infer_schema_length=None))


def stored(warehouse: Warehouse, *rows: dict[str, object]) -> WarehouseHash:
    with warehouse.transaction() as connection:
        connection.execute(sa.delete(DELIVERIES.sql))
        copy(connection, DELIVERIES, frame(*rows))
    return warehouse_hash(warehouse)


def test_the_hash_does_not_see_order_and_clock(warehouse: Warehouse) -> None:
    first = stored(warehouse, delivery(1), delivery(2))
    later = NOW + timedelta(hours=1)
    assert stored(warehouse, delivery(2), delivery(1, received_at=later, released_at=later)) == first
    assert set(first.views) == {view.name for view in VIEWS}


def test_a_duplicate_changes_nothing(warehouse: Warehouse) -> None:
    first = stored(warehouse, delivery(1))
    assert stored(warehouse, delivery(1), delivery(9, verdict="duplicate", duplicate_of="stock-1")) == first


@pytest.mark.parametrize(
    "change",
    [{"packs_accepted": 0.001, "packs_received": 0.001}, {"reason": ""}, {"verdict": "held"}, {"warnings": ["a,b"]}],
    ids=str,
)
def test_every_other_difference_is_seen(warehouse: Warehouse, change: dict[str, object]) -> None:
    first = stored(warehouse, delivery(1), delivery(2))
    second = stored(warehouse, delivery(1), delivery(2, **change))
    assert {name for name in first.views if first.views[name] != second.views[name]} == {"deliveries"}
    assert first.total != second.total


def test_a_lost_row_is_seen(warehouse: Warehouse) -> None:
    assert stored(warehouse, delivery(1), delivery(2)).total != stored(warehouse, delivery(1)).total


def test_row_counts(warehouse: Warehouse) -> None:
    stored(warehouse, delivery(1), delivery(2))
    counts = row_counts(warehouse)
    assert counts["deliveries"] == 2
    assert set(counts) == {view.name for view in VIEWS}


def finding(warehouse: Warehouse, name: str) -> dict[str, object]:
    return health.check(warehouse).row(by_predicate=pl.col("check") == name, named=True)


def test_all_is_well(warehouse: Warehouse) -> None:
    found = health.check(warehouse)
    names = ["server", "schema", "size", "equations", "calendar", "record", "disk", "analysts"]
    assert found["check"].to_list() == names
    assert found.filter(pl.col("ok").is_in([False])).is_empty(), found
    assert found.filter(pl.col("ok") & (pl.col("what_to_do") != "")).is_empty()


def test_the_address_for_analysts_works_and_holds_no_password(warehouse: Warehouse) -> None:
    command = str(finding(warehouse, "analysts")["value"])
    assert "medsupply_analyst@" in command
    password = (warehouse.settings.home / "secrets" / "medsupply_analyst").read_text()
    assert password not in command


def test_deliveries_that_do_not_add_up(warehouse: Warehouse) -> None:
    plain = {"parts": 0, "bytes_archived": None}
    stored(warehouse, delivery(1, **plain), delivery(2, **plain, rows_received=5, rows_accepted=4))
    found = finding(warehouse, "equations")
    assert found["ok"] is False
    assert found["value"] == "1 equations of deliveries are false: stock-2 (counts)"
    assert found["what_to_do"]


def test_a_schema_that_is_not_up_to_date(warehouse: Warehouse) -> None:
    with warehouse.transaction() as connection:
        connection.exec_driver_sql("COMMENT ON SCHEMA analyst IS 'State: of last year'")
    found = finding(warehouse, "schema")
    assert (found["ok"], found["what_to_do"]) == (False, "Run medsupply migrate")


def test_a_disk_that_is_nearly_full(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "FREE_GB", 1e9)
    assert finding(warehouse, "disk")["ok"] is False


def test_a_role_that_does_not_read_analyst_may_ask(warehouse: Warehouse, fresh_settings: Settings) -> None:
    with Warehouse.open(fresh_settings, role="sender") as sender:
        assert "equations" not in health.check(sender)["check"].to_list()
