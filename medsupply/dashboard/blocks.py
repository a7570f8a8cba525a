"""Parts that several pages share: problem list, completeness, figures of a medicine, what the data cannot tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl
import streamlit as st
from markupsafe import Markup

from medsupply.dashboard import figures, markup, problems, restricted, show
from medsupply.dashboard.filters import Filters
from medsupply.dashboard.markup import Cell, Column
from medsupply.dashboard.wording import counted, say
from medsupply.rules import Rules
from medsupply.words import numbers as write
from medsupply.words import word

SITE_SOURCES = ("stock", "dispensing")
FILE_COLUMNS = (
    "as_of",
    "known_at",
    "county_code",
    "medicine_id",
    "atc",
    "name_fi",
    "name_sv",
    "name_en",
    "form_class",
    "unit",
    "critical_class",
    "level",
    "reasons",
    *figures.FIGURES,
    "rules_version",
)


def what_data_cannot_tell(language: str, rows: pl.DataFrame) -> None:
    """Says what no row of the picture knows, so that nobody takes an empty column for good news."""
    if rows.is_empty():
        return
    missing = [name for name in ("stock_units", "trailing_demand_units") if rows[name].is_null().all()]
    if missing == ["stock_units", "trailing_demand_units"]:
        show.callout(say(language, "blind.all"), warn=True)
    elif missing:
        show.callout(say(language, f"blind.{missing[0]}"), warn=True)
    elif rows["run_out_p56"].is_null().all():
        show.callout(say(language, "blind.run_out"), warn=True)


def notices_end(language: str, newest: date | None) -> None:
    """Says where the list of notices ends, so that none after it is not taken for none; ``newest``: its day if late."""
    if newest is not None:
        show.callout(say(language, "blind.notices", day=write.day(language, newest)), warn=True)


def problem_list(chosen: Filters, rows: pl.DataFrame, shown: int) -> None:
    """Medicines above normal, the worst first; the rest and those without a level one click away; the file."""
    language = chosen.language
    worst = problems.ranked(rows)
    figures_ = problems.shown_figures(rows)
    above = worst.filter(pl.col("level").is_in(problems.PROBLEMS))
    if above.is_empty():
        st.markdown(say(language, "situation.problems_none", place=chosen.place))
    else:
        key = "problems_caption" if figures_ == problems.KNOWN else "problems_blind"
        _list(chosen, above.head(shown), figures_, say(language, f"situation.{key}", place=chosen.place))
    _more(chosen, above.tail(max(above.height - shown, 0)), figures_, "page.more")
    _more(chosen, worst.filter(pl.col("level") == "unknown"), figures_, "situation.unknown")
    _more(chosen, worst.filter(pl.col("level") == "normal"), figures_, "situation.normal")
    _more(chosen, worst.filter(pl.col("level").is_null()), figures_, "situation.no_level")
    if worst.height:
        files = worst.select(name for name in FILE_COLUMNS if name in worst.columns)
        show.download(language, files, f"situation-{chosen.area}-{chosen.as_of}")


def _list(chosen: Filters, rows: pl.DataFrame, shown: Sequence[str], caption: str) -> None:
    cells = problems.rows(chosen.language, restricted.named(rows), chosen.url(), figures=shown)
    show.grid(problems.columns(chosen.language, shown), cells, caption, "problems")


def _more(chosen: Filters, rows: pl.DataFrame, shown: Sequence[str], key: str) -> None:
    if rows.height:
        label = say(chosen.language, key, n=rows.height)
        with st.expander(label):
            _list(chosen, rows.head(200), shown, label)


def completeness(language: str, frame: pl.DataFrame) -> None:
    """How many sites have reported, are late, are missing; registers and lists one click away."""
    if frame.is_empty():
        st.markdown(say(language, "complete.none"))
        return
    reported_sites(language, frame)
    sites = pl.col("source").is_in(SITE_SOURCES)
    _complete(language, frame.filter(sites), say(language, "complete.caption"))
    lists = frame.filter(~sites)
    if lists.height:
        late = int(lists.filter(pl.col("state") != "reported")["n"].sum())
        label = say(language, "complete.lists", n=int(lists["n"].sum()), late=late)
        with st.expander(label):
            _complete(language, lists, label)


def reported_sites(language: str, frame: pl.DataFrame) -> None:
    """How many of the sites that keep stock have reported the day, in a sentence."""
    stock = frame.filter(pl.col("source") == "stock")
    if stock.height:
        reported = int(stock.filter(pl.col("state") == "reported")["n"].sum())
        st.markdown(say(language, "complete.sentence", n=reported, all=int(stock["n"].sum())))


def _complete(language: str, frame: pl.DataFrame, caption: str) -> None:
    if frame.is_empty():
        return
    wide = frame.pivot("state", index=["source", "holder_type"], values="n", aggregate_function="sum")
    states = ("reported", "late", "missing")
    heads = [
        Column(say(language, "complete.who")),
        *(Column(word(language, f"state.{one}"), "number") for one in states),
    ]
    rows = [_complete_row(language, row) for row in wide.iter_rows(named=True)]
    show.grid(heads, rows, caption)


def _complete_row(language: str, row: Mapping[str, Any]) -> list[Cell]:
    source = word(language, f"source.{row['source']}")
    kind = row["holder_type"]
    who = f"{source}: {word(language, f'holder_type.{kind}')}" if kind else source
    return [who, *(write.number(language, row.get(state) or 0) for state in ("reported", "late", "missing"))]


def figures_table(language: str, row: Mapping[str, Any]) -> None:
    """Every figure of a row with its value, its definition, and the value to the last digit as SQL has it."""
    unit = problems.unit(language, row)
    larger = figures.page_unit(row, row.get("unit"), unit)
    cells = [
        [
            say(language, f"figure.{name}.name"),
            figures.readable(language, name, row[name], larger),
            Markup("<small>{}</small>").format(say(language, f"figure.{name}.is")),
            Markup("<small>{}</small>").format(figures.in_sql(language, name, row[name], unit)),
        ]
        for name in figures.FIGURES
        if name in row
    ]
    heads = [
        Column(say(language, "column.figure")),
        Column(say(language, "column.value"), "number"),
        Column(say(language, "column.definition")),
        Column(say(language, "column.in_sql"), "number"),
    ]
    show.grid(heads, cells, say(language, "medicine.figures_caption"))


def silent(language: str, frame: pl.DataFrame, shown: int = 30) -> None:
    """Who has not reported, as a table."""
    if frame.is_empty():
        st.markdown(say(language, "complete.all_in"))
        return
    st.markdown(silent_sentence(language, frame))
    heads = [Column(say(language, f"complete.{key}")) for key in ("who", "what", "state", "last")]
    show.grid(
        heads,
        [_silent(language, row) for row in frame.head(shown).iter_rows(named=True)],
        say(language, "complete.silent_caption"),
    )
    show.download(language, frame, "not-reported")


def silent_sentence(language: str, frame: pl.DataFrame) -> str:
    """How many sites and how many lists have not reported; a site that owes stock and dispensing is one."""
    lists = pl.col("holder_id") == pl.col("source")
    counts = {
        "sites": frame.filter(~lists)["holder_id"].n_unique(),
        "lists": frame.filter(lists)["holder_id"].n_unique(),
    }
    who = [counted(language, f"complete.silent_{kind}", n) for kind, n in counts.items() if n]
    return say(language, "complete.silent", who=say(language, "page.and").join(who))


def silent_names(language: str, frame: pl.DataFrame) -> list[str]:
    """Each site once, with what it has not reported; lists by name."""
    owed: dict[str, list[str]] = {}
    for row in frame.iter_rows(named=True):
        source = word(language, f"source.{row['source']}")
        if row["holder_id"] == row["source"]:
            owed[source] = []
        else:
            owed.setdefault(row["name"], []).append(source)
    return [f"{name} ({', '.join(what)})" if what else name for name, what in owed.items()]


def _silent(language: str, row: Mapping[str, Any]) -> Sequence[Cell]:
    last = write.day(language, row["last_day"]) if row["last_day"] else say(language, "complete.never")
    source = word(language, f"source.{row['source']}")
    name = source if row["holder_id"] == row["source"] else row["name"]
    return [name, source, word(language, f"state.{row['state']}"), last]


def definition_list(language: str, names: Sequence[str]) -> None:
    """Figures with their definitions."""
    show.html(
        markup.bullets(
            Markup("<strong>{}</strong> <small>({})</small>. {}").format(
                say(language, f"figure.{name}.name"), name, say(language, f"figure.{name}.is")
            )
            for name in names
        )
    )


def quoted(language: str, rules: Rules) -> None:
    """Why the rules are as they are, in the words and the language of who wrote them."""
    told = word(language, f"language.{rules.reason_language}")
    show.html(
        Markup('<blockquote class="ms-quote"><q lang="{0}">{1}</q>{2}</blockquote>').format(
            rules.reason_language, rules.reason, f" ({told})" if rules.reason_language != language else ""
        )
    )
