"""What the calendar does to a week or a month: season, opening days, turn of the year, shocks.

Prophet's built-in country holidays are wrong on weekly data, so opening days are counted here, from ``medsupply.days``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from medsupply.days import is_open

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
WEEK_HARMONICS, MONTH_HARMONICS, YEAR_DAYS = 10, 5, 365.25
TURN_OF_YEAR = (3, 2, 1, 0, -1, -2, -3, -4)
# Windows whose demand is no season: stockpiling in March 2020 and the quiet weeks after it.
SHOCKS: tuple[tuple[str, date, date], ...] = (
    ("rush_2020", date(2020, 3, 2), date(2020, 3, 29)),
    ("lull_2020", date(2020, 3, 30), date(2020, 5, 31)),
)


def periods_after(last: date, count: int, freq: str) -> list[date]:
    """The ``count`` first days of weeks (freq W) or months (M) after the one that starts on ``last``."""
    if freq == "W":
        return [last + timedelta(weeks=k) for k in range(1, count + 1)]
    months = [last.year * 12 + last.month - 1 + k for k in range(1, count + 1)]
    return [date(m // 12, m % 12 + 1, 1) for m in months]


def harmonics(periods: Sequence[date], order: int) -> Array:
    """Sine and cosine of the year, [n, 2 x order]."""
    middle = np.array([(day + timedelta(days=3)).timetuple().tm_yday for day in periods], dtype=float)
    angle = 2 * np.pi * middle / YEAR_DAYS
    return np.column_stack([wave(k * angle) for k in range(1, order + 1) for wave in (np.sin, np.cos)])


def opening_days(weeks: Sequence[date]) -> Array:
    """Open days of each week over six: 1.0 is a full week."""
    return np.array([sum(is_open(week + timedelta(days=d)) for d in range(7)) for week in weeks], dtype=float) / 6


def weeks_to_new_year(week: date) -> int:
    """3, 2, 1 full weeks before the week of 1 January, 0 that week or the one before it ends, -1 .. after it."""
    middle = week + timedelta(days=3)
    if week.month > 6:
        return (date(middle.year + (1 if middle.year == week.year else 0), 1, 1) - week).days // 7
    return -1 - (week + timedelta(days=6) - date(middle.year, 1, 1)).days // 7


def week_features(weeks: Sequence[date], country: str | None) -> Array:
    """Season and calendar of weeks, [n, features]; opening days only where the ``country`` (fi) is known."""
    season = harmonics(weeks, WEEK_HARMONICS)
    if country is None:
        return season
    around = [weeks[0] - timedelta(weeks=1), *weeks, weeks[-1] + timedelta(weeks=1)]
    opening = np.log(np.maximum(opening_days(around), 1 / 6))
    turn = np.array([weeks_to_new_year(week) for week in weeks])
    dummies = np.column_stack([(turn == k).astype(float) for k in TURN_OF_YEAR])
    return np.column_stack([season, opening[1:-1], opening[2:], opening[:-2], dummies])


def month_features(months: Sequence[date]) -> Array:
    """Season of months and their working days, [n, features]."""
    ends = [*months[1:], periods_after(months[-1], 1, "M")[0]]
    working = [
        sum((start + timedelta(days=d)).weekday() < 5 for d in range((end - start).days))
        for start, end in zip(months, ends, strict=True)
    ]
    return np.column_stack([harmonics(months, MONTH_HARMONICS), np.log(np.array(working) / 21.0)])


def features(periods: Sequence[date], freq: str, country: str | None = "fi") -> Array:
    """Season and calendar regressors of consecutive ``periods``, [n, features]. The same for past and future."""
    return week_features(periods, country) if freq == "W" else month_features(periods)


def shocked(periods: Sequence[date]) -> Mask:
    """Which periods start in a shock window."""
    return np.array([any(start <= day <= end for _, start, end in SHOCKS) for day in periods], dtype=bool)
