"""Every page in every language, on an empty and a filled warehouse; figures equal SQL; forms decide, links do not."""

from __future__ import annotations

import html
from datetime import timedelta

import polars as pl
import pytest
from conftest import NOW, Open
from filled import FAMILIES, LAST, family, fill
from streamlit.testing.v1 import AppTest

from medsupply.dashboard import alerting, context
from medsupply.dashboard.wording import counted, say, sentences
from medsupply.rules import load_rules
from medsupply.settings import LANGUAGES, Settings
from medsupply.tables.forecast import CLASS, GROUPINGS
from medsupply.warehouse.database.connection import Warehouse
from medsupply.words import numbers as write
from medsupply.words import word

PAGES = (
    "situation", "medicine", "county", "alerts", "scenarios", "subscriptions", "quality", "deliveries", "definitions",
    "meeting",
)  # fmt: skip


def shown(at: AppTest) -> str:
    """All that a page shows, as one text."""
    assert not at.exception, [error.message for error in at.exception]
    parts = [element.body for element in at.get("html")]
    kinds = (at.markdown, at.title, at.header, at.subheader, at.caption, at.error, at.success)
    return html.unescape("\n".join([*parts, *(element.value for kind in kinds for element in kind)]))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("page", PAGES)
def test_page_of_a_filled_warehouse(open_filled: Open, page: str, language: str) -> None:
    text = shown(open_filled(page, language))
    assert say(language, f"{page}.title") in text
    assert "{" not in text.replace("{color", "").split("</style>")[-1]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("page", PAGES)
def test_page_of_an_empty_warehouse_says_what_to_do(open_empty: Open, page: str, language: str) -> None:
    text = shown(open_empty(page, language))
    expected = {
        "alerts": "alerts.none",
        "subscriptions": "subscriptions.none",
        "quality": "quality.runs_none",
        "definitions": "definitions.intro",
    }
    assert say(language, expected.get(page, "page.empty")) in text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("page", ["situation", "medicine", "county", "meeting"])
def test_a_late_list_of_notices_is_named_with_its_day(open_filled: Open, page: str, language: str) -> None:
    newest = write.day(language, LAST - timedelta(days=5))
    assert say(language, "blind.notices", day=newest) in shown(open_filled(page, language))


def test_situation_puts_the_worst_first_and_says_why(open_filled: Open) -> None:
    text = shown(open_filled("situation", "sv"))
    listed = text.split(say("sv", "column.reporting"), 1)[1]
    assert listed.index("amoxicillin") < listed.index("salbutamol") < listed.index("morfin")
    assert word("sv", "reason.stock_at_floor") in text
    assert word("sv", "cause.stock_fell") in text
    assert word("sv", "reason.restricted") in text


def test_normal_and_not_critical_medicines_are_one_choice_away(open_filled: Open) -> None:
    assert "paracetamol" not in shown(open_filled("situation"))
    assert "paracetamol" in shown(open_filled("situation", scope="all"))


def test_a_county_that_is_worse_than_the_country_stands_below_its_list(open_filled: Open) -> None:
    listed = shown(open_filled("situation", "en")).split(f">{say('en', 'apart.caption')}<", 1)[1]
    line = listed.split("</table>", 1)[0]
    assert line.index("salbutamol") < line.index("North Ostrobothnia")
    assert "amoxicillin" not in line, "as severe there as in the country"
    assert say("en", "apart.title") not in shown(open_filled("situation", "en", area="19"))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("page", ["county", "situation", "medicine", "meeting"])
def test_a_county_names_the_notice_as_its_mail_does(open_filled: Open, page: str, language: str) -> None:
    """Its level rests on stock alone; the country's row has a reason of its own that says so."""
    beside = say(language, "situation.notice_beside")
    assert beside in shown(open_filled(page, language, area="21", medicine=family(FAMILIES[0])))
    assert beside not in shown(open_filled("situation", language))


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_alert_of_a_county_names_the_notice_beside_its_reason(open_filled: Open, language: str) -> None:
    text = shown(open_filled("alerts", language))
    assert text.count(say(language, "situation.notice_beside")) == 1, "of the three, the country's rest on it already"


