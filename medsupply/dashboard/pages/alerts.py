"""Alerts: what is open and who has it; acknowledge, silence, release (by form only); mails; how past alerts did."""

from __future__ import annotations

import polars as pl
import streamlit as st

from medsupply.dashboard import alerting, data, forms, frame, mails, restricted, show
from medsupply.dashboard.auth import Person
from medsupply.dashboard.context import current
from medsupply.dashboard.wording import say


def decisions(language: str, still_open: pl.DataFrame, person: Person) -> None:
    asked = str(st.query_params.get("alert", ""))
    left, right = st.columns(2)
    with left, st.expander(say(language, "acknowledge.title"), expanded=bool(asked)):
        forms.acknowledge(language, still_open, person, asked)
    with right, st.expander(say(language, "silence.title")):
        forms.silence(language, still_open, person)
        if (running := restricted.silences()).height:
            forms.end_silence(language, running, person)


language = frame.lang()
person: Person = st.session_state["person"]
show.title(say(language, "alerts.title"), say(language, "alerts.intro"))
forms.told()
held = data.held_evaluations()
if held:
    show.callout(say(language, "hold.told"), warn=True)
    if person.may_write:
        forms.release(language, held, person)
if dead := data.dead_addresses():
    show.callout(say(language, "mails.dead", who=", ".join(dead)), warn=True)
for finding in data.broken_channel():
    show.callout(finding.told(language), warn=True)
found = data.alerts()
still_open = restricted.open_alerts(found)
show.heading(say(language, "alerts.open"))
alerting.open_table(language, still_open, {"lang": language}, shown=200)
if still_open.height and person.may_write:
    decisions(language, still_open, person)
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
