"""The digest: what is open, who has it in hand, how many have reported, weekly how alerts turned out. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from medsupply.alerts.rendering import Block, Mail, counted, framed, rendered, texts, written
from medsupply.words import has_word, word

LONGEST_DIGEST = 60


@dataclass(frozen=True)
class OpenAlert:
    """One line of a digest. ``aside``: below the lowest level of the reader's subscription; ``about``: what is said of
    the service in place of medicine, area and level; ``offered``: stands on the alerts page, where it is taken on."""

    medicine: str
    area: str
    level: str
    since: date
    owner: str | None = None
    easing: bool = False
    why: str = ""
    aside: bool = False
    about: str = ""
    offered: bool = True


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


def why_open(rule: str, language: str) -> str:
    """What a digest says of a rule: as mails do, no quantity, no reserve and no permit of one."""
    return texts(language).get(f"open.{rule}") or word(language, f"rule.{rule}")


def about_service(rule: str, subject: str, language: str) -> str:
    """What a digest says of a rule about the service: a source, or a forecast."""
    say, source = texts(language), f"source.{subject}"
    said = say.get(f"service.{subject.replace(' ', '_')}") or say[f"service.{rule}"]
    return said.format(source=word(language, source) if has_word(language, source) else subject)


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
    """The digest, also of a quiet day. ``open_alerts``: asked for first, then by weight; ``heard``: reporters in,
    expected; ``newest``: the newest evaluated day, which is said where it is an earlier one."""
    say = texts(language)
    day = written(as_of, language)
    kind = "weekly" if weekly else "digest"
    count = counted(say, "say.open", len(open_alerts))
    title = say[f"subject.{kind}"].format(date=day, count=count)
    told = [f"{count}."] if open_alerts else [say["say.quiet"]]
    if newest is not None and newest < as_of:
        told = [say["say.not_evaluated"].format(date=day, newest=written(newest, language)), *told]
    blocks = [Block(say["head.what"], told), *_listed(open_alerts, say, language)]
    blocks.append(Block(say["head.reports"], [say["say.heard"].format(heard=heard[0], expected=heard[1])]))
    if weekly:
        blocks.append(Block(say["head.scores"], _score_lines(scores, say, language)))
    level = open_alerts[0].level if open_alerts else "normal"
    return rendered(language, framed(say, title, day), blocks, level, link, unsubscribe)


def _listed(open_alerts: Sequence[OpenAlert], say: Mapping[str, str], language: str) -> list[Block]:
    """What is open: what the subscription's level asks for, and apart from it what only the digest tells."""
    shown = open_alerts[:LONGEST_DIGEST]
    lines = {
        head: [_digest_line(one, say, language) for one in shown if one.aside is aside]
        for head, aside in (("open", False), ("aside", True))
    }
    blocks = [Block(say[f"head.{head}"], told, bullets=True) for head, told in lines.items() if told]
    if len(open_alerts) > LONGEST_DIGEST:
        more = counted(say, "say.more", len(open_alerts) - LONGEST_DIGEST)
        blocks[-1] = replace(blocks[-1], lines=[*blocks[-1].lines, more])
    return blocks


def _digest_line(one: OpenAlert, say: Mapping[str, str], language: str) -> str:
    level = word(language, f"level.{one.level}")
    what = one.about or f"{one.medicine}, {one.area}: {f'{level} ({one.why})' if one.why else level}"
    parts = [what, say["say.since"].format(date=written(one.since, language))]
    if one.easing:
        parts.append(say["say.easing"])
    if one.owner:
        parts.append(say["say.owner"].format(owner=one.owner))
    elif one.offered:
        parts.append(say["say.no_owner"])
    return ", ".join(parts)


def _score_lines(scores: Scores | None, say: Mapping[str, str], language: str) -> list[str]:
    """Counts of what there was: of alerts that ended, and of run-outs, whose rate without any would read as calm."""
    if scores is None or not (scores.true or scores.false or scores.averted):
        lines = [say["say.scores_none"]]
    else:
        lines = [say["say.scores"].format(true=scores.true, false=scores.false, averted=scores.averted)]
    if scores is not None and scores.events:
        lines.append(say["say.scores_events"].format(warned=scores.warned, events=scores.events))
        if scores.base_rate is not None:
            lines.append(say["say.scores_base"].format(rate=round(scores.base_rate)))
    return lines
