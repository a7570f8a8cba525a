"""What the page of scenarios asks: where what-ifs start, and the choices that a person may make."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl
import streamlit as st

from medsupply.dashboard import asking
from medsupply.dashboard.wording import say
from medsupply.forecast.keeping import unpacked
from medsupply.forecast.scenario import Scenario, Start
from medsupply.warehouse.starts import newest_start
from medsupply.words import numbers as write

DELAYS, NOTICES = (0, 7, 14, 28, 56), (0, 30, 60, 90, 180)
DEMANDS = (-20, -10, 0, 10, 20, 30, 50, 100)
RESERVES = (0, 25, 50, 100)
# Stock of a single company is shown to nobody here: only public holders can be left out.
PUBLIC = ("hospital_pharmacy", "medicine_centre")


@st.cache_resource(show_spinner=False, max_entries=4)
def _start(version: str, as_of: date, known_at: datetime) -> Start | None:
    """``version`` is part of the key, as no name with an underscore would be."""
    found = newest_start(asking.warehouse(), as_of, known_at)
    return unpacked(found) if found is not None else None


def start(as_of: date, known_at: datetime) -> Start | None:
    """Where the run-out of a picture's day started; None where none is kept."""
    return _start(asking.version(), as_of, known_at)


def public_holders(found: Start, medicine_id: str) -> dict[str, str]:
    """Holder id to name, of public holders that have some of the medicine."""
    rows = found.holders.filter((pl.col("medicine_id") == medicine_id) & pl.col("holder_type").is_in(list(PUBLIC)))
    return dict(rows.select("holder_id", "name").unique().sort("name", "holder_id").iter_rows())


def chosen_scenario(language: str, holders: dict[str, str]) -> Scenario:
    """The choices of the page as a scenario."""

    def pick(name: str, options: tuple[int, ...], unit: str) -> int:
        def told(value: int) -> str:
            if value == 0:
                return say(language, "scenarios.as_is")
            sign = "+" if unit == "percent" and value > 0 else ""
            return say(language, f"scenarios.{unit}", n=f"{sign}{write.number(language, value)}")

        return int(
            st.selectbox(
                say(language, f"scenarios.{name}"),
                options,
                index=options.index(0),
                format_func=told,
                key=f"what_if_{name}_{language}",
            )
        )

    left, right = st.columns(2, gap="large")
    with left:
        delay = pick("delay", DELAYS, "days")
        demand = pick("demand", DEMANDS, "percent")
        notice = pick("notice", NOTICES, "days")
    with right:
        reserve = pick("reserve", RESERVES, "share")
        out = st.multiselect(
            say(language, "scenarios.holders"),
            list(holders),
            format_func=lambda one: holders[one],
            key=f"what_if_holders_{language}",
            placeholder=say(language, "scenarios.none_out"),
        )
    return Scenario(delay, float(demand), tuple(out), notice, float(reserve))
