"""Episodes: a pure fold over the evaluated days of one scope. The level has no memory, the alert has.

The fold reads days in order of the report day, so that evaluating past days again, in any order, gives the same
episodes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from medsupply.alerts.rules import Row, Rule

RANK = {"watch": 1, "elevated": 2, "severe": 3}
FALLS_AFTER = 3
FLAP_OPENINGS, FLAP_DAYS = 3, 14


@dataclass(frozen=True)
class Transition:
    """One change of one episode."""

    on: date
    transition: str
    level: str | None
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Episode:
    """One episode of one rule in one scope."""

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
    easing: bool = False
    flapping: bool = False
    transitions: tuple[Transition, ...] = field(default=())

    @property
    def alert_id(self) -> str:
        return f"{self.rule}-{self.medicine_id}-{self.county_code}-{self.opened_on:%Y%m%d}"

    @property
    def state(self) -> str:
        if self.closed_on is not None:
            return "closed"
        return "easing" if self.easing else "open"


def fold(rule: Rule, medicine_id: str, county_code: str, days: Iterable[tuple[date, Row | None]]) -> list[Episode]:
    """The episodes that ``days`` (report day, the scope's row or None) give. Days must be in order."""
    done: list[Episode] = []
    current: Episode | None = None
    for on, row in days:
        if current is None:
            if row is not None and rule.opens(row):
                current = _opened(rule, medicine_id, county_code, on, row, done)
        elif row is not None:
            current = _next(rule, current, on, row)
            if current.closed_on is not None:
                done.append(current)
                current = None
    return done + ([current] if current is not None else [])


def _opened(rule: Rule, medicine_id: str, county_code: str, on: date, row: Row, before: Sequence[Episode]) -> Episode:
    recent = [one for one in before if (on - one.opened_on).days < FLAP_DAYS]
    reasons = tuple(row["reasons"] or ())
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
        flapping=len(recent) + 1 >= FLAP_OPENINGS,
        transitions=(Transition(on, "opened", row["level"], reasons),),
    )


def _next(rule: Rule, current: Episode, on: date, row: Row) -> Episode:
    """One more evaluated day of an open episode."""
    if rule.opens(row):
        return _held(current, on, row)
    if not rule.quiet(row, current.opening_p56):
        return replace(current, quiet=0)
    quiet = current.quiet + 1
    if quiet >= rule.closes_after:
        closing = Transition(on, "closed", row["level"], tuple(row["reasons"] or ()))
        return replace(current, quiet=quiet, closed_on=on, changed_on=on, transitions=(*current.transitions, closing))
    return replace(current, quiet=quiet, easing=True)


def _held(current: Episode, on: date, row: Row) -> Episode:
    """The condition still holds: severity rises at once and falls after three days running."""
    reasons = tuple(row["reasons"] or ())
    now, was = RANK.get(row["level"] or "", 0), RANK.get(current.level or "", 0)
    base = replace(current, quiet=0, easing=False, reasons=reasons)
    if now > was:
        return _changed(base, on, "raised", row["level"], reasons)
    if now == was:
        return replace(base, lower=0)
    if current.lower + 1 >= FALLS_AFTER:
        return _changed(base, on, "lowered", row["level"], reasons)
    return replace(base, lower=current.lower + 1)


def _changed(current: Episode, on: date, what: str, level: str | None, reasons: tuple[str, ...]) -> Episode:
    told = Transition(on, what, level, reasons)
    return replace(current, level=level, lower=0, changed_on=on, transitions=(*current.transitions, told))
