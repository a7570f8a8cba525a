"""The frame of every page: style, sign-in, title, filters; and the sentence for an empty warehouse."""

from __future__ import annotations

from importlib.resources import files

import streamlit as st

from medsupply.areas import COUNTRY
from medsupply.dashboard import filters, show
from medsupply.dashboard.filters import Filters
from medsupply.dashboard.markup import level_styles
from medsupply.dashboard.wording import say
from medsupply.words import word


def style(language: str) -> None:
    """The dashboard's own CSS, and its name above the navigation."""
    css = (files("medsupply.dashboard") / "style.css").read_text(encoding="utf-8")
    named = f':root {{ --ms-product: "{word(language, "product.name")}"; }}'
    st.html(f"<style>{css}\n{level_styles()}\n{named}</style>")


def lang() -> str:
    """The language that the entry script has settled for this run."""
    return str(st.session_state["language"])


def begin(page: str, *, area: str = "any", scope: bool = False) -> Filters:
    """Title and filters of a page on pictures; stops with a sentence where there is no picture yet.

    ``area``: any, county, or none (the country).
    """
    language = lang()
    head = st.container()
    picked = st.columns([2, 1.2, 1.6], vertical_alignment="bottom")
    choose = {"any": filters.area, "county": filters.county}.get(area)
    with picked[1] if choose else picked[0]:
        found = filters.picture(language)
    if found is None:
        with head:
            show.title(say(language, f"{page}.title"))
            empty(language)
        st.stop()
    with picked[0]:
        place = choose(language) if choose else COUNTRY
    with picked[2]:
        critical = filters.critical_only(language) if scope else True
    chosen = Filters(language, *found, area=place, critical_only=critical)
    with head:
        show.title(say(language, f"{page}.title"), show.as_of(chosen))
    return chosen


def empty(language: str) -> None:
    """What to do where nothing has been loaded yet."""
    show.callout(say(language, "page.empty"), warn=True)