def test_an_area_of_the_url_is_shown(open_filled: Open) -> None:
    at = open_filled("situation", "fi", area="19")
    assert "Pohjois-Pohjanmaan hyvinvointialue" in shown(at)
    assert "ms-map" not in "".join(element.body for element in at.get("html") if "<style" not in element.body)


def test_unknown_values_of_the_url_fall_back(open_filled: Open) -> None:
    at = open_filled("situation", "xx", area="77", day="2020-13-45", medicine="<script>")
    assert word("fi", "level.severe") in shown(at)


def test_figures_equal_sql(open_filled: Open, filled_settings: Settings) -> None:
    code = family(FAMILIES[1])
    text = shown(open_filled("medicine", "fi", medicine=code))
    with Warehouse.open(filled_settings, role="analyst") as wh:
        row = wh.read(
            "SELECT * FROM analyst.situation WHERE medicine_id = :id AND county_code = '99' AND as_of = :day",
            id=code, day=LAST,
        ).row(0, named=True)  # fmt: skip
    assert write.number("fi", row["cover_days"], 1) in text
    assert write.share("fi", row["run_out_p56"], 1) in text
    assert write.number("fi", row["stock_units"]) in text
    assert write.day("fi", row["run_out_on"]) in text


def test_what_is_not_known_is_a_dash_never_zero(open_filled: Open) -> None:
    text = shown(open_filled("medicine", "en", medicine=family(FAMILIES[4])))
    stock = text.split(say("en", "figure.stock_units.name"), 1)[1].split("</tr>", 1)[0]
    assert write.NOTHING in stock
    assert say("en", "stock.none") in text
    assert say("en", "medicine.both", empty="elevated", usual="normal") in text


def test_without_any_stock_the_page_says_so(fresh_settings: Settings, open_empty: Open) -> None:
    with Warehouse.open(fresh_settings) as wh:
        fill(wh, with_stock=False)
    assert say("fi", "blind.all") in shown(open_empty("situation", "fi"))


def test_the_language_switch_changes_the_page_and_the_url(open_filled: Open) -> None:
    at = open_filled("situation", "fi")
    at.sidebar.radio[0].set_value("sv").run()
    assert say("sv", "situation.title") in shown(at)
    assert at.query_params["lang"] == "sv"


def test_acknowledging_needs_a_name_and_a_note(fresh_settings: Settings, open_empty: Open) -> None:
    with Warehouse.open(fresh_settings) as wh:
        fill(wh)
    at = open_empty("alerts", "en")
    assert say("en", "alerts.nobody") in shown(at)
    at.button[0].click().run()
    assert sentences("en")["decision.owner_missing"] in shown(at)
    at.text_input[0].set_value("Anna Aalto")
    at.text_area[0].set_value("Called the holder")
    at.button[0].click().run()
    text = shown(at)
    assert "Anna Aalto" in text
    with Warehouse.open(fresh_settings, role="auditor") as wh:
        audit = wh.read("SELECT action, author, reason, at FROM ops.audit")
    assert audit.row(0) == ("acknowledge", "Anna Aalto", "Called the holder", NOW)


def test_a_silence_is_given_and_ended_on_the_page(fresh_settings: Settings, open_empty: Open) -> None:
    with Warehouse.open(fresh_settings) as wh:
        fill(wh)
    at = open_empty("alerts", "en")
    give = next(place for place, one in enumerate(at.button) if one.label == say("en", "silence.do"))
    assert say("en", "silence.end") not in {one.label for one in at.button}, "nothing is silenced"
    at.text_input[1].set_value("Anna Aalto")
    at.text_area[1].set_value("Known recall")
    at.button[give].click().run()
    end = next(place for place, one in enumerate(at.button) if one.label == say("en", "silence.end"))
    (line,) = at.selectbox[2].options
    assert line.endswith(f"{say('en', 'silence.until', day='18 Mar 2026')} (Anna Aalto: Known recall)"), line
    at.text_input[2].set_value("Bo Berg")
    at.text_area[2].set_value("The recall is over")
    assert say("en", "silence.ended") in shown(at.button[end].click().run())
    with Warehouse.open(fresh_settings) as wh:
        assert wh.read("SELECT ends_at FROM alerts.silence").item() == NOW
        assert wh.read("SELECT action, author FROM ops.audit ORDER BY action").rows() == [
            ("end_silence", "Bo Berg"), ("silence", "Anna Aalto"),
        ]  # fmt: skip


