"""Every worked query of docs/analysts.md runs as the analyst role."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from medsupply.warehouse.database.connection import Warehouse

PAGE = (Path(__file__).resolve().parent.parent.parent / "docs" / "analysts.md").read_text(encoding="utf-8")
QUERIES = re.findall(r"```sql\n(.*?)```", PAGE, flags=re.DOTALL)


def test_there_are_twenty() -> None:
    assert len(QUERIES) >= 20


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: " ".join(query.split())[:40])
def test_it_runs_as_the_analyst(query: str, warehouse: Warehouse) -> None:
    analyst = Warehouse.open(warehouse.settings, role="medsupply_analyst")
    try:
        assert analyst.read(query).columns
    finally:
        analyst.close()
