"""The obligatory storage of a company is below what it must be, and no permit allows it. For Fimea and STM only."""

from __future__ import annotations

from medsupply.alerts.rules.rule import Row, Rule, has, known_lacks
from medsupply.picture.reasons import Reason

lacks = known_lacks(Reason.OBLIGATION_SHORT)


def unsure(row: Row) -> bool:
    """Whether a silent holder stored for the obligation lately, and those heard of have not enough without it."""
    return bool(row.get("obligation_unknown"))


def quiet(row: Row, opening_p56: float | None) -> bool:
    """It is known not to be short. How much of all stock was reported says little: a holder with a small share of it
    may store what decides."""
    return lacks(row, opening_p56) and not unsure(row)


RULE = Rule(
    "obligation",
    why_it_matters="The obligatory storage is short without a permit",
    what_to_do="Ask the company for its reason and plan; decide on a permit or on supervision",
    opens=has(Reason.OBLIGATION_SHORT),
    quiet=quiet,
    closes_after=7,
    immediate=False,
)
