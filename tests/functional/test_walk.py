"""One figure on its whole way: the files, SQL, an export, the page to the last digit, and the mail's words."""

from __future__ import annotations

import csv
import html
import sys
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from test_written import Life
from written import HOLDERS, LAST, STOCK, Written, figures, morning, nation

from medsupply import desk, flow
from medsupply.alerts.mails import band_of
from medsupply.alerts.sink import sink
from medsupply.dashboard import context, main_script
from medsupply.settings import Settings
from medsupply.warehouse.database.connection import Warehouse
from medsupply.words import numbers as write
from medsupply.words import word

FAMILY, AT = "SN02AA01_oral_solid", morning(LAST + timedelta(days=1), 20)
WALKED = ("trailing_demand_units", "floor_units", "stock_units")
BANDS = {"w2": "within two weeks", "w4": "within four weeks", "w12": "within twelve weeks"}


@pytest.fixture
def opened(fresh_settings: Settings) -> Iterator[Settings]:
    """Streamlit takes the main module's place and keeps warehouses open; both end with the test."""
    before = sys.modules["__main__"]
    context.configure(fresh_settings, lambda: AT)
    yield fresh_settings
    sys.modules["__main__"] = before
    st.cache_data.clear()
    st.cache_resource.clear()


def lived(wh: Warehouse, folder: Path) -> dict[str, float | None]:
    """A nation on whose last day morphine is all but gone; returns its figures as the files give them."""
    found = nation(3)
    rows = [f"{holder};{LAST};100004;L0;2027-12-31;{int(holder == 'P1')};" for holder in HOLDERS]
    text = "\n".join([STOCK, *rows]) + "\n"
    found.deliveries.append(Written("stock", "last.csv", text, morning(LAST + timedelta(days=1), 18)))
    Life(wh, found, folder).until(AT)
    desk.subscribe(wh, "duty@fimea.example", language="en", role="fimea", at=AT)
    flow.run(wh, LAST, AT, workers=0)
    expected = figures(found, LAST, AT, "99", FAMILY)
    return {name: getattr(expected, name) for name in WALKED}


def in_sql(settings: Settings) -> dict[str, Any]:
    with Warehouse.open(settings, role="analyst") as wh:
        query = "select * from analyst.situation where as_of = :day and county_code = '99' and medicine_id = :id"
        return wh.read(query, day=LAST, id=FAMILY).row(0, named=True)


def exported(settings: Settings, out: Path) -> dict[str, str]:
    with Warehouse.open(settings, role="analyst") as wh:
        desk.export(wh, "situation", out, as_of=LAST)
    with out.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter=";")
        return next(row for row in rows if (row["county_code"], row["medicine_id"]) == ("99", FAMILY))


def on_the_page() -> str:
    at = AppTest.from_file(str(main_script()), default_timeout=120)
    at.query_params["lang"], at.query_params["medicine"] = "en", FAMILY
    page = at.run().switch_page("../pages/medicine.py").run()
    assert not page.exception, [error.message for error in page.exception]
    return html.unescape("\n".join(element.body for element in page.get("html")))


def mailed(wh: Warehouse, folder: Path) -> list[str]:
    with sink(folder) as url:
        flow.send(wh, clock=lambda: AT + timedelta(minutes=1), drain=True, smtp_url=url)
    found = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in sorted(folder.glob("*.eml"))]
    bodies = [mail.get_body(("plain",)) for mail in found]  # type: ignore[attr-defined]
    return [f"{mail['Subject']}\n{body.get_content()}" for mail, body in zip(found, bodies, strict=True)]


def test_a_figure_is_the_same_in_files_sql_export_page_and_the_words_of_the_mail(
    opened: Settings, tmp_path: Path
) -> None:
    (tmp_path / "files").mkdir()
    with Warehouse.open(opened) as wh:
        files = lived(wh, tmp_path / "files")
        row, cells = in_sql(opened), exported(opened, tmp_path / "situation.csv")
        page = on_the_page()
        mails = [text for text in mailed(wh, tmp_path / "mails") if "orphine" in text]
    for name, expected in files.items():
        assert expected is not None
        assert row[name] == pytest.approx(expected, rel=1e-11)
        assert float(cells[name]) == row[name], "the export has every digit"
        assert write.exact("en", row[name]) in page, f"{name} stands on the page to the last digit"
    assert row["level"] == cells["level"] == "severe"
    assert word("en", "level.severe") in page
    assert len(mails) == 1
    band, certainty = band_of(row["run_out_p14"], row["run_out_p28"], row["run_out_p84"])
    assert "severe" in mails[0].lower()
    assert band is None or (BANDS[band] in mails[0] and str(certainty) in mails[0])
    for name in ("trailing_demand_units", "floor_units"):
        assert write.exact("en", row[name]) not in mails[0]
        assert f"{row[name]:.0f}" not in mails[0].replace(str(LAST.year), ""), "a mail never carries a quantity"
