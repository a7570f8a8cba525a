"""Onsets of price concessions: what counts as one, and what was known before it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from medsupply.errors import InputError
from medsupply.forecast.backtest.concessions import read_concessions, with_onsets
from medsupply.forecast.backtest.uk import known_at, seasonal_naive, uk

ORIGIN = date(2016, 6, 1)


def written(path: Path) -> Path:
    """Forty products over 36 months: tight by turns, dearer before."""
    rng = np.random.default_rng(8)
    rows = []
    for k in range(40):
        flags = np.repeat(rng.random(12) < 0.15, 3)
        for n in range(36):
            quantity = int(rng.gamma(20, 50))
            price = 1.0 + 0.5 * bool(flags[min(n + 1, 35)])
            rows.append(
                {"month_full": date(2014 + n // 12, n % 12 + 1, 1), "product_pack": f"P{k:02} 10mg tablets",
                 "active_ingredients": f"I{k // 3}", "dosage": "Tablet" if k % 2 else "Capsule",
                 "value": quantity * price, "quantity": quantity, "shortage": True if flags[n] else None}
            )  # fmt: skip
    pl.DataFrame(rows).write_csv(path)
    return path


def test_an_onset_is_a_first_month_and_needs_all_its_months(tmp_path: Path) -> None:
    rows = with_onsets(read_concessions(written(tmp_path / "generics.csv")), (1, 2, 3))
    one = rows.filter(pl.col("product_pack") == "P03 10mg tablets")
    tight = one["tight"].to_list()
    assert one["event_3"].to_list()[:-3] == [any(tight[n + 1 : n + 4]) for n in range(33)]
    assert one["event_3"].tail(3).to_list() == [None] * 3
    known = known_at(read_concessions(tmp_path / "generics.csv"), ORIGIN, 3)
    assert not known.rows["tight"].any()


def test_nothing_later_is_read_and_prescribing_two_months_late(tmp_path: Path) -> None:
    path = written(tmp_path / "generics.csv")
    whole = read_concessions(path)
    unpublished = pl.col("period") > date(2016, 4, 1)
    changed = whole.with_columns(pl.when(unpublished).then(pl.col("quantity") * 9).otherwise(pl.col("quantity")))
    published = whole.with_columns(
        pl.when(pl.col("period") == date(2016, 4, 1)).then(pl.col("quantity") * 9).otherwise(pl.col("quantity"))
    )
    known = known_at(whole, ORIGIN, 3)
    assert np.array_equal(known.x, known_at(whole.filter(pl.col("period") <= ORIGIN), ORIGIN, 3).x)
    assert np.array_equal(known.x, known_at(changed, ORIGIN, 3).x)
    assert not np.array_equal(known.x, known_at(published, ORIGIN, 3).x)


def test_the_backtest_leaves_both_files(tmp_path: Path) -> None:
    made = uk(written(tmp_path / "generics.csv"), [ORIGIN], 3, tmp_path / "out")
    own, peers = pl.read_parquet(made), pl.read_parquet(tmp_path / "out" / "peers.parquet")
    assert own.columns == ["series_id", "origin", "horizon", "p"]
    assert own["horizon"].unique().sort().to_list() == [1, 3]
    assert set(peers["model"]) == {"base_rate", "seasonal_naive", "logistic", "boosted_trees"}
    assert peers.filter(pl.col("model") == "base_rate")["p"].n_unique() == 2


def test_the_naive_rule_knows_only_the_year_before() -> None:
    past, event = np.array([[0.0], [0.0], [1.0], [1.0]]), np.array([0.0, 1.0, 1.0, 1.0])
    assert seasonal_naive(past, event, np.array([[1.0], [0.0]])).tolist() == [1.0, 0.5]


def test_another_layout_is_refused(tmp_path: Path) -> None:
    (tmp_path / "generics.csv").write_text("month_full,quantity\n2014-01-01,3\n")
    with pytest.raises(InputError, match="product_pack"):
        read_concessions(tmp_path)
