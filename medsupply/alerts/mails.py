"""Mails: what they say and what they never say.

A mail carries medicine, area, level, band, certainty, public reasons, what to do, what is not known, owner, as-of and
link. Never a quantity, cover days, a probability, a date of run-out, a company, a reserve or a permit of one: a leaked
mail must not start hoarding. The functions here are not even given those figures, but for the band.
"""

from __future__ import annotations

import textwrap
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib.resources import files
from typing import Any

import css_inline
import jinja2

from medsupply.words import flat, has_word, word

COLORS = {"severe": "#9b1c1c", "elevated": "#b45309", "watch": "#1d4e89", "normal": "#2f6f4f"}
# Reasons of the picture and the public word that stands for them in a mail.
PUBLIC: dict[str, str] = {
    "notice_covers_all": "notice",
    "notice_covers_all_28": "notice",
    "notice_share_84": "notice",
    "single_holder_notice": "notice",
    "demand_surge": "demand",
    "not_on_market": "market",
    "partial": "data",
    "missing_decides": "data",
    "late_data": "data",
    "notices_late": "data",
    **dict.fromkeys(
        ("run_out_p14_with_reserve", "stock_at_floor", "out_share", "run_out_p56", "run_out_p14", "only_reserve_left",
         "run_out_p56_watch", "run_out_p84"),
        "availability",
    ),
}  # fmt: skip
LIKELY, POSSIBLE = 0.5, 0.1
LONGEST_DIGEST = 60
TEXT_WIDTH = 76
SUBJECT_WIDTH = 100


@dataclass(frozen=True)
class Block:
    """One headed part of a mail."""

    head: str
    lines: Sequence[str]
    bullets: bool = False


@dataclass(frozen=True)
class Mail:
    """A rendered mail."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True)
class AreaLevel:
    """An area and the level of the alert there."""

    name: str
    level: str


@dataclass(frozen=True)
class Subject:
    """What an alert mail is about, for one reader."""

    medicine: str
    level: str
    areas: Sequence[AreaLevel]
    reasons: Sequence[str]
    actions: Sequence[str]
    band: str | None
    certainty: str | None
    reporting: str
    owner: str | None
    as_of: date
    link: str
    unsubscribe: str
    remarks: Sequence[str] = ()
    estimated: bool = True  # whether there is a probability of running out at all


def medicine_name(medicine: Mapping[str, Any] | None, medicine_id: str, language: str) -> str:
    """The family's name with its form class in the reader's language."""
    if medicine is None:
        return medicine_id
    names = (medicine.get(key) for key in (f"name_{language}", "name_fi", "name_en", "atc"))
    name = next((one for one in names if one), medicine_id)
    form = f"form_class.{medicine.get('form_class')}"
    return f"{name} ({word(language, form)})" if has_word(language, form) else str(name)


def band_of(p14: float | None, p28: float | None, p84: float | None) -> tuple[str | None, str | None]:
    """Band (w2, w4, w12) and certainty: the shortest band that is likely, else the shortest that is possible."""
    bands = [("w2", p14), ("w4", p28), ("w12", p84)]
    for certainty, limit in (("likely", LIKELY), ("possible", POSSIBLE)):
        for band, p in bands:
            if p is not None and p >= limit:
                return band, certainty
    return None, None


def public_reasons(reasons: Sequence[str]) -> list[str]:
    """The public words for the picture's reasons, each once, in order."""
    return list(dict.fromkeys(PUBLIC[reason] for reason in reasons if reason in PUBLIC))


def alert_mail(subject: Subject, language: str, *, resolved: bool = False) -> Mail:
    """The mail of an opening, a rise or an end."""
    say = texts(language)
    level = word(language, f"level.{subject.level}")
    kind = _ending(subject) if resolved else "alert"
    day = written(subject.as_of, language)
    title = say[f"subject.{kind}"].format(level=level.capitalize(), medicine=subject.medicine, date=day)
    blocks = _resolved(subject, say) if resolved else _alert_blocks(subject, say, language, level)
    return _render(language, _frame(say, title, day), blocks, subject.level, subject.link, subject.unsubscribe)


def _ending(subject: Subject) -> str:
    return "withdrawn" if "withdrawn" in subject.remarks else "resolved"


def _cause(subject: Subject) -> str:
    return "left_picture" if "left_picture" in subject.remarks else _ending(subject)


