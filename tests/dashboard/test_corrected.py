"""The page of the situation says which past days were made again, and what the new version says differently."""

from __future__ import annotations

import re

import pytest
from conftest import Open
from filled import DAYS, FAMILIES, LAST, moment
from test_pages import shown

from medsupply.dashboard import corrected
from medsupply.dashboard.wording import counted, say
from medsupply.settings import LANGUAGES
from medsupply.words import numbers as write
from medsupply.words import word


def plain(text: str) -> str:
    """The text without its tags, one space between words."""
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_corrected_day_says_sites_and_levels(open_filled: Open, language: str) -> None:
    text = plain(shown(open_filled("situation", language)))
    before, now = (word(language, f"level.{code}") for code in ("severe", "elevated"))
    sites = counted(language, "corrected.sites_more", 2)
    name = FAMILIES[0][("fi", "sv", "en").index(language)]
    line = re.search(rf"{name} \([^)]*\) : {re.escape(sites)}, \S+ {before} → \S+ {now}", text)
    assert line, text
    told = say(
        language,
        "corrected.sentence",
        day=write.day(language, DAYS[-2]),
        known=write.moment(language, moment(LAST)),
        before=write.moment(language, moment(DAYS[-2])),
        what=", ".join(
            [sites, counted(language, "corrected.levels", 1), counted(language, "corrected.figures", 1)],
        ),
    )
    assert plain(told) in text


def test_no_amount_is_shown_and_nothing_of_another_area_or_week(open_filled: Open) -> None:
    """One late site's part of a sum is that site's figure."""
    text = shown(open_filled("situation", "en"))
    assert "31313" not in re.sub(r"[\s,.]", "", text)
    assert f"**{write.day('en', DAYS[0])}**" not in text
    again = say("en", "corrected.sentence", day="", known="", before="", what="").split("**")[-1].split(",")[0]
    assert text.count(again) == 1
    area = shown(open_filled("situation", "en", area="21"))
    assert counted("en", "corrected.levels", 1) in area
    assert say("en", "corrected.none") in shown(open_filled("situation", "en", area="19"))


def test_what_is_not_critical_is_one_choice_away(open_filled: Open) -> None:
    text = plain(shown(open_filled("situation", "en", scope="all")))
    assert counted("en", "corrected.levels", 2) in text


def test_many_corrected_days_do_not_push_the_problems_away(open_filled: Open) -> None:
    at = open_filled("situation", "en", area="07")
    folded = [one for one in at.expander if one.label == counted("en", "corrected.more", 2)]
    assert len(folded) == 1
    assert len(folded[0].markdown) == 2
    assert shown(at).count("was made again") == 5


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_week_without_corrections_says_so(open_filled: Open, language: str) -> None:
    """The first day of the picture comes before every correction."""
    assert say(language, "corrected.none") in shown(open_filled("situation", language, day=DAYS[0].isoformat()))


def test_fewer_sites_and_as_many() -> None:
    assert corrected.holders("en", -1) == "− 1 site"
    assert corrected.holders("fi", 3) == "+ 3 toimipistettä"
    assert corrected.holders("sv", 0) == corrected.holders("sv", None) == ""
