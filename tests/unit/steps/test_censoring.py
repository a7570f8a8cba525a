"""What was dispensed while a medicine was short is a gap in its demand, never a zero."""

from __future__ import annotations

from datetime import date

import polars as pl

from medsupply.steps.forecasting import censored


def test_short_weeks_become_gaps() -> None:
    weeks = [date(2026, 1, 5), date(2026, 1, 12), date(2026, 1, 19)]
    series = pl.DataFrame({"series_id": ["G1"] * 3, "period": weeks, "y": [10.0, 2.0, 9.0], "group": ["J"] * 3})
    short = pl.DataFrame({"series_id": ["G1", "G1"], "period": [weeks[1], weeks[1]]})
    assert censored(series, short)["y"].to_list() == [10.0, None, 9.0]


def test_other_medicines_keep_their_weeks() -> None:
    series = pl.DataFrame({"series_id": ["G1"], "period": [date(2026, 1, 5)], "y": [10.0], "group": ["J"]})
    short = pl.DataFrame({"series_id": ["G2"], "period": [date(2026, 1, 5)]})
    assert censored(series, short)["y"].to_list() == [10.0]
