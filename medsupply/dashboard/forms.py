"""Forms by which a person decides something. Following a link never does: only sending a form."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import polars as pl
import streamlit as st

from medsupply.dashboard import alerting, asking, decisions
from medsupply.dashboard.auth import Person
from medsupply.dashboard.context import current
from medsupply.dashboard.wording import counted, say, sentences
from medsupply.errors import InputError
from medsupply.words import numbers as write


def decided(language: str, decide: Callable[[], str]) -> None:
    """Do what a form asks; a refusal is a sentence beside it, success a sentence after the page is drawn again."""
    try:
        told = decide()
    except InputError as error:
        known = error.reason in sentences(language)
        st.error(say(language, error.reason) if known else str(error))
        return
    st.session_state["told"] = told
    st.rerun()


def told() -> None:
    """What the form before has done."""
    if sentence := st.session_state.pop("told", None):
        st.success(sentence)


def acknowledge(language: str, found: pl.DataFrame, person: Person, asked: str) -> None:
    """Take an alert on; ``asked`` is the alert that a link names."""
    labels = {row["alert_id"]: alerting.subject(language, row) for row in found.iter_rows(named=True)}

    def decide() -> str:
        decisions.acknowledge(asking.warehouse(), person, alert, owner=owner, note=note, at=current().clock())
        return say(language, "acknowledge.done", owner=owner)

    with st.form("acknowledge"):
        st.markdown(say(language, "acknowledge.how"))
        index = list(labels).index(asked) if asked in labels else 0
        alert = st.selectbox(
            say(language, "acknowledge.alert"), list(labels), index=index, format_func=lambda key: labels[key]
        )
        owner = st.text_input(say(language, "acknowledge.owner"), value=person.name, max_chars=80)
        note = st.text_area(say(language, "acknowledge.note"), max_chars=500)
        if st.form_submit_button(say(language, "acknowledge.do"), type="primary"):
            decided(language, decide)


def silence(language: str, found: pl.DataFrame, person: Person) -> None:
    """No mails on one medicine and area for some days; the alert stays on the page."""
    rows = {row["alert_id"]: row for row in found.iter_rows(named=True)}

    def decide() -> str:
        scope = {name: str(rows[key][name]) for name in ("medicine_id", "county_code", "rule")}
        decisions.silence(
            asking.warehouse(), person, **scope, author=author, reason=reason, days=days, at=current().clock()
        )
        return say(language, "silence.done", n=days)

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
            decided(language, decide)


def end_silence(language: str, running: pl.DataFrame, person: Person) -> None:
    """Let the mails of a silence go on before its end."""
    labels = {row["silence_id"]: alerting.silence(language, row) for row in running.iter_rows(named=True)}

    def decide() -> str:
        decisions.end_silence(asking.warehouse(), person, key, author=author, reason=reason, at=current().clock())
        return say(language, "silence.ended")

    with st.form("end_silence"):
        st.markdown(say(language, "silence.running"))
        key = st.selectbox(say(language, "silence.one"), list(labels), format_func=lambda one: labels[one])
        author = st.text_input(say(language, "acknowledge.owner"), value=person.name, max_chars=80)
        reason = st.text_area(say(language, "silence.reason"), max_chars=500)
        if st.form_submit_button(say(language, "silence.end")):
            decided(language, decide)


def release(language: str, held: list[date], person: Person) -> None:
    """Let the mails of held evaluations go."""

    def decide() -> str:
        queued = decisions.release(asking.warehouse(), person, author=author, reason=reason, at=current().clock())
        return counted(language, "hold.done", queued)

    with st.form("release"):
        st.markdown(say(language, "hold.how", days=", ".join(write.day(language, day) for day in held)))
        author = st.text_input(say(language, "acknowledge.owner"), value=person.name, max_chars=80)
        reason = st.text_area(say(language, "silence.reason"), max_chars=500)
        if st.form_submit_button(say(language, "hold.do"), type="primary"):
            decided(language, decide)


def unsubscribe(language: str, person: Person) -> None:
    """End the subscriptions of an address."""

    def decide() -> str:
        ended = decisions.unsubscribe(asking.warehouse(), person, address, at=current().clock())
        return counted(language, "subscription.ended", ended)

    with st.form("unsubscribe"):
        st.markdown(say(language, "subscription.end_how"))
        address = st.text_input(say(language, "subscription.address"), value=person.address, max_chars=200)
        if st.form_submit_button(say(language, "subscription.end")):
            decided(language, decide)
