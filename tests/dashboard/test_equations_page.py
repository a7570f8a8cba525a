"""The page of data quality says when a delivery does not add up."""

from __future__ import annotations

import pytest
from conftest import _opener
from filled import fill
from test_pages import shown

from medsupply.dashboard.wording import counted
from medsupply.settings import LANGUAGES, Settings
from medsupply.warehouse.database.connection import Warehouse


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_false_equation_is_on_the_page(fresh_settings: Settings, language: str) -> None:
    with Warehouse.open(fresh_settings) as wh:
        fill(wh)
        with wh.transaction() as connection:
            connection.exec_driver_sql(
                "UPDATE ops.deliveries SET rows_received = rows_received + 1 WHERE delivery_id ="
                " (SELECT min(delivery_id) FROM ops.deliveries WHERE verdict = 'accepted')"
            )
    pages = _opener(fresh_settings)
    text = shown(next(pages)("deliveries", language))
    assert next(pages, None) is None
    assert counted(language, "deliveries.equations_broken", 1) in text
