"""Columns filled with persons are refused whole; what only looks like them is not."""

from __future__ import annotations

import io

import polars as pl
import pytest
from made import HEADER, parsed, stock

from medsupply.errors import DeliveryRefused
from medsupply.sources.catalogue import SOURCES
from medsupply.warehouse.loading.deliveries import NOT_KEPT

ROW = "H1;2026-03-02;{:06d};{};;5;;"
PERSONS = [
    "Matti Virtanen", "VIRTANEN MATTI", "Virtanen, Matti", "Anna-Liisa Korhonen", "Karl Lindström", "aino mäkelä",
    "Matti Juhani Virtanen", "Pitkäkatu 5 A 12, 00100 Helsinki", "Storgatan 12 b", "Rantatie 4",
    "matti.virtanen@example.fi", "040 123 4567", "+358 40 1234567", "050 1234567", "tilaaja Koivukuja 7",
]  # fmt: skip
NOBODY = [
    "L123456", "A-12/2", "Orion Oyj", "Para-Tabs 500 mg", "20260401", "0401234567", "LOT 40 12", "Helsinki", "12,5",
    "Hyllypaikka 4", "A+B", "ORION PHARMA", "Erä 12", "katu", "Nutrison Advanced Diason", "2 x 50 tablettia",
]  # fmt: skip


def refused(data: bytes, source: str = "stock") -> str:
    with pytest.raises(DeliveryRefused) as caught:
        parsed(data, source)
    assert "irtanen" not in str(caught.value) and caught.value.code in NOT_KEPT
    return caught.value.code


@pytest.mark.parametrize("text", PERSONS)
def test_one_person_in_a_column_of_the_contract(text: str) -> None:
    assert refused(stock(*(ROW.format(n, "L1") for n in range(50)), ROW.format(50, text))) == "personal_column"


@pytest.mark.parametrize("text", PERSONS)
def test_one_person_in_a_column_of_nobody(text: str) -> None:
    rows = [*(f"{ROW.format(n, 'L1')};x" for n in range(50)), f"{ROW.format(50, 'L1')};{text}"]
    assert refused(stock(*rows, header=f"{HEADER};huomautus")) == "personal_column"


@pytest.mark.parametrize("text", PERSONS)
def test_one_person_in_a_ragged_line(text: str) -> None:
    assert refused(stock(ROW.format(1, "L1"), f"{ROW.format(2, 'L1')};{text}")) == "personal_column"


@pytest.mark.parametrize("source", sorted(set(SOURCES) - {"stock"}))
def test_a_column_of_nobody_in_any_source(source: str) -> None:
    names = SOURCES[source].contract.column_names()
    data = f"{';'.join(names)};huomautus\n{';' * len(names)}Matti Virtanen\n".encode()
    assert refused(data, source) == "personal_column"


@pytest.mark.parametrize("values", [["Matti", "Liisa", "Kalle"], ["Virtanen", "Mäkinen", "Salo", "x"]])
def test_a_column_of_first_names_or_of_surnames(values: list[str]) -> None:
    rows = [f"{ROW.format(n, 'L1')};{value}" for n, value in enumerate(values)]
    assert refused(stock(*rows, header=f"{HEADER};a")) == "personal_column"


def test_a_column_of_parquet() -> None:
    buffer = io.BytesIO()
    columns = {"holder_id": "H1", "counted_on": "2026-03-02", "vnr": "000001", "packs": "1", "note": "Matti Virtanen"}
    pl.DataFrame([columns]).write_parquet(buffer)
    assert refused(buffer.getvalue()) == "personal_column"


@pytest.mark.parametrize(
    "column", ["osoite", "Lähiosoite", "address", "postinumero", "asiakas", "lääkäri", "prescriber"]
)
def test_columns_named_like_persons(column: str) -> None:
    assert refused(stock(f"{ROW.format(1, '')};", header=f"{HEADER};{column}")) == "personal_column"


@pytest.mark.parametrize("text", NOBODY)
def test_what_is_no_person(text: str) -> None:
    data = stock(f"{ROW.format(1, text)};{text}", header=f"{HEADER};huomautus")
    assert parsed(data)[1].taken.rows == 1


def test_names_of_sites_and_of_those_who_decided_are_not_looked_at() -> None:
    holders = (
        "holder_id;holder_type;name;county_code;valid_from;osoite\nA;pharmacy;Apteekki Matti Virtanen;01;2020-01-01;\n"
    )
    assert parsed(holders.encode(), "holders")[1].taken.rows == 1
    articles = "article;valid_from;author\nERIT-1;2026-01-01;Aino Mäkelä\n"
    assert parsed(articles.encode(), "package_map")[1].taken.rows == 1
