"""The three families by letter: laws of nature, manners of telling, silence of reporters."""

from __future__ import annotations

from pathlib import Path

from medsupply.errors import InputError
from medsupply.simulate.family_a import FamilyA
from medsupply.simulate.family_b import FamilyB, residuals_of
from medsupply.simulate.family_c import FamilyC
from medsupply.simulate.goods import Goods
from medsupply.simulate.nature import Nature
from medsupply.simulate.notices import Manners

_MANNERS = {
    "a": Manners(),
    "b": Manners(never=0.2, late=0.5, late_mean=10.0, open_end=0.15, slow_mean=6.0),
    "c": Manners(never=0.45, late=0.9, late_mean=14.0, open_end=0.4, slow_mean=12.0),
}
# Silences per holder and year, mean days of one.
_SILENCES = {"a": (0.25, 3.0), "b": (0.5, 4.0), "c": (1.6, 7.0)}


def nature(family: str, goods: Goods, residuals: Path | None = None) -> Nature:
    """The laws of a family; ``residuals`` feed family b alone. Raises InputError for an unknown letter."""
    if residuals is not None and family != "b":
        raise InputError("Only family b draws from real residuals", "Leave the series out, or take family b")
    if family == "a":
        return FamilyA(goods)
    if family == "b":
        return FamilyB(goods, residuals_of(residuals) if residuals else None)
    if family == "c":
        return FamilyC(goods)
    raise InputError(f"{family!r} is no family", "Use a, b or c")


def manners(family: str) -> Manners:
    """How companies tell of outages."""
    return _MANNERS[family]


def silences(family: str) -> tuple[float, float]:
    """Silences per holder and year, and the mean days of one."""
    return _SILENCES[family]
