"""Only one company markets the family, and it has given a shortage notice."""

from __future__ import annotations

from medsupply.alerts.rules.rule import Rule, has, lacks
from medsupply.picture.reasons import Reason

RULE = Rule(
    "single_holder",
    why_it_matters="The only company on the market cannot deliver",
    what_to_do="Ask it for date and amount, prepare special permits and other substances",
    opens=has(Reason.SINGLE_HOLDER_NOTICE),
    quiet=lacks(Reason.SINGLE_HOLDER_NOTICE, late=Reason.NOTICES_LATE),
    closes_after=3,
    immediate=False,
)
