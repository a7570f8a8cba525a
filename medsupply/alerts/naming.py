"""Numbers of episodes. One that a mail or a person has named keeps its number for good. Pure.

The fold gives the episodes; late data may insert an earlier one, move an opening, join two or take one back. A number
in a mail that has gone out must never come to mean another episode, so a number that was named is kept by the episode
that shares days with it, and never given again. All others are numbered in the order in which they opened.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from medsupply.alerts.episodes import Episode

Scope = tuple[str, str, str]


@dataclass(frozen=True)
class Named:
    """Numbered episodes; ``was``: what each one's alert was called before; ``gone``: taken back, nothing goes on."""

    episodes: list[Episode]
    was: dict[str, str]
    gone: list[Episode]


def scope(one: Episode) -> Scope:
    """Rule, medicine and area."""
    return one.rule, one.medicine_id, one.county_code


def in_order(episodes: Iterable[Episode]) -> dict[Scope, list[Episode]]:
    """Episodes by scope, as they opened."""
    found: dict[Scope, list[Episode]] = defaultdict(list)
    for one in sorted(episodes, key=lambda one: one.opened_on):
        found[scope(one)].append(one)
    return found


def named(folded: Sequence[Episode], stored: Sequence[Episode], spoken: Collection[str]) -> Named:
    """Number ``folded`` so that alerts that were ``spoken`` of keep meaning what they meant in ``stored``."""
    before = in_order(stored)
    taken: dict[str, set[int]] = defaultdict(set)
    for alert_id in spoken:
        prefix, _, number = alert_id.rpartition("-")
        taken[prefix].add(int(number))
    result = Named([], {}, [])
    now = in_order(folded)
    for key in {**now, **before}:
        _name_scope(now.get(key, []), before.get(key, []), spoken, taken["-".join(key)], result)
    return result


def _name_scope(
    now: Sequence[Episode], before: Sequence[Episode], spoken: Collection[str], taken: set[int], result: Named
) -> None:
    matched = _matched(now, before, spoken)
    free = (number for number in range(1, len(now) + len(taken) + 1) if number not in taken)
    for place, one in enumerate(now):
        old = matched.get(place)
        number = old.number if old is not None and old.alert_id in spoken else next(free)
        result.episodes.append(replace(one, number=number))
        if old is not None:
            result.was[result.episodes[-1].alert_id] = old.alert_id
    result.gone.extend(old for old in before if not any(_shared(old, one) for one in now))


def _matched(now: Sequence[Episode], before: Sequence[Episode], spoken: Collection[str]) -> dict[int, Episode]:
    """Which earlier episode each place of ``now`` goes on: what was spoken of first, of those the latest first."""
    found: dict[int, Episode] = {}
    for old in sorted(before, key=lambda one: (one.alert_id in spoken, one.opened_on), reverse=True):
        places = [place for place, one in enumerate(now) if place not in found and _shared(old, one)]
        if places:
            holds = {place: now[place].opened_on <= old.opened_on <= _end(now[place]) for place in places}
            found[max(places, key=lambda place: (holds[place], _shared(old, now[place]), -place))] = old
    return found


def _shared(one: Episode, other: Episode) -> int:
    """Days that two episodes have in common; 0: none."""
    return max(0, (min(_end(one), _end(other)) - max(one.opened_on, other.opened_on)).days + 1)


def _end(one: Episode) -> date:
    return one.closed_on or date.max
