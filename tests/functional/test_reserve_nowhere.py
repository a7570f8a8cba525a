"""The state reserve is nowhere in ``analyst``: an attacker reads every view whole and finds none of its amounts."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from medsupply import flow
from medsupply.warehouse.database.connection import Warehouse

AT, DAY = datetime(2026, 3, 6, 6, tzinfo=UTC), date(2026, 3, 5)
HOLDERS = "holder_id;holder_type;name;county_code;valid_from\n"
STOCK = "holder_id;counted_on;vnr;lot;expires_on;packs;reserve_packs\n"
PERMITS = "kind;obliged_id;vnr;applied_on;valid_from;valid_to;allowed_packs\n"
SENT = (
    ("holders", f"{HOLDERS}A;pharmacy;A;01;2020-01-01\nV;state_reserve;V;90;2020-01-01\n"),
    ("stock", f"{STOCK}A;{DAY};100001;;;40;\n"),
    ("stock", f"{STOCK}V;{DAY};100001;;;918273;\nV;{DAY};100002;;;-827364;\n;{DAY};100003;;;736455;\n"),
    ("permits", f"{PERMITS}release;V;100001;2026-03-01;2026-03-01;2026-02-01;645546\n"),
)
AMOUNTS = ("918273", "827364", "736455", "645546")


@pytest.fixture
def views(warehouse: Warehouse, tmp_path: Path) -> dict[str, pl.DataFrame]:
    """Every view of ``analyst``, after a picture of the day."""
    for number, (source, text) in enumerate(SENT):
        path = tmp_path / f"{number}.csv"
        path.write_text(text)
        flow.load(warehouse, source, [path], received_at=AT)
    flow.picture(warehouse, DAY, AT)
    names = warehouse.read("select table_name as n from information_schema.views where table_schema = 'analyst'")
    return {name: warehouse.read(f"select * from analyst.{name}") for name in names["n"]}


def test_no_view_tells_an_amount_of_it(views: dict[str, pl.DataFrame]) -> None:
    for name, frame in views.items():
        lists = [column for column, dtype in frame.schema.items() if isinstance(dtype, pl.List)]
        text = frame.with_columns(pl.col(column).list.join(",") for column in lists).write_csv(float_scientific=False)
        assert not [amount for amount in AMOUNTS if amount in text.replace(".0", "")], name


def test_its_delivery_and_quarantine_are_counted_all_the_same(views: dict[str, pl.DataFrame]) -> None:
    deliveries = views["deliveries"].filter(pl.col("source") == "stock").sort("rows_received")
    assert deliveries["rows_received"].to_list() == [1, 3]
    assert deliveries["rows_quarantined"].to_list() == [0, 2]
    assert deliveries["packs_received"].to_list() == [40.0, None]
    assert deliveries["equations_hold"].to_list() == [True, True]
    rows = views["quarantine"].filter(pl.col("source").is_in(["stock", "permits"]))
    assert rows.height == 3
    assert rows["original"].is_null().all()
    assert rows["reason_code"].is_not_null().all()
