"""What a sender is told: what was taken, what not, why, in which lines; in three languages, as text and as CSV."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from pathlib import Path

import pytest

from medsupply.errors import InputError
from medsupply.sources.reasons import REASONS
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.loading import intake, undo
from medsupply.warehouse.loading.sender_report import ranges, sender_report
from medsupply.words import LANGUAGES, word

AT = datetime(2026, 3, 3, 6, 5, tzinfo=UTC)
HOLDERS = "holder_id;holder_type;name;county_code;valid_from\nA;pharmacy;A;01;2020-01-01\n"
STOCK = """holder_id;counted_on;vnr;packs;shelf
A;2026-03-02;000001;5,5;x
A;2026-03-02;000002;1.234,5;x
A;2026-03-02;000003;many;x
B;2026-03-02;000004;7;x
A;2026-03-02;000001;5,5;x
A;2026-03-02;=1+1;4;x
"""
ENGLISH = """Delivery {id}: Stock, file stock.csv, received 3 Mar 2026, 08:05
Result: partly accepted
Rows: 6 received = 1 accepted + 4 waiting for correction + 1 repeated
Packs: 22.00 received = 5.50 accepted + 11.00 waiting for correction + 5.50 repeated
Note: extra column 'shelf' is not taken

These lines were not taken and wait for correction:
- The field is no plain number (packs). Write digits with one decimal point or comma, without thousands separators. \
[not_a_number]
  Lines: 3-4
  For instance line 3: A;2026-03-02;000002;1.234,5;x
- The site is not on the list of sites (holder_id). The operator adds the site; the row is then released by itself. \
[unknown_holder]
  Lines: 5
  For instance line 5: B;2026-03-02;000004;7;x
- The article is not known (vnr). Send the six-digit VNR, or the operator maps the article; the row is then released \
by itself. [unknown_article]
  Lines: 7
  For instance line 7: A;2026-03-02;=1+1;4;x"""


def put(wh: Warehouse, folder: Path, source: str, text: str, at: datetime = AT) -> str:
    path = folder / f"{source}.csv"
    path.write_text(text)
    return intake.load(wh, source, [path], received_at=at)[0].delivery_id


@pytest.fixture
def delivery(warehouse: Warehouse, tmp_path: Path) -> str:
    put(warehouse, tmp_path, "holders", HOLDERS)
    return put(warehouse, tmp_path, "stock", STOCK)


def test_in_english_word_for_word(warehouse: Warehouse, delivery: str) -> None:
    assert sender_report(warehouse, delivery, "en") == ENGLISH.format(id=delivery)


@pytest.mark.parametrize("language", LANGUAGES)
def test_in_each_language_every_reason_and_line_is_told(warehouse: Warehouse, delivery: str, language: str) -> None:
    told = sender_report(warehouse, delivery, language)
    for code in ("not_a_number", "unknown_holder", "unknown_article"):
        assert word(language, f"quarantine.{code}") in told and word(language, f"quarantine_action.{code}") in told
    assert ": 3-4\n" in told and (language == "en" or REASONS["unknown_holder"].meaning not in told)


@pytest.mark.parametrize("language", LANGUAGES)
def test_as_a_table_one_row_per_line(warehouse: Warehouse, delivery: str, language: str) -> None:
    table = sender_report(warehouse, delivery, language, as_csv=True)
    rows = list(csv.reader(io.StringIO(table), delimiter=";"))
    assert rows[0] == [
        word(language, f"sender_report.column_{name}")
        for name in ("line", "field", "reason", "action", "code", "original")
    ]
    assert [row[0] for row in rows[1:]] == ["3", "4", "5", "7"]
    assert rows[-1][-1] == "A;2026-03-02;=1+1;4;x" and rows[1][2] == word(language, "quarantine.not_a_number")


@pytest.mark.parametrize("language", LANGUAGES)
def test_of_a_delivery_that_was_refused(warehouse: Warehouse, tmp_path: Path, language: str) -> None:
    refused = put(warehouse, tmp_path, "stock", "holder_id;packs\nA;1\n")
    told = sender_report(warehouse, refused, language)
    assert word(language, "refusal.missing_column") in told and "lacks counted_on, vnr" in told
    assert word(language, "verdict.refused") in told
    table = sender_report(warehouse, refused, language, as_csv=True)
    assert table.splitlines()[1].startswith(f";;{word(language, 'refusal.missing_column')};")


def test_of_what_was_released_or_withdrawn(warehouse: Warehouse, tmp_path: Path, delivery: str) -> None:
    put(warehouse, tmp_path, "holders", HOLDERS + "B;pharmacy;B;01;2020-01-01\n", AT.replace(hour=7))
    assert "Lines: 5" not in sender_report(warehouse, delivery, "en")
    undo.withdraw(warehouse, delivery, author="x", reason="y", at=AT)
    assert "withdrawn 3 Mar 2026" in sender_report(warehouse, delivery, "en")


def test_a_formula_is_harmless_in_the_table(warehouse: Warehouse, tmp_path: Path) -> None:
    table = sender_report(warehouse, put(warehouse, tmp_path, "stock", STOCK.replace("A;", "=A;")), "fi", as_csv=True)
    originals = [row[-1] for row in csv.reader(io.StringIO(table), delimiter=";")][1:]
    assert all(not original.startswith("=") for original in originals) and originals[0].startswith("'=A")


def test_what_there_is_not(warehouse: Warehouse, delivery: str) -> None:
    with pytest.raises(InputError, match="no delivery 'x'"):
        sender_report(warehouse, "x", "fi")
    with pytest.raises(InputError, match="no words in 'de'"):
        sender_report(warehouse, delivery, "de")


def test_ranges() -> None:
    assert ranges([2, 3, 4, 7, 9, 10]) == "2-4, 7, 9-10"
