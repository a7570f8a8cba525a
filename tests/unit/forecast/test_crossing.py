"""Day and probability of running out say the same after a correction."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsupply.forecast.crossing import days_as_corrected
from medsupply.forecast.run_out import SHARES
from medsupply.tables.forecast import HORIZON_DAYS

AS_OF = date(2026, 3, 2)


def rows(p: list[float], simulated: list[float], on: date | None = None) -> pl.DataFrame:
    named = {"medicine_id": "G1", "county_code": "99", "as_of": AS_OF}
    days = {"horizon_days": list(HORIZON_DAYS), "p": p, "p_simulated": simulated}
    held = {name: pl.Series([on] * 4, dtype=pl.Date) for name in SHARES}
    return pl.DataFrame(days).with_columns(**{k: pl.lit(v) for k, v in named.items()}, **held)


@pytest.mark.parametrize(
    ("p", "median"),
    [
        ([0.0, 0.0, 0.25, 0.5], AS_OF + timedelta(days=84)),
        ([0.0, 0.0, 0.5, 0.6], AS_OF + timedelta(days=56)),
        ([0.0, 0.4, 0.6, 0.9], AS_OF + timedelta(days=42)),
        ([1.0, 1.0, 1.0, 1.0], AS_OF + timedelta(days=7)),
        ([0.0, 0.1, 0.2, 0.49], None),
    ],
)
def test_the_median_day_is_where_the_corrected_probability_is_a_half(p: list[float], median: date | None) -> None:
    found = days_as_corrected(rows(p, [0.01] * 4, on=AS_OF + timedelta(days=3)))
    assert found["run_out_on"].unique().to_list() == [median]


def test_what_nothing_corrected_keeps_the_days_of_its_paths() -> None:
    on = AS_OF + timedelta(days=33)
    p = [0.1, 0.4, 0.8, 0.9]
    assert days_as_corrected(rows(p, p, on=on))["run_out_on"].unique().to_list() == [on]


@given(st.lists(st.floats(0, 1), min_size=4, max_size=4).map(sorted))
def test_a_day_within_a_horizon_is_one_whose_share_the_horizon_reaches(p: list[float]) -> None:
    found = days_as_corrected(rows(p, [-1.0] * 4))
    for name, share in SHARES.items():
        day = found[name][0]
        for days, probability in zip(HORIZON_DAYS, p, strict=True):
            assert (day is not None and (day - AS_OF).days <= days) == (probability >= share)
