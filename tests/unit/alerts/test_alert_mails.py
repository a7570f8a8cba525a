"""Every mail in every language: what it carries, and what it never carries."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import product

import pytest

from medsupply.alerts.actions import actions_for
from medsupply.alerts.digest_mails import OpenAlert, Scores, digest_mail, why_open
from medsupply.alerts.mails import (
    AreaLevel,
    Subject,
    alert_mail,
    band_of,
    confirmation_mail,
    held_mail,
    operations_mail,
    public_reasons,
)
from medsupply.alerts.rendering import Mail, delayed, texts
from medsupply.picture.reasons import Reason
from medsupply.rules import load_rules
from medsupply.rules.alerting import ROLES
from medsupply.settings import LANGUAGES
from medsupply.words import word

RULES = load_rules()
DAY = date(2026, 3, 7)
LINK = "https://tilannekuva.example/alerts?alert=run_out-SX-99"
CASES = [(language, role, reason) for language, role, reason in product(LANGUAGES, (*ROLES, None), Reason)]


def subject(language: str, role: str | None, reasons: list[str], level: str = "severe") -> Subject:
    band, certainty = band_of(0.71234, 0.81234, 0.91234)
    area = AreaLevel("Lapin hyvinvointialue", level, band, certainty, reporting="part")
    return Subject(
        medicine="amoksisilliini <b>&", level=level, areas=[area], reasons=reasons,
        actions=actions_for(reasons, role, RULES), owner=None, as_of=DAY, link=LINK, unsubscribe="https://tilannekuva.example/alerts",
    )  # fmt: skip


def told(mail: Mail) -> str:
    """The text part without its date and addresses: what is left may hold no digit."""
    plain = re.sub(r"https?://\S+", "", mail.text)
    return plain.replace("7.3.2026", "").replace("7 March 2026", "")


def flat_text(mail: Mail) -> str:
    """The text part in one line."""
    return " ".join(mail.text.split())


@pytest.mark.parametrize(("language", "role", "reason"), CASES)
def test_no_number_stands_in_an_alert(language: str, role: str | None, reason: Reason) -> None:
    mail = alert_mail(subject(language, role, [str(reason)]), language)
    assert not re.findall(r"\d", told(mail)), told(mail)
    assert word(language, "level.severe").capitalize() in mail.subject
    assert "amoksisilliini" in mail.subject and LINK in mail.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_only_some_may_know_is_never_said(language: str) -> None:
    hidden = [str(Reason.OBLIGATION_SHORT), str(Reason.ONLY_RESERVE_LEFT), str(Reason.SINGLE_HOLDER_NOTICE)]
    text = alert_mail(subject(language, "county", hidden), language).text.lower()
    for said in ("velvoite", "reserv", "obligator", "lagringsskyld", "varmuusvarasto", "alitus"):
        assert said not in text
    assert "obligation" not in str(public_reasons(hidden))


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_not_known_is_never_told_as_calm(language: str) -> None:
    unknown = subject(language, "fimea", ["notice_covers_all", "notices_late"])
    area, say = AreaLevel("Lapin hyvinvointialue", "severe"), texts(language)
    known = flat_text(alert_mail(replace(unknown, areas=[area]), language))
    assert say["say.not_soon"] in known and say["say.notices_late"] in known
    assert say["say.reporting_stock"] in known and say["say.reporting_full"] not in known
    silent = flat_text(alert_mail(replace(unknown, areas=[replace(area, estimated=False)]), language))
    assert say["say.not_estimated"] in silent and say["say.not_soon"] not in silent


@pytest.mark.parametrize("language", LANGUAGES)
def test_areas_that_differ_are_told_apart(language: str) -> None:
    """What is not known in one area is not told of the others, and no area's time stands for that of another."""
    say = texts(language)
    soon = AreaLevel("Kainuu", "severe", "w2", "likely")
    areas = [soon, AreaLevel("Lappi", "severe", "w12", "possible", reporting="none"), replace(soon, name="Uusimaa")]
    text = flat_text(alert_mail(replace(subject(language, None, ["run_out_p14"]), areas=areas), language))
    near, far = (
        say["say.run_out"].format(certainty=say[f"certainty.{how}"], band=say[f"band.{band}"])
        for how, band in (("likely", "w2"), ("possible", "w12"))
    )
    full, none = say["say.reporting_full"], say["say.reporting_none"]
    for told in (f"Kainuu, Uusimaa: {near}", f"Lappi: {far}", f"Kainuu, Uusimaa: {full}", f"Lappi: {none}"):
        assert told in text
    one = flat_text(alert_mail(replace(subject(language, None, ["run_out_p14"]), areas=[areas[0], areas[2]]), language))
    assert f"Uusimaa: {near}" not in one and near in one, "what is true of all is said once, without areas"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_end_of_what_left_the_picture_says_so_without_a_number(language: str) -> None:
    mail = alert_mail(replace(subject(language, None, []), remarks=["left_picture"]), language, resolved=True)
    assert texts(language)["say.left_picture"].partition("{medicine}")[2] in flat_text(mail)
    assert not re.findall(r"\d", told(mail))


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_end_names_its_area_and_those_that_are_open_still(language: str) -> None:
    ended = replace(subject(language, None, []), still_open=["Koko maa", "Kainuu"])
    mail = alert_mail(ended, language, resolved=True)
    assert "(Lapin hyvinvointialue)" in mail.subject
    assert texts(language)["say.still_open"].format(areas="Koko maa, Kainuu") in flat_text(mail)
    many = alert_mail(replace(ended, areas=[AreaLevel(str(n), "severe") for n in range(9)]), language, resolved=True)
    assert f"({texts(language)['say.areas'].format(count=9)})" in many.subject


