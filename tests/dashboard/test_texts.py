"""The sentences of the pages: the same keys and places in three languages, none missing, none left over."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from medsupply.dashboard import HERE
from medsupply.dashboard.figures import FIGURES
from medsupply.dashboard.wording import say, sentences
from medsupply.errors import InputError
from medsupply.picture.figures import FIGURES as DEFINED
from medsupply.settings import LANGUAGES
from medsupply.tables.picture import SITUATION

USED = re.compile(r'(?:say|counted)\(\s*(?:\w+(?:\.\w+)?)\s*,\s*"([a-z_]+\.[a-z_.0-9]+)"')


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_languages_have_the_same_keys_and_places(language: str) -> None:
    assert sentences(language).keys() == sentences("en").keys()
    for key, text in sentences(language).items():
        assert text.strip(), key
        assert set(re.findall(r"\{(\w+)}", text)) == set(re.findall(r"\{(\w+)}", sentences("en")[key])), key


def test_every_sentence_that_the_code_names_is_there() -> None:
    named = {key for path in Path(HERE).rglob("*.py") for key in USED.findall(path.read_text(encoding="utf-8"))}
    known = sentences("en")
    assert len(named) > 100
    assert [key for key in sorted(named) if key not in known and f"{key}.one" not in known] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_figure_has_a_name_and_a_definition(language: str) -> None:
    for name in FIGURES:
        assert name in SITUATION.columns
        assert say(language, f"figure.{name}.name")
        assert say(language, f"figure.{name}.is").endswith(".")


def test_every_figure_shown_is_defined_in_the_registry() -> None:
    assert set(FIGURES) - {"demand_basis"} <= {figure.name for figure in DEFINED}, "demand_basis is a word, no figure"


def test_an_unknown_sentence_says_so() -> None:
    with pytest.raises(InputError, match=r"page\.bad"):
        say("fi", "page.bad")
