"""One page for the meeting: headline, problems, changes, open alerts with their owners, completeness. Made to print."""

from __future__ import annotations

import polars as pl
import streamlit as st

from medsupply.dashboard import alerting, blocks, data, frame, markup, problems, show
from medsupply.dashboard.wording import say

SHOWN = 12

chosen = frame.begin("meeting", scope=True)
language = chosen.language
rows = data.situation(chosen.as_of, chosen.known_at, chosen.area)
rows = rows.filter(pl.col("critical")) if chosen.critical_only else rows
counts = problems.level_counts(rows["level"])
show.small(say(language, "meeting.how"), printed=False)
st.markdown(f"**{problems.headline(language, counts, chosen.place)}**")
show.html(markup.level_strip(language, counts))
blocks.what_data_cannot_tell(language, rows)

above = problems.ranked(rows).filter(pl.col("level").is_in(problems.PROBLEMS))
if above.height:
    figures = problems.shown_figures(rows)
    show.grid(
        problems.columns(language, figures),
        problems.rows(language, above.head(SHOWN), chosen.url(), figures=figures, most_reasons=2),
        say(language, "meeting.caption", n=min(SHOWN, above.height), all=above.height, place=chosen.place),
        "problems",
    )
changes = data.changes(chosen.as_of, chosen.known_at, chosen.area)
if changes.height:
    show.subheading(say(language, "situation.changed"))
    lines = [problems.change_line(language, row, **chosen.url()) for row in problems.ranked_changes(changes)]
    show.html(markup.bullets(lines[:8]))
show.subheading(say(language, "alerts.open"))
left = alerting.open_table(language, alerting.open_alerts(data.alerts()), chosen.url(), shown=8)
if left:
    st.markdown(say(language, "meeting.more", n=left))
show.subheading(say(language, "complete.title"))
blocks.completeness(language, data.completeness(chosen.as_of))
show.small(say(language, "page.not_covered"))
