"""The parts of the subscriptions page: who gets which mails, the forms to begin and end them, the duty rota."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import polars as pl
import streamlit as st

from medsupply.alerts.recipients import RANK
from medsupply.areas import AREAS
from medsupply.dashboard import asking, decisions, show
from medsupply.dashboard.auth import Person
from medsupply.dashboard.context import current
from medsupply.dashboard.forms import decided
from medsupply.dashboard.markup import Column
from medsupply.dashboard.wording import coded, say
from medsupply.days import HELSINKI
from medsupply.rules.alerting import ROLES
from medsupply.settings import LANGUAGES
from medsupply.words import numbers as write
from medsupply.words import word

NONE = ""


def standing(language: str, found: pl.DataFrame, names: dict[str, str]) -> None:
    """Standing subscriptions, a line each."""
    if found.is_empty():
        st.markdown(say(language, "subscriptions.none"))
        return
    keys = ("address", "role", "about", "level", "area", "delivery", "language", "state")
    heads = [Column(say(language, f"subscriptions.{key}")) for key in keys]
    cells = [
        [
            row["address"],
            word(language, f"role.{row['role']}") if row["role"] else "",
            _about(language, row, names),
            word(language, f"level.{row['level']}"),
            AREAS[row["county_code"]].name(language) if row["county_code"] else say(language, "subscriptions.any_area"),
            _how(language, row),
            word(language, f"language.{row['language']}"),
            say(language, "subscriptions.confirmed" if row["confirmed_at"] else "subscriptions.waits"),
        ]
        for row in found.iter_rows(named=True)
    ]
    show.grid(heads, cells, say(language, "subscriptions.caption"))


def _about(language: str, row: dict[str, str | None], names: dict[str, str]) -> str:
    parts = [
        names.get(row["medicine_id"] or "", row["medicine_id"]),
        f"ATC {row['atc_prefix']}" if row["atc_prefix"] else None,
        word(language, f"form_class.{row['form_class']}") if row["form_class"] else None,
    ]
    return ", ".join(part for part in parts if part) or say(language, "subscriptions.any_medicine")


def _how(language: str, row: dict[str, str | None]) -> str:
    how = say(language, "subscriptions.digest" if row["digest"] else "subscriptions.at_once")
    return f"{how}, {say(language, 'subscriptions.office', rota=row['rota'])}" if row["rota"] else how


def subscribe(language: str, person: Person, names: dict[str, str]) -> None:
    """Begin a subscription: a role's default lines, or what is described."""
    with st.form("subscribe"):
        st.markdown(say(language, "subscriptions.how"))
        left, middle, right = st.columns(3)
        with left:
            address = st.text_input(say(language, "subscriptions.address"), value=person.address, max_chars=200)
            role = _choice(language, "role", list(ROLES), lambda one: word(language, f"role.{one}"))
            spoken = st.selectbox(
                say(language, "subscriptions.language"), LANGUAGES, index=LANGUAGES.index(language),
                format_func=lambda code: word(language, f"language.{code}"),
            )  # fmt: skip
        with middle:
            level = _choice(language, "level", list(RANK), lambda one: word(language, f"level.{one}"))
            area = _choice(language, "area", list(AREAS), lambda one: AREAS[one].name(language))
            deputy = st.text_input(say(language, "subscriptions.deputy"), max_chars=200)
        with right:
            medicine = _choice(language, "medicine", list(names), lambda one: names[one])
            atc = st.text_input(say(language, "subscriptions.atc"), max_chars=7)
            digest = st.checkbox(say(language, "subscriptions.digest_only"))
            office = st.checkbox(say(language, "subscriptions.office_only"))

        def decide() -> str:
            confirmed = decisions.subscribe(
                asking.warehouse(), person, address, at=current().clock(), language=spoken, role=role or None,
                level=level or None, county=area or None, atc=atc.strip().upper() or None, medicine=medicine or None,
                digest=digest, deputy=deputy.strip() or None, office_hours=office,
            )  # fmt: skip
            return say(language, "subscriptions.done" if confirmed else "subscriptions.asked", address=address)

        if st.form_submit_button(say(language, "subscriptions.do"), type="primary"):
            decided(language, decide)


def _choice(language: str, key: str, options: list[str], label: object) -> str:
    """A choice that may be left open."""
    assert callable(label)
    return st.selectbox(
        say(language, f"subscriptions.{key}"),
        [NONE, *options],
        format_func=lambda one: label(one) if one else say(language, "subscriptions.open"),
    )


def duties(language: str, found: pl.DataFrame) -> None:
    """Who is on duty now and next."""
    if found.is_empty():
        st.markdown(say(language, "duty.none"))
        return
    heads = [Column(say(language, f"duty.{key}")) for key in ("rota", "address", "start", "end")]
    cells = [
        [row["rota"], row["address"], write.moment(language, row["starts_at"]), write.moment(language, row["ends_at"])]
        for row in found.iter_rows(named=True)
    ]
    show.grid(heads, cells, say(language, "duty.caption"))


def put_on_duty(language: str, person: Person, today: date) -> None:
    """Put a person on duty, from the end of office hours of one day to their beginning on another."""
    with st.form("duty"):
        st.markdown(say(language, "duty.how"))
        left, right = st.columns(2)
        with left:
            rota = st.text_input(say(language, "duty.rota"), max_chars=60)
            address = st.text_input(say(language, "duty.address"), max_chars=200)
        with right:
            first = st.date_input(say(language, "duty.start"), today, format="DD.MM.YYYY")
            last = st.date_input(say(language, "duty.end"), today + timedelta(days=7), format="DD.MM.YYYY")

        def decide() -> str:
            start, end = (datetime.combine(day, clock, HELSINKI) for day, clock in ((first, time(16)), (last, time(8))))
            decisions.put_on_duty(
                asking.warehouse(), person, rota, address, start=start, end=end, at=current().clock()
            )  # fmt: skip
            return say(language, "duty.done", address=address)

        if st.form_submit_button(say(language, "duty.do")):
            decided(language, decide)


def unheard(language: str, found: list[tuple[str, str | None]]) -> None:
    """What nobody would be told of."""
    for rule, level in found:
        named = coded(language, "rule", rule)
        told = f"{named} ({word(language, f'level.{level}')})" if level else named
        show.callout(say(language, "subscriptions.unheard", what=told), warn=True)
