"""Every worked query of docs/analysts.md runs as the analyst role, and answers where there is something to answer."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from medsupply.errors import InputError
from medsupply.tables import core, picture
from medsupply.tables.base import Table
from medsupply.warehouse import reports
from medsupply.warehouse.database.bulk import copy
from medsupply.warehouse.database.connection import Warehouse
from tests.dashboard.filled import DAYS, FAMILIES, LAST, _notices, _row, _stock_daily, fill, moment

PAGE = (Path(__file__).resolve().parent.parent.parent / "docs" / "analysts.md").read_text(encoding="utf-8")
QUERIES = re.findall(r"\n([^\n]+):\n\n```sql\n(.*?)```", PAGE, flags=re.DOTALL)
NOTHING_TO_TELL = ("there must be none",)


def more() -> dict[Table, list[dict[str, Any]]]:
    """What the pages do not need: a revised notice, purchases, an unknown package, a county that is low, a version."""
    notice = _notices()[0] | {"vnr": "000009"}
    revised = {"known_from": moment(LAST), "saatavuushairioloppupaiva": LAST + timedelta(days=90)}
    bought = {"viikko": 9, "atc_koodi": "J01CA04", "atc_taso": 5, "aluekoodi": "99", "var_n_ostot": 100.0}
    known = {"known_from": moment(DAYS[0]), "known_to": None, "delivery_id": "d1"}
    unknown = _stock_daily()[1] | {"vnr": "199999", "medicine_id": None, "units": None, "state": "unmapped"}
    row = next(one for one in FAMILIES if one[3] == "A10AB04")
    low = _row(row, "S_low", "family", LAST, "21", True)
    first = _row(row, "S_low", "family", DAYS[3], "99", True) | {"level": "normal"}
    second = {"as_of": DAYS[3], "known_at": moment(LAST), "stage": "judged", "rows": 1, "content": "y"}
    lasting = {"19": 30.0, "20": 28.0, "21": 9.0}
    return {
        core.CORE["fimea_shortages"]: [notice | {"known_to": moment(LAST)}, notice | revised],
        core.CORE["kela_purchases"]: [bought | known | {"vuosi": year} for year in (2025, 2026)],
        picture.STOCK_DAILY: [unknown],
        picture.SITUATION: [
            *(low | {"county_code": code, "cover_days": cover} for code, cover in lasting.items()),
            first,
            first | {"level": "severe", "known_at": moment(LAST)},
        ],
        picture.PICTURES: [second],
    }


@pytest.fixture(scope="module")
def analyst(shared_warehouse: Warehouse) -> Warehouse:
    fill(shared_warehouse)
    with shared_warehouse.transaction() as connection:
        for table, rows in more().items():
            names = set().union(*rows)
            schema = {name: dtype for name, dtype in table.dtypes().items() if name in names}
            copy(connection, table, pl.DataFrame(rows, schema=schema))
    return Warehouse.open(shared_warehouse.settings, role="medsupply_analyst")


def test_there_are_twenty() -> None:
    assert len(QUERIES) >= 20
    assert len(QUERIES) == PAGE.count("```sql")


@pytest.mark.parametrize(("question", "query"), QUERIES, ids=[question[:50] for question, _ in QUERIES])
def test_it_runs_as_the_analyst_and_answers(question: str, query: str, analyst: Warehouse) -> None:
    found = analyst.read(query)
    assert found.columns
    if not any(words in question for words in NOTHING_TO_TELL):
        assert found.height > 0, question


def test_a_view_is_exported_of_one_report_day(analyst: Warehouse) -> None:
    stock = reports.export(analyst, "stock_daily", LAST)
    assert stock.height and stock["day"].unique().to_list() == [LAST]
    assert reports.export(analyst, "situation", LAST)["as_of"].unique().to_list() == [LAST]
    assert reports.export(analyst, "situation").height > reports.export(analyst, "situation", LAST).height


def test_a_view_without_report_days_says_so(analyst: Warehouse) -> None:
    with pytest.raises(InputError, match="no report day"):
        reports.export(analyst, "deliveries", LAST)
    with pytest.raises(InputError, match="no view"):
        reports.export(analyst, "secrets")