def test_a_link_acknowledges_nothing(filled_settings: Settings, open_filled: Open) -> None:
    open_filled("alerts", "en", acknowledge="run_out-0", owner="x", note="y")
    with Warehouse.open(filled_settings) as wh:
        assert wh.read("SELECT count(*) AS n FROM alerts.acknowledgement").item() == 0


def test_off_this_machine_nothing_is_shown_without_sign_in(filled_settings: Settings, open_filled: Open) -> None:
    served = Settings(**{**vars(filled_settings), "base_url": "https://medsupply.example"})
    context.configure(served, lambda: NOW)
    text = shown(open_filled("situation", "en"))
    assert say("en", "door.not_configured") in text
    assert "amoxicillin" not in text


def test_a_scenario_changes_the_risk_and_says_so(open_filled: Open) -> None:
    at = open_filled("scenarios", "en")
    plain = shown(at)
    assert "as things are" in plain
    assert say("en", "scenarios.then") not in plain
    chosen = next(one for one in at.selectbox if one.label == say("en", "scenarios.delay"))
    changed = shown(chosen.set_value(56).run())
    assert "with this change" in changed
    assert say("en", "scenarios.then") in changed
    assert changed != plain


def test_only_public_holders_can_be_left_out(open_filled: Open) -> None:
    at = open_filled("scenarios", "en", medicine=min(family(row) for row in FAMILIES if row[8] is not None))
    assert [option for one in at.multiselect for option in one.options] == ["HUS"]


def test_a_medicine_says_what_drives_its_forecast_and_when_it_may_run_out(open_filled: Open) -> None:
    text = shown(open_filled("medicine", "en", medicine=family(FAMILIES[1])))
    assert say("en", "explained.title") in text
    assert "within 8 weeks" in text


def test_reliability_stands_on_the_quality_page(open_filled: Open) -> None:
    text = shown(open_filled("quality", "en"))
    assert f"differ by {write.share('en', 0.03)}" in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_grouping_that_is_scored_has_its_name(open_filled: Open, language: str) -> None:
    at = open_filled("quality", language)
    listed = next(one.options for one in at.selectbox if one.key == "grouping_demand")
    assert listed[0] == say(language, "quality.group_all")
    options = {option for one in at.selectbox if str(one.key).startswith("grouping_") for option in one.options}
    assert len(options) == len(GROUPINGS) + 1
    assert not options & {*GROUPINGS, f"{CLASS} 1"}, "none by its code"
    for one in [one for one in at.selectbox if one.key == "grouping_demand"]:
        for option in one.options:
            assert "cover_high" not in shown(one.select(option).run())


def test_a_substituted_model_is_named_in_words(open_filled: Open) -> None:
    text = shown(open_filled("quality", "en"))
    assert ">combination<" in text and ">asked for only now and then<" in text
    assert ">intermittent<" not in text


def test_past_alerts_are_named_in_words_and_empty_classes_left_out(open_filled: Open) -> None:
    text = shown(open_filled("quality", "fi"))
    assert "loppuminen (ei kriittinen)" in text
    assert "loppuminen (luokka 3)" not in text


def test_an_address_that_mail_does_not_reach_is_a_banner(open_empty: Open, fresh_settings: Settings) -> None:
    with Warehouse.open(fresh_settings) as wh, wh.transaction() as connection:
        connection.exec_driver_sql(
            "insert into alerts.outbox (message_id, alert_id, recipient, language, kind, subject, body_text, body_html,"
            f" status, created_at, due_at, attempts) select 'm' || n, 'a', who, 'fi', 'alert', 's', 't', 'h', state,"
            f" '{NOW.isoformat()}', '{NOW.isoformat()}', 1 from (values (1, 'dead@x.example', 'failed'),"
            " (2, 'well@x.example', 'sent')) v (n, who, state)"
        )
    text = shown(open_empty("alerts", "en"))
    assert "The sender has never run" not in text, "where no relay is set nothing is broken"
    assert "d***@x.example" in text and say("en", "mails.dead", who="d***@x.example") in text


