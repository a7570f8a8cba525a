"""What the watchdog finds, in the languages of its readers."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from medsupply.alerts.findings import Finding, newest, since
from medsupply.alerts.rendering import texts

AT = datetime(2026, 3, 3, 6, 5, tzinfo=UTC)
CODES = sorted(name.removeprefix("finding.") for name in texts("en") if name.startswith("finding."))
VALUES = {"reason": "x", "seconds": 120, "since": AT, "day": date(2026, 3, 2), "newest": date(2026, 3, 1), "count": 3,
          "detail": "421", "days": "2026-03-02", "deliveries": 1, "rule": "run_out", "level": "severe", "what": "x",
          "database": AT, "here": AT}  # fmt: skip


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
@pytest.mark.parametrize("code", CODES)
def test_every_finding_is_a_sentence_in_every_language(code: str, language: str) -> None:
    told = Finding(code, VALUES).told(language)
    assert "{" not in told and not told[0].islower() and "run_out" not in told and "+00:00" not in told


def test_a_moment_is_told_as_the_clock_shows_it_here() -> None:
    assert "3.3.2026 08:05 jälkeen" in since("sender", AT).told("fi")
    assert since("sender", None).code == "sender_ever"
    assert newest("picture", date(2026, 3, 2), None).told("en").startswith("There is no picture of 2 March 2026")


def test_the_same_finding_an_hour_later_is_the_same() -> None:
    later = AT.replace(hour=9)
    assert since("unsent", AT).key == since("unsent", later).key
    assert Finding("failed", {"count": 1}).key != Finding("failed", {"count": 2}).key
