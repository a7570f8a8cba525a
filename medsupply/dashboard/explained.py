"""Why the forecast of a medicine is as it is, and when it may run out, in sentences that can be repeated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
import streamlit as st

from medsupply.areas import COUNTRY
from medsupply.dashboard import data, markup, problems, show
from medsupply.dashboard.filters import Filters
from medsupply.dashboard.wording import say
from medsupply.words import numbers as write

PARTS = ("level", "season", "calendar")
LITTLE = 0.005
DAYS = {"early": "early", "middle": "on", "late": "late"}


def change(language: str, ratio: float) -> str:
    """A ratio as a change in whole per cent with its sign."""
    percent = round(100 * (ratio - 1))
    return f"{'+' if percent > 0 else '−' if percent < 0 else '±'}{write.number(language, abs(percent))} %"


def drivers(chosen: Filters, code: str, row: Mapping[str, Any] | None) -> None:
    """Level, season, calendar, last year, shocks, substitutes and supply behind the forecast of the country."""
    language = chosen.language
    show.subheading(say(language, "explained.title"))
    found = data.drivers(code, chosen.as_of)
    lines = _demand(language, found.row(0, named=True)) if found.height else [say(language, "explained.none")]
    lines += _supply(language, row) if row is not None else []
    lines += _resupply(language, data.run_out(code, COUNTRY, chosen.as_of))
    show.html(markup.bullets(lines))


def _demand(language: str, known: Mapping[str, Any]) -> list[str]:
    if known["model"] != "combined":
        return [say(language, f"explained.model_{known['model']}")]
    told = [
        say(language, f"explained.{part}", change=change(language, known[f"{part}_effect"]))
        for part in PARTS
        if known[f"{part}_effect"] is not None
    ]
    if known["year_effect"] is not None:
        told.append(say(language, "explained.year", change=change(language, known["year_effect"])))
    return [*(told or [say(language, "explained.short")]), say(language, "explained.shocks")]


def _supply(language: str, row: Mapping[str, Any]) -> list[str]:
    """What the picture says of supply and of the packages that stand in for others."""
    lines = []
    if row["notice_share"] is not None and row["notice_share"] > LITTLE:
        lines.append(say(language, "explained.notice", share=write.share(language, row["notice_share"])))
        if row["notice_share"] < 1 - LITTLE:
            lines.append(say(language, "explained.substitutes"))
    return lines


def _resupply(language: str, found: pl.DataFrame) -> list[str]:
    """What usual resupply is counted on for."""
    eight = found.filter(pl.col("horizon_days") == 56).drop_nulls("p_announced")
    if eight.is_empty():
        return []
    row = eight.row(0, named=True)
    told = {"p": write.share(language, row["p"]), "announced": write.share(language, row["p_announced"])}
    return [say(language, "explained.resupply", **told)]


def run_out_sentence(language: str, name: str, found: pl.DataFrame) -> str:
    """The distribution of the day of running out in one sentence."""
    at = dict(found.select("horizon_days", "p").iter_rows())
    if found["p"].min() == 1.0:
        return say(language, "explained.at_floor", name=name)
    days = {key: found[f"run_out_{column}"].drop_nulls() for key, column in DAYS.items()}
    known = {key: write.day(language, one[0]) for key, one in days.items() if len(one)}
    if "early" not in known:
        return say(language, "explained.unlikely", name=name, p=write.share(language, at.get(84)))
    told = "run_out" if "late" in known else "run_out_most" if "middle" in known else "run_out_some"
    return say(language, f"explained.{told}", name=name, p=write.share(language, at.get(56)), **known)


def run_out(chosen: Filters, code: str, medicine: Mapping[str, Any]) -> None:
    """The sentence on the day of running out, where one was simulated."""
    found = data.run_out(code, chosen.area, chosen.as_of)
    if found.height:
        st.markdown(run_out_sentence(chosen.language, problems.label(chosen.language, medicine), found))
