"""What waits in the inbox becomes mapped tasks: one a delivery, and never hundreds of tasks."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from medsupply import flow
from medsupply.settings import Settings
from medsupply.warehouse.database.connection import Warehouse

HEADER = "holder_id;holder_type;name;county_code;valid_from;valid_to;serves\n"
AT = datetime(2026, 3, 3, 4, tzinfo=UTC)


def fill(settings: Settings, files: int) -> list[Path]:
    folder = settings.inbox / "holders"
    folder.mkdir(parents=True)
    paths = [folder / f"holders-{n:04d}.csv" for n in range(files)]
    for n, path in enumerate(paths):
        path.write_text(f"{HEADER}H{n};wholesaler;Tukku {n};01;2020-01-01;;\n", encoding="utf-8")
    return paths


@pytest.mark.parametrize(("files", "tasks"), [(0, 0), (1, 1), (32, 32), (33, 17), (1711, 32)])
def test_tasks_are_few_and_hold_every_file_once(fresh_settings: Settings, files: int, tasks: int) -> None:
    paths = fill(fresh_settings, files)
    batches = flow.waiting(fresh_settings, reference=True)
    assert len(batches) == tasks
    assert [one["path"] for batch in batches for one in batch] == [str(path) for path in paths]


def test_a_batch_is_loaded_whole_and_again_changes_nothing(fresh_settings: Settings) -> None:
    paths = fill(fresh_settings, 40)
    batches = flow.waiting(fresh_settings, reference=True)
    with Warehouse.open(fresh_settings) as wh:
        told = [one.verdict for batch in batches for one in flow.take(wh, batch, received_at=AT)]
        assert told == ["accepted"] * 40
        assert flow.take(wh, batches[0], received_at=AT) == []
        assert wh.read("SELECT count(*) AS n FROM ops.deliveries").item() == 40
    assert not any(path.exists() for path in paths)
