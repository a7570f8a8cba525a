"""Data quality: deliveries with counts and equations, quarantine by reason, who has not reported."""

from __future__ import annotations

from typing import Any

import polars as pl
import streamlit as st
from markupsafe import Markup

from medsupply.areas import COUNTRY
from medsupply.dashboard import blocks, data, frame, restricted, show
from medsupply.dashboard.markup import Column
from medsupply.dashboard.wording import coded, counted, say
from medsupply.words import numbers as write
from medsupply.words import word

COUNTS = ("rows_received", "rows_accepted", "rows_quarantined", "rows_duplicate")
TOTALS = ("deliveries", "refused", "held", *COUNTS)
SHOWN = 30


def note(language: str, row: dict[str, Any]) -> str:
    """Why a delivery was not accepted whole, in the reader's language."""
    code = row["reason_code"] or (row["verdict"] if row["verdict"] in ("partly", "held", "duplicate") else None)
    return coded(language, "refusal", code) if code else str(row["reason"] or "")


def totals(language: str, found: pl.DataFrame) -> None:
    broken = int(found["broken"].sum())
    st.markdown(
        say(language, "deliveries.equations_hold", n=write.number(language, int(found["deliveries"].sum())))
        if not broken
        else counted(language, "deliveries.equations_broken", broken)
    )
    heads = [
        Column(say(language, "deliveries.source")),
        *(Column(say(language, f"deliveries.{key}"), "number") for key in TOTALS),
        Column(say(language, "deliveries.newest")),
    ]
    cells = [
        [
            word(language, f"source.{row['source']}"),
            *(write.number(language, row[key]) for key in TOTALS),
            write.moment(language, row["newest"]),
        ]
        for row in found.iter_rows(named=True)
    ]
    show.grid(heads, cells, say(language, "deliveries.totals_caption"))


def newest(language: str, found: pl.DataFrame) -> None:
    heads = [
        Column(say(language, "deliveries.file")),
        Column(say(language, "deliveries.received")),
        Column(say(language, "deliveries.verdict")),
        *(Column(say(language, f"deliveries.{key}"), "number") for key in COUNTS),
    ]
    cells = [
        [
            Markup("{}<br><small>{}</small>").format(row["file_name"], word(language, f"source.{row['source']}")),
            write.moment(language, row["received_at"]),
            Markup("{}<br><small>{}</small>").format(word(language, f"verdict.{row['verdict']}"), note(language, row)),
            *(write.number(language, row[key]) for key in COUNTS),
        ]
        for row in found.head(SHOWN).iter_rows(named=True)
    ]
    show.grid(heads, cells, say(language, "deliveries.newest_caption", n=min(SHOWN, found.height)))
    show.download(language, restricted.deliveries(found), "deliveries")


def quarantined(language: str, found: pl.DataFrame) -> None:
    show.heading(say(language, "quarantine.title"))
    if found.is_empty():
        st.markdown(say(language, "quarantine.none"))
        return
    st.markdown(counted(language, "quarantine.sentence", int(found["n"].sum())))
    heads = [Column(say(language, f"quarantine.{key}")) for key in ("source", "reason", "action")]
    cells = [
        [
            word(language, f"source.{row['source']}"),
            coded(language, "quarantine", row["reason_code"]),
            coded(language, "quarantine_action", row["reason_code"]),
            write.number(language, row["n"]),
            row["example"],
        ]
        for row in found.iter_rows(named=True)
    ]
    show.grid(
        [*heads, Column(say(language, "quarantine.n"), "number"), Column(say(language, "quarantine.example"))],
        cells,
        say(language, "quarantine.caption"),
    )
    show.download(language, found, "quarantine")


language = frame.lang()
show.title(say(language, "deliveries.title"), say(language, "deliveries.intro"))
by_source = data.delivery_totals()
if by_source.is_empty():
    frame.empty(language)
    st.stop()
totals(language, by_source)
quarantined(language, data.quarantine())
pictures = data.pictures()
if pictures.height:
    day = pictures["as_of"][0]
    show.heading(say(language, "deliveries.silent", day=write.day(language, day)))
    for one in data.expected(day).iter_rows(named=True):
        counts = {key: write.number(language, one[key]) for key in ("expected", "received", "late", "missing")}
        told = [say(language, "deliveries.expected", source=word(language, f"source.{one['source']}"), **counts)]
        told += [counted(language, "deliveries.not_due", one["not_due"])] if one["not_due"] else []
        st.markdown(" ".join(told))
    blocks.completeness(language, data.completeness(day))
    blocks.silent(language, data.silent_holders(day, COUNTRY))
show.heading(say(language, "deliveries.all"))
newest(language, data.deliveries())
