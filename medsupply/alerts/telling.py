"""Which changes are told: pure. What an episode has been told for is kept, so that nothing is told twice or never.

An episode whose level is above what was told gives an alert; one that was told and has ended gives a resolved notice.
Nothing depends on which day was evaluated when: an alert that later data opened in the past is told too, while it is
open.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple

from medsupply.alerts.episodes import FLAP_CHANGES, FLAP_DAYS, RANK, Episode, Transition, flaps
from medsupply.alerts.naming import in_order
from medsupply.alerts.rules.rule import LEFT_PICTURE
from medsupply.rules.alerting import Hold


@dataclass(frozen=True)
class Told:
    """What was told of one episode: highest level, whether its end, whether mails wait for a person, and the day of the
    rise whose mail said that the scope goes up and down."""

    level: str | None = None
    closed: bool = False
    held: bool = False
    flapping_on: date | None = None


@dataclass(frozen=True)
class Notice:
    """One thing to tell: kind is alert or resolved; ``flapping``: the last mail before the digest takes over.

    ``remark``: ``reopened``, an end was told too early, ``withdrawn``, later data took the whole alert back, or
    ``left_picture``, it has ended since its medicine left the picture.
    """

    episode: Episode
    kind: str
    flapping: bool = False
    remark: str = ""


@dataclass(frozen=True)
class Telling:
    """What an evaluation tells, and what will have been told after it."""

    notices: list[Notice]
    told: dict[str, Told]
    held: bool
    waiting: Sequence[Notice] = ()


def due(episode: Episode, told: Told) -> Notice | None:
    """What there is to tell of one episode."""
    if episode.closed_on is not None:
        if told.level is None or told.closed:
            return None
        left = LEFT_PICTURE in episode.transitions[-1].reasons if episode.transitions else False
        return Notice(episode, "resolved", remark=LEFT_PICTURE if left else "")
    if told.closed or RANK.get(episode.level or "", 0) > RANK.get(told.level or "", 0):
        return Notice(episode, "alert", episode.flapping, "reopened" if told.closed else "")
    return None


def after(episode: Episode, told: Told, notice: Notice | None) -> Told:
    """What has been told once ``notice`` is written; a level that fell may be told again."""
    if notice is not None:
        said = told.flapping_on
        if notice.kind == "alert" and notice.flapping:
            said = said or max((change.on for change in episode.transitions if change.up), default=None)
        return replace(told, level=episode.level if notice.kind == "alert" else told.level,
                       closed=notice.kind == "resolved", held=False, flapping_on=said)  # fmt: skip
    fell = RANK.get(episode.level or "", 0) < RANK.get(told.level or "", 0)
    if fell and episode.closed_on is None:
        return replace(told, level=episode.level)
    return told


def too_many(notices: Sequence[Notice], watched: int, limits: Hold) -> bool:
    """Whether more products change at once than a true wave would: over a share of those watched, or a number."""
    changed = len({one.episode.medicine_id for one in notices})
    return changed > limits.products or changed > max(limits.minimum, limits.share * watched)


def tell(
    episodes: Sequence[Episode],
    told: Mapping[str, Told],
    *,
    immediate: Collection[str],
    silenced: Callable[[Episode], bool],
    watched: int,
    limits: Hold,
    first: bool,
    gone: Sequence[tuple[Episode, Told]] = (),
) -> Telling:
    """What to tell now. The first evaluation is never held; a hold keeps its episodes until a person releases it.

    ``gone``: episodes that later data took back, with what was told of them.
    """
    before = {one.alert_id: told.get(one.alert_id, Told()) for one in episodes}
    wanted: list[Notice] = []
    for one in episodes:
        notice = due(one, before[one.alert_id])
        waits_already = before[one.alert_id].held and notice is not None and notice.kind == "alert"
        if notice and one.rule in immediate and not waits_already and not silenced(one):
            wanted.append(notice)
    openings = [one for one in wanted if one.kind == "alert"]
    held = not first and too_many(openings, watched, limits)
    waits = {one.episode.alert_id for one in openings} if held else set()
    notices = {one.episode.alert_id: one for one in wanted if one.episode.alert_id not in waits}
    result = {}
    for one in episodes:
        key = one.alert_id
        state = after(one, before[key], notices.get(key))
        result[key] = replace(state, held=True) if key in waits else state
    flapping = _flapping(episodes, before)
    now = [one for one in notices.values() if not _digest_only(one, flapping[one.episode.alert_id])]
    return Telling([*now, *_withdrawn(gone, immediate)], result, held, openings if held else ())


def _withdrawn(gone: Sequence[tuple[Episode, Told]], immediate: Collection[str]) -> list[Notice]:
    """Readers who were told of an alert that never was hear that, silence or not: nothing is left to tell it later."""
    return [
        Notice(one, "resolved", remark="withdrawn")
        for one, told in gone
        if one.rule in immediate and told.level is not None and not told.closed
    ]


class _Flapping(NamedTuple):
    """Whether a mail has said that the scope goes up and down: before the last rise, and by now; ``top``: the highest
    level that rises of these days told of before the last."""

    before: bool = False
    told: bool = False
    top: int = 0


def _flapping(episodes: Sequence[Episode], told: Mapping[str, Told]) -> dict[str, _Flapping]:
    """By alert. The turn that makes a scope flap may be a fall, or later data may make it one that was told as any
    other: what no mail has said, the next rise says."""
    found: dict[str, _Flapping] = {}
    for line in in_order(episodes).values():
        if sum(len(one.transitions) for one in line) <= FLAP_CHANGES:
            found |= {one.alert_id: _Flapping() for one in line}
            continue
        said_on = [day for one in line if (day := told[one.alert_id].flapping_on) is not None]
        seen: list[Transition] = []
        now = _Flapping()
        for one in line:
            for change in one.transitions:
                seen = [last for last in seen if (change.on - last.on).days < FLAP_DAYS]
                now = _after(now, change, seen, said_on)
                seen.append(change)
            found[one.alert_id] = now
    return found


def _after(now: _Flapping, change: Transition, earlier: Sequence[Transition], said_on: Sequence[date]) -> _Flapping:
    """One more change after those of the last days."""
    goes_on = flaps([*earlier, change], change.on)
    said = goes_on and (now.told or change.on in said_on)
    if not change.up:
        return now._replace(told=said)
    top = max((RANK.get(last.level or "", 0) for last in earlier if last.up), default=0)
    return _Flapping(before=goes_on and now.told, told=said, top=top)


def _digest_only(notice: Notice, flapping: _Flapping) -> bool:
    """A scope that goes up and down gives one mail that says so; after it the digest alone tells, but of a level that
    nobody was told of."""
    if notice.kind == "resolved":
        return flapping.told
    return notice.flapping and flapping.before and RANK.get(notice.episode.level or "", 0) <= flapping.top


def release(episodes: Sequence[Episode], told: Mapping[str, Told], silenced: Callable[[Episode], bool]) -> Telling:
    """What held episodes tell once a person let them go: as they stand now. What ended meanwhile is not told; what was
    silenced is, by a later evaluation, if it is still open when the silence ends."""
    result, notices = dict(told), []
    for one in episodes:
        state = told.get(one.alert_id, Told())
        if not state.held:
            continue
        notice = None if silenced(one) else due(one, state)
        free = replace(state, held=False)
        if notice is not None:
            notices.append(notice)
        result[one.alert_id] = after(one, free, notice)
    return Telling(notices, result, False)
