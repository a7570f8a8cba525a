"""Nothing is left to hand out, not only little: the last unit in stock is gone where there is demand.

The run-out alert has told of it when stock fell to the floor, and a mail may say no quantity: this rule stands on the
page and is scored apart, and the digest goes on telling of it, but it sends no second mail.
"""

from __future__ import annotations

from medsupply.alerts.rules.rule import Row, Rule, has, high, known
from medsupply.picture.reasons import Reason


def empty(row: Row) -> bool:
    """Stock that may be used is reported as zero, where the picture says that it does not meet the demand."""
    at_floor = has(Reason.STOCK_AT_FLOOR, Reason.ONLY_RESERVE_LEFT)(row)
    return at_floor and row["stock_units"] is not None and row["stock_units"] <= 0


RULE = Rule(
    "stock_zero",
    why_it_matters="Patients meet empty shelves now: what is done must work today",
    what_to_do="Release the reserve by permit, redistribute what single units still hold, substitute",
    opens=high(empty),
    quiet=lambda row, _: known(row) and row["stock_units"] is not None and row["stock_units"] > 0,
    closes_after=3,
    immediate=False,
)
