"""All scopes at once: the rows of evaluated days become episodes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

import polars as pl

from medsupply.alerts.episodes import Episode, fold
from medsupply.alerts.rules import RULES, SERVICE, Rule

__all__ = ["IMMEDIATE", "RULES", "SERVICE", "Key", "folded"]
IMMEDIATE = frozenset(rule.name for rule in RULES if rule.immediate)
Key = tuple[str, str, str]


class Kept(NamedTuple):
    """What a change of the past leaves as it was: episodes that ended before it, and by rule and scope the day from
    which rows must be folded again, where that is the opening of an episode and not the ``first`` changed day."""

    first: date
    episodes: dict[Key, list[Episode]]
    since: dict[Key, date]

    def start(self, key: Key) -> date:
        """The first day of which rows of a rule and scope are folded again."""
        return self.since.get(key, self.first)

    @property
    def earliest(self) -> date:
        """The first day of which rows are needed."""
        return min(self.since.values(), default=self.first)


def kept(lines: Iterable[tuple[Key, Sequence[Episode]]], first: date) -> Kept:
    """What stays of episodes, by rule and scope, when days from ``first`` on have changed."""
    found = Kept(first, {}, {})
    for key, line in lines:
        found.episodes[key] = [one for one in line if one.closed_on is not None and one.closed_on < first]
        open_ = [one for one in line if one.opened_on < first and (one.closed_on is None or one.closed_on >= first)]
        if open_:
            found.since[key] = open_[0].opened_on
    return found


def folded(
    rows: pl.DataFrame,
    rules_: Sequence[Rule],
    before: Mapping[Key, Sequence[Episode]],
    since: Callable[[Key], date] | None = None,
) -> list[Episode]:
    """Episodes of all scopes: those of ``before`` gone on with ``rows``, of each those ``since`` its day. A scope
    without rows stays as it was."""
    found = dict(before)
    for (medicine, county), part in rows.sort("as_of").group_by("medicine_id", "county_code", maintain_order=True):
        days = [(row["as_of"], row) for row in part.iter_rows(named=True)]
        for rule in rules_:
            key = (rule.name, str(medicine), str(county))
            start = since(key) if since else date.min
            own = [one for one in days if one[0] >= start]
            found[key] = fold(rule, key[1], key[2], own, before.get(key, ()))
    return [one for episodes in found.values() for one in episodes]
