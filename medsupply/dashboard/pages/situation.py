"""Situation: what changed, what is wrong, where, and how complete the picture is."""

from __future__ import annotations

import polars as pl
import streamlit as st

from medsupply.areas import COUNTRY
from medsupply.dashboard import apart, blocks, corrected, data, frame, markup, page_script, problems, show
from medsupply.dashboard.filters import Filters
from medsupply.dashboard.wording import say
from medsupply.words import numbers as write

SHOWN = 25


def changed(chosen: Filters) -> None:
    language = chosen.language
    found = data.changes(chosen.as_of, chosen.known_at, chosen.area)
    if chosen.critical_only and found.height:
        found = found.filter(pl.col("critical"))
    before = found["before_as_of"].drop_nulls().max() if found.height else None
    show.heading(say(language, "situation.changed"))
    if found.is_empty():
        st.markdown(say(language, "situation.changed_none"))
        return
    st.markdown(say(language, "situation.changed_since", day=write.day(language, before), n=found.height))  # type: ignore[arg-type]
    lines = [problems.change_line(language, row, **chosen.url()) for row in problems.ranked_changes(found)]
    show.html(markup.bullets(lines[:10]))
    if len(lines) > 10:
        with st.expander(say(language, "page.more", n=len(lines) - 10)):
            show.html(markup.bullets(lines[10:]))


def where(chosen: Filters) -> None:
    language = chosen.language
    show.heading(say(language, "map.title"))
    st.markdown(say(language, "map.sentence"))
    counties = data.county_levels(chosen.as_of, chosen.known_at)
    show.html(markup.tile_map(language, problems.tiles(language, counties), lang=language))
    with st.expander(say(language, "page.legend")):
        show.html(markup.legend(language))


def worse_in_counties(chosen: Filters) -> None:
    """What the country's list does not say: where a county is worse, one line for a family."""
    language = chosen.language
    found = data.counties_apart(chosen.as_of, chosen.known_at)
    lines = apart.families(found.filter(pl.col("critical")) if chosen.critical_only else found)
    show.heading(say(language, "apart.title"))
    st.markdown(say(language, "apart.sentence" if lines else "apart.none", n=len(lines)))
    if not lines:
        return
    rows = [apart.cells(language, line, chosen.url()) for line in lines]
    show.grid(apart.columns(language), rows[:SHOWN], say(language, "apart.caption"))
    if len(rows) > SHOWN:
        with st.expander(say(language, "page.more", n=len(rows) - SHOWN)):
            show.grid(apart.columns(language), rows[SHOWN:], say(language, "apart.caption"))


chosen = frame.begin("situation", scope=True)
language = chosen.language
rows = data.situation(chosen.as_of, chosen.known_at, chosen.area)
rows = rows.filter(pl.col("critical")) if chosen.critical_only else rows
counts = problems.level_counts(rows["level"])

st.markdown(f"**{problems.headline(language, counts, chosen.place)}**")
show.html(markup.level_strip(language, counts))
blocks.what_data_cannot_tell(language, rows)
blocks.notices_end(language, data.old_notices(chosen.as_of))
changed(chosen)
corrected.past_days(chosen)

show.heading(say(language, "situation.problems"))
blocks.problem_list(chosen, rows, SHOWN)
if chosen.area == COUNTRY:
    worse_in_counties(chosen)

left, right = st.columns([1.15, 1], gap="large")
with left:
    if chosen.area == COUNTRY:
        where(chosen)
with right:
    show.heading(say(language, "complete.title"))
    blocks.completeness(language, data.completeness(chosen.as_of))

show.small(say(language, "page.not_covered"))
st.page_link(
    page_script("meeting"),
    label=say(language, "meeting.link"),
    icon=":material/print:",
    query_params={key: value for key, value in chosen.url(print="1").items() if value},
)
