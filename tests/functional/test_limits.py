"""Limits of deliveries are settings: a small one refuses a file with its reason; a rebuild under others is the same."""

from __future__ import annotations

import dataclasses
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from medsupply.errors import SettingsError
from medsupply.settings import VARIABLES, Settings
from medsupply.sources.unpacking import LIMITS
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.loading import intake, parser, undo
from medsupply.warehouse.loading.deliveries import Verdict
from medsupply.warehouse.loading.preparing import limits_of

AT = datetime(2026, 4, 1, tzinfo=UTC)
HEADER = "holder_id;holder_type;name;county_code;valid_from;valid_to;serves\n"
FIELDS = ("max_file_bytes", "max_unpacked_bytes", "max_rows", "max_columns", "parser_memory_bytes", "parser_seconds")


def holders(folder: Path, rows: int) -> Path:
    path = folder / f"holders-{rows}.csv"
    path.write_text(HEADER + "".join(f"H{n};wholesaler;Tukku;01;2020-01-01;;\n" for n in range(rows)))
    return path


def load(settings: Settings, folder: Path, rows: int) -> Verdict:
    with Warehouse.open(settings) as wh:
        return intake.load(wh, "holders", [holders(folder, rows)], received_at=AT)[0]


@pytest.mark.parametrize(
    ("field", "limit", "says"),
    [("max_file_bytes", 200, "more than 200"), ("max_rows", 5, "lines"), ("max_columns", 3, "7 columns")],
)
def test_a_small_limit_refuses_with_its_reason(
    fresh_settings: Settings, tmp_path: Path, field: str, limit: int, says: str
) -> None:
    verdict = load(dataclasses.replace(fresh_settings, **{field: limit}), tmp_path, 10)  # type: ignore[arg-type]
    assert verdict.verdict == "refused"
    assert says in str(verdict.reason)


def test_a_rebuild_under_other_limits_comes_to_the_same_verdicts(fresh_settings: Settings, tmp_path: Path) -> None:
    few = dataclasses.replace(fresh_settings, max_rows=5)
    assert load(few, tmp_path, 10).verdict == "refused"
    assert load(fresh_settings, tmp_path, 20).verdict == "accepted"
    query = "select delivery_id, verdict, rows_accepted from ops.deliveries order by 1"
    with Warehouse.open(fresh_settings) as wh:
        before = wh.read(query)
    for settings in (few, fresh_settings):
        with Warehouse.open(settings) as wh:
            undo.rebuild(wh)
            assert wh.read(query).equals(before)
            assert wh.read("select holder_id from core.holders").height == 20


def test_defaults_are_one_and_documented() -> None:
    settings = Settings.from_environ({})
    assert limits_of(settings) == LIMITS
    assert (settings.parser_memory_bytes, settings.parser_seconds) == (parser.MEMORY, parser.SECONDS)
    for field in FIELDS:
        told = re.search(r"Default: (\d+)", VARIABLES[f"MEDSUPPLY_{field.upper()}"])
        assert told
        assert int(told[1]) == getattr(settings, field)


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("text", ["0", "-1", "many", "1.5"])
def test_a_limit_that_cannot_be_is_named(field: str, text: str) -> None:
    with pytest.raises(SettingsError, match=f"MEDSUPPLY_{field.upper()}"):
        Settings.from_environ({f"MEDSUPPLY_{field.upper()}": text})


def test_limits_are_read() -> None:
    for field in FIELDS:
        found = Settings.from_environ({f"MEDSUPPLY_{field.upper()}": "700000000"})
        assert getattr(found, field) == 700_000_000
