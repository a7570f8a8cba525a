"""The script that Streamlit runs for each view: language, sign-in, navigation, then the page."""

from __future__ import annotations

import streamlit as st

from medsupply.dashboard import asking, door, filters, frame, page_script, show
from medsupply.dashboard.wording import say
from medsupply.errors import MedsupplyError, WarehouseUnavailable
from medsupply.words import word

PAGES = (
    "situation", "medicine", "county", "alerts", "scenarios", "subscriptions", "quality", "deliveries", "definitions",
    "meeting",
)  # fmt: skip
HIDDEN = frozenset({"meeting"})


def pages(language: str) -> list[st.Page]:
    """The navigation in the reader's language; flat, as the lists of sections cannot be read by screen readers."""
    return [
        st.Page(
            page_script(name),
            title=say(language, f"{name}.nav"),
            url_path=name,
            default=name == PAGES[0],
            visibility="hidden" if name in HIDDEN else "visible",
        )
        for name in PAGES
    ]


def run() -> None:
    """One view."""
    asking.look_again()
    language = filters.language()
    st.session_state["language"] = language
    st.set_page_config(page_title=word(language, "product.name"), layout="wide", initial_sidebar_state="auto")
    frame.style(language)
    st.session_state["person"] = door.let_in(language)
    printed = st.query_params.get("print") == "1"
    chosen = st.navigation(pages(language), position="hidden" if printed else "sidebar", expanded=True)
    try:
        chosen.run()
    except WarehouseUnavailable:
        show.callout(say(language, "page.unavailable"), warn=True)
    except MedsupplyError as error:
        show.callout(f"{error.reason}. {error.instruction}.", warn=True)


run()
