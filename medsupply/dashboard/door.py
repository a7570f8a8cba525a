"""The door: lets a person in, or says why not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError

from medsupply.dashboard import auth, show
from medsupply.dashboard.context import current
from medsupply.dashboard.wording import say
from medsupply.words import word


def _secrets() -> Mapping[str, Any]:
    try:
        return st.secrets.to_dict()
    except StreamlitSecretNotFoundError:
        return {}


def let_in(language: str) -> auth.Person:
    """The person at the dashboard; stops the page for who may not come in."""
    secrets = _secrets()
    if not auth.needs_sign_in(secrets):
        if not auth.is_loopback(current().settings.base_url):
            show.callout(say(language, "door.not_configured"), warn=True)
            st.stop()
        with st.sidebar:
            show.small(say(language, "door.demo"))
        return auth.DEMO
    if not st.user.is_logged_in:
        _ask(language)
    now = current().clock()
    if auth.idle(st.session_state.get("last_seen"), now):
        del st.session_state["last_seen"]
        st.logout()
        st.stop()
    st.session_state["last_seen"] = now
    found = auth.person(st.user.to_dict(), secrets, now)
    if found is None:
        show.callout(say(language, "door.no_role"), warn=True)
        st.button(say(language, "door.out"), on_click=st.logout)
        st.stop()
    with st.sidebar:
        show.small(f"{found.name} ({word(language, f'role.{found.role}')})")
    st.sidebar.button(say(language, "door.out"), on_click=st.logout)
    return found


def _ask(language: str) -> None:
    show.title(word(language, "product.national"))
    st.markdown(say(language, "door.welcome"))
    st.button(say(language, "door.in"), on_click=st.login, type="primary")
    st.stop()