@pytest.mark.parametrize("language", LANGUAGES)
def test_where_one_reason_ends_and_another_stands_the_alert_is_not_said_to_have_ended(language: str) -> None:
    mail = alert_mail(replace(subject(language, None, []), ended=["notice"]), language, resolved=True)
    say = texts(language)
    assert mail.subject == say["subject.partly"].format(
        area="Lapin hyvinvointialue",
        medicine="amoksisilliini <b>&",
        date=re.search(r"– (.*)$", mail.subject)[1],  # type: ignore[index]
    )
    assert word(language, "rule.notice") in flat_text(mail)
    assert f"Lapin hyvinvointialue: {word(language, 'level.severe')}" in flat_text(mail)
    assert say["say.resolved"].format(medicine="amoksisilliini <b>&") not in flat_text(mail)


@pytest.mark.parametrize("language", LANGUAGES)
def test_ends_beside_what_stands_are_told_apart(language: str) -> None:
    """A reason that is gone where another stands, beside areas that ended; an alert that late data parted in two."""
    say = texts(language)
    both = replace(subject(language, None, []), also_ended=["notice"], also_in=["Kainuu"], still_open=["Kainuu"])
    mail = alert_mail(both, language, resolved=True)
    assert say["say.also_partly"].format(areas="Kainuu", rules=word(language, "rule.notice")) in flat_text(mail)
    assert say["say.resolved"].format(medicine="amoksisilliini <b>&") in flat_text(mail)
    again = alert_mail(replace(subject(language, None, []), anew=True), language, resolved=True)
    assert say["say.anew"].format(medicine="amoksisilliini <b>&") in flat_text(again)
    assert f"Lapin hyvinvointialue: {word(language, 'level.severe')}" in flat_text(again)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_digest_tells_of_a_quantity_or_of_obligatory_storage(language: str) -> None:
    told = {rule: why_open(rule, language) for rule in ("run_out", "stock_zero", "obligation", "notice")}
    assert told["run_out"] == told["stock_zero"] and told["notice"] == word(language, "rule.notice")
    assert not {told[rule] for rule in ("stock_zero", "obligation")} & {
        word(language, f"rule.{rule}") for rule in ("stock_zero", "obligation")
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_scores_of_nothing_are_not_told_as_calm(language: str) -> None:
    say = texts(language)

    def weekly(scores: Scores) -> str:
        return flat_text(digest_mail(language, DAY, [], (1, 1), scores, LINK, LINK, weekly=True))

    none = weekly(Scores(0, 0, 0, 0, 0, None, None, 0.0))
    assert say["say.scores_none"] in none and say["say.scores_base"].split("{")[0] not in none
    unwarned = weekly(Scores(0, 0, 0, 0, 2, 0.0, None, 31.2))
    assert say["say.scores_none"] in unwarned and say["say.scores_base"].format(rate=31) in unwarned
    assert say["say.scores_events"].format(warned=0, events=2) in unwarned


@pytest.mark.parametrize("language", LANGUAGES)
def test_text_and_html_say_the_same_and_html_is_escaped(language: str) -> None:
    mail = alert_mail(subject(language, "fimea", ["run_out_p14"]), language)
    assert "<b>" not in mail.html.split("<body")[1].replace("<body", "") or "&lt;b&gt;" in mail.html
    assert "&lt;b&gt;&amp;" in mail.html and "<b>&" in mail.text
    assert f'lang="{language}"' in mail.html
    assert "src=" not in mail.html and "url(" not in mail.html
    whole = mail.text.replace("\n  ", " ")
    for line in (line.strip("- ") for line in whole.splitlines() if line.startswith("- ")):
        assert line.replace("&", "&amp;") in mail.html or line in mail.html


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_footer_says_once_how_to_end_it(language: str) -> None:
    say = texts(language)
    asked = confirmation_mail(language, "https://a.example/ask", "https://a.example/end")
    alert = replace(subject(language, None, []), unsubscribe="https://a.example/end")
    for mail, end in ((alert_mail(alert, language), "end"), (asked, "cancel")):
        for foot in (mail.text.partition("\n-- \n")[2], mail.html.partition("<footer")[2]):
            said = re.sub(r"<[^>]+>", "", foot).lower()
            assert said.count(say[f"say.{end}"].lower()) == 1 and "https://a.example/end" in foot
            assert len(re.findall("lopet|avslut|to end|end the", said)) == (end == "end")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_of_mail_is_rendered(language: str) -> None:
    open_ = [
        OpenAlert("amoksisilliini", "Koko maa", "severe", DAY, None),
        OpenAlert("x", "y", "watch", DAY, "Duty", True),
    ]
    scores = Scores(9, 2, 1, 8, 10, 0.8, 0.82)
    mails = [
        alert_mail(subject(language, None, []), language, resolved=True),
        digest_mail(language, DAY, open_, (212, 214), None, LINK, LINK),
        digest_mail(language, DAY, [], (0, 0), None, LINK, LINK),
        digest_mail(language, DAY, open_, (212, 214), scores, LINK, LINK, weekly=True),
        digest_mail(language, DAY, [], (1, 1), None, LINK, LINK, weekly=True),
        confirmation_mail(language, LINK, LINK),
        operations_mail(language, ["no picture was made"], LINK),
        held_mail(language, DAY, 12, LINK, LINK),
    ]
    for mail in mails:
        assert mail.subject.strip() and mail.text.strip() and "<main" in mail.html
        assert "{" not in mail.text and "None" not in mail.text
        assert all(len(line) <= 76 or "http" in line for line in mail.text.splitlines()), mail.text
    assert "212" in mails[1].text and "8/10" in mails[3].text


@pytest.mark.parametrize(
    ("p", "expected"),
    [
        ((0.5, 0.6, 0.9), ("w2", "likely")),
        ((0.1, 0.5, 0.9), ("w4", "likely")),
        ((0.1, 0.2, 0.4), ("w2", "possible")),
        ((0.0, 0.02, 0.6), ("w12", "likely")),
        ((0.0, 0.0, 0.05), (None, None)),
        ((None, None, None), (None, None)),
    ],
)
def test_the_band_is_the_shortest_that_is_likely(
    p: tuple[float | None, float | None, float | None], expected: tuple[str | None, str | None]
) -> None:
    assert band_of(*p) == expected


def test_each_role_gets_something_to_do_for_each_reason() -> None:
    for role, reason in product((*ROLES, None), Reason):
        assert actions_for([str(reason)], role, RULES)


@pytest.mark.parametrize(("language", "kind"), list(product(LANGUAGES, ("alert", "resolved"))))
def test_a_mail_that_comes_late_says_so_first_and_names_another_level_only(language: str, kind: str) -> None:
    mail = alert_mail(subject(language, None, ["notice_covers_all"]), language)
    row = {"subject": mail.subject, "body_text": mail.text, "body_html": mail.html, "language": language,
           "level": "severe", "created_at": datetime(2026, 3, 7, 8, 5, tzinfo=UTC)}  # fmt: skip
    newer = {"kind": kind, "level": "severe", "sent_at": datetime(2026, 3, 8, 9, 7, tzinfo=UTC), "areas": {"99": True}}
    late, lower = delayed(row, newer), delayed(row, {**newer, "level": "watch"})
    first = " ".join(late["body_text"].partition("\n\n")[0].split())
    assert late["subject"].endswith(f"] {mail.subject}") and late["body_text"].endswith(mail.text)
    assert late["body_html"].index(first[:20]) < late["body_html"].index("<h1")
    assert "{" not in first and first.index("05") < first.index("07")
    assert (word(language, "level.watch") in lower["body_text"]) == (kind == "alert")
