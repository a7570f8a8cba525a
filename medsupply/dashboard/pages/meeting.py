"""One printed page for the meeting: headline, problems with who has taken them on, changes, who has not reported."""

from __future__ import annotations

from typing import Any

import polars as pl
import streamlit as st
from markupsafe import Markup

from medsupply.dashboard import alerting, blocks, data, frame, markup, problems, restricted, show
from medsupply.dashboard.filters import Filters
from medsupply.dashboard.markup import Cell, Column
from medsupply.dashboard.wording import say
from medsupply.words import numbers as write

SHOWN, CHANGES, SILENT = 12, 5, 8
FIGURES = ("cover", "p14", "p56")


def taken_on(language: str, alerts: list[dict[str, Any]]) -> Cell:
    """Since when an alert on the medicine is open, and who has taken it on."""
    if not alerts:
        return write.NOTHING
    since = write.day(language, min(row["opened_on"] for row in alerts))
    return Markup("{}<br><small>{}</small>").format(since, alerting.owners(language, alerts))


def problem_table(chosen: Filters, above: pl.DataFrame, opened: pl.DataFrame) -> None:
    language = chosen.language
    figures = FIGURES if above["stock_units"].is_not_null().any() else problems.BLIND
    listed = restricted.named(above.head(SHOWN))
    cells = problems.rows(language, listed, chosen.url(), figures=figures, most_reasons=2)
    for medicine, row in zip(above["medicine_id"].head(SHOWN), cells, strict=True):
        row.append(taken_on(language, opened.filter(pl.col("medicine_id") == medicine).to_dicts()))
    heads = [*problems.columns(language, figures), Column(say(language, "meeting.alert"))]
    count = min(SHOWN, above.height)
    show.grid(heads, cells, say(language, "meeting.caption", n=count, all=above.height, place=chosen.place), "problems")


def changed(chosen: Filters) -> None:
    found = data.changes(chosen.as_of, chosen.known_at, chosen.area)
    found = found.filter(pl.col("critical")) if chosen.critical_only and found.height else found
    if found.is_empty():
        return
    show.subheading(say(chosen.language, "situation.changed"))
    lines = [problems.change_line(chosen.language, row, **chosen.url()) for row in problems.ranked_changes(found)]
    show.html(markup.bullets(lines[:CHANGES]))


def unheard(chosen: Filters) -> None:
    """How many sites have reported, and the names of those that have not."""
    language = chosen.language
    blocks.reported_sites(language, data.completeness(chosen.as_of))
    silent = data.silent_holders(chosen.as_of, chosen.area)
    if silent.is_empty():
        return
    names = blocks.silent_names(language, silent)
    st.markdown(blocks.silent_sentence(language, silent))
    show.small(" · ".join(names[:SILENT]) + (" …" if len(names) > SILENT else ""))


chosen = frame.begin("meeting", scope=True)
language = chosen.language
rows = data.situation(chosen.as_of, chosen.known_at, chosen.area)
rows = rows.filter(pl.col("critical")) if chosen.critical_only else rows
counts = problems.level_counts(rows["level"])
opened = alerting.open_alerts(data.alerts())
show.small(say(language, "meeting.how"), printed=False)
st.markdown(f"**{problems.headline(language, counts, chosen.place)}**")
show.html(markup.level_strip(language, counts))
blocks.what_data_cannot_tell(language, rows)
blocks.notices_end(language, data.old_notices(chosen.as_of))
above = problems.ranked(rows).filter(pl.col("level").is_in(problems.PROBLEMS))
if above.height:
    problem_table(chosen, above, opened.filter(pl.col("county_code") == chosen.area))
changed(chosen)
show.subheading(say(language, "complete.title"))
unheard(chosen)
# An alert about data names its source in the place of a medicine, and has no market.
others = opened.filter(pl.col("market_state").is_not_null())
left = others.filter(~pl.col("medicine_id").is_in(above["medicine_id"].head(SHOWN).to_list()))["medicine_id"].n_unique()
if left:
    st.markdown(say(language, "meeting.more", n=left))
show.small(say(language, "page.not_covered"))
