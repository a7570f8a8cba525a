"""Medicine: one substance and form, or one medicine of it: level, figures, trends, notices, substitutes, packages."""

from __future__ import annotations

import polars as pl
import streamlit as st

from medsupply.areas import COUNTRY
from medsupply.dashboard import (
    blocks,
    data,
    drawings,
    explained,
    figures,
    filters,
    frame,
    markup,
    problems,
    restricted,
    show,
)
from medsupply.dashboard.filters import Filters
from medsupply.dashboard.wording import say
from medsupply.words import numbers as write
from medsupply.words import word


def pick(chosen: Filters) -> dict[str, object] | None:
    """The medicine that is asked for in the URL or chosen here; at first the one in the worst situation."""
    language = chosen.language
    known = data.medicines()
    if known.is_empty():
        return None
    labels = {
        row["medicine_id"]: f"{problems.label(language, row)} ({word(language, 'grain.' + row['grain'])})"
        for row in known.sort("grain", pl.col("critical").not_(), f"name_{language}").iter_rows(named=True)
    }
    ids = list(labels)
    worst = problems.ranked(data.situation(chosen.as_of, chosen.known_at, chosen.area))["medicine_id"].to_list()
    wanted = filters.asked("medicine", (worst or ids)[0])
    code = st.selectbox(
        say(language, "medicine.search"),
        ids,
        index=ids.index(wanted) if wanted in labels else 0,
        format_func=lambda one: labels[one],
        key=f"medicine_{language}",
    )
    filters.keep("medicine", code, "")
    return dict(known.row(by_predicate=pl.col("medicine_id") == code, named=True))


def heading(language: str, medicine: dict[str, object], row: dict[str, object] | None) -> None:
    show.heading(problems.label(language, medicine))
    lists = ", ".join(word(language, f"list.{code}") for code in medicine["critical_lists"] or [])  # type: ignore[attr-defined]
    about = [" / ".join(problems.names(medicine)), word(language, f"market.{medicine['state']}")]
    if medicine["critical"]:
        about.append(say(language, "medicine.critical", klass=medicine["critical_class"] or write.NOTHING, lists=lists))
    st.markdown(" · ".join(part for part in about if part))
    if row is None:
        show.callout(say(language, "medicine.no_row"))
        return
    show.html(markup.badge(language, row["level"]))  # type: ignore[arg-type]
    levels = [row["level_if_missing_empty"], row["level_if_missing_usual"]]
    # Where nobody reports, both ways are as unknown as the level itself.
    if row["level"] in (None, "unknown") and levels[0] and levels != ["unknown", "unknown"]:
        both = [word(language, f"level.{level}") for level in levels]
        st.markdown(say(language, "medicine.both", empty=both[0], usual=both[1]))
    show.html(markup.bullets(problems.why(language, row)))


chosen = frame.begin("medicine")
language = chosen.language
medicine = pick(chosen)
if medicine is None:
    frame.empty(language)
    st.stop()
code = str(medicine["medicine_id"])
areas = data.medicine_areas(chosen.as_of, chosen.known_at, code)
here = areas.filter(pl.col("county_code") == chosen.area)
row = restricted.named(here).row(0, named=True) if here.height else None
heading(language, medicine, row)

unit = figures.page_unit(row, str(medicine["unit"] or "") or None, problems.unit(language, medicine))
left, right = st.columns(2, gap="large")
with left:
    drawings.risk(chosen, code)
    explained.run_out(chosen, code, medicine)
with right:
    drawings.stock(chosen, code, unit)
drawings.demand(chosen, code, str(medicine["atc"] or ""), unit)
country = areas.filter(pl.col("county_code") == COUNTRY)
explained.drivers(chosen, code, country.row(0, named=True) if country.height else None)
drawings.family(chosen, medicine)
drawings.notices(chosen, code)
if row is not None:
    show.subheading(say(language, "medicine.figures", place=chosen.place))
    blocks.figures_table(language, {**row, "unit": medicine["unit"]})
    show.download(language, here, f"figures-{code}-{chosen.area}")
if areas.height:
    show.subheading(say(language, "medicine.areas"))
    st.markdown(say(language, "medicine.map"))
    tiles = problems.cover_tiles(language, areas)
    show.html(markup.tile_map(language, tiles, "medicine", **chosen.url(medicine=code)))
    with st.expander(say(language, "medicine.areas_caption")):
        drawings.everywhere(language, areas)
drawings.packages(language, code)
restricted.of_medicine(chosen, medicine)
