"""The parts of the alerts page: what is open and who has taken it on, mails as they were sent, scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
import streamlit as st
from markupsafe import Markup

from medsupply.areas import AREAS
from medsupply.dashboard import data, markup, problems, show
from medsupply.dashboard.look import ORDER
from medsupply.dashboard.mails import Mail
from medsupply.dashboard.markup import Cell, Column
from medsupply.dashboard.wording import say
from medsupply.words import has_word, word
from medsupply.words import numbers as write


def open_alerts(frame: pl.DataFrame) -> pl.DataFrame:
    """Alerts without an end, the severest and oldest first."""
    if frame.is_empty():
        return frame
    rank = pl.col("level").replace_strict({level: place for place, level in enumerate(ORDER)}, default=len(ORDER))
    return frame.filter(pl.col("closed_on").is_null()).sort(rank, "opened_on", "alert_id")


def coded(language: str, group: str, code: str | None) -> str:
    """The word of a code; the code itself where a later version of the service has brought a new one."""
    return word(language, f"{group}.{code}") if code and has_word(language, f"{group}.{code}") else str(code or "")


def subject(language: str, row: Mapping[str, Any]) -> str:
    """What an alert is about, in one line."""
    area = AREAS[row["county_code"]].name(language) if row["county_code"] in AREAS else str(row["county_code"])
    return f"{problems.name(language, row)} {problems.kind(language, row)} – {area}"


def open_table(language: str, frame: pl.DataFrame, params: Mapping[str, str]) -> None:
    """Open alerts with level, reasons, since when, owner and note."""
    if frame.is_empty():
        st.markdown(say(language, "alerts.none"))
        return
    heads = [Column(say(language, f"alerts.{key}")) for key in ("what", "level", "why", "since", "owner")]
    cells = [_open_row(language, row, params) for row in frame.iter_rows(named=True)]
    show.grid(heads, cells, say(language, "alerts.caption", n=frame.height))


def _open_row(language: str, row: Mapping[str, Any], params: Mapping[str, str]) -> list[Cell]:
    kept = {**params, "medicine": row["medicine_id"], "area": row["county_code"]}
    owner = row.get("owner")
    note = Markup("{}<br><small>{}</small>").format(owner, row.get("note") or "") if owner else None
    level = markup.badge(language, row["level"]) if row["level"] in ORDER else Markup("")
    return [
        Markup("{}<br><small>{}</small>").format(
            markup.link("medicine", subject(language, row), **kept), coded(language, "rule", row["rule"])
        ),
        Markup("{}<br><small>{}</small>").format(level, coded(language, "alert_state", row["state"])),
        markup.lines(coded(language, "reason", code) for code in row["reasons"] or ()),
        write.day(language, row["opened_on"]),
        note or say(language, "alerts.nobody"),
    ]


def mails_table(language: str, frame: pl.DataFrame) -> None:
    """The newest mails and whether the relay took them."""
    heads = [Column(say(language, f"mails.{key}")) for key in ("created", "kind", "to", "language", "status", "sent")]
    cells = [
        [
            write.moment(language, row["created_at"]),
            coded(language, "mail", row["kind"]),
            row["recipient"],
            coded(language, "language", row["language"]),
            coded(language, "mail", row["status"]),
            write.moment(language, row["sent_at"]),
        ]
        for row in frame.iter_rows(named=True)
    ]
    show.grid(heads, cells, say(language, "mails.caption"))


def read_mail(language: str, found: list[Mail]) -> None:
    """One mail, readable as it arrived: its head and its text part."""
    if not found:
        st.markdown(say(language, "mails.none"))
        return
    labels = {mail.key: f"{mail.subject} ({mail.to})" for mail in found}
    key = st.selectbox(say(language, "mails.choose"), list(labels), format_func=lambda key: labels[key])
    mail = next(one for one in found if one.key == key)
    head = markup.lines(
        Markup("<strong>{}</strong> {}").format(say(language, f"mails.{name}"), value)
        for name, value in (("subject", mail.subject), ("from", mail.sender), ("to", mail.to), ("date", mail.date))
    )
    show.html(Markup("<p>{}</p>").format(head))
    show.html(Markup('<div class="ms-mail" tabindex="0" lang="{}">{}</div>').format(mail.language, mail.text))


def scores(language: str, frame: pl.DataFrame) -> None:
    """How past alerts turned out, with the base rate beside."""
    if frame.is_empty():
        st.markdown(say(language, "alert_scores.none"))
        return
    keys = ("episodes", "true_episodes", "false_episodes", "averted", "left_out", "events", "warned")
    shares = ("recall", "precision")
    heads = [Column(say(language, "alert_scores.rule"))]
    heads += [Column(say(language, f"alert_scores.{key}"), "number") for key in (*keys, *shares, "median_lead_days")]
    cells = [
        [
            f"{coded(language, 'rule', row['rule'])} ({_grouping(language, row['grouping'])})",
            *(write.number(language, row[key]) for key in keys),
            *(write.share(language, row[key]) for key in shares),
            write.number(language, row["median_lead_days"]),
        ]
        for row in frame.iter_rows(named=True)
    ]
    show.grid(heads, cells, say(language, "alert_scores.caption"))


def _grouping(language: str, grouping: str) -> str:
    if grouping == "all":
        return say(language, "alert_scores.all")
    return say(language, "alert_scores.class", n=grouping.removeprefix("class "))


def newest_scores() -> pl.DataFrame:
    """The scores of the newest report day of each rule and grouping."""
    found = data.alert_scores()
    if found.is_empty():
        return found
    return found.sort("as_of").group_by("rule", "grouping", maintain_order=True).last().sort("rule", "grouping")
