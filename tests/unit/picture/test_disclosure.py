"""Figures of single companies, small counts and restricted sources at every way out that is not a page."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from medsupply import desk
from medsupply.errors import InputError
from medsupply.picture.disclosure import without_companies
from medsupply.rules import current_text, parse_rules
from medsupply.tables import picture as tables
from medsupply.tables.picture_views import VIEWS
from medsupply.warehouse import reports
from medsupply.warehouse.database.connection import Warehouse

DAY = date(2026, 3, 5)


def row(holder_type: str, packs: float | None, holders: int, vnr: str = "000001", **more: Any) -> dict[str, Any]:
    return {
        "day": DAY, "county_code": "99", "holder_type": holder_type, "vnr": vnr, "state": "reported",
        "medicine_id": "G1", "packs": packs, "units": packs, "reserve_units": 0.0, "holders": holders, **more,
    }  # fmt: skip


def shown(*rows: dict[str, Any]) -> list[float | None]:
    found = without_companies(pl.DataFrame(list(rows), schema_overrides={"packs": pl.Float64, "units": pl.Float64}))
    assert found.filter("suppressed")["units"].is_null().all()
    return found["packs"].to_list()


def test_a_single_company_is_not_shown_and_two_are() -> None:
    assert shown(row("wholesaler", 50.0, 2), row("pharmacy", 9.0, 8)) == [50.0, 9.0]
    assert shown(row("wholesaler", 50.0, 1), row("mah", 20.0, 1), row("pharmacy", 9.0, 8)) == [None, None, 9.0]


def test_the_only_hidden_figure_takes_the_smallest_other_with_it() -> None:
    """The country's sum is shown to all: sum less the rest would be the company's figure."""
    rows = [row("wholesaler", 50.0, 1), row("pharmacy", 9.0, 8), row("hospital_pharmacy", 4.0, 3)]
    assert shown(*rows) == [None, 9.0, None]
    other = row("wholesaler", 7.0, 3, vnr="000002")
    assert shown(*rows, other) == [None, 9.0, None, 7.0]


def test_public_holders_and_what_is_not_there_hide_nothing() -> None:
    assert shown(row("hospital_pharmacy", 4.0, 1), row("pharmacy", 9.0, 8)) == [4.0, 9.0]
    assert shown(row("wholesaler", 0.0, 1, state="not_stocked"), row("pharmacy", 9.0, 8)) == [0.0, 9.0]


def test_an_exported_file_holds_no_company_unless_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    frame = pl.DataFrame([row("wholesaler", 50.0, 1), row("pharmacy", 9.0, 8)])
    monkeypatch.setattr(reports, "export", lambda *_, **__: frame)
    wh: Warehouse = None  # type: ignore[assignment]  the view is read above
    for name, companies, packs in (("a.parquet", False, [None, None]), ("b.parquet", True, [50.0, 9.0])):
        desk.export(wh, "stock_daily", tmp_path / name, companies=companies)
        assert pl.read_parquet(tmp_path / name)["packs"].to_list() == packs


def test_dispensings_leave_in_one_place_and_never_as_a_sum() -> None:
    """No total stands beside the rounded counts, so none that is hidden can be worked out from the others."""
    holding = [
        view.name for view in VIEWS for table in view.tables if {"dispensings", "dispensings_84"} & set(table.columns)
    ]
    assert holding == ["dispensing_daily"]
    assert "state_reserve" not in {table.name for view in VIEWS for table in view.tables}
    assert "obligation_short" not in tables.SITUATION.columns


@pytest.mark.parametrize("value", ["0", "-3", "true", '"5"', "2.5"])
def test_limits_of_the_rules_file_are_checked(value: str) -> None:
    text = current_text().replace("smallest_count = 5", f"smallest_count = {value}")
    with pytest.raises(InputError, match=r"disclosure\.smallest_count"):
        parse_rules(text)
