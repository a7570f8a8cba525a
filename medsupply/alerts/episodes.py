"""Episodes: a pure fold over the evaluated days of one scope. The level has no memory, the alert has.

The fold reads days in order of the report day, so that evaluating past days again, in any order, gives the same
episodes; and it goes on from where an earlier fold stopped, so that a day costs a day.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import pairwise

from medsupply.alerts.rules import Row, Rule, left

RANK = {"watch": 1, "elevated": 2, "severe": 3}
FALLS_AFTER = 3
FLAP_CHANGES, FLAP_DAYS = 3, 14
UP = ("opened", "raised")


@dataclass(frozen=True)
class Transition:
    """One change of one episode."""

    on: date
    transition: str
    level: str | None
    reasons: tuple[str, ...]

    @property
    def up(self) -> bool:
        return self.transition in UP


@dataclass(frozen=True)
class Episode:
    """One episode of one rule in one scope; ``lower`` and ``quiet`` count evaluations running."""

    rule: str
    medicine_id: str
    county_code: str
    number: int
    opened_on: date
    level: str | None
    opening_p56: float | None
    changed_on: date
    reasons: tuple[str, ...]
    closed_on: date | None = None
    quiet: int = 0
    lower: int = 0
    last_stock: float | None = None
    flapping: bool = False
    transitions: tuple[Transition, ...] = field(default=())

    @property
    def alert_id(self) -> str:
        return f"{self.rule}-{self.medicine_id}-{self.county_code}-{self.number}"

    @property
    def state(self) -> str:
        if self.closed_on is not None:
            return "closed"
        return "easing" if self.quiet else "open"


def fold(
    rule: Rule,
    medicine_id: str,
    county_code: str,
    days: Iterable[tuple[date, Row | None]],
    before: Sequence[Episode] = (),
) -> list[Episode]:
    """The episodes that ``days`` (report day, the scope's row or None) give, after those of ``before``.

    None says nothing of the day. That a scope has left the picture is a row of its own (``left``).
    Days must be in order and after all that ``before`` has seen; of ``before`` at most the last is open.
    """
    done = list(before)
    current = done.pop() if done and done[-1].closed_on is None else None
    for on, row in days:
        if row is None:
            continue
        if current is None:
            current = _opened(rule, medicine_id, county_code, on, row, done) if rule.opens(row) else None
        else:
            current = _next(rule, current, on, row, done)
        if current is not None and current.closed_on is not None:
            done.append(current)
            current = None
    return done + ([current] if current is not None else [])


def flaps(transitions: Sequence[Transition], on: date) -> bool:
    """Whether the scope went up and down three times or more within 14 days."""
    recent = [one.up for one in transitions if 0 <= (on - one.on).days < FLAP_DAYS]
    turns = sum(one != two for one, two in pairwise(recent))
    return turns >= FLAP_CHANGES


def _opened(rule: Rule, medicine_id: str, county_code: str, on: date, row: Row, before: Sequence[Episode]) -> Episode:
    reasons = tuple(row["reasons"] or ())
    opening = Transition(on, "opened", row["level"], reasons)
    return Episode(
        rule=rule.name,
        medicine_id=medicine_id,
        county_code=county_code,
        number=len(before) + 1,
        opened_on=on,
        level=row["level"],
        opening_p56=row["run_out_p56"],
        changed_on=on,
        reasons=reasons,
        last_stock=row["stock_units"],
        flapping=flaps([*_all(before), opening], on),
        transitions=(opening,),
    )


def _next(rule: Rule, current: Episode, on: date, row: Row, before: Sequence[Episode]) -> Episode:
    """One more evaluated day of an open episode."""
    if left(row):  # nothing is left that a rule could warn of
        return _quieter(rule, current, on, row, before)
    fresh = row["state"] != "late" or row["stock_units"] != current.last_stock
    seen = replace(current, last_stock=row["stock_units"])
    if rule.opens(row):
        return _held(seen, on, row, before)
    if not rule.quiet(row, current.opening_p56):
        return replace(seen, quiet=0)
    if not fresh:  # counts that were only carried forward speak neither for nor against closing
        return seen
    return _quieter(rule, seen, on, row, before)


def _quieter(rule: Rule, current: Episode, on: date, row: Row, before: Sequence[Episode]) -> Episode:
    """One more evaluation that speaks for closing; the last that is needed closes."""
    quiet = current.quiet + 1
    if quiet >= rule.closes_after:
        return _changed(replace(current, quiet=quiet, closed_on=on), on, "closed", row, before)
    return replace(current, quiet=quiet)


def _held(current: Episode, on: date, row: Row, before: Sequence[Episode]) -> Episode:
    """The condition still holds: severity rises at once and falls after three days running."""
    reasons = tuple(row["reasons"] or ())
    now, was = RANK.get(row["level"] or "", 0), RANK.get(current.level or "", 0)
    base = replace(current, quiet=0, reasons=reasons)
    if now > was:
        return _changed(base, on, "raised", row, before)
    if now == was:
        return replace(base, lower=0)
    if current.lower + 1 >= FALLS_AFTER:
        return _changed(base, on, "lowered", row, before)
    return replace(base, lower=current.lower + 1)


def _changed(current: Episode, on: date, what: str, row: Row, before: Sequence[Episode]) -> Episode:
    """``current`` after a transition; closing keeps the level the alert had."""
    told = Transition(on, what, row["level"], tuple(row["reasons"] or ()))
    transitions = (*current.transitions, told)
    return replace(
        current,
        level=current.level if what == "closed" else row["level"],
        lower=0,
        changed_on=on,
        flapping=flaps([*_all(before), *transitions], on),
        transitions=transitions,
    )


def _all(episodes: Sequence[Episode]) -> list[Transition]:
    return [one for episode in episodes[-FLAP_CHANGES:] for one in episode.transitions]