def _resolved(subject: Subject, say: Mapping[str, str]) -> list[Block]:
    """What has ended, and where: the same medicine may be short elsewhere still."""
    told = say[f"say.{_cause(subject)}"].format(medicine=subject.medicine)
    return [
        Block(say["head.what"], [told]),
        Block(say["head.areas"], [area.name for area in subject.areas], bullets=True),
    ]


def _alert_blocks(subject: Subject, say: Mapping[str, str], language: str, level: str) -> list[Block]:
    areas = [f"{area.name}: {word(language, f'level.{area.level}')}" for area in subject.areas]
    why = [say[f"why.{reason}"] for reason in public_reasons(subject.reasons)]
    remarks = [say[f"remark.{code}"] for code in subject.remarks]
    return [
        Block(say["head.what"], [say["say.what"].format(medicine=subject.medicine, level=level), *remarks]),
        Block(say["head.areas"], areas, bullets=True),
        Block(say["head.when"], [_when(subject, say)]),
        Block(say["head.why"], why or [say["why.availability"]], bullets=True),
        Block(say["head.do"], [say[f"action.{action}"] for action in subject.actions], bullets=True),
        Block(say["head.unknown"], _unknown(subject, say)),
        Block(say["head.owner"], [subject.owner or say["say.nobody"]]),
    ]


def _when(subject: Subject, say: Mapping[str, str]) -> str:
    """The band and how sure it is; that nothing is known is never told as that nothing is to be feared."""
    if subject.band and subject.certainty:
        return say["say.run_out"].format(
            certainty=say[f"certainty.{subject.certainty}"], band=say[f"band.{subject.band}"]
        )
    if subject.reporting == "none":
        return say["say.no_estimate"]
    return say["say.not_soon" if subject.estimated else "say.not_estimated"]


def _unknown(subject: Subject, say: Mapping[str, str]) -> list[str]:
    """What has not come: reports of stock, and the list of notices where the alert rests on an old one."""
    late = "notices_late" in subject.reasons
    code = "stock" if late and subject.reporting == "full" else subject.reporting
    return [say[f"say.reporting_{code}"], *([say["say.notices_late"]] if late else [])]


@dataclass(frozen=True)
class OpenAlert:
    """One line of a digest."""

    medicine: str
    area: str
    level: str
    since: date
    owner: str | None = None
    easing: bool = False
    why: str = ""


@dataclass(frozen=True)
class Scores:
    """How past run-out alerts turned out: the last scored day, in counts and percentages."""

    true: int
    false: int
    averted: int
    warned: int
    events: int
    recall: float | None
    precision: float | None
    base_rate: float | None = None


def digest_mail(
    language: str,
    as_of: date,
    open_alerts: Sequence[OpenAlert],
    heard: tuple[int, int],
    scores: Scores | None,
    link: str,
    unsubscribe: str,
    *,
    weekly: bool = False,
    newest: date | None = None,
) -> Mail:
    """The digest, also of a quiet day. ``open_alerts``: the weightiest first; ``heard``: reporters in, expected;
    ``newest``: the newest evaluated day, which is said where it is an earlier one."""
    say = texts(language)
    day = written(as_of, language)
    kind = "weekly" if weekly else "digest"
    count = counted(say, "say.open", len(open_alerts))
    title = say[f"subject.{kind}"].format(date=day, count=count)
    lines = [_digest_line(one, say, language) for one in open_alerts[:LONGEST_DIGEST]]
    if len(open_alerts) > LONGEST_DIGEST:
        lines.append(counted(say, "say.more", len(open_alerts) - LONGEST_DIGEST))
    told = [f"{count}."] if lines else [say["say.quiet"]]
    if newest is not None and newest < as_of:
        told = [say["say.not_evaluated"].format(date=day, newest=written(newest, language)), *told]
    blocks = [Block(say["head.what"], told)]
    if lines:
        blocks.append(Block(say["head.open"], lines, bullets=True))
    blocks.append(Block(say["head.reports"], [say["say.heard"].format(heard=heard[0], expected=heard[1])]))
    if weekly:
        blocks.append(Block(say["head.scores"], _score_lines(scores, say, language)))
    level = open_alerts[0].level if open_alerts else "normal"
    return _render(language, _frame(say, title, day), blocks, level, link, unsubscribe)


def _digest_line(one: OpenAlert, say: Mapping[str, str], language: str) -> str:
    level = word(language, f"level.{one.level}")
    parts = [f"{level} ({one.why})" if one.why else level, say["say.since"].format(date=written(one.since, language))]
    if one.easing:
        parts.append(say["say.easing"])
    parts.append(say["say.owner"].format(owner=one.owner) if one.owner else say["say.no_owner"])
    return f"{one.medicine}, {one.area}: {', '.join(parts)}"


