"""The figures that pages show, in their order, and how each is written. Definitions stand in the texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl
import polars.selectors as cs

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


# Amounts in a unit that a person can take in: from this many of the small unit on, the larger one.
LARGER: dict[str, tuple[tuple[float, str], ...]] = {
    "mg": ((1e6, "kg"), (1e3, "g")),
    "g": ((1e3, "kg"),),
    "ml": ((1e3, "l"),),
}


def scale(unit: str | None, most: float | None) -> tuple[float, str | None]:
    """What to divide amounts by, and the unit they are then in, so that ``most`` is written with few digits."""
    for size, larger in LARGER.get(unit or "", ()):
        if most is not None and abs(most) >= 10 * size:
            return size, larger
    return 1.0, None


@dataclass(frozen=True)
class Unit:
    """What all amounts of a page are written in: ``size`` of the warehouse's own unit."""

    word: str
    size: float = 1.0

    def of(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Amounts for drawings and the tables beside them; files keep the warehouse's own figures."""
        return frame if self.size == 1.0 else frame.with_columns(cs.float() / self.size)


def page_unit(row: Mapping[str, Any] | None, code: str | None, word_of_unit: str) -> Unit:
    """The unit that suits the largest amount of a row, so that a page does not speak of g here and of mg there."""
    amounts = [row[name] for name in AMOUNTS if row.get(name) is not None] if row is not None else []
    size, larger = scale(code, max(amounts, default=None))
    return Unit(larger or word_of_unit, size)


def in_sql(language: str, name: str, value: object, unit: str) -> str:
    """A number to the last digit, as SQL and exports have it: shares 0-1, amounts in the unit of the warehouse."""
    if not isinstance(value, int | float):
        return ""
    return f"{write.exact(language, float(value))} {unit if name in AMOUNTS else ''}".rstrip()


def readable(language: str, name: str, value: object, unit: Unit) -> str:
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
        return f"{write.amount(language, amount / unit.size)} {unit.word}".rstrip()
    return write.number(language, amount, {"demand_index": 2}.get(name, 1 if name in DAYS else 0))
