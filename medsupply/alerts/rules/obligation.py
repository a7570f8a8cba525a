"""The obligatory storage of a company is below what it must be, and no permit allows it. For Fimea and STM only."""

from __future__ import annotations

from medsupply.alerts.rules.rule import Rule, has, known_lacks
from medsupply.picture.reasons import Reason

RULE = Rule(
    "obligation",
    why_it_matters="The obligatory storage is short without a permit",
    what_to_do="Ask the company for its reason and plan; decide on a permit or on supervision",
    opens=has(Reason.OBLIGATION_SHORT),
    quiet=known_lacks(Reason.OBLIGATION_SHORT),
    closes_after=7,
    immediate=False,
)
