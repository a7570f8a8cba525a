"""The mails at once that episodes would have given, told day by day as an evaluation tells them. Pure.

Nobody silences or acknowledges in a replay, and what is held is released the same day.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import polars as pl

from medsupply.alerts.episodes import Episode, Transition, flaps
from medsupply.alerts.folding import IMMEDIATE
from medsupply.alerts.naming import in_order
from medsupply.alerts.recipients import Subscription, grouped
from medsupply.alerts.telling import Notice, Told, release, tell
from medsupply.rules.alerting import Hold

Item = Mapping[str, str | None]


@dataclass(frozen=True)
class Mails:
    """Counts: mails of openings and rises, of ends, of holds; evaluations that were held."""

    openings: int = 0
    ends: int = 0
    holds: int = 0
    held: int = 0


@dataclass
class _Readers:
    """Who wants what, and who has heard of which alert."""

    lines: Sequence[Subscription]
    medicines: Mapping[str, Mapping[str, Any]]
    heard: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def opened(self, notices: Iterable[Notice]) -> int:
        groups = grouped([self._item(one.episode) for one in notices if one.kind == "alert"], self.lines)
        for group in groups:
            for item in group.items:
                self.heard[str(item["alert_id"])].add(group.address.lower())
        return len(groups)

    def ended(self, notices: Iterable[Notice]) -> int:
        """An end goes to all who were mailed the opening, one mail a reader and family."""
        return len({
            (address, one.episode.medicine_id)
            for one in notices
            if one.kind == "resolved"
            for address in self.heard[one.episode.alert_id]
        })  # fmt: skip

    def of_hold(self, waiting: Iterable[Notice]) -> int:
        groups = grouped([self._item(one.episode) for one in waiting], self.lines)
        return len({group.address.lower() for group in groups})

    def _item(self, one: Episode) -> Item:
        medicine = self.medicines[one.medicine_id]
        about = {name: medicine.get(name) for name in ("atc", "form_class", "members")}
        scope = {name: getattr(one, name) for name in ("alert_id", "medicine_id", "county_code", "level")}
        return {**about, **scope}


def mails_of(
    episodes: Sequence[Episode], situations: pl.DataFrame, subscriptions: Sequence[Subscription], limits: Hold
) -> Mails:
    """Mails at once on ``episodes`` to those subscribed. ``situations``: as of ``replay.replay``."""
    readers = _Readers(
        subscriptions, {row["medicine_id"]: row for row in situations.unique("medicine_id").iter_rows(named=True)}
    )
    watched = dict(situations.group_by("as_of").agg(pl.col("medicine_id").n_unique()).iter_rows())
    began = min(watched, default=date.min)
    told: dict[str, Told] = {}
    found = Mails()
    for day, lines in _changed(episodes):
        here = [one for line in lines for one in _as_of(line, day)]
        telling = tell(
            here, told, immediate=IMMEDIATE, silenced=lambda _: False, watched=watched[day], limits=limits,
            first=day == began,
        )  # fmt: skip
        told |= telling.told
        freed = release(here, told, lambda _: False) if telling.held else None
        told |= freed.told if freed else {}
        notices = [*telling.notices, *(freed.notices if freed else ())]
        found = Mails(
            found.openings + readers.opened(notices),
            found.ends + readers.ended(notices),
            found.holds + readers.of_hold(telling.waiting),
            found.held + telling.held,
        )
    return found


def _changed(episodes: Sequence[Episode]) -> list[tuple[date, list[Sequence[Episode]]]]:
    """Each day on which something changes, with the episodes of the scopes that do."""
    found: dict[date, list[Sequence[Episode]]] = defaultdict(list)
    for line in in_order(one for one in episodes if one.rule in IMMEDIATE).values():
        for day in {change.on for one in line for change in one.transitions}:
            found[day].append(line)
    return sorted(found.items())


def _as_of(line: Sequence[Episode], day: date) -> list[Episode]:
    """The episodes of a scope as they stood on a day."""
    found: list[Episode] = []
    seen: list[Transition] = []
    for one in line:
        changes = tuple(change for change in one.transitions if change.on <= day)
        if not changes:
            break
        seen += changes
        levels = [change.level for change in changes if change.transition != "closed"]
        closed = one.closed_on if one.closed_on is not None and one.closed_on <= day else None
        flapping = flaps(seen, changes[-1].on)
        found.append(replace(one, level=levels[-1], closed_on=closed, flapping=flapping, transitions=changes))
    return found
