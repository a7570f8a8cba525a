"""All scopes at once: the rows of evaluated days become episodes. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from medsupply.alerts.episodes import Episode, fold
from medsupply.alerts.rules import RULES, SERVICE, Rule

__all__ = ["IMMEDIATE", "RULES", "SERVICE", "Key", "folded"]
IMMEDIATE = frozenset(rule.name for rule in RULES if rule.immediate)
Key = tuple[str, str, str]


def folded(rows: pl.DataFrame, rules_: Sequence[Rule], before: Mapping[Key, Sequence[Episode]]) -> list[Episode]:
    """Episodes of all scopes: those of ``before`` gone on with ``rows``. A scope without rows stays as it was."""
    found = dict(before)
    for (medicine, county), part in rows.sort("as_of").group_by("medicine_id", "county_code", maintain_order=True):
        days = [(row["as_of"], row) for row in part.iter_rows(named=True)]
        for rule in rules_:
            key = (rule.name, str(medicine), str(county))
            found[key] = fold(rule, key[1], key[2], days, before.get(key, ()))
    return [one for episodes in found.values() for one in episodes]
