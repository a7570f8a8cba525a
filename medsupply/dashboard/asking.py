"""The way to the database: one warehouse per process, queries cached while nothing new has come in.

A view looks once whether something is new, at what was found in the last seconds; all its queries then share that
version, so that a page never mixes two.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl
import streamlit as st

from medsupply.dashboard.context import current
from medsupply.warehouse.database.connection import Warehouse

SEEN = "data_version"
LOOKS_EVERY = timedelta(seconds=5)
# A release or a withdrawal changes rows of a delivery, none is added; the calendar is written anew with each picture.
_NEWEST = """
    SELECT row(d, p, e, f, s)::text AS newest FROM
    (SELECT count(*), max(received_at), max(released_at), count(released_at), count(withdrawn_at), sum(parts),
        sum(rows_quarantined) FROM ops.deliveries) d,
    (SELECT count(*), max(known_at), count(dropped_at) FROM picture.pictures) p,
    (SELECT max(known_at) FROM ops.expected_days) e,
    (SELECT count(*), max(known_at) FROM forecast.runs) f,
    (SELECT count(*), max(known_at) FROM forecast.scores) s
"""


@st.cache_resource(show_spinner=False)
def _open(place: str) -> Warehouse:
    """``place`` is the key of the cache: Streamlit leaves a name with an underscore out of it."""
    return Warehouse.open(current().settings, role="dashboard")


def _place() -> str:
    return f"{current().settings.home}|{current().settings.database_url}"


def warehouse() -> Warehouse:
    """The warehouse of this process, open as the dashboard's role."""
    return _open(_place())


def look_again() -> None:
    """A new view begins: its first query looks whether something has come in."""
    st.session_state.pop(SEEN, None)


def version() -> str:
    """What the view shows: another one after a picture, a delivery, a release, a forecast or a score came in."""
    if SEEN not in st.session_state:
        st.session_state[SEEN] = _newest(_place())
    return str(st.session_state[SEEN])


# A year of national deliveries (340,000) took 0.4 s to count on a busy machine: once for all who look in these seconds.
@st.cache_data(show_spinner=False, ttl=LOOKS_EVERY)
def _newest(place: str) -> str:
    return f"{place}|{warehouse().read(_NEWEST).item()}"


@st.cache_data(show_spinner=False, max_entries=400)
def _cached(version: str, query: str, params: dict[str, Any]) -> pl.DataFrame:
    """``version`` is part of the key, as no name with an underscore would be."""
    return warehouse().read(query, **params)


def ask(query: str, **params: Any) -> pl.DataFrame:
    """The rows of a query, from the cache while nothing new has come in."""
    return _cached(version(), query, params)


def fresh(query: str, **params: Any) -> pl.DataFrame:
    """The rows of a query, never from the cache: what people change on the pages themselves."""
    return warehouse().read(query, **params)
