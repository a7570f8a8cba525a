"""Subscriptions: who gets which mails, at once or once a day, and who is on duty outside office hours."""

from __future__ import annotations

import polars as pl
import streamlit as st

from medsupply.alerts.store.hearing import unheard
from medsupply.alerts.store.rota import duties
from medsupply.dashboard import asking, data, forms, frame, problems, show, subscribing
from medsupply.dashboard.auth import Person
from medsupply.dashboard.context import current
from medsupply.dashboard.wording import say

language = frame.lang()
person: Person = st.session_state["person"]
show.title(say(language, "subscriptions.title"), say(language, "subscriptions.intro"))
forms.told()
wide = person.demo or person.may_write
found = data.subscriptions()
if not wide:
    found = found.filter(pl.col("address").str.to_lowercase() == person.address.lower())
names = {row["medicine_id"]: problems.name(language, row) for row in data.medicines().iter_rows(named=True)}
if wide:
    subscribing.unheard(language, unheard(asking.warehouse()))
show.heading(say(language, "subscriptions.standing"))
subscribing.standing(language, found, names)
show.heading(say(language, "subscriptions.new"))
subscribing.subscribe(language, person, names)
with st.expander(say(language, "subscription.title")):
    forms.unsubscribe(language, person)
if wide:
    show.heading(say(language, "duty.title"))
    subscribing.duties(language, duties(asking.warehouse(), at=current().clock()))
    with st.expander(say(language, "duty.new")):
        subscribing.put_on_duty(language, person, current().clock().date())