def test_scores_wait_for_the_first_known_outcome() -> None:
    def page() -> None:
        import polars as pl

        from medsupply.dashboard import alerting

        row = {"rule": "run_out", "grouping": "all", "episodes": 6, "left_out": 6, "events": 0}
        alerting.scores("en", pl.DataFrame([row]))

    assert say("en", "alert_scores.none") in shown(AppTest.from_function(page).run())


def test_alerts_are_counted_by_medicine_not_by_row(open_filled: Open) -> None:
    assert say("en", "alerts.caption", n=3, groups=2) in shown(open_filled("alerts", "en"))
    frame = pl.DataFrame({"medicine_id": ["S1", "S1", "S2", "stock"]})
    assert alerting.medicines("en", frame) == 2


def test_what_is_not_due_yet_is_said(open_filled: Open) -> None:
    assert counted("en", "deliveries.not_due", 1) in shown(open_filled("deliveries", "en"))


def test_medicines_without_a_level_can_be_seen(fresh_settings: Settings, open_empty: Open) -> None:
    with Warehouse.open(fresh_settings) as wh:
        fill(wh)
        with wh.transaction() as connection:
            connection.exec_driver_sql(
                "UPDATE picture.situation SET level = NULL, reasons = '{low_demand}' WHERE atc = 'B01AB01'"
            )
    at = open_empty("county", "fi", area="19")
    assert say("fi", "situation.no_level", n=1) in [one.label for one in at.expander]
    assert "hepariini" in shown(at)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_family_lists_its_medicines_and_a_medicine_the_others(open_filled: Open, language: str) -> None:
    assert say(language, "family.title_family") in shown(
        open_filled("medicine", language, medicine=family(FAMILIES[0]))
    )
    assert say(language, "family.title") in shown(open_filled("medicine", language, medicine="G0001"))


def test_the_medicine_page_leaves_weaker_reasons_out_too(open_filled: Open) -> None:
    text = shown(open_filled("medicine", "en", medicine=family(FAMILIES[0])))
    assert word("en", "reason.stock_at_floor") in text
    assert word("en", "reason.run_out_p84") not in text


def test_a_scenario_speaks_of_two_columns_only_where_there_are_two(open_filled: Open) -> None:
    at = open_filled("scenarios", "en")
    assert say("en", "scenarios.same_futures") not in shown(at)
    chosen = next(one for one in at.selectbox if one.label == say("en", "scenarios.delay"))
    assert say("en", "scenarios.same_futures") in shown(chosen.set_value(56).run())


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_of_who_wrote_the_rules_are_a_quotation(open_filled: Open, language: str) -> None:
    text = shown(open_filled("definitions", language))
    rules = load_rules()
    assert f'<q lang="{rules.reason_language}">{rules.reason}</q>' in text
    assert (word(language, "language.en") in text.split(rules.reason, 1)[1][:40]) == (language != "en")


def test_the_same_wrong_line_of_a_daily_list_counts_once(fresh_settings: Settings, open_empty: Open) -> None:
    with Warehouse.open(fresh_settings) as wh:
        fill(wh)
        with wh.transaction() as connection:
            for number in (1, 2, 3):
                same = f"jsonb_build_object('delivery_id', 'list-{number}', 'source', 'fimea_shortages'"
                connection.exec_driver_sql(
                    f"INSERT INTO ops.deliveries SELECT (jsonb_populate_record(d, {same}, 'verdict', 'partly',"
                    f" 'received_at', '{NOW - timedelta(days=number)}'))).* FROM ops.deliveries d"
                    " WHERE delivery_id = 'stock-1'"
                )
                connection.exec_driver_sql(
                    f"INSERT INTO ops.quarantine SELECT (jsonb_populate_record(q, {same}))).*"
                    " FROM ops.quarantine q WHERE delivery_id = 'stock-1' AND line = 3"
                )
    text = shown(open_empty("deliveries", "en"))
    assert counted("en", "quarantine.sentence", 4) in text
    assert "list-1, 3" in text and "list-2, 3" not in text
