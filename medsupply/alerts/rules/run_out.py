"""A medicine is about to run out: a stock, out_share or run-out condition of elevated or severe holds."""

from __future__ import annotations

from medsupply.alerts.rules.rule import Row, Rule, has, high, known
from medsupply.picture.reasons import RUN_OUT_REASONS


def quiet(row: Row, opening_p56: float | None) -> bool:
    """run_out_p56 under half its opening value, and stock above the floor."""
    p56, stock, floor = row["run_out_p56"], row["stock_units"], row["floor_units"]
    if not known(row) or p56 is None or stock is None or floor is None:
        return False
    opening = opening_p56 if opening_p56 is not None else 1.0
    return bool((p56 < 0.5 * opening or p56 == opening == 0.0) and stock > floor)


RULE = Rule(
    "run_out",
    why_it_matters="A critical medicine may be gone before new supply is there",
    what_to_do="Call the holder, redistribute, guide prescribers and units, judge whether a permit is due",
    opens=high(has(*RUN_OUT_REASONS)),
    quiet=quiet,
    closes_after=7,
)
