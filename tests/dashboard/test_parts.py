"""Parts without a page: contrast, markup, files, roles, mails, order of problems."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from medsupply.areas import COUNTY_CODES
from medsupply.dashboard import (
    alerting,
    apart,
    auth,
    blocks,
    charts,
    decisions,
    downloads,
    drawings,
    figures,
    look,
    mails,
    markup,
    problems,
)
from medsupply.dashboard.auth import Person
from medsupply.dashboard.wording import say
from medsupply.errors import InputError
from medsupply.picture.reasons import Reason
from medsupply.settings import LANGUAGES
from medsupply.words import numbers as write
from medsupply.words import word

NOW = datetime(2026, 3, 11, 5, 0, tzinfo=UTC)
TEXT, MARK = 4.5, 3.0


def test_half_an_hour_without_a_click_ends_a_sign_in() -> None:
    assert not auth.idle(None, NOW)
    assert not auth.idle(NOW - timedelta(minutes=30), NOW)
    assert auth.idle(NOW - timedelta(minutes=31), NOW)


def test_contrast_is_that_of_wcag() -> None:
    assert look.contrast("#000000", "#FFFFFF") == pytest.approx(21.0)
    assert look.contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("code", look.ORDER)
def test_levels_can_be_read(code: str) -> None:
    found = look.LOOKS[code]
    assert look.contrast(found.ink, found.ground) >= TEXT
    assert look.contrast(found.mark, "#FFFFFF") >= MARK
    assert len({one.shape for one in look.LOOKS.values()}) == len(look.LOOKS), "shapes tell levels apart without colour"


def test_the_theme_can_be_read(repository: Path) -> None:
    theme = tomllib.loads((repository / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["theme"]
    for ground in (theme["backgroundColor"], theme["secondaryBackgroundColor"], theme["sidebar"]["backgroundColor"]):
        for ink in (theme["textColor"], theme["linkColor"], theme["primaryColor"], look.MUTED):
            assert look.contrast(ink, ground) >= TEXT


def test_the_service_gives_nothing_away(repository: Path) -> None:
    config = tomllib.loads((repository / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert config["client"]["showErrorDetails"] == "none"
    assert config["client"]["toolbarMode"] == "viewer"
    assert config["browser"]["gatherUsageStats"] is False
    assert config["server"]["fileWatcherType"] == "none"
    assert config["server"]["enableXsrfProtection"] is True


def test_markup_escapes_every_value() -> None:
    evil = '<img src=x onerror="x">'
    drawn = markup.table([markup.Column(evil), markup.Column("n", "number")], [[evil, evil]], evil)
    drawn += markup.bullets([evil]) + markup.link("medicine", evil, medicine=evil)
    drawn += markup.tile_map("en", {"01": markup.Tile("severe", evil, evil)})
    assert "<img" not in drawn
    assert 'onerror="' not in drawn


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_map_has_every_county_once(language: str) -> None:
    drawn = markup.tile_map(language, {"19": markup.Tile("severe", "2")}, lang=language)
    assert [f"area={code}" in drawn for code in COUNTY_CODES] == [True] * 23
    assert drawn.count("ms-tile ms-severe") == 1
    assert drawn.count("ms-tile ms-none") == 22


def test_files_neutralise_formulas_and_keep_every_digit() -> None:
    frame = pl.DataFrame(
        {"a": ["=1+1", "\t@x", "plain", "-5"], "b": [-1.25, 0.1, 1e-9, None], "c": [["x", "y"], [], None, []]}
    )
    text = downloads.csv(frame).decode("utf-8-sig")
    assert text.splitlines() == ["a;b;c", "'=1+1;-1.25;x, y", "'\t@x;0.1;", "plain;1e-9;", "'-5;;"]


def test_problems_are_ranked_by_level_then_class_then_risk() -> None:
    frame = pl.DataFrame(
        {
            "medicine_id": ["a", "b", "c", "d", "e"],
            "atc": ["A", "B", "C", "D", "E"],
            "level": ["watch", "severe", "elevated", "elevated", None],
            "critical_class": [1, 2, None, 1, 1],
            "run_out_p56": [0.9, 0.1, 0.9, None, 1.0],
            "notice_share": [None, 0.0, 0.0, 1.0, 0.0],
        }
    )
    assert problems.ranked(frame)["medicine_id"].to_list() == ["b", "d", "c", "a", "e"]


def claims(hours: float, address: str = "Anna@Fimea.example") -> dict[str, object]:
    return {"iat": (NOW - timedelta(hours=hours)).timestamp(), "email": address, "name": "Anna Aalto"}


def test_a_role_comes_from_the_secrets_and_denies_by_default() -> None:
    secrets = {"auth": {}, "medsupply": {"roles": {"anna@fimea.example": "duty_officer", "x@y.example": "emperor"}}}
    found = auth.person(claims(1), secrets, NOW)
    assert found is not None
    assert found == Person("Anna Aalto", "duty_officer", address="anna@fimea.example")
    assert auth.person(claims(9), secrets, NOW) is None, "a sign-in holds for eight hours"
    assert auth.person(claims(1, "other@fimea.example"), secrets, NOW) is None
    assert auth.person(claims(1, "x@y.example"), secrets, NOW) is None
    assert auth.person({"email": "anna@fimea.example"}, secrets, NOW) is None
    secrets["medsupply"]["organisations"] = {"Anna@Fimea.example": "fimea"}
    assert auth.person(claims(1), secrets, NOW) == replace(found, organisation="fimea")
    assert auth.needs_sign_in(secrets)
    assert not auth.needs_sign_in({})


@pytest.mark.parametrize("role", ["reader", "analyst", "auditor"])
def test_who_may_not_write_is_refused_in_the_service(role: str) -> None:
    with pytest.raises(InputError, match=r"decision\.not_allowed"):
        decisions.acknowledge(None, Person("Anna", role), "x", owner="Anna", note="n", at=NOW)  # type: ignore[arg-type]


def test_only_ones_own_subscription_can_be_ended() -> None:
    with pytest.raises(InputError, match=r"decision\.not_yours"):
        decisions.unsubscribe(None, Person("A", "duty_officer", address="a@x.fi"), "b@x.fi", at=NOW)  # type: ignore[arg-type]


def test_a_mail_is_read_as_it_arrived(tmp_path: Path) -> None:
    (tmp_path / "mails").mkdir()
    content = (
        b"Subject: =?utf-8?q?vakava=3A_amoksisilliini?=\r\nFrom: medsupply@localhost\r\nTo: duty@fimea.example\r\n"
        b"Date: Wed, 11 Mar 2026 06:00:00 +0200\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
        b"H\xc3\xa4lytys <b>\r\nhttp://x/end?token=5ecret&lang=fi\r\n"
    )
    (tmp_path / "mails" / "0001.eml").write_bytes(content)
    (found,) = mails.arrived(tmp_path)
    assert found.date == datetime(2026, 3, 11, 4, 0, tzinfo=UTC)
    assert (found.subject, found.text) == ("vakava: amoksisilliini", "Hälytys <b>\r\nhttp://x/end?token=…&lang=fi")
    assert mails.arrived(tmp_path / "nowhere") == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_charts_hide_their_marks_from_screen_readers(language: str) -> None:
    weeks = pl.DataFrame({"week": [NOW.date()], "units": [1.0]})
    ahead = weeks.select(
        "week", *(pl.lit(float(n)).alias(q) for n, q in enumerate(("q025", "q10", "q50", "q90", "q975")))
    )
    drawn = charts.fan(weeks, ahead, "mg", language).to_dict()
    marks = [layer["mark"] for layer in drawn["layer"]]
    assert len(marks) == 4
    assert all(mark["aria"] is False for mark in marks)
    assert drawn["config"]["locale"]["number"]["decimal"] == ("." if language == "en" else ",")
    assert drawn["config"]["locale"]["number"]["percent"] == ("%" if language == "en" else "\u00a0%")


def test_bars_say_what_the_sentence_says() -> None:
    frame = pl.DataFrame({"horizon_days": [14, 56], "p": [0.005, 0.995]})
    drawn = charts.probabilities(frame, {14: "2 w", 56: "8 w"}, "p", "fi").to_dict()
    told = [row["told"] for row in next(iter(drawn["datasets"].values()))]
    assert told == ["<\u00a01\u00a0%", ">\u00a099\u00a0%"]
    assert drawn["layer"][1]["encoding"]["text"]["field"] == "told"


@pytest.mark.parametrize(("days", "count"), [(5, {"interval": "day", "step": 1}), (12, {"interval": "day", "step": 2}),
                                             (182, charts.DATES)])  # fmt: skip
def test_an_axis_of_few_days_names_each_day_once(days: int, count: object) -> None:
    frame = pl.DataFrame({"x": [NOW.date() + timedelta(days=n) for n in range(days)], "y": [1.0] * days})
    drawn = charts.trend(frame, "x", [("y", "y")], "g", "fi").to_dict()
    assert drawn["encoding"]["x"]["axis"]["tickCount"] == count


def test_amounts_have_the_digits_that_a_reader_needs() -> None:
    told = [write.amount("fi", value) for value in (26965.530303, 27.54, 0.01234, 3.0, 0.0, None)]
    assert told == ["26\u202f966", "27,5", "0,012", "3", "0", "–"]


@pytest.mark.parametrize(("days", "told"), [(1.4, "1 päivä"), (0.2, "0 päivää"), (1.6, "2 päivää")])
def test_one_day_is_a_day(days: float, told: str) -> None:
    frame = pl.DataFrame({"county_code": ["21"], "level": ["watch"], "cover_days": [days]})
    assert problems.cover_tiles("fi", frame)["21"].note == told


def test_a_notice_is_named_by_its_dates() -> None:
    day = NOW.date()
    row = {"state": "K", "starts_on": day, "ends_on": day + timedelta(days=3)}
    assert drawings.notice_state(row, day) == "in_force"
    assert drawings.notice_state(row, day - timedelta(days=1)) == "to_come"
    assert drawings.notice_state(row, day + timedelta(days=4)) == "end_passed"
    assert drawings.notice_state({**row, "state": "E"}, day) == "E"


def test_causes_are_one_sentence() -> None:
    row = {"medicine_id": "S1", "name_fi": "x", "level": "severe", "level_before": "watch",
           "causes": ["stock_fell", "risk_rose"]}  # fmt: skip
    assert str(problems.change_line("fi", row)).endswith("Varasto pieneni; loppumisen todennäköisyys kasvoi.")


def test_a_site_that_owes_two_kinds_is_one_site() -> None:
    frame = pl.DataFrame(
        [
            {"source": "stock", "holder_id": "H1", "name": "Apteekki"},
            {"source": "dispensing", "holder_id": "H1", "name": "Apteekki"},
            {"source": "fimea_shortages", "holder_id": "fimea_shortages", "name": "fimea_shortages"},
        ]
    )
    assert blocks.silent_sentence("en", frame) == "Not reported for the day: 1 site and 1 list."
    assert blocks.silent_names("en", frame)[0].startswith("Apteekki (")
    assert len(blocks.silent_names("en", frame)) == 2


def test_a_reason_that_a_stronger_one_says_is_left_out() -> None:
    held = ["only_reserve_left", "run_out_p14", "run_out_p56", "run_out_p84", "notice_share_84", "single_holder_notice"]
    assert problems.leading(held) == ["only_reserve_left", "single_holder_notice"]
    assert problems.leading(["run_out_p84", "restricted"]) == ["run_out_p84", "restricted"]
    assert problems.leading(None) == []
    known = set(Reason)
    assert set(problems.IMPLIED) <= known
    assert {weaker for codes in problems.IMPLIED.values() for weaker in codes} <= known


def test_a_notice_is_never_cut_off_from_the_reasons() -> None:
    row = {"level": "severe", "reasons": ["stock_at_floor", "out_share", "demand_surge", "notice_covers_all"],
           "notices_open": 2, "notice_share": 0.5}  # fmt: skip
    codes = ("stock_at_floor", "out_share", "notice_covers_all")
    assert problems.why("en", row, 2) == [word("en", f"reason.{code}") for code in codes]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, True),
        ({"notice_share": 0.0}, False),
        ({"notices_open": 0}, False),
        ({"notices_open": None, "notice_share": None}, False),
        ({"level": "normal", "reasons": []}, False),
        ({"reasons": ["single_holder_notice"]}, False),
    ],
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_notice_that_a_level_does_not_rest_on_is_told_beside_it(
    language: str, changed: dict[str, object], told: bool
) -> None:
    row = {"level": "elevated", "reasons": ["run_out_p56"], "notices_open": 1, "notice_share": 0.1, **changed}
    assert any(say(language, "situation.notice_beside") in cell for cell in problems.why(language, row, 3)) is told


def test_large_amounts_are_read_in_a_larger_unit_beside_the_exact_one() -> None:
    mg = figures.Unit("mg")
    row = {"stock_units": 100_950_000.0, "daily_demand_units": 345_000.0, "floor_units": None}
    kilos = figures.page_unit(row, "mg", "mg")
    assert figures.readable("en", "stock_units", row["stock_units"], kilos) == "101 kg"
    assert figures.readable("en", "daily_demand_units", row["daily_demand_units"], kilos) == "0.345 kg", "one unit"
    assert figures.in_sql("en", "stock_units", 100_950_000.125, "mg") == "100,950,000.125 mg"
    assert figures.page_unit({"stock_units": 950.0}, "mg", "mg") == figures.page_unit(None, "mg", "mg") == mg
    pieces = figures.page_unit({"stock_units": 5_000_000.0}, "kpl", "kpl")
    assert figures.readable("fi", "stock_units", 5_000_000.0, pieces) == "5\u202f000\u202f000 kpl"
    assert figures.readable("fi", "stock_units", None, mg) == "–"
    assert figures.readable("fi", "cover_days", 12.34, mg) == "12,3"
    assert figures.in_sql("fi", "run_out_p14", 0.005, "mg") == "0,005"
    assert figures.in_sql("fi", "demand_basis", "forecast", "mg") == ""


def test_drawings_are_in_the_unit_of_the_page_and_files_are_not() -> None:
    past, unit = pl.DataFrame({"units": [2e7, None], "week": [1, 2]}), figures.Unit("kg", 1e6)
    assert unit.of(past).to_dict(as_series=False) == {"units": [20.0, None], "week": [1, 2]}
    assert past["units"].to_list() == [2e7, None]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"name_fi": "morfiini", "name_sv": "morfin", "name_en": "morphine"}, ["morfiini", "morfin", "morphine"]),
        ({"name_fi": "artesunate (en)", "name_sv": "artesunate (en)", "name_en": "artesunate"}, ["artesunate"]),
        ({"name_fi": None, "name_sv": "morfin", "name_en": "morfin"}, ["morfin"]),
    ],
)
def test_a_name_that_is_another_languages_stands_once(row: dict[str, str | None], told: list[str]) -> None:
    assert problems.names(row) == told


def test_alerts_are_grouped_by_medicine_with_the_country_first() -> None:
    frame = pl.DataFrame(
        {
            "rule": ["run_out"] * 3,
            "medicine_id": ["S1", "S1", "S2"],
            "county_code": ["19", "99", "01"],
            "level": ["severe", "severe", "severe"],
        }
    )
    groups = alerting.grouped(frame)
    assert [[row["county_code"] for row in group] for group in groups] == [["99", "19"], ["01"]]
    lower = frame.with_columns(level=pl.Series(["watch", "watch", "elevated"]))
    assert [group[0]["county_code"] for group in alerting.grouped(lower)] == ["01", "99"], "the severest first"


def test_a_national_shortage_is_one_line_and_a_few_counties_are_named() -> None:
    shared = {"medicine_id": "S1", "critical_class": 2, "level_country": "elevated", "atc": "A01AA01", "name_en": "one"}
    alone = {"medicine_id": "S2", "critical_class": 1, "level_country": "normal", "atc": "A01AA02", "name_en": "two"}
    rows = [shared | {"county_code": code, "level": "severe"} for code in COUNTY_CODES[:20]]
    rows += [alone | {"county_code": "21", "level": "elevated"}, alone | {"county_code": "20", "level": "severe"}]
    first, second = apart.families(pl.DataFrame(rows))
    assert (first["medicine_id"], first["places"]) == ("S2", {"severe": ["20"], "elevated": ["21"]})
    assert list(second["places"]) == ["severe"]
    assert len(second["places"]["severe"]) == 20
    named, counted = (apart.cells("en", one, {})[2] for one in (first, second))
    assert str(named).index("Kainuu") < str(named).index("Lapland")
    assert "20 of 23 counties" in str(counted)
    assert "wellbeing" not in str(counted)
