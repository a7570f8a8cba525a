"""Every case of every rule holds, and docs/rules.md says the same."""

from __future__ import annotations

import pytest
from spec_tables import PAGE, Case, cases, page, rules

CASES = [case for rule in rules() for case in cases(rule)]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_case_holds(case: Case) -> None:
    assert case.rule.outcome(case.given) == case.expected


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run python tests/spec/spec_tables.py"
