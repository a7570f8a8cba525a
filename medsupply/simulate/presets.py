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
    centres: int
    stock_days: int
    """Days of stock snapshots before the last day, the last one inside."""
    dispensing_days: int
    daily_files: int
    """The last days that come as one file a day; earlier ones are bundled by month."""
    last_day: date = date(2026, 3, 31)
    hospitals: int = 24
    carried: float = 0.6
    """Share of the packages that a pharmacy keeps."""
    kela_years: int = 3
    lists: int = 26
    """Weekly shortage lists before the last day."""
    daily_form: str = "csv.gz"
    zeros_every: int = 2
    """Every how many sites one also lists what it keeps and has none of just now, with 0 packs."""
    trouble: float = 1.0
    """Share of the family's outages that happen."""
    planted: bool = False
    """Shortages and dirt planted before the last day, so that there is something to see."""
    oracle_every: int = 28
    """Days between the origins of the oracle."""


PRESETS: dict[str, Preset] = {
    "demo": Preset(40, 34, 4, 190, 910, 13, carried=0.5, trouble=0.3, planted=True),
    "small": Preset(14, 23, 2, 120, 420, 11, kela_years=2, lists=8, planted=True),
    "proof": Preset(120, 23, 0, 728, 910, 0, carried=0.5, lists=104),
    "national": Preset(
        1325, 830, 41, 1, 1, 1, carried=0.985, kela_years=1, lists=2, daily_form="parquet", zeros_every=1
    ),
    "mornings": Preset(
        1325, 830, 41, 100, 250, 32, carried=0.985, kela_years=1, daily_form="parquet", zeros_every=1, trouble=0.3
    ),
}


def preset(name: str, **changes: object) -> Preset:
    """The preset ``name``, with other values where they are given and not None. Raises InputError."""
    if name not in PRESETS:
        raise InputError(f"{name!r} is no preset", f"Use one of {', '.join(PRESETS)}")
    given = {key: value for key, value in changes.items() if value is not None}
    found = replace(PRESETS[name], **given)  # type: ignore[arg-type]
    if found.stock_days < 1 or found.medicines < 1:
        raise InputError("A nation has at least one day and one medicine", "Name larger numbers")
    return replace(found, dispensing_days=max(found.dispensing_days, found.stock_days))
