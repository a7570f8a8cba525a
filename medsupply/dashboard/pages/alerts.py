"""Alerts: what is open and who has it; acknowledge or silence (by form only); mails; how past alerts turned out."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import streamlit as st

from medsupply.dashboard import alerting, data, decisions, frame, mails, show
from medsupply.dashboard.auth import Person
from medsupply.dashboard.context import current
from medsupply.dashboard.wording import say, sentences
from medsupply.errors import InputError


def decided(language: str, decide: Callable[[], None], told: str) -> None:
    """Do what a form asks; a refusal is a sentence beside it, success a sentence after the page is drawn again."""
    try:
        decide()
    except InputError as error:
        known = error.reason in sentences(language)
        st.error(say(language, error.reason) if known else str(error))
        return
    st.session_state["told"] = told
    st.rerun()


def acknowledge(language: str, found: pl.DataFrame, person: Person) -> None:
    """Take an alert on. Following a link never does: only this form."""
    labels = {row["alert_id"]: alerting.subject(language, row) for row in found.iter_rows(named=True)}
    with st.form("acknowledge"):
        st.markdown(say(language, "acknowledge.how"))
        alert = st.selectbox(say(language, "acknowledge.alert"), list(labels), format_func=lambda key: labels[key])
        owner = st.text_input(say(language, "acknowledge.owner"), value=person.name, max_chars=80)
        note = st.text_area(say(language, "acknowledge.note"), max_chars=500)
        if st.form_submit_button(say(language, "acknowledge.do"), type="primary"):
            decided(
                language,
                lambda: decisions.acknowledge(
                    data.warehouse(), person, alert, owner=owner, note=note, at=current().clock()
                ),
                say(language, "acknowledge.done", owner=owner),
            )


def silence(language: str, found: pl.DataFrame, person: Person) -> None:
    """No mails on one medicine and area for some days; the alert stays on the page."""
    rows = {row["alert_id"]: row for row in found.iter_rows(named=True)}
    with st.form("silence"):
        st.markdown(say(language, "silence.how", days=decisions.LONGEST_SILENCE_DAYS))
        key = st.selectbox(
            say(language, "acknowledge.alert"),
            list(rows),
            format_func=lambda one: alerting.subject(language, rows[one]),
        )
        days = st.number_input(say(language, "silence.days"), 1, decisions.LONGEST_SILENCE_DAYS, 7)
        author = st.text_input(say(language, "acknowledge.owner"), value=person.name, max_chars=80)
        reason = st.text_area(say(language, "silence.reason"), max_chars=500)
        if st.form_submit_button(say(language, "silence.do")):
            scope = {name: str(rows[key][name]) for name in ("medicine_id", "county_code", "rule")}
            decided(
                language,
                lambda: decisions.silence(
                    data.warehouse(), person, **scope, author=author, reason=reason, days=days, at=current().clock()
                ),
                say(language, "silence.done", n=days),
            )


language = frame.lang()
person: Person = st.session_state["person"]
show.title(say(language, "alerts.title"), say(language, "alerts.intro"))
if told := st.session_state.pop("told", None):
    st.success(told)
found = data.alerts()
still_open = alerting.open_alerts(found)
show.heading(say(language, "alerts.open"))
alerting.open_table(language, still_open, {"lang": language})
if still_open.height and person.may_write:
    left, right = st.columns(2)
    with left, st.expander(say(language, "acknowledge.title")):
        acknowledge(language, still_open, person)
    with right, st.expander(say(language, "silence.title")):
        silence(language, still_open, person)
if found.height:
    show.download(language, found, "alerts")

show.heading(say(language, "mails.title"))
notifications = data.notifications()
if notifications.height:
    with st.expander(say(language, "mails.list", n=notifications.height)):
        alerting.mails_table(language, notifications)
alerting.read_mail(language, mails.arrived(current().settings.home))

show.heading(say(language, "alert_scores.title"))
alerting.scores(language, alerting.newest_scores())
