"""Events months ahead, chained from the chances of each month."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from medsupply.forecast.backtest.events import chained, known, with_events
from medsupply.forecast.calendar import Array


def rate(past: Array, event: Array, today: Array) -> Array:
    """The share of past rows that had the event."""
    return np.full(len(today), event.mean())


def test_three_months_are_got_through_one_by_one() -> None:
    """Sixty shelves over 24 months, empty in their own quarter of the months: later months need the earlier ones."""
    months = range(24)
    out = [{"shelf": k, "month_no": n, "out": (k * 7 + n * n) % 8 < 2, "f_one": 1.0} for k in range(60) for n in months]
    rows = with_events(pl.DataFrame(out), ["shelf"], pl.col("out"), (1, 2, 3))
    found = known(rows.filter(~pl.col("out")), ["shelf"], ["f_one"], date(1, 12, 1))
    p = chained(found, (1, 3), rate)
    through = 1.0
    for step in (1, 2, 3):
        before = pl.lit(True) if step == 1 else pl.col(f"event_{step - 1}") == 0
        alive = found.rows.filter(before, pl.col(f"out_{step}").is_not_null())
        through *= 1 - float(alive[f"out_{step}"].mean() or 0.0)
        if step in p:
            np.testing.assert_allclose(p[step], 1 - through)
    assert list(p) == [1, 3]
    assert (p[3] > p[1]).all()
