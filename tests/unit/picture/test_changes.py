"""Why a level moved: what only some may know is a cause too, and stays unnamed."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from medsupply.picture.changes import Cause, changes
from medsupply.settings import LANGUAGES
from medsupply.tables.picture import SITUATION
from medsupply.words import word

SHORT = ["obligation_short"]


def situation(day: int, level: str, reasons: list[str], **figures: Any) -> pl.DataFrame:
    row = {"as_of": date(2026, 3, day), "known_at": datetime(2026, 3, day + 1, tzinfo=UTC), "county_code": "99",
           "medicine_id": "S1", "level": level, "reasons": reasons, "stock_units": 100.0, "rules_version": "1",
           "reporting_share": 1.0, **figures}  # fmt: skip
    return SITUATION.conform(pl.DataFrame([row], schema_overrides=SITUATION.dtypes()))


@pytest.mark.parametrize(
    ("before", "now", "causes"),
    [
        (("normal", []), ("watch", SHORT), ["restricted"]),
        (("watch", SHORT), ("normal", []), ["restricted"]),
        (("watch", SHORT), ("elevated", ["run_out_p56", *SHORT]), ["other"]),
        (("normal", []), ("elevated", ["run_out_p56", *SHORT]), ["other"]),
        (("elevated", ["run_out_p56"]), ("watch", SHORT), ["other"]),
        (("watch", ["demand_surge", *SHORT]), ("watch", SHORT), []),
    ],
)
def test_short_obligatory_storage_is_a_cause_where_it_moved_the_level(
    before: tuple[str, list[str]], now: tuple[str, list[str]], causes: list[str]
) -> None:
    told = changes(situation(2, *now), situation(1, *before))
    assert told["causes"].to_list() == ([causes] if causes else [])


def test_it_stands_after_what_all_may_know() -> None:
    told = changes(situation(2, "watch", SHORT, stock_units=50.0), situation(1, "normal", []))
    assert told["causes"].to_list() == [["stock_fell", "restricted"]]


@pytest.mark.parametrize("language", LANGUAGES)
def test_its_word_names_nothing(language: str) -> None:
    said = word(language, f"cause.{Cause.RESTRICTED}").lower()
    assert not any(part in said for part in ("velvoite", "obligat", "lager", "varasto", "storage"))
    assert "fimea" in said and said != word(language, f"cause.{Cause.OTHER}").lower()
