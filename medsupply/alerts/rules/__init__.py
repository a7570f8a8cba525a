"""The nine rules, one file each: what opens an alert, what speaks for closing it, why it matters, what can be done."""

from __future__ import annotations

from medsupply.alerts.rules import (
    data_missing,
    delivery_refused,
    forecast_degraded,
    notice,
    obligation,
    run_out,
    single_holder,
    stock_zero,
    surge,
)
from medsupply.alerts.rules.rule import Row, Rule, left

RULES: tuple[Rule, ...] = tuple(
    one.RULE for one in (run_out, stock_zero, notice, single_holder, surge, obligation, data_missing)
)
"""Rules on rows of the situation."""
SERVICE: tuple[Rule, ...] = (delivery_refused.RULE, forecast_degraded.RULE)
"""Rules about the service itself: rows by source or part of the service."""

__all__ = ["RULES", "SERVICE", "Row", "Rule", "left"]
