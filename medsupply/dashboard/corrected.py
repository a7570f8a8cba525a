"""Past days whose picture was made again since late or corrected files came: what the new version says differently.

No amounts: what one late site added to a sum is that site's figure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
import streamlit as st
from markupsafe import Markup

from medsupply.dashboard import data, markup, show
from medsupply.dashboard.filters import Filters
from medsupply.dashboard.problems import kind, name, ranked
from medsupply.dashboard.wording import counted, say
from medsupply.words import numbers as write

LINES, VERSIONS = 5, 3


def past_days(chosen: Filters) -> None:
    """The corrections of the week up to the picture, the newest first; says so where there are none."""
    language = chosen.language
    found = data.corrections(chosen.as_of, chosen.known_at, chosen.area)
    found = found.filter("critical") if chosen.critical_only else found
    show.heading(say(language, "corrected.title"))
    if found.is_empty():
        st.markdown(say(language, "corrected.none"))
        return
    versions = found.sort("known_at", "as_of", descending=True).partition_by("known_at", "as_of", maintain_order=True)
    for rows in versions[:VERSIONS]:
        _version(chosen, rows)
    if len(versions) > VERSIONS:
        with st.expander(counted(language, "corrected.more", len(versions) - VERSIONS)):
            for rows in versions[VERSIONS:]:
                _version(chosen, rows)


def level_differs() -> pl.Expr:
    """Whether the level of a row is another than in the version before."""
    return ~pl.col("level").eq_missing(pl.col("level_before"))


def sentence(language: str, rows: pl.DataFrame) -> str:
    """One version: which day, known when, how many sites more or fewer, how many levels and other figures differ."""
    first = rows.row(0, named=True)
    levels = rows.filter(level_differs()).height
    parts = [
        holders(language, rows["holders_change"].drop_nulls().max()),  # type: ignore[arg-type]
        counted(language, "corrected.levels", levels) if levels else say(language, "corrected.no_level"),
        counted(language, "corrected.figures", rows.height - levels) if rows.height > levels else "",
    ]
    return say(
        language,
        "corrected.sentence",
        day=write.day(language, first["as_of"]),
        known=write.moment(language, first["known_at"]),
        before=write.moment(language, first["before_known_at"]),
        what=", ".join(part for part in parts if part),
    )


def holders(language: str, change: int | None) -> str:
    """How many sites more (+) or fewer (−) a version had heard of; nothing where as many."""
    if not change:
        return ""
    return counted(language, f"corrected.sites_{'more' if change > 0 else 'fewer'}", abs(change))


def line(language: str, row: Mapping[str, Any], **params: str) -> Markup:
    """One medicine of a version: sites more or fewer, from which level to which."""
    linked = markup.link("medicine", name(language, row), **{**params, "medicine": row["medicine_id"]})
    sites = holders(language, row["holders_change"])
    before, now = (markup.badge(language, row[key]) for key in ("level_before", "level"))
    return Markup("{} <small>({})</small>: {}{} → {}").format(
        linked, kind(language, row), f"{sites}, " if sites else "", before, now
    )


def _version(chosen: Filters, rows: pl.DataFrame) -> None:
    """The sentence of a version and its medicines, the worst first; of the rest how many."""
    language = chosen.language
    st.markdown(sentence(language, rows))
    differing = ranked(rows.filter(level_differs()))
    lines = [line(language, row, **chosen.url()) for row in differing.head(LINES).iter_rows(named=True)]
    if differing.height > LINES:
        lines.append(Markup("{}").format(say(language, "page.more", n=differing.height - LINES)))
    if lines:
        show.html(markup.bullets(lines))
