"""The parts of the alerts page: what is open and who has taken it on, mails as they were sent, scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import polars as pl
import streamlit as st
from markupsafe import Markup

from medsupply.areas import AREAS, COUNTRY
from medsupply.dashboard import data, markup, problems, show
from medsupply.dashboard.look import ORDER
from medsupply.dashboard.mails import Mail
from medsupply.dashboard.markup import Cell, Column
from medsupply.dashboard.wording import coded, say
from medsupply.days import HELSINKI
from medsupply.words import has_word, word
from medsupply.words import numbers as write


def open_alerts(frame: pl.DataFrame) -> pl.DataFrame:
    """Alerts without an end, the severest and oldest first."""
    if frame.is_empty():
        return frame
    rank = pl.col("level").replace_strict({level: place for place, level in enumerate(ORDER)}, default=len(ORDER))
    return frame.filter(pl.col("closed_on").is_null()).sort(rank, "opened_on", "alert_id")


def subject(language: str, row: Mapping[str, Any]) -> str:
    """What an alert is about and of which rule, in one line: a medicine may have several in the same area."""
    return (
        f"{_medicine(language, row)} – {place(language, row['county_code'])} ({coded(language, 'rule', row['rule'])})"
    )


def silence(language: str, row: Mapping[str, Any]) -> str:
    """What a silence covers, until when, and who gave it why, in one line."""
    parts = (
        _medicine(language, row) if row["medicine_id"] else "",
        place(language, row["county_code"]) if row["county_code"] else "",
        coded(language, "rule", row["rule"]) if row["rule"] else "",
    )
    until = say(language, "silence.until", day=write.day(language, row["ends_at"].astimezone(HELSINKI).date()))
    return f"{', '.join(filter(None, parts))} – {until} ({row['author']}: {row['reason']})"


def _medicine(language: str, row: Mapping[str, Any]) -> str:
    return " ".join(filter(None, (problems.name(language, row), problems.kind(language, row))))


def grouped(frame: pl.DataFrame) -> list[list[dict[str, Any]]]:
    """Open alerts by rule and medicine, as mails group them: the country leads a group, the worst lead comes first,
    of equal ones that of the country."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in frame.iter_rows(named=True):
        groups.setdefault((row["rule"], row["medicine_id"]), []).append(row)
    for rows in groups.values():
        rows.sort(key=lambda row: row["county_code"] != COUNTRY)
    return sorted(groups.values(), key=lambda rows: (_rank(rows[0]["level"]), rows[0]["county_code"] != COUNTRY))


def _rank(level: str | None) -> int:
    return ORDER.index(level) if level in ORDER else len(ORDER)


def open_table(language: str, frame: pl.DataFrame, params: Mapping[str, str], shown: int = 25) -> int:
    """Open alerts by medicine with level, areas, reasons, since when, owner and note; how many medicines are left."""
    if frame.is_empty():
        st.markdown(say(language, "alerts.none"))
        return 0
    heads = [Column(say(language, f"alerts.{key}")) for key in ("what", "level", "areas", "why", "since", "owner")]
    told = frame.join(data.noticed(), on=["medicine_id", "county_code"], how="left", maintain_order="left")
    cells = [_open_row(language, group, params) for group in grouped(told)]
    caption = say(language, "alerts.caption", n=frame.height, groups=medicines(language, frame))
    show.grid(heads, cells[:shown], caption, "alerts")
    return max(len(cells) - shown, 0)


def medicines(language: str, frame: pl.DataFrame) -> int:
    """How many medicines alerts are about; one about data names its source in the place of a medicine."""
    return sum(not has_word(language, f"source.{code}") for code in frame["medicine_id"].unique())


def _open_row(language: str, group: list[dict[str, Any]], params: Mapping[str, str]) -> list[Cell]:
    lead = group[0]
    kept = {**params, "medicine": lead["medicine_id"], "area": lead["county_code"]}
    below = ", ".join(filter(None, (problems.kind(language, lead), coded(language, "rule", lead["rule"]))))
    return [
        Markup("{}<br><small>{}</small>").format(_name(language, lead, kept), below),
        markup.badge(language, lead["level"]) if lead["level"] in ORDER else "",
        _areas(language, group),
        markup.reason_list(problems.why(language, lead, 2)),
        write.day(language, min(row["opened_on"] for row in group)),
        owners(language, group),
    ]


def _name(language: str, row: Mapping[str, Any], kept: Mapping[str, str]) -> Cell:
    """The medicine as a link; an alert about data names its source."""
    if has_word(language, f"source.{row['medicine_id']}"):
        return word(language, f"source.{row['medicine_id']}")
    return markup.link("medicine", problems.name(language, row), **kept)


def _areas(language: str, group: list[dict[str, Any]]) -> Cell:
    """The area that leads, and how many others stand at which level."""
    others = Counter(row["level"] for row in group[1:] if row["level"] in ORDER)
    rest = ", ".join(
        f"{word(language, f'level.{level}')}: {others[level]}" for level in sorted(others, key=ORDER.index)
    )
    lead = place(language, group[0]["county_code"])
    if not rest:
        return lead
    return Markup("{}<br><small>{} {}</small>").format(lead, say(language, "alerts.elsewhere"), rest)


def owners(language: str, group: list[dict[str, Any]]) -> Cell:
    """Who has taken on the alerts of a group and what they wrote, or that nobody has."""
    told = dict.fromkeys((row["owner"], row["note"] or "") for row in group if row.get("owner"))
    if not told:
        return say(language, "alerts.nobody")
    return markup.lines(Markup("{} <small>{}</small>").format(owner, note) for owner, note in told)


def place(language: str, code: str) -> str:
    """The short name of an area."""
    if has_word(language, f"short.{code}"):
        return word(language, f"short.{code}")
    return AREAS[code].name(language) if code in AREAS else code


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
        for name, value in (
            ("subject", mail.subject),
            ("from", mail.sender),
            ("recipient", mail.to),
            ("date", write.moment(language, mail.date)),
        )
    )
    show.html(Markup("<p>{}</p>").format(head))
    show.html(Markup('<div class="ms-mail" tabindex="0" lang="{}">{}</div>').format(mail.language, mail.text))


def scores(language: str, frame: pl.DataFrame) -> None:
    """How past alerts turned out, with the base rate beside; where nothing opened and nothing ran out is no row.
    Says so where no outcome is known yet."""
    frame = frame.filter((pl.col("episodes") > 0) | (pl.col("events") > 0))
    if frame.filter((pl.col("episodes") > pl.col("left_out")) | (pl.col("events") > 0)).is_empty():
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
    kind, _, number = grouping.partition(" ")
    return say(language, f"alert_scores.{kind}", n=number)


def newest_scores() -> pl.DataFrame:
    """The scores of the newest report day of each rule and grouping."""
    found = data.alert_scores()
    if found.is_empty():
        return found
    return found.sort("as_of").group_by("rule", "grouping", maintain_order=True).last().sort("rule", "grouping")
