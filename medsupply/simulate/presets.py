"""Sizes of a nation, from a minute's demo to the full one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from medsupply.errors import InputError


@dataclass(frozen=True)
class Preset:
    """How large and how long."""

    medicines: int
    pharmacies: int
    stock_days: int
    """Days of stock snapshots before the last day, the last one inside."""
    dispensing_days: int
    daily_files: int
    """The last days that come as one file a day; earlier ones are bundled by month."""
    last_day: date = date(2026, 3, 31)
    kela_years: int = 3
    lists: int = 26
    """Weekly shortage lists before the last day."""
    oracle: bool = False


PRESETS: dict[str, Preset] = {
    "demo": Preset(34, 30, 190, 910, 13),
    "small": Preset(12, 24, 120, 420, 6, kela_years=2, lists=8),
    "national": Preset(1500, 830, 2, 2, 1, kela_years=1, lists=2),
}


def preset(name: str, *, stock_days: int | None = None, last_day: date | None = None) -> Preset:
    """The preset ``name``, with another length or end where given. Raises InputError for an unknown name."""
    if name not in PRESETS:
        raise InputError(f"{name!r} is no preset", f"Use one of {', '.join(PRESETS)}")
    found = PRESETS[name]
    if stock_days is not None:
        found = replace(found, stock_days=stock_days, dispensing_days=max(found.dispensing_days, stock_days))
    return replace(found, last_day=last_day) if last_day is not None else found
