"""What the day of the calendar does to demand: weekday, holidays, the days before them, the turn of the year."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

import numpy as np

from medsupply.days import is_open
from medsupply.simulate.goods import Array, Goods

COMMUNITY = (1.25, 1.10, 1.05, 1.05, 1.25, 0.75, 0.0)
HOSPITAL = (1.15, 1.15, 1.15, 1.10, 1.10, 0.70, 0.65)
BEFORE_A_HOLIDAY, DECEMBER, JANUARY, JULY = 1.3, 1.25, 0.82, 0.88


@lru_cache(maxsize=5000)
def factors(day: date) -> tuple[float, float]:
    """Factors on the mean day: community pharmacies, hospitals. Closed pharmacies dispense nothing."""
    hospital = HOSPITAL[day.weekday() if is_open(day) else 6]
    if not is_open(day):
        return 0.0, hospital
    rush = BEFORE_A_HOLIDAY if day.weekday() != 5 and not is_open(day + timedelta(days=1)) else 1.0
    return COMMUNITY[day.weekday()] * rush * _time_of_year(day), hospital


def _time_of_year(day: date) -> float:
    """The deductible starts anew in January, so purchases are brought forward; July is quiet."""
    if day.month == 12 and 8 <= day.day <= 23:
        return DECEMBER
    if day.month == 1 and day.day <= 21:
        return JANUARY
    return JULY if day.month == 7 else 1.0


def mean_demand(goods: Goods, day: date) -> Array:
    """Packs of each package that the nation would need on ``day``, before drift, surges and noise; shape (P,)."""
    community, hospital = factors(day)
    mix = community * (1 - goods.hospital_share) + hospital * goods.hospital_share
    wave = 1.0 + goods.season * np.cos(2 * np.pi * (day.timetuple().tm_yday - 15) / 365.25)
    years = (day - date(2025, 1, 1)).days / 365.25
    found: Array = goods.base * mix * wave * np.exp(goods.growth * years)
    return found
