"""What a rule is, and the words that rules are written in. Pure.

A rule reads one row of the situation. ``opens`` and ``quiet`` are functions of that row; data that is missing or late
answers neither, so that it never lowers an open alert. Thresholds are not here: a rule reads the level and the reasons
that the picture gave by the rules file, so that a level and its alert cannot contradict each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]
Opens = Callable[[Row], bool]
Quiet = Callable[[Row, float | None], bool]
HIGH = ("elevated", "severe")
# State and only reason of the row that stands for a scope without any, on a day on which the area's data are there.
LEFT_PICTURE = "left_picture"


@dataclass(frozen=True)
class Rule:
    """One rule. ``immediate``: opening and rising give a mail at once; else it stands in the digest."""

    name: str
    why_it_matters: str
    what_to_do: str
    opens: Opens
    quiet: Quiet
    closes_after: int
    immediate: bool = True


def known(row: Row) -> bool:
    """Whether the row can speak for closing: heard of by as much of usual stock as ``reporting_threshold`` of the
    rules file asks for. Carried-forward counts: the fold."""
    share = row["reporting_share"]
    return (
        row["level"] not in (None, "unknown")
        and row["state"] in ("reported", "not_stocked", "late")
        and (share is None or share >= row["reporting_threshold"])
    )


def left(row: Row) -> bool:
    """Whether the scope is no longer in the picture: no stock, no dispensing in 84 days, no notice."""
    return bool(row["state"] == LEFT_PICTURE)


def has(*codes: str) -> Opens:
    """Whether the row has one of the reasons."""
    wanted = {str(code) for code in codes}
    return lambda row: bool(wanted & set(row["reasons"] or ()))


def high(opens: Opens) -> Opens:
    """``opens``, where the level stands at elevated or severe."""
    return lambda row: row["level"] in HIGH and opens(row)


def known_lacks(*codes: str) -> Quiet:
    """Whether the row can speak for closing and has none of the reasons: what rests on stock or demand is not there
    while reports are missing, and that is not the end of it."""
    held = has(*codes)
    return lambda row, _: known(row) and not held(row)


def lacks(*codes: str, late: str | None = None) -> Quiet:
    """Whether the row has none of the reasons; while the data they rest on is ``late`` it says nothing."""
    held, unsure = has(*codes), has(late) if late else (lambda row: False)
    return lambda row, _: not held(row) and not unsure(row)
