"""What only some may see is on the page for them, and for nobody else."""

from __future__ import annotations

import re
from typing import Any

import polars as pl
import pytest
from conftest import NOW, Open
from filled import FAMILIES, family, fill
from test_pages import shown

from medsupply.dashboard import decisions, door, restricted
from medsupply.dashboard.auth import DEMO, Person
from medsupply.dashboard.wording import say
from medsupply.errors import InputError
from medsupply.settings import LANGUAGES, Settings
from medsupply.warehouse.database.connection import Warehouse
from medsupply.words import word

OBLIGED, RESERVE, COMPANY, PUBLIC = "71717", "81818", "51515", "41414"
SEEN_OF_A_MEDICINE = (
    ("fimea", "duty_officer", {OBLIGED, RESERVE, COMPANY, PUBLIC}),
    ("stm", "analyst", {OBLIGED, RESERVE, COMPANY, PUBLIC}),
    ("nesa", "administrator", {RESERVE, COMPANY, PUBLIC}),
    ("thl", "duty_officer", {COMPANY, PUBLIC}),
    ("fimea", "reader", set()),
    ("21", "duty_officer", set()),
    ("", "administrator", set()),
)


def digits(text: str) -> str:
    """The text without what separates thousands."""
    return re.sub(r"(?<=\d)[\s,.](?=\d)", "", text)


def found(text: str) -> set[str]:
    return {number for number in (OBLIGED, RESERVE, COMPANY, PUBLIC) if number in digits(text)}


@pytest.mark.parametrize(("organisation", "role", "expected"), SEEN_OF_A_MEDICINE)
def test_a_medicine_shows_each_organisation_its_own(
    open_filled: Open, monkeypatch: pytest.MonkeyPatch, organisation: str, role: str, expected: set[str]
) -> None:
    someone = Person("Anna Aalto", role, address="a@x.example", organisation=organisation)
    monkeypatch.setattr(door, "let_in", lambda _: someone)
    assert found(shown(open_filled("medicine", "en", medicine=family(FAMILIES[0])))) == expected


def test_who_has_not_signed_in_sees_nothing_restricted(open_filled: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "let_in", lambda _: DEMO)
    assert found(shown(open_filled("medicine", "en", medicine=family(FAMILIES[0])))) == set()
    assert found(shown(open_filled("county", "en", area="21"))) == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_area_sees_its_own_public_holders(open_filled: Open, monkeypatch: pytest.MonkeyPatch, language: str) -> None:
    someone = Person("Liisa", "reader", address="l@lapha.example", organisation="21")
    monkeypatch.setattr(door, "let_in", lambda _: someone)
    text = shown(open_filled("county", language, area="21"))
    assert found(text) == {PUBLIC}
    assert say(language, "restricted.own_title") in text
    assert found(shown(open_filled("county", language, area="19"))) == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_where_nothing_is_known_it_is_said(open_filled: Open, monkeypatch: pytest.MonkeyPatch, language: str) -> None:
    someone = Person("Anna Aalto", "analyst", address="a@stm.example", organisation="stm")
    monkeypatch.setattr(door, "let_in", lambda _: someone)
    text = shown(open_filled("medicine", language, medicine=family(FAMILIES[1])))
    assert say(language, "restricted.no_obligations") in text
    assert say(language, "restricted.no_reserve") in text


REASONS = (("fimea", "analyst", "obligation_short"), ("stm", "duty_officer", "obligation_short"),
           ("nesa", "analyst", "restricted"), ("fimea", "reader", "restricted"), ("", "administrator", "restricted"),
           ("21", "duty_officer", "restricted"))  # fmt: skip


@pytest.mark.parametrize(("organisation", "role", "reason"), REASONS)
@pytest.mark.parametrize("page", ["situation", "county", "medicine", "meeting"])
def test_lists_name_the_reason_to_fimea_and_the_ministry_only(
    open_filled: Open, monkeypatch: pytest.MonkeyPatch, organisation: str, role: str, reason: str, page: str
) -> None:
    someone = Person("Anna Aalto", role, address="a@x.example", organisation=organisation)
    monkeypatch.setattr(door, "let_in", lambda _: someone)
    told = {one: word("en", f"reason.{one}") for one in ("obligation_short", "restricted")}
    text = shown(open_filled(page, "en", medicine=family(FAMILIES[2])))
    assert {one for one, words in told.items() if words in text} == {reason}


STORAGE = "obligation-2"
MAY = (("fimea", "duty_officer", True), ("stm", "administrator", True), ("fimea", "analyst", True),
       ("fimea", "reader", False), ("nesa", "duty_officer", False), ("thl", "administrator", False),
       ("21", "duty_officer", False), ("", "administrator", False))  # fmt: skip


def enter(monkeypatch: pytest.MonkeyPatch, organisation: str, role: str) -> Person:
    someone = Person("Anna Aalto", role, address="a@x.example", organisation=organisation)
    monkeypatch.setattr(door, "let_in", lambda _: someone)
    return someone


