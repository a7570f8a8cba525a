"""How a page puts things on the screen: heading, callout, chart with sentence, table and download."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl
import streamlit as st
from markupsafe import Markup

from medsupply.dashboard.downloads import csv
from medsupply.dashboard.filters import Filters
from medsupply.dashboard.markup import Cell, Column, table
from medsupply.dashboard.wording import say
from medsupply.words import numbers as write


def html(markup: Cell) -> None:
    """Own HTML, escaped where it was made."""
    st.html(str(markup))


def title(text: str, asof: str = "") -> None:
    st.title(text, anchor=False)
    if asof:
        html(Markup('<p class="ms-asof">{}</p>').format(asof))


def heading(text: str) -> None:
    st.header(text, anchor=False)


def subheading(text: str) -> None:
    st.subheader(text, anchor=False)


def small(text: Cell, *, printed: bool = True) -> None:
    """A remark in small letters; Streamlit's own caption is too pale to be read by all."""
    html(Markup('<p class="ms-small{}">{}</p>').format("" if printed else " ms-screen", text))


def callout(text: Cell, *, warn: bool = False) -> None:
    """A sentence that must be seen."""
    html(Markup('<div class="ms-callout{}" role="note">{}</div>').format(" ms-warn" if warn else "", text))


def as_of(chosen: Filters) -> str:
    """What picture is shown: its day, when it was known, its rules."""
    return say(
        chosen.language,
        "page.as_of",
        day=write.day(chosen.language, chosen.as_of),
        moment=write.moment(chosen.language, chosen.known_at),
        rules=chosen.rules_version or write.NOTHING,
    )


def grid(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], caption: str, kind: str = "") -> None:
    """A table that screen readers and printers can read."""
    html(table(columns, rows, caption, kind))


def download(language: str, frame: pl.DataFrame, name: str) -> None:
    """The rows behind what is shown, every digit."""
    st.download_button(
        say(language, "page.download"),
        csv(frame),
        file_name=f"{name}.csv",
        mime="text/csv",
        key=f"csv_{name}",
        on_click="ignore",
        icon=":material/download:",
    )


def chart(
    language: str,
    drawn: Any,
    sentence: str,
    frame: pl.DataFrame,
    labels: dict[str, str],
    name: str,
    *,
    shares: Sequence[str] = (),
    file: pl.DataFrame | None = None,
) -> None:
    """A chart under its sentence, with the same numbers as a table and, to the last digit, as a file.

    ``labels``: column -> heading; ``shares``: columns in per cent; ``file``: what the file holds where that is another
    frame than the table.
    """
    st.markdown(sentence)
    st.altair_chart(drawn, width="stretch", theme=None, alt=sentence, key=f"chart_{name}")
    with st.expander(say(language, "page.numbers")):
        rows = [
            [_plain(language, row[column], column in shares) for column in labels]
            for row in frame.iter_rows(named=True)
        ]
        kinds = ["text" if position == 0 else "number" for position in range(len(labels))]
        grid([Column(text, kind) for text, kind in zip(labels.values(), kinds, strict=True)], rows, sentence)
        download(language, frame if file is None else file, name)


def _plain(language: str, value: object, share: bool) -> str:
    if value is None or isinstance(value, str):
        return value or write.NOTHING
    if isinstance(value, bool):
        return say(language, "page.yes" if value else "page.no")
    if isinstance(value, int | float):
        return write.share(language, value) if share else write.amount(language, value)
    return write.day(language, value)  # type: ignore[arg-type]
