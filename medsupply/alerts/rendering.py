"""How a mail is put together: blocks, frame, text and HTML, in the reader's language."""

from __future__ import annotations

import re
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
import markupsafe

from medsupply.areas import AREAS
from medsupply.words import flat, word
from medsupply.words.numbers import moment

COLORS = {"severe": "#9b1c1c", "elevated": "#b45309", "watch": "#1d4e89", "normal": "#2f6f4f"}
TEXT_WIDTH = 76
# What stands between a mail and its footer in text.
FOOTER = "\n-- \n"


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


def written(day: date, language: str) -> str:
    """A day as people write it."""
    return f"{day.day} {day:%B} {day.year}" if language == "en" else f"{day.day}.{day.month}.{day.year}"


@dataclass(frozen=True)
class Frame:
    """What stands around the blocks: title, as-of, what the link is, why the reader gets it, how its end is called."""

    title: str
    as_of: str
    link_head: str
    footer: str
    end: str


def framed(say: Mapping[str, str], title: str, day: str, why: str = "why_you") -> Frame:
    """The frame of a mail as of ``day``; ``why`` its reader gets it, nothing in mails to operations."""
    as_of = say["say.as_of"].format(date=day) if day else ""
    return Frame(title, as_of, say["head.link"], say[f"say.{why}"] if why else "", say["say.end"])


def rendered(language: str, frame: Frame, blocks: Sequence[Block], level: str, link: str, unsubscribe: str) -> Mail:
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
        "end": frame.end,
    }
    text = wrapped(_environment(False).get_template("mail.txt").render(values))
    html = css_inline.inline(_environment(True).get_template("mail.html").render(values))
    return Mail(frame.title, text, html)


def for_stand_in(text: str, html: str, language: str) -> tuple[str, str]:
    """A mail as it goes to another person: the link to end a subscription is not that person's."""
    footer = texts(language)["say.why_stands_in"]
    said, mark, _ = text.rpartition(FOOTER)
    whole = rf"\g<1>{markupsafe.escape(footer)}\g<2>"
    html = re.sub(r"(<footer[^>]*><p[^>]*>).*?(</p></footer>)", whole, html, flags=re.DOTALL)
    return (f"{said}{mark}{wrapped(footer)}\n" if mark else text), html


def delayed(row: Mapping[str, Any], newer: Mapping[str, Any]) -> dict[str, str]:
    """Subject and bodies of a mail that comes after a newer one on its alert: said first in each, with both times, and
    where newer mails tell of some of its areas only, of which."""
    language = row["language"]
    say = texts(language)
    level = newer["level"] if newer["level"] != row["level"] else None
    form = "late_end" if newer["kind"] == "resolved" else "late_level" if level else "late"
    said = say[f"say.{form}"].format(
        written=moment(language, row["created_at"]), newer=moment(language, newer["sent_at"]),
        level=word(language, f"level.{level}") if level else "",
    )  # fmt: skip
    said = " ".join([said, *_told_in_part(newer["areas"], language)])
    main = re.search(r"<main[^>]*>", row["body_html"])
    at = main.end() if main else 0
    first = f"<p><strong>{markupsafe.escape(said)}</strong></p>"
    return {
        "subject": say["subject.late"].format(subject=row["subject"]),
        "body_text": f"{wrapped(said)}\n\n{row['body_text']}",
        "body_html": f"{row['body_html'][:at]}\n{first}{row['body_html'][at:]}",
    }


def _told_in_part(areas: Mapping[str, bool], language: str) -> list[str]:
    """Of which areas newer mails tell, and on which this mail is the newest; nothing where they tell of all."""
    if all(areas.values()):
        return []
    told, rest = (
        ", ".join(AREAS[code].name(language) for code, newer in areas.items() if newer is wanted)
        for wanted in (True, False)
    )
    return [texts(language)["say.late_part"].format(told=told, rest=rest)] if told else []


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


def counted(say: Mapping[str, str], key: str, number: int) -> str:
    """The sentence of ``key`` for a number: languages say none, one and many in different ways."""
    form = {0: f"{key}_none", 1: f"{key}_one"}.get(number, key)
    return say.get(form, say[key]).format(count=number)


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
