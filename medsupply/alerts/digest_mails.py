"""The digest: what is open, who has it in hand, how many have reported, weekly how alerts turned out. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from medsupply.alerts.rendering import Block, Mail, counted, framed, rendered, texts, written
from medsupply.words import word

LONGEST_DIGEST = 60


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


def why_open(rule: str, language: str) -> str:
    """What a digest says of a rule: as mails do, no quantity, no reserve and no permit of one."""
    return texts(language).get(f"open.{rule}") or word(language, f"rule.{rule}")


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
    return rendered(language, framed(say, title, day), blocks, level, link, unsubscribe)


def _digest_line(one: OpenAlert, say: Mapping[str, str], language: str) -> str:
    level = word(language, f"level.{one.level}")
    parts = [f"{level} ({one.why})" if one.why else level, say["say.since"].format(date=written(one.since, language))]
    if one.easing:
        parts.append(say["say.easing"])
    parts.append(say["say.owner"].format(owner=one.owner) if one.owner else say["say.no_owner"])
    return f"{one.medicine}, {one.area}: {', '.join(parts)}"


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
