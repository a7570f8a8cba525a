"""County: one county or collaborative area: its levels, its problems, its sites that have not reported."""

from __future__ import annotations

import polars as pl
import streamlit as st

from medsupply.areas import AREAS, COLLABORATIVE_OF
from medsupply.dashboard import blocks, data, frame, markup, problems, restricted, show
from medsupply.dashboard.wording import say
from medsupply.words import numbers as write

SHOWN = 40

chosen = frame.begin("county", area="county", scope=True)
language = chosen.language
county = AREAS[chosen.area]
rows = data.situation(chosen.as_of, chosen.known_at, chosen.area)
rows = rows.filter(pl.col("critical")) if chosen.critical_only else rows
counts = problems.level_counts(rows["level"])

show.heading(chosen.place)
collaborative = COLLABORATIVE_OF.get(chosen.area)
belongs = AREAS[collaborative].name(language) if collaborative else say(language, "county.alone")
st.markdown(say(language, "county.about", people=write.number(language, county.population), belongs=belongs))
st.markdown(f"**{problems.headline(language, counts, chosen.place)}**")
show.html(markup.level_strip(language, counts))
blocks.what_data_cannot_tell(language, rows)
blocks.notices_end(language, data.old_notices(chosen.as_of))
if rows.height and rows["shared"].any():
    show.small(say(language, "county.shared"))

show.heading(say(language, "situation.problems"))
blocks.problem_list(chosen, rows, SHOWN)

show.heading(say(language, "county.silent"))
blocks.silent(language, data.silent_holders(chosen.as_of, chosen.area))
restricted.of_county(chosen)
show.small(say(language, "page.not_covered"))
