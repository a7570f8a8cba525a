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
WEEK_HARMONICS, FEWER_HARMONICS, MONTH_HARMONICS, YEAR_DAYS = 10, 8, 5, 365.25
SATURDAY = 0.4
# Days after Christmas Eve, and days of the month, whose open days are counted apart.
CHRISTMAS = ((-22, -16), (-15, -10), (-9, -7), (-6, -4), (-3, -1), (0, 7), (8, 13), (14, 19), (20, 26))
MONTH_PARTS = ((1, 3), (4, 7), (15, 16), (26, 31))
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


def opening(weeks: Sequence[date]) -> Array:
    """Log of each week's open days over a full week's, [n]; a Saturday sells two fifths of a weekday."""
    share = [sum((SATURDAY if d == 5 else 1.0) * is_open(week + timedelta(days=d)) for d in range(7)) for week in weeks]
    return np.asarray(np.log(np.maximum(np.array(share), 0.5) / (5 + SATURDAY)))


def near_closed(week: date, side: int) -> float:
    """Open days of ``week`` counted by the holidays within three days after (side 1) or before them (-1), over six."""
    days = [week + timedelta(days=d) for d in range(7)]
    return sum(_holidays_near(day, side) for day in days if is_open(day)) / 6


def _holidays_near(day: date, side: int) -> int:
    around = [day + timedelta(days=side * k) for k in (1, 2, 3)]
    return sum(not is_open(other) and other.weekday() != 6 for other in around)


def open_days_in(week: date) -> list[float]:
    """Open days of ``week`` over six in each stretch before and after Christmas Eve, and in each part of the month."""
    counts = [0.0] * (len(CHRISTMAS) + len(MONTH_PARTS))
    for day in (week + timedelta(days=d) for d in range(7)):
        if not is_open(day):
            continue
        after = (day - date(day.year - (day.month < 7), 12, 24)).days
        inside = [low <= after <= high for low, high in CHRISTMAS] + [a <= day.day <= b for a, b in MONTH_PARTS]
        counts = [count + within / 6 for count, within in zip(counts, inside, strict=True)]
    return counts


def week_features(weeks: Sequence[date], country: str | None) -> Array:
    """Season and calendar of weeks, [n, features]; what depends on holidays only where the ``country`` (fi) is known.

    People buy before a holiday, at the start of a month (pensions and pay) and before the yearly ceiling of medicine
    costs starts again on 1 January; counted by days, since a week moves against them from year to year.
    """
    if country is None:
        return harmonics(weeks, WEEK_HARMONICS)
    around = [weeks[0] - timedelta(weeks=1), *weeks, weeks[-1] + timedelta(weeks=1)]
    open_share = opening(around)
    near = np.array([[near_closed(week, 1), near_closed(week, -1)] for week in weeks])
    counts = np.array([open_days_in(week) for week in weeks])
    season = harmonics(weeks, FEWER_HARMONICS)
    return np.column_stack([season, open_share[1:-1], open_share[2:], open_share[:-2], near, counts])


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
