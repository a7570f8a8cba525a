"""A file that comes while the warehouse is made again waits; it is judged by the whole warehouse, not by half of it."""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from medsupply.errors import WarehouseError
from medsupply.settings import Settings
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.database.hashing import warehouse_hash
from medsupply.warehouse.loading import intake, undo
from medsupply.warehouse.storage.store import open_store

AT = datetime(2026, 3, 3, tzinfo=UTC)
HOLDERS = "holder_id;holder_type;name;county_code;valid_from\nA;pharmacy;A;01;2020-01-01\n"
STOCK = "holder_id;counted_on;vnr;packs\nA;2026-03-02;000001;5\n"


def put(wh: Warehouse, folder: Path, source: str, text: str, at: datetime) -> str:
    path = folder / f"{source}.csv"
    path.write_text(text)
    return intake.load(wh, source, [path], received_at=at)[0].verdict


def test_the_same_bytes_are_a_duplicate_also_while_it_is_rebuilt(
    fresh_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    with Warehouse.open(fresh_settings) as wh, Warehouse.open(fresh_settings) as other:
        put(wh, tmp_path, "holders", HOLDERS, AT)
        put(wh, tmp_path, "stock", STOCK, AT)
        before = warehouse_hash(wh).views
        loader = threading.Thread(target=lambda: told.append(put(other, tmp_path, "stock", STOCK, AT + timedelta(1))))
        again = undo._load_again

        def slow(*given: Any) -> None:
            if loader.ident is None:
                loader.start()
                time.sleep(1)
                assert told == [], "it did not wait"
            again(*given)

        monkeypatch.setattr(undo, "_load_again", slow)
        assert undo.rebuild(wh) == 2
        loader.join(60)
        assert told == ["duplicate"] and warehouse_hash(wh).views == before
        store = open_store(wh.settings.archive_url)
        notes = [json.loads(store.get(name)) for name in store.names("raw") if name.endswith(".json")]
        received = {note["received_at"] for note in notes if note.get("code") != "duplicate"}
        assert received == {AT.isoformat()}
        undo.rebuild(wh)
        assert warehouse_hash(wh).views == before


def test_after_a_rebuild_that_was_killed_nothing_is_loaded_until_it_is_done(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(warehouse, tmp_path, "holders", HOLDERS, AT)
    put(warehouse, tmp_path, "stock", STOCK, AT)
    before = warehouse_hash(warehouse).views

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(undo, "_load_again", killed)
        with pytest.raises(KeyboardInterrupt):
            undo.rebuild(warehouse)
    with pytest.raises(WarehouseError, match=r"half made.*Run medsupply rebuild again"):
        put(warehouse, tmp_path, "stock", STOCK, AT + timedelta(1))
    undo.rebuild(warehouse)
    assert warehouse_hash(warehouse).views == before
    assert put(warehouse, tmp_path, "stock", STOCK, AT + timedelta(1)) == "duplicate"