@pytest.mark.parametrize(("organisation", "role", "may"), MAY)
def test_alerts_on_obligatory_storage_stand_on_the_page_of_fimea_and_the_ministry_only(
    open_filled: Open, monkeypatch: pytest.MonkeyPatch, organisation: str, role: str, may: bool
) -> None:
    someone = enter(monkeypatch, organisation, role)
    at = open_filled("alerts", "en", alert=STORAGE)
    text = shown(at)
    assert (word("en", "rule.obligation") in text, word("en", "reason.obligation_short") in text) == (may, may)
    offered = {option for box in at.selectbox for option in box.options}
    assert any(word("en", "rule.obligation") in option for option in offered) is (may and someone.may_write)
    assert word("en", "rule.obligation") not in shown(open_filled("meeting", "en")), "a printed page goes on to others"


@pytest.mark.parametrize("organisation", ["fimea", "stm"])
def test_who_may_see_an_alert_on_obligatory_storage_acknowledges_it_on_the_page(
    fresh_settings: Settings, open_empty: Open, monkeypatch: pytest.MonkeyPatch, organisation: str
) -> None:
    enter(monkeypatch, organisation, "duty_officer")
    with Warehouse.open(fresh_settings) as wh:
        fill(wh)
    at = open_empty("alerts", "en", alert=STORAGE)
    assert at.selectbox[0].value == STORAGE, "a link of a mail leads to it"
    at.text_area[0].set_value("Called the company")
    assert say("en", "acknowledge.done", owner="Anna Aalto") in shown(at.button[0].click().run())
    with Warehouse.open(fresh_settings) as wh:
        told = wh.read("SELECT alert_id, owner, note FROM alerts.acknowledgement").rows()
        assert told == [(STORAGE, "Anna Aalto", "Called the company")]
        with wh.transaction() as connection:  # the database has a clock of its own
            connection.exec_driver_sql("UPDATE alerts.acknowledgement SET expires_at = now() + interval '1 day'")
    assert "Called the company" in shown(open_empty("alerts", "en"))
    enter(monkeypatch, "nesa", "duty_officer")
    assert "Called the company" not in shown(open_empty("alerts", "en"))


@pytest.mark.parametrize(("organisation", "role"), [("nesa", "duty_officer"), ("", "administrator")])
def test_who_may_not_see_an_alert_cannot_decide_on_it_by_its_name(
    filled_settings: Settings, organisation: str, role: str
) -> None:
    someone = Person("Anna", role, organisation=organisation)
    scope = {"medicine_id": family(FAMILIES[2]), "county_code": "99", "rule": "obligation"}
    with Warehouse.open(filled_settings, role="dashboard") as wh:
        with pytest.raises(InputError, match=r"decision\.no_alert"):
            decisions.acknowledge(wh, someone, STORAGE, owner="Anna", note="n", at=NOW)
        with pytest.raises(InputError, match=r"decision\.no_alert"):
            decisions.silence(wh, someone, **scope, author="Anna", reason="r", days=7, at=NOW)


def test_a_silence_of_obligatory_storage_stands_for_who_may_know_and_only_they_end_it(
    fresh_settings: Settings, open_empty: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    scope: dict[str, Any] = {"medicine_id": family(FAMILIES[2]), "county_code": "99", "rule": "obligation"}
    with Warehouse.open(fresh_settings) as wh:
        fill(wh)
        fimea = Person("Anna", "duty_officer", organisation="fimea")
        decisions.silence(wh, fimea, **scope, author="Anna", reason="Planned", days=7, at=NOW)
        silence = wh.read("SELECT silence_id FROM alerts.silence").item()
        for organisation, may in (("nesa", False), ("fimea", True)):
            someone = enter(monkeypatch, organisation, "duty_officer")
            offered = {option for box in open_empty("alerts", "en").selectbox for option in box.options}
            assert any("Planned" in option for option in offered) is may
            ended = {"author": "Bo", "reason": "over", "at": NOW}
            if may:
                decisions.end_silence(wh, someone, silence, **ended)
                continue
            with pytest.raises(InputError, match=r"decision\.no_alert"):
                decisions.end_silence(wh, someone, silence, **ended)


@pytest.mark.parametrize(("organisation", "role", "packs"), [("fimea", "analyst", True), ("21", "reader", False)])
def test_a_file_of_deliveries_has_packs_of_a_sender_for_who_may_see_them(
    monkeypatch: pytest.MonkeyPatch, organisation: str, role: str, packs: bool
) -> None:
    someone = Person("Anna Aalto", role, address="a@x.example", organisation=organisation)
    monkeypatch.setattr(restricted, "person", lambda: someone)
    found = pl.DataFrame({"delivery_id": ["stock-1"], "rows_received": [3], "packs_received": [31313.0]})
    assert ("packs_received" in restricted.deliveries(found).columns) is packs
