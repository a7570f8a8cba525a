"""Demand stands above what its forecast held possible, two complete weeks running."""

from __future__ import annotations

from medsupply.alerts.rules.rule import Rule, has, known_lacks
from medsupply.picture.reasons import Reason

RULE = Rule(
    "surge",
    why_it_matters="Demand above what the forecast held possible drains stock faster than planned",
    what_to_do="Find out why (epidemic, hoarding, a shortage elsewhere), guide units, cap orders where needed",
    opens=has(Reason.DEMAND_SURGE),
    quiet=known_lacks(Reason.DEMAND_SURGE),
    closes_after=7,
    immediate=False,
)
