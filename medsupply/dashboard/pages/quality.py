"""Forecast quality: how stored forecasts turned out, and how alerts did. Nothing is shown that was not scored."""

from __future__ import annotations

import polars as pl
import streamlit as st

from medsupply.dashboard import alerting, data, frame, reliable, show
from medsupply.dashboard.markup import Column
from medsupply.dashboard.wording import coded, counted, say
from medsupply.words import numbers as write


def runs(language: str, found: pl.DataFrame) -> None:
    show.heading(say(language, "quality.runs"))
    if found.is_empty():
        st.markdown(say(language, "quality.runs_none"))
        return
    newest = found.row(0, named=True)
    st.markdown(
        say(
            language,
            "quality.runs_sentence",
            cutoff=write.day(language, newest["cutoff"]),
            series=write.number(language, newest["series"]),
            weeks=newest["horizon_weeks"],
            substituted=write.number(language, newest["substituted"]),
        )
    )
    replaced = data.substitutions()
    if replaced.height:
        with st.expander(say(language, "quality.substituted")):
            heads = [Column(say(language, f"quality.{key}")) for key in ("wanted", "used", "reason")]
            cells = [
                [
                    coded(language, "model", row["wanted"]),
                    coded(language, "model", row["used"]),
                    coded(language, "substituted", row["reason"]),
                    write.number(language, row["n"]),
                ]
                for row in replaced.iter_rows(named=True)
            ]
            show.grid(
                [*heads, Column(say(language, "quality.n"), "number")], cells, say(language, "quality.substituted")
            )


def of_group(language: str, part: pl.DataFrame, kind: str) -> pl.DataFrame:
    """The scores of the class of medicines that is chosen."""
    group = st.selectbox(
        say(language, "quality.grouping"),
        sorted(part["grouping"].unique(), key=reliable.group_order),
        format_func=lambda one: reliable.group_name(language, one),
        key=f"grouping_{kind}",
    )
    return part.filter(pl.col("grouping") == group)


def scored(language: str, found: pl.DataFrame, kind: str) -> None:
    show.heading(say(language, f"quality.{kind}"))
    part = found.filter(pl.col("kind") == kind) if found.height else found
    if part.is_empty():
        st.markdown(say(language, f"quality.{kind}_none"))
        return
    if part.filter((pl.col("metric") == "degraded") & (pl.col("value") > 0)).height:
        show.callout(say(language, "quality.degraded"), warn=True)
    part = of_group(language, part, kind)
    origins = part["origin"].unique().sort(descending=True).to_list()
    origin = st.selectbox(
        say(language, "quality.origin"), origins, format_func=lambda day: write.day(language, day), key=f"origin_{kind}"
    )
    every = part.filter(pl.col("origin") == origin)
    shown = every.filter(~pl.col("metric").str.contains(reliable.BINS) & (pl.col("metric") != "degraded"))
    cells = [
        [
            coded(language, "score", row["metric"]),
            say(language, f"quality.of_{row['measure']}"),
            counted(language, "quality.days" if kind == "run_out" else "quality.weeks", row["horizon"]),
            write.share(language, row["value"], 1)
            if row["metric"] in reliable.SHARES
            else write.number(language, row["value"], 3),
            write.share(language, reliable.TARGETS[row["metric"]])
            if row["metric"] in reliable.TARGETS
            else write.NOTHING,
            write.number(language, row["pairs"]),
        ]
        for row in shown.sort("metric", "measure", "horizon").iter_rows(named=True)
    ]
    heads = [
        Column(say(language, f"quality.{key}"), "text" if key in ("score", "measure", "horizon") else "number")
        for key in ("score", "measure", "horizon", "value", "target", "pairs")
    ]
    show.grid(heads, cells, say(language, "quality.caption"))
    show.download(language, part, f"scores-{kind}")
    reliable.coverage(language, shown, kind)
    reliable.diagram(language, part)


language = frame.lang()
show.title(say(language, "quality.title"), say(language, "quality.intro"))
runs(language, data.forecast_runs())
found = data.scores()
scored(language, found, "demand")
scored(language, found, "run_out")
show.heading(say(language, "alert_scores.title"))
alerting.scores(language, alerting.newest_scores())
