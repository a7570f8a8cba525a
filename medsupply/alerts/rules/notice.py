"""Every marketed package of a family is under a shortage notice, and no stock is reported to last instead."""

from __future__ import annotations

from medsupply.alerts.rules.rule import Rule, has, high, lacks
from medsupply.picture.reasons import Reason

COVERED = (Reason.NOTICE_COVERS_ALL, Reason.NOTICE_COVERS_ALL_28)
RULE = Rule(
    "notice",
    why_it_matters="Every marketed package is under a shortage notice: nothing is left to exchange for",
    what_to_do="Ask holders for the true date, look into special permits and other substances",
    opens=high(has(*COVERED)),
    quiet=lacks(*COVERED, late=Reason.NOTICES_LATE),
    closes_after=3,
)
