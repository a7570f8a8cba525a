"""Mails: what they say and what they never say.

A mail carries medicine, area, level, band, certainty, public reasons, what to do, what is not known, owner, as-of and
link. Never a quantity, cover days, a probability, a date of run-out, a company, a reserve or a permit of one: a leaked
mail must not start hoarding. The functions here are not even given those figures, but for the band.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from medsupply.alerts.rendering import Block, Frame, Mail, framed, rendered, texts, written
from medsupply.picture.reasons import NOTICE_REASONS, under_notice
from medsupply.words import has_word, word

# Reasons of the picture and the public word that stands for them in a mail.
PUBLIC: dict[str, str] = {
    **dict.fromkeys(map(str, NOTICE_REASONS), "notice"),
    "notice_in_force": "notice",
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
SUBJECT_WIDTH = 100
# How the id of a held evaluation begins, which mails about it have in the place of an alert's.
HELD = "held-"
# So many areas are named in a subject; more are counted.
NAMED_AREAS = 2


@dataclass(frozen=True)
class AreaLevel:
    """An area: the level of the alert there, by when and how sure, and what of its reports has come.

    ``estimated``: whether there is a probability of running out at all; ``reporting``: full, late, part or none.
    """

    name: str
    level: str
    band: str | None = None
    certainty: str | None = None
    estimated: bool = True
    reporting: str = "full"


@dataclass(frozen=True)
class Subject:
    """What an alert mail is about, for one reader."""

    medicine: str
    level: str
    areas: Sequence[AreaLevel]
    reasons: Sequence[str]
    actions: Sequence[str]
    owner: str | None
    as_of: date
    link: str
    unsubscribe: str  # empty for who stands in for a subscriber
    remarks: Sequence[str] = ()
    still_open: Sequence[str] = ()  # areas where other alerts on the medicine stand that the reader was told of
    ended: Sequence[str] = ()  # rules of which only the alerts end, while others stand in all of ``areas``
    anew: bool = False  # the alerts have ended in between, by later reports, and are open again in all of ``areas``
    also_ended: Sequence[str] = ()  # the same, while alerts have ended in ``areas`` and stand in ``also_in``
    also_in: Sequence[str] = ()


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


def with_notice(reasons: Sequence[str], row: Mapping[str, Any]) -> list[str]:
    """``reasons``, and after them that a notice is in force, as the pages tell it beside the level."""
    return [*reasons, *(["notice_in_force"] if under_notice(row) else [])]


def alert_mail(subject: Subject, language: str, *, resolved: bool = False) -> Mail:
    """The mail of an opening, a rise or an end."""
    say = texts(language)
    level = word(language, f"level.{subject.level}")
    kind = _ending(subject) if resolved else "alert"
    day = written(subject.as_of, language)
    names = _names(subject)
    where = ", ".join(names) if len(names) <= NAMED_AREAS else say["say.areas"].format(count=len(names))
    title = say[f"subject.{kind}"].format(level=level.capitalize(), medicine=subject.medicine, date=day, area=where)
    blocks = _resolved(subject, say, language) if resolved else _alert_blocks(subject, say, language, level)
    frame = framed(say, title, day, "why_you" if subject.unsubscribe else "why_stands_in")
    return rendered(language, frame, blocks, subject.level, subject.link, subject.unsubscribe)


def _ending(subject: Subject) -> str:
    if subject.ended or subject.anew:
        return "partly" if subject.ended else "anew"
    return "withdrawn" if "withdrawn" in subject.remarks else "resolved"


def _cause(subject: Subject) -> str:
    return (
        "left_picture"
        if "left_picture" in subject.remarks and not (subject.ended or subject.anew)
        else _ending(subject)
    )


def _resolved(subject: Subject, say: Mapping[str, str], language: str) -> list[Block]:
    """What has ended, and where: the same medicine may be short elsewhere still, or there for another reason."""
    rules = _rules(subject.ended, say, language)
    told = say[f"say.{_cause(subject)}"].format(medicine=subject.medicine, rules=rules)
    also = _rules(subject.also_ended, say, language)
    parts = [say["say.also_partly"].format(areas=", ".join(subject.also_in), rules=also)] if also else []
    still = [say["say.still_open"].format(areas=", ".join(subject.still_open))] if subject.still_open else []
    return [
        Block(say["head.what"], [told, *parts, *still]),
        Block(
            say["head.areas"],
            _levels(subject, language) if subject.ended or subject.anew else _names(subject),
            bullets=True,
        ),
    ]


def _rules(rules: Sequence[str], say: Mapping[str, str], language: str) -> str:
    return ", ".join(say.get(f"open.{rule}") or word(language, f"rule.{rule}") for rule in rules)


def _names(subject: Subject) -> list[str]:
    return [area.name for area in subject.areas]


def _levels(subject: Subject, language: str) -> list[str]:
    return [f"{area.name}: {word(language, f'level.{area.level}')}" for area in subject.areas]


def _alert_blocks(subject: Subject, say: Mapping[str, str], language: str, level: str) -> list[Block]:
    why = [say[f"why.{reason}"] for reason in public_reasons(subject.reasons)]
    remarks = [say[f"remark.{code}"] for code in subject.remarks]
    when, unknown = _by_area(subject, lambda area: _when(area, say)), _unknown(subject, say)
    return [
        Block(say["head.what"], [say["say.what"].format(medicine=subject.medicine, level=level), *remarks]),
        Block(say["head.areas"], _levels(subject, language), bullets=True),
        Block(say["head.when"], when, bullets=len(when) > 1),
        Block(say["head.why"], why or [say["why.availability"]], bullets=True),
        Block(say["head.do"], [say[f"action.{action}"] for action in subject.actions], bullets=True),
        Block(say["head.unknown"], unknown, bullets=len(unknown) > 1),
        Block(say["head.owner"], [subject.owner or say["say.nobody"]]),
    ]


def _by_area(subject: Subject, told: Callable[[AreaLevel], str]) -> list[str]:
    """What is told of the areas, each sentence once; with the areas it is true of where it is not true of all."""
    found: dict[str, list[str]] = {}
    for area in subject.areas:
        found.setdefault(told(area), []).append(area.name)
    if len(found) == 1:
        return list(found)
    return [f"{', '.join(areas)}: {sentence}" for sentence, areas in found.items()]


def _when(area: AreaLevel, say: Mapping[str, str]) -> str:
    """The band and how sure it is; that nothing is known is never told as that nothing is to be feared."""
    if area.band and area.certainty:
        return say["say.run_out"].format(certainty=say[f"certainty.{area.certainty}"], band=say[f"band.{area.band}"])
    if area.reporting == "none":
        return say["say.no_estimate"]
    return say["say.not_soon" if area.estimated else "say.not_estimated"]


def _unknown(subject: Subject, say: Mapping[str, str]) -> list[str]:
    """What has not come: reports of stock, and the list of notices where the alert rests on an old one."""
    late = "notices_late" in subject.reasons
    full = "stock" if late else "full"
    told = _by_area(subject, lambda area: say[f"say.reporting_{full if area.reporting == 'full' else area.reporting}"])
    return [*told, *([say["say.notices_late"]] if late else [])]


def confirmation_mail(language: str, link: str, unsubscribe: str) -> Mail:
    """The mail that asks an address to confirm that it wants alerts."""
    say = texts(language)
    blocks = [Block(say["head.what"], [say["say.confirm"], say["say.confirm_not"]])]
    mail = Frame(say["subject.confirmation"], "", say["head.confirm"], say["say.why_asked"], say["say.cancel"])
    return rendered(language, mail, blocks, "watch", link, unsubscribe)


def held_mail(language: str, as_of: date, count: int, link: str, unsubscribe: str) -> Mail:
    """The one mail of an evaluation in which too much changed at once: its alerts wait for a person.

    ``unsubscribe`` is empty for operations.
    """
    say = texts(language)
    day = written(as_of, language)
    title = say["subject.held"].format(date=day)
    blocks = [
        Block(say["head.what"], [say["say.held"].format(count=count)]),
        Block(say["head.do"], [say["action.release"], say["action.check_data"]], bullets=True),
    ]
    frame = framed(say, title, day, "why_you" if unsubscribe else "")
    return rendered(language, frame, blocks, "elevated", link, unsubscribe)


def operations_mail(language: str, what: Sequence[str], link: str) -> Mail:
    """The mail to operators about the service itself."""
    say = texts(language)
    title = say["subject.operations"].format(what=textwrap.shorten(what[0], SUBJECT_WIDTH, placeholder="…"))
    blocks = [Block(say["head.what"], list(what), bullets=True)]
    return rendered(language, framed(say, title, "", ""), blocks, "elevated", link, "")
