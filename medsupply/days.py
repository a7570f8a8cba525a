"""The calendar of the service: open days, weeks, and the moment a report day ends."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

HELSINKI = ZoneInfo("Europe/Helsinki")
CARRIED_OPEN_DAYS = 3


@lru_cache(maxsize=200)
def finnish_holidays(year: int) -> frozenset[date]:
    """Public holidays of Finland, with Midsummer Eve and Christmas Eve, when pharmacies and depots are closed."""
    return frozenset(holidays.country_holidays("FI", years=year))


def is_open(day: date) -> bool:
    """Whether ``day`` is an open day: Monday to Saturday, no Finnish public holiday."""
    return day.weekday() != 6 and day not in finnish_holidays(day.year)


def open_days_between(earlier: date, later: date) -> int:
    """Open days in (earlier, later]."""
    return sum(is_open(earlier + timedelta(days=n)) for n in range(1, (later - earlier).days + 1))


def oldest_carried(as_of: date) -> date:
    """The oldest count day whose snapshot still stands on ``as_of``: at most three open days passed since."""
    day = as_of
    while open_days_between(day - timedelta(days=1), as_of) <= CARRIED_OPEN_DAYS:
        day -= timedelta(days=1)
    return day


def week_start(day: date) -> date:
    """The Monday of ``day``'s week."""
    return day - timedelta(days=day.weekday())


def last_complete_week(day: date) -> date:
    """The Monday of the newest week whose Sunday is not after ``day``."""
    return week_start(day - timedelta(days=6))


def end_of_day(day: date) -> datetime:
    """The last moment of ``day`` in Helsinki, in UTC."""
    return datetime.combine(day + timedelta(days=1), time(), HELSINKI).astimezone(UTC) - timedelta(microseconds=1)
