"""Packages whose past can be told by hand: weekly orders up to a level, supply that stops, notices."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from medsupply.forecast.calendar import Array
from medsupply.forecast.history import GRANTED, TOLD, Past

DAYS, POSITION, LEAD, REVIEW = 300, 60.0, 14, 7
FIRST = date(2025, 6, 1)
EMPTY_TOLD = pl.DataFrame(schema=TOLD)
NO_PERMITS = pl.DataFrame(schema=GRANTED)


def lived(daily: float, *, down: tuple[int, int] | None = None, days: int = DAYS) -> tuple[Array, Array]:
    """Stock and demand by day of a package that orders weekly up to 60 days of demand, 14 days ahead; ``down``: first
    and last day on which nothing comes, and its orders wait."""
    stock, on_order = np.zeros(days), [0.0] * (days + 200)
    left, waiting, out = POSITION * daily - LEAD * daily, LEAD * daily, 0
    for k in range(LEAD):
        on_order[k] = daily if k % REVIEW == 0 else 0.0
    waiting = sum(on_order)
    given = np.zeros(days)
    for day in range(days):
        held = down is not None and down[0] <= day <= down[1]
        if held:
            out += 1
        else:
            came = on_order[day - out]
            left, waiting = left + came, waiting - came
        given[day] = min(daily, left)
        left -= given[day]
        if day % REVIEW == 0:
            order = max(POSITION * daily - left - waiting, 0.0)
            on_order[day - out + LEAD] += order
            waiting += order
        stock[day] = left
    return stock, given


def batches(daily: float, *, down: tuple[int, int] | None = None, days: int = DAYS) -> tuple[Array, Array]:
    """Stock and demand by day of a package that orders 30 days of demand when stock and orders are down to 50, to come
    14 days later; what ``down`` holds back comes in a row, a day apart."""
    left, orders, given, stock = 45.0 * daily, [(6, 30 * daily)], np.zeros(days), np.zeros(days)
    for day in range(days):
        held = down is not None and down[0] <= day <= down[1]
        due = [one for one in orders if one[0] <= day]
        if due and not held:
            left += due[0][1]
            orders.remove(due[0])
        given[day] = min(daily, left)
        left -= given[day]
        if left + sum(packs for _, packs in orders) <= 50 * daily:
            orders.append((day + 14, 30 * daily))
        stock[day] = left
    return stock, given


def past_of(columns: dict[str, tuple[Array, Array]], told: pl.DataFrame = EMPTY_TOLD) -> Past:
    """``columns``: series|vnr -> stock and demand."""
    names = sorted(columns)
    days = len(columns[names[0]][0])
    return Past(
        tuple(FIRST + timedelta(days=n) for n in range(days)),
        tuple(name.split("|")[0] for name in names),
        tuple(name.split("|")[1] for name in names),
        np.column_stack([columns[name][0] for name in names]),
        np.column_stack([columns[name][1] for name in names]),
        told,
        NO_PERMITS,
    )


def world(**more: tuple[Array, Array]) -> dict[str, tuple[Array, Array]]:
    """Twelve medicines that are well, so that laws can be learnt, and those of ``more`` (``G900_1`` = series_vnr)."""
    well = {f"G{k:03d}|{k:06d}": lived(10.0 + k) for k in range(12)}
    return well | {name.replace("_", "|"): one for name, one in more.items()}


def notice(vnr: str, start: int, end: int, known: int) -> pl.DataFrame:
    row = {
        "vnr": vnr,
        "start": FIRST + timedelta(days=start),
        "end": FIRST + timedelta(days=end),
        "ended": False,
        "known_from": FIRST + timedelta(days=known),
        "known_to": None,
    }
    return pl.DataFrame([row], schema=TOLD)
