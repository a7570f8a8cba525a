"""Probabilities are corrected by what became of earlier ones, where that won on the fold before, and stay in order."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from medsupply.forecast.calibration import set_right

FLOOR = "G0003"


def past(rate: float, told: float, origins: int = 18) -> pl.DataFrame:
    """Thirty medicines told ``told`` and twice it at 28 and 56 days, of which ``rate`` and twice it ran out."""
    rng = np.random.default_rng(5)
    rows = [
        (days, date(2025, 6, 1) + timedelta(weeks=n), told * k, bool(rng.random() < rate * k))
        for n in range(origins) for k, days in ((1, 28), (2, 56)) for _ in range(30)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=["horizon_days", "origin", "p", "event"], orient="row")


def told(p: tuple[float, float]) -> pl.DataFrame:
    """Three medicines, the last one at its floor."""
    rows = [
        {"medicine_id": one, "county_code": "99", "horizon_days": days, "p": 1.0 if one == FLOOR else value,
         "p_announced": None if one == "G0002" else 0.4, "p_with_reserve": value / 2, "at_floor": one == FLOOR}
        for one in ("G0001", "G0002", FLOOR) for days, value in zip((28, 56), p, strict=True)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema_overrides={"p_announced": pl.Float64})


def test_what_was_told_too_low_is_raised_and_kept_beside() -> None:
    right = set_right(told((0.1, 0.2)), past(rate=0.3, told=0.1))
    moved = right.filter(pl.col("medicine_id") == "G0001")
    assert moved["p_simulated"].to_list() == [0.1, 0.2]
    assert 0.22 < moved["p"][0] < 0.38
    assert 0.45 < moved["p"][1] < 0.75
    assert (moved["p_with_reserve"] < moved["p"]).all()
    assert (moved["p_announced"] >= moved["p"]).all()


def test_at_the_floor_nothing_moves_and_unknown_stays_unknown() -> None:
    right = set_right(told((0.1, 0.2)), past(rate=0.3, told=0.1))
    assert right.filter(pl.col("medicine_id") == FLOOR)["p"].to_list() == [1.0, 1.0]
    assert right.filter(pl.col("medicine_id") == "G0002")["p_announced"].to_list() == [None, None]


def test_a_longer_horizon_is_never_less_likely() -> None:
    both = past(rate=0.3, told=0.1)
    only_short = both.filter(pl.col("horizon_days") == 28)
    right = set_right(told((0.15, 0.16)), only_short)
    short, long = right.filter(pl.col("medicine_id") == "G0001")["p"].to_list()
    assert short > 0.16
    assert long == short


def test_without_a_past_that_says_enough_all_stays() -> None:
    for other in (past(rate=0.3, told=0.1).head(0), past(rate=0.0, told=0.1)):
        right = set_right(told((0.1, 0.2)), other)
        assert right["p"].equals(right["p_simulated"])
