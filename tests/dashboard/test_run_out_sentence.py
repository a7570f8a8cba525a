"""The sentence on running out that an official repeats: whole in three languages, whatever is not known of its days."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from medsupply.dashboard.explained import run_out_sentence

EARLY, MIDDLE, LATE = date(2026, 4, 14), date(2026, 5, 2), date(2026, 6, 1)


def rows(p: float, *days: date | None) -> pl.DataFrame:
    early, middle, late = days
    return pl.DataFrame(
        {"horizon_days": [14, 28, 56, 84], "p": [p / 4, p / 2, p, p]},
    ).with_columns(
        run_out_early=pl.lit(early, dtype=pl.Date),
        run_out_on=pl.lit(middle, dtype=pl.Date),
        run_out_late=pl.lit(late, dtype=pl.Date),
    )


SITUATIONS = {
    "all": rows(0.95, EARLY, MIDDLE, LATE),
    "most": rows(0.6, EARLY, MIDDLE, None),
    "some": rows(0.2, EARLY, None, None),
    "few": rows(0.02, None, None, None),
}


@pytest.mark.parametrize(
    ("situation", "sentence"),
    [
        ("all", "half by 2 May 2026, nine in ten by 1 Jun 2026."),
        ("most", "half by 2 May 2026; more than one in ten do not reach it within 12 weeks."),
        ("some", "One future in ten reaches it by 14 Apr 2026; more than half do not reach it within 12 weeks."),
        ("few", "fewer than one in ten futures reach the floor within 12 weeks (2%)."),
    ],
)
def test_days_that_lie_beyond_the_horizon_are_said_as_such(situation: str, sentence: str) -> None:
    found = run_out_sentence("en", "Warfarin 3 mg", SITUATIONS[situation])
    assert found.startswith("Warfarin 3 mg: ")
    assert found.endswith(sentence)


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
@pytest.mark.parametrize("situation", SITUATIONS)
def test_no_language_joins_a_day_and_a_beyond(language: str, situation: str) -> None:
    found = run_out_sentence(language, "X", SITUATIONS[situation])
    assert "{" not in found and "None" not in found
    for wrong in ("viimeistään ei", "senast inte", "by not", "den larmgränsen"):
        assert wrong not in found


def test_at_the_floor_is_said_without_a_forecast() -> None:
    now = rows(1.0, EARLY, EARLY, EARLY).with_columns(p=pl.lit(1.0))
    assert run_out_sentence("en", "X", now) == "X: stock is at or below the floor already."
