"""Widgets to plain values: what a person has chosen, as one frozen value that also stands in the URL."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import polars as pl
import streamlit as st

from medsupply.areas import AREAS, COUNTRY, COUNTY_CODES
from medsupply.dashboard import data
from medsupply.dashboard.context import current
from medsupply.dashboard.wording import say
from medsupply.settings import LANGUAGES
from medsupply.words import numbers as write
from medsupply.words import word


@dataclass(frozen=True)
class Filters:
    """Language, picture and area of a view. ``known_at`` names the version of the picture."""

    language: str
    as_of: date
    known_at: datetime
    rules_version: str | None
    area: str = COUNTRY
    critical_only: bool = True

    @property
    def place(self) -> str:
        return AREAS[self.area].name(self.language)

    def url(self, **more: str) -> dict[str, str]:
        """What a link carries on, so that language, area and day stay."""
        kept = {"lang": self.language, "area": self.area, "day": str(st.query_params.get("day", ""))}
        return kept | more


def asked(name: str, default: str) -> str:
    """The value in the URL, else the one of the page before, else ``default``."""
    return str(st.query_params.get(name) or st.session_state.get(f"kept_{name}") or default)


def keep(name: str, value: str, default: str) -> None:
    """Write a choice to the URL and remember it for the next page; a default leaves no trace in the URL."""
    st.session_state[f"kept_{name}"] = value
    if value == default:
        st.query_params.pop(name, None)
    elif st.query_params.get(name) != value:
        st.query_params[name] = value


def language() -> str:
    """The language of the page, chosen in the sidebar; always in the URL."""
    wanted = asked("lang", current().settings.language)
    wanted = wanted if wanted in LANGUAGES else current().settings.language
    chosen = st.sidebar.radio(
        "Kieli / Språk / Language",
        LANGUAGES,
        index=LANGUAGES.index(wanted),
        format_func=lambda code: word(code, "language.name"),
        horizontal=True,
        key="language_choice",
    )
    keep("lang", chosen, "")
    return chosen


def area(lang: str, options: list[str] | None = None) -> str:
    """The area, as a choice by name."""
    codes = options or data.area_names()
    wanted = asked("area", codes[0])
    wanted = wanted if wanted in codes else codes[0]
    chosen = st.selectbox(
        say(lang, "filter.area"),
        codes,
        index=codes.index(wanted),
        format_func=lambda code: AREAS[code].name(lang),
        key=f"area_{lang}_{len(codes)}",
    )
    keep("area", chosen, codes[0])
    return str(chosen)


def county(lang: str) -> str:
    """One of the 23 counties."""
    return area(lang, list(COUNTY_CODES))


def picture(lang: str) -> tuple[date, datetime, str | None] | None:
    """The picture: its report day and the version known; None where there is none yet."""
    frame = data.pictures()
    if frame.is_empty():
        return None
    days = frame["as_of"].unique(maintain_order=True).to_list()
    wanted = asked("day", days[0].isoformat())
    index = next((place for place, day in enumerate(days) if day.isoformat() == wanted), 0)
    chosen = st.selectbox(
        say(lang, "filter.day"), days, index=index, format_func=lambda day: write.day(lang, day), key=f"day_{lang}"
    )
    keep("day", chosen.isoformat(), days[0].isoformat())
    return chosen, *_version(lang, frame.filter(pl.col("as_of") == chosen))


def _version(lang: str, versions: pl.DataFrame) -> tuple[datetime, str | None]:
    moments = versions["known_at"].to_list()
    known_at = moments[0]
    if len(moments) > 1:
        known_at = st.selectbox(
            say(lang, "filter.known"), moments, format_func=lambda at: write.moment(lang, at), key=f"known_{lang}"
        )
    return known_at, versions["rules_version"][moments.index(known_at)]


def critical_only(lang: str) -> bool:
    """Whether only critical medicines are shown."""
    wanted = asked("scope", "critical")
    chosen = st.radio(
        say(lang, "filter.scope"),
        ("critical", "all"),
        index=0 if wanted == "critical" else 1,
        format_func=lambda code: say(lang, f"filter.{code}"),
        horizontal=True,
        key=f"scope_{lang}",
    )
    keep("scope", str(chosen), "critical")
    return chosen == "critical"
