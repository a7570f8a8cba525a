"""Subscriptions, digests, escalation, the watchdog and why, on a nation whose every number is recognisable."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from itertools import product
from typing import Any

import polars as pl
import pytest
from alerts_pictures import GONE, SHORT, day, moment, put, row
from hostile_relay import Relay, running

from medsupply import flow
from medsupply.alerts import desk, sender, store, subscriptions
from medsupply.alerts.digests import digest
from medsupply.alerts.recipients import subscriptions_of
from medsupply.alerts.rendering import texts
from medsupply.alerts.store import rota
from medsupply.alerts.store.scoring import replay_rules
from medsupply.areas import AREAS
from medsupply.days import HELSINKI
from medsupply.errors import InputError
from medsupply.rules import load_rules
from medsupply.settings import LANGUAGES
from medsupply.tables.alerts import STATE
from medsupply.tables.picture import COMPLETENESS, PICTURES
from medsupply.warehouse.database import bulk
from medsupply.warehouse.database.connection import Warehouse
from medsupply.words import word

RULES = load_rules()
MARKED = {"stock_units": 3141.59, "floor_units": 2718.28, "reserve_units": 1414.21, "cover_days": 17.32,
          "run_out_p14": 0.5772, "run_out_p28": 0.6931, "run_out_p56": 0.8079, "run_out_p84": 0.9159,
          "run_out_on": day(61), "daily_demand_units": 1.0987, "notices_open": 4669}  # fmt: skip


def evaluate(wh: Warehouse, number: int) -> str:
    return store.evaluate(wh, day(number), moment(number), RULES)


def subscribe(wh: Warehouse, address: str, *, confirmed: bool = True, **options: Any) -> None:
    lines = subscriptions_of(address, **{"language": "en", "role": "fimea", **options})
    subscriptions.add(wh, lines, at=moment(0), confirmed=confirmed)


def outbox(wh: Warehouse) -> list[dict[str, Any]]:
    return wh.read("select * from alerts.outbox order by created_at, recipient").to_dicts()


def bare(mail: dict[str, Any]) -> str:
    """What a mail says, without its addresses and style."""
    return re.sub(r"https?://\S+|<style.*?</style>|style=\"[^\"]*\"", "", mail["body_text"] + mail["body_html"])


def test_no_number_of_the_nation_is_in_any_mail(warehouse: Warehouse) -> None:
    """Every template: opening, rise, escalation, duty, end, hold, digest, weekly, confirmation; in three languages."""
    for language in ("fi", "sv", "en"):
        subscribe(warehouse, f"{language}@example.org", language=language, deputy=f"deputy-{language}@example.org",
                  office_hours=True, rota=language)  # fmt: skip
        subscribe(warehouse, f"self-{language}@example.org", language=language, confirmed=False)
        night = {"start": moment(0), "end": moment(3), "author": "A", "at": moment(0)}
        rota.put_on_duty(warehouse, language, f"duty-{language}@example.org", **night)
    marked = {**GONE, **MARKED, "reasons": ["run_out_p14_with_reserve", "only_reserve_left", "obligation_short"]}
    put(warehouse, 0, [row("S", **{**marked, "level": "elevated"})])
    evaluate(warehouse, 0)
    put(warehouse, 1, [row("S", **marked)])
    evaluate(warehouse, 1)
    clock = datetime(2026, 3, 3, 20, 0, tzinfo=UTC)
    with running(Relay()) as url:
        sender.send(warehouse, clock=lambda: clock, smtp_url=url)
        sender.send(warehouse, clock=lambda: clock + timedelta(hours=14), smtp_url=url)
        sender.send(warehouse, clock=lambda: clock + timedelta(hours=30), smtp_url=url)
    digest(warehouse, day(1), at=moment(1))
    digest(warehouse, day(1), at=moment(1), weekly=True)
    put(warehouse, 2, [row(f"S{letter}", **marked) for letter in "ABCDEFGHIJKLM"])
    assert "held" in evaluate(warehouse, 2)
    for number in range(3, 14):
        put(warehouse, number, [row("S", **{**MARKED, "run_out_p56": 0.1234})])
        evaluate(warehouse, number)
    found = outbox(warehouse)
    kinds = {(one["kind"], one["language"]) for one in found}
    assert kinds == set(product(("alert", "resolved", "digest", "operations", "confirmation"), ("fi", "sv", "en")))
    assert {"deputy-fi@example.org", "duty-fi@example.org"} <= {one["recipient"] for one in found}
    digits = [re.sub(r"[^0-9]", "", str(value)).lstrip("0") for value in (*MARKED.values(), 0.1234)]
    for mail in found:
        said = bare(mail) + mail["subject"]
        assert not [one for one in digits if one in said.replace(".", "").replace(",", "")], said
        assert str(day(61)) not in said and "17" not in said


def test_an_address_that_subscribes_itself_gets_nothing_before_it_confirms(warehouse: Warehouse) -> None:
    subscribe(warehouse, "self@example.org", confirmed=False)
    put(warehouse, 0, [row("S1", **SHORT)])
    evaluate(warehouse, 0)
    (asked,) = outbox(warehouse)
    assert asked["kind"] == "confirmation"
    with pytest.raises(InputError):
        subscriptions.confirm(warehouse, "self@example.org", "guess", at=moment(0))
    token = re.search(r"token=(\w+)", asked["body_text"])
    assert token and subscriptions.confirm(warehouse, "self@example.org", token[1], at=moment(0)) == 1
    put(warehouse, 1, [row("S1", **GONE)])
    evaluate(warehouse, 1)
    assert [one["kind"] for one in outbox(warehouse)] == ["confirmation", "alert"]
    assert subscriptions.end(warehouse, "SELF@example.org", at=moment(1)) == 1
    put(warehouse, 2, [row("S2", **GONE)])
    evaluate(warehouse, 2)
    assert len(outbox(warehouse)) == 2


def test_an_operator_confirms_what_waits(warehouse: Warehouse) -> None:
    subscribe(warehouse, "self@example.org", confirmed=False)
    subscribe(warehouse, "self@example.org")
    assert warehouse.read("select confirmed_at from alerts.subscription")["confirmed_at"].null_count() == 0


@pytest.mark.parametrize("address", ["no address", "a@b@c", "å@example.org", "a@example.org\r\nBcc: b@example.org"])
def test_what_is_no_address_is_said(address: str) -> None:
    with pytest.raises(InputError):
        subscriptions_of(address, language="en")


NOTICED = {"notices_open": 6, "notice_share": 1.0}


@pytest.mark.parametrize(
    ("country", "area", "told", "first"),
    [
        (SHORT, NOTICED, True, "Check your area's own stock"),
        ({"level": "watch"}, NOTICED, True, "Redistribute within"),
        ({"level": "watch"}, {"notices_open": 6, "notice_share": 0.0}, False, "Redistribute within"),
        (SHORT, {"notices_open": 0, "notice_share": 0.2}, False, "Check your area's own stock"),
    ],
)
def test_an_area_hears_of_the_notice_and_first_what_helps_it(
    warehouse: Warehouse, country: dict[str, Any], area: dict[str, Any], told: bool, first: str
) -> None:
    """Levels of areas rest on stock alone; where the whole country is short there is little to redistribute."""
    subscribe(warehouse, "a@county.example", role="county", county="21")
    put(warehouse, 0, [row("S1", **country), row("S1", "21", **{**SHORT, **area})])
    evaluate(warehouse, 0)
    text = outbox(warehouse)[0]["body_text"]
    why, do = (text.partition(f"\n{head}\n")[2].partition("\n\n")[0] for head in ("WHY", "WHAT YOU CAN DO"))
    assert "does not seem enough" in why and ("has given a shortage notice" in why) is told
    assert do.startswith(f"- {first}") and "Redistribute within" in do
    assert warehouse.read("select reasons from analyst.alerts where county_code = '21'").item().to_list() == [
        "run_out_p56"
    ]


@pytest.mark.parametrize(("language", "said"), [("fi", "Osa toimipisteistä ei ole ilmoittanut"),
                                                ("sv", "En del verksamhetsställen har inte rapporterat"),
                                                ("en", "Some sites have not reported")])  # fmt: skip
def test_who_is_asked_for_a_missing_report_is_not_told_that_it_has_come(
    warehouse: Warehouse, language: str, said: str
) -> None:
    subscribe(warehouse, "a@example.org", language=language)
    put(warehouse, 0, [row("S1", **{**SHORT, "state": "late", "reasons": ["run_out_p56", "late_data"]})])
    evaluate(warehouse, 0)
    told = flat(outbox(warehouse)[0]["body_text"])
    assert said in told and texts(language)["action.check_data"] in told


def test_the_digest_goes_out_on_quiet_days_once(warehouse: Warehouse) -> None:
    subscribe(warehouse, "a@example.org")
    put(warehouse, 0, [row("S1")])
    evaluate(warehouse, 0)
    assert digest(warehouse, day(0), at=moment(0)) == "1 digests queued"
    assert digest(warehouse, day(0), at=moment(0)) == "0 digests queued"
    assert "no open alerts" in outbox(warehouse)[0]["subject"]


def test_a_line_of_the_digest_tells_of_the_rule_that_mails_and_of_who_has_it_in_hand(warehouse: Warehouse) -> None:
    """Two more rules at the same level: one would name obligatory storage, one a quantity."""
    subscribe(warehouse, "a@example.org")
    put(warehouse, 0, [row("S1", **{**GONE, "reasons": ["stock_at_floor", "obligation_short"], "stock_units": 0.0})])
    evaluate(warehouse, 0)
    rules = warehouse.read("select rule from alerts.state order by rule")["rule"].to_list()
    assert rules == ["obligation", "run_out", "stock_zero"]
    desk.acknowledge(warehouse, "run_out-S1-99-1", owner="Anna", note="x", at=moment(0), rules=RULES)
    digest(warehouse, day(0), at=moment(0))
    told = flat(outbox(warehouse)[-1]["body_text"])
    assert "severe (may run out), open since 2 March 2026, in the hands of Anna" in told and "storage" not in told


def test_who_took_a_lower_level_on_has_not_the_higher_in_hand(warehouse: Warehouse) -> None:
    subscribe(warehouse, "a@example.org")
    for number, (changes, owned) in enumerate([(SHORT, True), (GONE, False)]):
        put(warehouse, number, [row("S1", **changes)])
        evaluate(warehouse, number)
        if number == 0:
            desk.acknowledge(warehouse, "run_out-S1-99-1", owner="Anna", note="x", at=moment(0), rules=RULES)
        digest(warehouse, day(number), at=moment(number) + timedelta(hours=7))
        told = [one["body_text"] for one in outbox(warehouse) if one["kind"] == "digest"][-1]
        assert ("Anna" in told, "not acknowledged" in flat(told)) == (owned, not owned)


def put_open(wh: Warehouse, *scopes: tuple[str, str, str]) -> None:
    """Open alerts of a day: rule, what it is about, level."""
    same = {"county_code": "99", "episode": 1, "state": "open", "opened_on": day(0), "changed_on": day(0), "quiet": 0,
            "flapping": False, "reasons": []}  # fmt: skip
    rows = [
        {**same, "alert_id": f"{rule}-{about}-99-1", "rule": rule, "medicine_id": about, "level": level}
        for rule, about, level in scopes
    ]
    with wh.transaction() as connection:
        bulk.upsert(connection, STATE, pl.DataFrame(rows, schema=STATE.dtypes()))


def digest_of(wh: Warehouse, address: str) -> str:
    digest(wh, day(0), at=moment(0))
    return next(one["body_text"] for one in outbox(wh) if one["recipient"] == address)


def test_what_only_the_digest_tells_stands_apart_below_the_lowest_level(warehouse: Warehouse) -> None:
    """The level filters mails at once (decision 0004); stock that is gone follows the run-out that it says more of."""
    subscribe(warehouse, "a@example.org", role=None, level="severe", county="99")
    put(warehouse, 0, [row(f"S{number}") for number in range(4)])
    put_open(warehouse, ("run_out", "S0", "elevated"), ("stock_zero", "S0", "elevated"), ("surge", "S1", "watch"),
             ("single_holder", "S2", "severe"), ("run_out", "S3", "severe"))  # fmt: skip
    text = digest_of(warehouse, "a@example.org")
    asked, aside = text.partition("OPEN ALERTS")[2].partition("ALSO TO KNOW (THE LOWEST LEVEL")[::2]
    assert "S0" not in text
    assert {one for one in ("S1", "S2", "S3") if one in asked} == {"S2", "S3"}
    assert "S1 en (parenteral), Finland: watch (demand surge)" in flat(aside) and "S2" not in aside


@pytest.mark.parametrize(
    ("role", "told"), [("fimea", True), ("stm", True), ("nesa", False), ("thl", False), (None, False)]
)
def test_the_digest_says_who_is_shown_a_restricted_reason_and_where(
    warehouse: Warehouse, role: str | None, told: bool
) -> None:
    """It stands on no alerts page, where it could be taken on: nobody is told that it has not been."""
    subscribe(warehouse, "a@example.org", role=role, level="watch", county="99")
    put(warehouse, 0, [row("S1")])
    put_open(warehouse, ("obligation", "S1", "watch"))
    text = flat(digest_of(warehouse, "a@example.org"))
    assert ("S1" in text) is told
    assert ("shown to Fimea and the ministry only, on the page of the medicine), open since" in text) is told
    assert "alerts page" not in text and "not acknowledged" not in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_refused_delivery_does_not_read_as_the_state_of_stock(warehouse: Warehouse, language: str) -> None:
    subscribe(warehouse, "a@example.org", language=language)
    put_open(warehouse, ("delivery_refused", "stock", "watch"), ("forecast_degraded", "forecast", "watch"),
             ("forecast_degraded", "forecast demand", "watch"), ("forecast_degraded", "new", "watch"))  # fmt: skip
    text, say = flat(digest_of(warehouse, "a@example.org")), texts(language)
    assert say["service.delivery_refused"].format(source=word(language, "source.stock")) in text
    assert say["service.forecast_demand"] in text and text.count(say["service.forecast_degraded"]) == 2
    assert AREAS["99"].name(language) not in text and word(language, "level.watch") not in text


def test_a_late_report_is_no_received_one(warehouse: Warehouse) -> None:
    subscribe(warehouse, "a@example.org")
    key = {"as_of": day(0), "known_at": moment(0)}
    rows = [{**key, "source": "stock", "holder_id": one, "state": one} for one in ("reported", "late", "missing")]
    seen = {**key, "stage": "measured", "rules_version": "test", "rows": 3}
    with warehouse.transaction() as connection:
        bulk.upsert(connection, COMPLETENESS, pl.DataFrame(rows, schema=COMPLETENESS.dtypes()))
        bulk.upsert(connection, PICTURES, pl.DataFrame([seen], schema=PICTURES.dtypes()))
    digest(warehouse, day(0), at=moment(0))
    assert "Reports received: 1/3." in outbox(warehouse)[-1]["body_text"]


def test_the_digest_waits_for_its_hour_and_for_the_day_and_says_when_it_could_not(warehouse: Warehouse) -> None:
    """Five minutes after midnight the day before has just begun to come in: a digest then would be of nothing."""
    subscribe(warehouse, "a@example.org")
    at = lambda hour, minute=0: datetime(2026, 3, 3, hour, minute, tzinfo=HELSINKI)  # noqa: E731
    assert "not due" in flow.morning_digest(warehouse, day(0), at=at(0, 5))
    assert "not due" in flow.morning_digest(warehouse, day(0), at=at(7)), "nothing is evaluated yet"
    put(warehouse, 0, [row("S1")])
    evaluate(warehouse, 0)
    assert "not due" in flow.morning_digest(warehouse, day(0), at=at(6, 59))
    assert flow.morning_digest(warehouse, day(0), at=at(7)) == "1 digests queued"
    late = at(9) + timedelta(days=1)
    assert "not due" in flow.morning_digest(warehouse, day(1), at=late - timedelta(minutes=1))
    assert flow.morning_digest(warehouse, day(1), at=late) == "1 digests queued"
    told = [mail["body_text"] for mail in outbox(warehouse)]
    assert "have not been evaluated" not in told[0]
    assert "alerts of 3 March 2026 have not been evaluated" in " ".join(told[1].split())


def text(mail: EmailMessage) -> str:
    return flat(mail.get_body(("plain",)).get_content())  # type: ignore[union-attr]


def flat(told: str) -> str:
    return " ".join(told.split())


def test_scores_are_stored_and_rules_can_be_played_on_the_past(warehouse: Warehouse) -> None:
    subscribe(warehouse, "a@example.org")
    for number in range(50):
        stock = 1100.0 - 20 * number if number < 40 else 60.0
        short = SHORT if number >= 30 else {}
        figures = {"stock_units": stock, "floor_units": 70.0, "trailing_demand_units": 20.0}
        put(warehouse, number, [row("S1", **{**short, **figures})])
        evaluate(warehouse, number)
    scored = warehouse.read("select * from analyst.alert_scores where rule = 'run_out' order by as_of desc limit 1")
    assert (scored["events"][0], scored["warned"][0], scored["median_lead_days"][0]) == (1, 1, 10.0)

    def judge(as_of: Any, known_at: Any) -> pl.DataFrame:
        return warehouse.read("select * from picture.situation where as_of = :day", day=as_of)

    done = replay_rules(warehouse, RULES, judge)
    assert (done.days, len(done.episodes), done.mails, done.officials) == (50, 1, 1, 1)
    assert "recall 1.00" in str(done)