def _score_lines(scores: Scores | None, say: Mapping[str, str], language: str) -> list[str]:
    if scores is None:
        return [say["say.scores_none"]]
    lines = [say["say.scores"].format(true=scores.true, false=scores.false, averted=scores.averted)]
    if scores.events:
        lines.append(say["say.scores_events"].format(warned=scores.warned, events=scores.events))
    if scores.base_rate is not None:
        lines.append(say["say.scores_base"].format(rate=round(scores.base_rate)))
    return lines


def counted(say: Mapping[str, str], key: str, number: int) -> str:
    """The sentence of ``key`` for a number: languages say none, one and many in different ways."""
    form = {0: f"{key}_none", 1: f"{key}_one"}.get(number, key)
    return say.get(form, say[key]).format(count=number)


def confirmation_mail(language: str, link: str, unsubscribe: str) -> Mail:
    """The mail that asks an address to confirm that it wants alerts."""
    say = texts(language)
    blocks = [Block(say["head.what"], [say["say.confirm"], say["say.confirm_not"]])]
    mail = _Frame(say["subject.confirmation"], "", say["head.confirm"], say["say.why_asked"])
    return _render(language, mail, blocks, "watch", link, unsubscribe)


def held_mail(language: str, as_of: date, count: int, link: str, unsubscribe: str) -> Mail:
    """The one mail of an evaluation in which too much changed at once: its alerts wait for a person."""
    say = texts(language)
    day = written(as_of, language)
    title = say["subject.held"].format(date=day)
    blocks = [
        Block(say["head.what"], [say["say.held"].format(count=count)]),
        Block(say["head.do"], [say["action.release"], say["action.check_data"]], bullets=True),
    ]
    return _render(language, _frame(say, title, day), blocks, "elevated", link, unsubscribe)


def operations_mail(language: str, what: Sequence[str], link: str) -> Mail:
    """The mail to operators about the service itself."""
    say = texts(language)
    title = say["subject.operations"].format(what=textwrap.shorten(what[0], SUBJECT_WIDTH, placeholder="…"))
    blocks = [Block(say["head.what"], list(what), bullets=True)]
    return _render(language, _frame(say, title, ""), blocks, "elevated", link, "")


def written(day: date, language: str) -> str:
    """A day as people write it."""
    return f"{day.day} {day:%B} {day.year}" if language == "en" else f"{day.day}.{day.month}.{day.year}"


@dataclass(frozen=True)
class _Frame:
    """What stands around the blocks: title, as-of, what the link is, why the reader gets it."""

    title: str
    as_of: str
    link_head: str
    footer: str


def _frame(say: Mapping[str, str], title: str, day: str) -> _Frame:
    as_of = say["say.as_of"].format(date=day) if day else ""
    return _Frame(title, as_of, say["head.link"], say["say.why_you"])


def _render(language: str, frame: _Frame, blocks: Sequence[Block], level: str, link: str, unsubscribe: str) -> Mail:
    say = texts(language)
    values = {
        "language": language,
        "subject": frame.title,
        "title": frame.title,
        "greeting": say["say.greeting"],
        "as_of": frame.as_of,
        "blocks": blocks,
        "color": COLORS.get(level, COLORS["watch"]),
        "link": link,
        "link_head": frame.link_head,
        "unsubscribe": unsubscribe,
        "footer": frame.footer,
        "end": say["say.end"],
    }
    text = wrapped(_environment(False).get_template("mail.txt").render(values))
    html = css_inline.inline(_environment(True).get_template("mail.html").render(values))
    return Mail(frame.title, text, html)


def wrapped(text: str) -> str:
    """Text for a terminal: no line over 76 characters but an address, which must stay whole."""
    lines = (
        textwrap.fill(
            line, TEXT_WIDTH, subsequent_indent="  " if line.startswith("- ") else "", break_long_words=False,
            break_on_hyphens=False,
        )
        if len(line) > TEXT_WIDTH
        else line
        for line in text.split("\n")
    )  # fmt: skip
    return "\n".join(lines)


@lru_cache(maxsize=2)
def _environment(autoescape: bool) -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("medsupply.alerts"),
        autoescape=autoescape,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


@lru_cache(maxsize=3)
def texts(language: str) -> Mapping[str, str]:
    """The sentences of mails by dotted key."""
    text = (files("medsupply.alerts") / "texts" / f"{language}.toml").read_text(encoding="utf-8")
    return dict(flat(tomllib.loads(text)))
