"""Frames to charts. Marks are hidden from screen readers: each chart stands with its sentence and its table."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Any

import altair as alt
import polars as pl

from medsupply.dashboard.look import ACCENT, BAND_NARROW, BAND_WIDE, INK, LINE, MUTED, PRIMARY
from medsupply.words import numbers as write
from medsupply.words.numbers import GROUP, POINT

DAY = {"fi": "%-d.%-m.", "sv": "%-d.%-m.", "en": "%-d %b"}
HEIGHT = 260
PERCENT = {"fi": "\u00a0%", "sv": "\u00a0%", "en": "%"}
DATES = 6
WIDE, NARROW = ("q025", "q975"), ("q10", "q90")
Chart = Any  # altair has no common type of a chart, a layer and what its methods return


def _dressed(chart: Chart, language: str) -> Chart:
    """``chart`` with the dashboard's colours and the language's numbers."""
    locale = {"decimal": POINT[language], "thousands": GROUP[language], "grouping": [3], "currency": ["", "\u00a0€"],
              "percent": PERCENT[language]}  # fmt: skip
    return (
        chart.properties(height=HEIGHT, width="container")
        .configure(locale={"number": locale}, background="#FFFFFF")
        .configure_axis(
            titleLimit=HEIGHT,
            labelColor=MUTED,
            titleColor=INK,
            gridColor="#E6EBF1",
            domainColor=LINE,
            tickColor=LINE,
            labelFontSize=13,
            titleFontSize=13,
            titleFontWeight="normal",
        )
        .configure_view(stroke=None)
        .configure_legend(labelFontSize=13, orient="top", title=None, labelColor=INK)
    )


def _time(field: str, language: str, days: int | None = None) -> alt.X:
    """An axis of days; ``days``: how many it spans, where that may be so few that ticks would fall within a day."""
    count = DATES if days is None or days > 2 * DATES else alt.TimeIntervalStep("day", step=max(1, ceil(days / DATES)))
    axis = alt.Axis(format=DAY[language], labelOverlap=True, tickCount=count, grid=False)
    return alt.X(f"{field}:T", title=None, axis=axis)


def _amount(field: str, title: str, *, percent: bool = False, scale: Any = alt.Undefined) -> alt.Y:
    axis = alt.Axis(format=".0%" if percent else ",~f", tickCount=5)
    return alt.Y(f"{field}:Q", title=title, axis=axis, scale=scale)


def trend(frame: pl.DataFrame, x: str, series: Sequence[tuple[str, str]], title: str, language: str) -> Chart:
    """Lines over days: ``series`` pairs a column with its label; the second and later are dashed."""
    long = pl.concat(
        frame.select(pl.col(x).alias("x"), pl.col(name).alias("y"), pl.lit(label).alias("series"))
        for name, label in series
    )
    labels = [label for _, label in series]
    days = (frame[x].max() - frame[x].min()).days  # type: ignore[operator, union-attr]
    dashes = [[1, 0], [6, 3], [2, 2], [8, 2]][: len(labels)]
    chart = (
        alt.Chart(long)
        .mark_line(aria=False, strokeWidth=2.5, point=frame.height < 15)
        .encode(
            x=_time("x", language, days),
            y=_amount("y", title, scale=alt.Scale(zero=True)),
            color=alt.Color("series:N", scale=alt.Scale(domain=labels, range=[PRIMARY, ACCENT, MUTED][: len(labels)])),
            strokeDash=alt.StrokeDash("series:N", scale=alt.Scale(domain=labels, range=dashes)),
        )
    )
    return _dressed(chart, language)


def fan(past: pl.DataFrame, ahead: pl.DataFrame, title: str, language: str) -> Chart:
    """Weekly demand: known weeks (week, units) as a line, then the median and the 80 and 95 % bands of the forecast.
    Weeks in which a reporter was silent (marked) carry a triangle."""
    bands = [
        alt.Chart(ahead)
        .mark_area(aria=False, color=colour)
        .encode(x=_time("week", language), y=_amount(low, title), y2=f"{high}:Q")
        for (low, high), colour in ((WIDE, BAND_WIDE), (NARROW, BAND_NARROW))
    ]
    middle = (
        alt.Chart(ahead)
        .mark_line(aria=False, color=PRIMARY, strokeDash=[6, 3], strokeWidth=2.5)
        .encode(x=_time("week", language), y=_amount("q50", title))
    )
    known = (
        alt.Chart(past)
        .mark_line(aria=False, color=INK, strokeWidth=2)
        .encode(x=_time("week", language), y=_amount("units", title))
    )
    layers = [*bands, middle] if past.is_empty() else [*bands, middle, known]
    if "marked" in past.columns and past["marked"].any():
        incomplete = past.filter(pl.col("marked"))
        layers.append(
            alt.Chart(incomplete)
            .mark_point(aria=False, color=ACCENT, shape="triangle-up", size=70, filled=True)
            .encode(x=_time("week", language), y=_amount("units", title))
        )
    return _dressed(alt.layer(*layers), language)


def probabilities(frame: pl.DataFrame, labels: dict[int, str], title: str, language: str) -> Chart:
    """Run-out probability by horizon (horizon_days, p) as bars with their value."""
    named = frame.with_columns(
        pl.col("horizon_days").replace_strict(labels, default=None).alias("label"),
        pl.col("p").map_elements(lambda p: write.share(language, p), pl.String).alias("told"),
    )
    base = alt.Chart(named).encode(
        y=alt.Y("label:N", sort=list(labels.values()), title=None, axis=alt.Axis(labelLimit=220)),
        x=alt.X(
            "p:Q",
            title=title,
            scale=alt.Scale(domain=[0, 1.1]),
            axis=alt.Axis(format=".0%", values=[0, 0.25, 0.5, 0.75, 1]),
        ),
    )
    bars = base.mark_bar(aria=False, color=PRIMARY, height=18)
    words = base.mark_text(aria=False, align="left", dx=5, color=INK, fontSize=13).encode(text=alt.Text("told:N"))
    return _dressed(alt.layer(bars, words), language).properties(height=170)


def compared(frame: pl.DataFrame, bands: list[str], names: dict[str, str], title: str, language: str) -> Chart:
    """Probability by band (band, one column for each of ``names``) as bars side by side."""
    long = frame.select("band", *names).unpivot(index="band", variable_name="which", value_name="value")
    told = long.with_columns(which=pl.col("which").replace_strict(names))
    labels = list(names.values())
    drawn = (
        alt.Chart(told)
        .mark_bar(aria=False)
        .encode(
            y=alt.Y("band:N", sort=bands, title=None, axis=alt.Axis(labelLimit=220)),
            yOffset=alt.YOffset("which:N", sort=labels),
            x=alt.X("value:Q", title=title, scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format=".0%", tickCount=5)),
            color=alt.Color("which:N", scale=alt.Scale(domain=labels, range=[MUTED, PRIMARY][: len(labels)])),
        )
    )
    return _dressed(drawn, language)


def reliability(frame: pl.DataFrame, axes: tuple[str, str], language: str) -> Chart:
    """What was told (p) against how often it happened (rate) by horizon (label); size by pairs."""
    scale, axis = alt.Scale(domain=[0, 1]), alt.Axis(format=".0%")
    points = (
        alt.Chart(frame)
        .mark_point(aria=False, filled=True)
        .encode(
            x=alt.X("p:Q", title=axes[0], scale=scale, axis=axis),
            y=alt.Y("rate:Q", title=axes[1], scale=scale, axis=axis),
            size=alt.Size("pairs:Q", legend=None),
            color=alt.Color("label:N", sort=None),
            shape=alt.Shape("label:N", sort=None),
        )
    )
    line = alt.Chart(pl.DataFrame({"x": [0.0, 1.0], "y": [0.0, 1.0]})).mark_line(aria=False, color=MUTED)
    return _dressed(alt.layer(line.encode(x=alt.X("x:Q"), y=alt.Y("y:Q")), points), language)


def by_horizon(frame: pl.DataFrame, target: float | None, title: str, x_title: str, language: str) -> Chart:
    """A score (horizon, value) by horizon, with the value it should have as a rule."""
    line = (
        alt.Chart(frame)
        .mark_line(aria=False, color=PRIMARY, strokeWidth=2.5, point=True)
        .encode(
            x=alt.X("horizon:Q", title=x_title, axis=alt.Axis(tickMinStep=1, format="d")),
            y=_amount("value", title, percent=target is not None),
        )
    )
    if target is None:
        return _dressed(line, language)
    rule = alt.Chart(pl.DataFrame({"y": [target]})).mark_rule(aria=False, color=ACCENT, strokeDash=[6, 3])
    return _dressed(alt.layer(line, rule.encode(y="y:Q")), language)
