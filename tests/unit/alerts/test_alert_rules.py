"""The rules beside the levels: what the picture says and what the alerts say never contradict each other."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medsupply.alerts import rules as rules_
from medsupply.alerts.episodes import fold
from medsupply.alerts.folding import IMMEDIATE, RULES, SERVICE
from medsupply.alerts.rules.rule import HIGH
from medsupply.picture.levels import levels, with_thresholds
from medsupply.picture.reasons import RUN_OUT_REASONS
from medsupply.rules import load_rules
from medsupply.settings import LANGUAGES
from medsupply.words import has_word

START = date(2026, 1, 1)
FILES = sorted(path.stem for path in Path(rules_.__file__).parent.glob("*.py") if path.stem not in ("__init__", "rule"))
SHARE = st.sampled_from([None, 0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.9, 1.0])
UNITS = st.sampled_from([None, 0.0, 5.0, 70.0, 71.0, 5000.0])
FLAG = st.sampled_from([None, False, True])
STATE = st.sampled_from(["reported", "late", "missing", "not_stocked", "unmapped"])
FIGURES = st.fixed_dictionaries({
    "county_code": st.sampled_from(["99", "21", "Y5"]), "critical_class": st.sampled_from([1, 2, None]),
    "stock_units": UNITS, "reserve_units": UNITS, "trailing_demand_units": UNITS, "daily_demand_units": UNITS,
    "floor_units": st.just(70.0), "state": STATE, "family_state": STATE, "out_share": SHARE, "run_out_p14": SHARE,
    "run_out_p56": SHARE, "run_out_p84": SHARE, "run_out_p14_with_reserve": SHARE, "notice_share_84": SHARE,
    "notice_packages_share": SHARE, "family_notice_share_28": SHARE, "obligation_short": FLAG, "surge": FLAG,
    "single_holder_notice": FLAG, "dispensed_year": FLAG, "other_medicines": st.sampled_from([0, 2]),
    "marketed_packages": st.sampled_from([0, 1, 3]), "family_marketed_packages": st.sampled_from([0, 1]),
    "family_special_permit_articles": st.sampled_from([0, 1]), "reporting_share": SHARE,
    "market_state": st.sampled_from(["marketed", "not_marketed", "discontinued"]),
})  # fmt: skip
FLOATS = dict.fromkeys((
    "stock_units", "reserve_units", "trailing_demand_units", "daily_demand_units", "out_share", "run_out_p14",
    "run_out_p56", "run_out_p84", "run_out_p14_with_reserve", "notice_share_84", "notice_packages_share",
    "family_notice_share_28", "reporting_share",
), pl.Float64)  # fmt: skip
FLAGS = dict.fromkeys(("obligation_short", "surge", "single_holder_notice", "dispensed_year"), pl.Boolean)


def judged(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Levels and reasons as the picture gives them, of families that stand in the country and in areas."""
    named = [
        {**row, "medicine_id": f"S{place // 3}", "family_id": f"S{place // 3}", "grain": "family",
         "county_code": ("99", "21", "Y5")[place % 3]}
        for place, row in enumerate(rows)
    ]  # fmt: skip
    frame = pl.DataFrame(named, schema_overrides={**FLOATS, **FLAGS, "critical_class": pl.Int64})
    found = levels(with_thresholds(frame, load_rules()), "stock_units", load_rules())
    return found.with_columns(reporting_threshold=pl.lit(load_rules().picture.reporting_threshold)).to_dicts()


@given(st.lists(FIGURES, min_size=3, max_size=60))
@settings(max_examples=150, deadline=None)
def test_a_level_and_its_alerts_never_contradict_each_other(rows: list[dict[str, Any]]) -> None:
    for row in judged(rows):
        opened = {rule.name for rule in RULES if rule.opens(row)}
        high, why = row["level"] in HIGH, set(row["reasons"])
        assert ("run_out" in opened) == (high and bool(why & RUN_OUT_REASONS))
        assert high == bool(opened & IMMEDIATE), (row["level"], why, opened)
        assert not ("stock_zero" in opened and "run_out" not in opened)
        assert "stock_zero" not in opened or row["stock_units"] == 0
        days = [(START + timedelta(days=number), row) for number in range(10)]
        for rule in RULES:
            found = fold(rule, row["medicine_id"], row["county_code"], days)
            assert [one.closed_on for one in found] == ([None] if rule.name in opened else [])
            assert all(one.level == row["level"] and one.state == "open" for one in found)


def test_each_rule_is_a_file_of_its_own_with_its_reasons() -> None:
    found = {rule.name: rule for rule in (*RULES, *SERVICE)}
    assert sorted(found) == FILES and len(FILES) == 9
    for rule in found.values():
        assert len(rule.why_it_matters) > 20 and len(rule.what_to_do) > 20
        assert all(has_word(language, f"rule.{rule.name}") for language in LANGUAGES)


@pytest.mark.parametrize("name", FILES)
def test_the_page_for_officials_says_why_and_what(name: str) -> None:
    page = (Path(__file__).parents[3] / "docs" / "officials.md").read_text(encoding="utf-8")
    rule = next(rule for rule in (*RULES, *SERVICE) if rule.name == name)
    told = " ".join(page.split())
    assert f"`{name}`" in told and rule.why_it_matters in told and rule.what_to_do in told
