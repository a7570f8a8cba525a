"""A rules file that alerts could not follow is refused when it is read, not when a mail is due."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from medsupply.alerts.mails import PUBLIC, texts
from medsupply.errors import InputError
from medsupply.rules import current_text, load_rules, parse_rules
from medsupply.rules.alerting import ACTIONS, GROUPS, ROLES
from medsupply.settings import LANGUAGES
from medsupply.words import has_word

WRONG = [
    ('"coordinate"', '"kordinate"', "action.availability.stm is ['kordinate', 'permit'], no list of call_holder,"),
    ("fimea =", "fimae =", "[action.availability] of the rules file has the unknown key fimae"),
    ('default = ["check_data"]', "", "action.data.default is None"),
    ('nesa = ["coordinate"]', "nesa = []", "action.availability.nesa is [], no list"),
    ("[action.market]", "[action.markt]", "[action] of the rules file has the unknown key markt"),
    ("share = 0.10", "share = 10", "alert.hold.share is 10, no number from 0 to 1"),
    ("products = 50", 'products = "50"', "alert.hold.products is '50', no whole number of 1 or more"),
    ("minimum = 10", "minimun = 10", "[alert.hold] of the rules file has the unknown key minimun"),
    ("days = 7", "days = 0", "alert.acknowledgement.days is 0, no whole number"),
    ("days = 7", "days = 7\nhours = 3", "[alert.acknowledgement] of the rules file has the unknown key hours"),
    ("[alert.hold]", "[alarm.hold]", "The rules file has the unknown key alarm"),
]


@pytest.mark.parametrize(("right", "wrong", "told"), WRONG)
def test_what_alerts_could_not_follow_is_refused(right: str, wrong: str, told: str) -> None:
    text = current_text()
    assert right in text
    with pytest.raises(InputError, match=re.escape(told)):
        parse_rules(text.replace(right, wrong))


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_bytes(current_text().replace("early", "ajoissa, ä").encode("latin-1"))
    with pytest.raises(InputError, match="is not in UTF-8"):
        load_rules(tmp_path / "rules.toml")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_of_the_rules_file_is_one_that_mails_know(language: str) -> None:
    sentences = {key.removeprefix("action.") for key in texts(language) if key.startswith("action.")}
    assert sentences == {*ACTIONS, "release"}
    assert set(PUBLIC.values()) == set(GROUPS)
    assert all(has_word(language, f"role.{role}") for role in ROLES)
