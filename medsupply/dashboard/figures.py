"""The figures that pages show, in their order, and how each is written. Definitions stand in the texts."""

from __future__ import annotations

from datetime import date

from medsupply.words import has_word, word
from medsupply.words import numbers as write

AMOUNTS = ("stock_units", "reserve_units", "floor_units", "daily_demand_units", "trailing_demand_units")
DAYS = ("cover_days", "cover_days_high", "cover_days_with_reserve")
SHARES = (
    "out_share",
    "run_out_p14",
    "run_out_p28",
    "run_out_p56",
    "run_out_p84",
    "run_out_p14_with_reserve",
    "run_out_p14_announced",
    "run_out_p84_announced",
    "notice_share",
    "notice_share_84",
    "reporting_share",
)
FIGURES: tuple[str, ...] = (
    "stock_units",
    "reserve_units",
    "floor_units",
    "daily_demand_units",
    "demand_basis",
    "trailing_demand_units",
    "cover_days",
    "cover_days_high",
    "cover_days_with_reserve",
    "out_share",
    "run_out_p14",
    "run_out_p28",
    "run_out_p56",
    "run_out_p84",
    "run_out_on",
    "run_out_p14_with_reserve",
    "run_out_p14_announced",
    "run_out_p84_announced",
    "notice_share",
    "notice_share_84",
    "notices_open",
    "demand_index",
    "demand_index_expected",
    "reporting_share",
)


def readable(language: str, name: str, value: object, unit: str) -> str:
    """A figure as text: amounts with their unit, shares in per cent, days as days; nothing known is a dash."""
    if value is None:
        return write.NOTHING
    if isinstance(value, date):
        return write.day(language, value)
    if isinstance(value, str):
        return word(language, f"basis.{value}") if has_word(language, f"basis.{value}") else value
    amount = float(str(value))
    if name in SHARES:
        return write.share(language, amount, 1)
    if name in AMOUNTS:
        return f"{write.number(language, amount, 0 if abs(amount) >= 100 else 1)} {unit}".rstrip()
    return write.number(language, amount, {"demand_index": 2}.get(name, 1 if name in DAYS else 0))
