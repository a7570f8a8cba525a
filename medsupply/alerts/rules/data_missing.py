"""Holders that have not reported decide the level: it cannot be told, and no other alert may close on it."""

from __future__ import annotations

from medsupply.alerts.rules.rule import Rule, has, known
from medsupply.picture.reasons import Reason

RULE = Rule(
    "data_missing",
    why_it_matters="Too few holders have reported: the level cannot be told, and nothing else may close",
    what_to_do="Ask the senders for the missing reports; judge by the last complete day meanwhile",
    opens=has(Reason.MISSING_DECIDES),
    quiet=lambda row, _: known(row),
    closes_after=1,
    immediate=False,
)
