"""Definitions: levels, states, figures; the rules in force; what is not covered. One definition each, everywhere."""

from __future__ import annotations

import streamlit as st
from markupsafe import Markup

from medsupply.dashboard import blocks, figures, frame, markup, show
from medsupply.dashboard.markup import Column
from medsupply.dashboard.wording import say
from medsupply.picture.figures import FIGURES as DEFINED
from medsupply.rules import load_rules
from medsupply.tables.picture import STATES
from medsupply.words import numbers as write
from medsupply.words import word

GROUPS = (
    ("stock", ("stock_units", "reserve_units", "floor_units", "out_share", "reporting_share")),
    (
        "demand",
        ("daily_demand_units", "demand_basis", "trailing_demand_units", "demand_index", "demand_index_expected"),
    ),
    ("cover", ("cover_days", "cover_days_high", "cover_days_with_reserve")),
    ("risk", tuple(name for name in figures.FIGURES if name.startswith("run_out"))),
    ("notice", ("notice_share", "notice_share_84", "notices_open")),
)


def thresholds(language: str) -> None:
    """The conditions of the levels as the rules file has them."""
    rules = load_rules()
    st.markdown(
        say(
            language,
            "definitions.rules_about",
            version=rules.version,
            author=rules.author,
            day=write.day(language, rules.review_by),
        )
    )
    blocks.quoted(language, rules)
    found = rules.default
    cells = [
        [
            markup.badge(language, level),
            say(language, f"threshold.{key}", **{name: write.share(language, getattr(found, name)) for name in names}),
        ]
        for level, key, names in (
            ("severe", "severe", ("severe_run_out_p14_with_reserve", "severe_out_share")),
            (
                "elevated",
                "elevated",
                (
                    "elevated_run_out_p56",
                    "elevated_run_out_p56_no_other_medicine",
                    "elevated_run_out_p14",
                    "elevated_only_reserve_run_out_p14",
                ),
            ),
            ("watch", "watch", ("watch_run_out_p56_of_elevated", "watch_run_out_p84", "watch_notice_share_84")),
            ("normal", "normal", ()),
            ("unknown", "unknown", ()),
        )
    ]
    heads = [Column(say(language, "column.level")), Column(say(language, "definitions.when"))]
    show.grid(heads, cells, say(language, "definitions.rules_caption"))


def formulas(language: str) -> None:
    """The registry of figures, as analysts read it in docs and in SQL."""
    heads = [Column(say(language, f"definitions.{key}")) for key in ("column", "formula", "unit", "review")]
    cells = [
        [
            figure.name,
            markup.lines(filter(None, (figure.formula, figure.note))),
            figure.unit,
            write.day(language, figure.review_by),
        ]
        for figure in DEFINED
    ]
    show.grid(heads, cells, say(language, "definitions.formulas"))


language = frame.lang()
show.title(say(language, "definitions.title"), say(language, "definitions.intro"))
show.heading(say(language, "definitions.levels"))
show.html(markup.legend(language))
thresholds(language)
show.heading(say(language, "definitions.states"))
st.markdown(say(language, "definitions.states_about"))
show.html(
    markup.bullets(
        Markup("<strong>{}</strong>: {}").format(
            word(language, f"state.{state}"), word(language, f"state_meaning.{state}")
        )
        for state in (*STATES, "partial")
    )
)
show.heading(say(language, "definitions.figures"))
st.markdown(say(language, "definitions.figures_about"))
for group, names in GROUPS:
    show.subheading(say(language, f"definitions.group_{group}"))
    blocks.definition_list(language, names)
with st.expander(say(language, "definitions.formulas")):
    formulas(language)
show.heading(say(language, "definitions.words"))
show.html(
    markup.bullets(
        say(language, f"definitions.{key}")
        for key in ("word_critical", "word_family", "word_medicine", "word_area", "word_as_of", "word_certainty")
    )
)
show.heading(say(language, "definitions.not_covered"))
st.markdown(say(language, "page.not_covered"))
st.markdown(say(language, "definitions.sources"))
st.markdown(say(language, "definitions.names"))
