"""Every code that a page or a mail may show has a word in Finnish, Swedish and English."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

import medsupply.sources as sources_package
from medsupply.alerts.rules import RULES, SERVICE
from medsupply.errors import InputError
from medsupply.picture.changes import Cause
from medsupply.picture.forms import FORM_CLASSES
from medsupply.picture.reasons import Reason
from medsupply.sources.catalogue import SOURCES
from medsupply.sources.reasons import REASONS
from medsupply.tables.deliveries import HOLDER_TYPES
from medsupply.tables.ops import VERDICTS
from medsupply.tables.picture import LEVELS, STATES
from medsupply.words import LANGUAGES, has_word, word, words
from medsupply.words import numbers as write

CODES: dict[str, Iterable[str]] = {
    "level": (*LEVELS, "none"),
    "level_meaning": (*LEVELS, "none"),
    "state": STATES,
    "state_meaning": STATES,
    "reason": Reason,
    "cause": Cause,
    "rule": [rule.name for rule in (*RULES, *SERVICE)],
    "holder_type": HOLDER_TYPES,
    "form_class": FORM_CLASSES,
    "verdict": VERDICTS,
    "source": SOURCES,
    "quarantine": REASONS,
    "quarantine_action": REASONS,
    "market": ("marketed", "not_marketed", "discontinued", "special_permit", "no_package_known"),
    "basis": ("forecast", "trailing", "before_shortage"),
    "change": ("new", "worse", "better", "gone"),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_refusal_has_a_sentence(language: str) -> None:
    sources = Path(sources_package.__file__).parent
    told = re.compile(r'DeliveryRefused\(\s*"([a-z_]+)"')
    codes = {code for path in sources.glob("*.py") for code in told.findall(path.read_text(encoding="utf-8"))}
    assert len(codes) > 10
    assert [code for code in sorted(codes) if not has_word(language, f"refusal.{code}")] == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("group", CODES)
def test_every_code_has_a_word(language: str, group: str) -> None:
    missing = [code for code in CODES[group] if not has_word(language, f"{group}.{code}")]
    assert not missing


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_languages_have_the_same_keys_and_places(language: str) -> None:
    assert words(language).keys() == words("en").keys()
    for key, text in words(language).items():
        assert text.strip() == text != "", key
        assert sorted(re.findall(r"\{(\w+)}", text)) == sorted(re.findall(r"\{(\w+)}", words("en")[key])), key


def test_an_unknown_key_or_language_says_so() -> None:
    with pytest.raises(InputError, match=r"level\.bad"):
        word("fi", "level.bad")
    with pytest.raises(InputError, match="de"):
        word("de", "level.severe")


def test_numbers_are_written_as_each_language_does() -> None:
    assert write.number("fi", 1234567.25, 1) == "1\u202f234\u202f567,3"
    assert write.number("en", -1234.5, 1) == "\u22121,234.5"
    assert write.number("sv", 0.0) == "0"
    assert write.number("fi", None) == write.NOTHING != "0"
    assert write.exact("en", 12.345678) == "12.345678"
    assert write.exact("en", 1200.0) == "1,200"
    assert write.share("fi", 0.004) == "<\u00a01\u00a0%"
    assert write.share("en", 0.997) == ">\u00a099%"
    assert write.share("en", 1.0) == "100%"


def test_days_and_moments_are_finnish_time() -> None:
    assert write.day("fi", date(2026, 3, 1)) == "1.3.2026"
    assert write.day("en", date(2026, 3, 1)) == "1 Mar 2026"
    assert write.moment("fi", datetime(2026, 6, 30, 22, 5, tzinfo=UTC)) == "1.7.2026 klo\u00a01.05"
    assert write.moment("sv", datetime(2026, 1, 1, 5, 0, tzinfo=UTC)) == "1.1.2026 kl.\u00a07.00"
