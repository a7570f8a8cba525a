"""Demand: nothing later than the cutoff is read, workers do not matter, no file stays, odd series go their own way."""

from __future__ import annotations

import tempfile
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from medsupply.errors import ForecastError
from medsupply.forecast.demand import forecast_demand
from medsupply.forecast.panel import COMBINED, INTERMITTENT, SHORT, ZERO
from medsupply.forecast.shares import area_paths, learn_shares

from .worlds import START, weekly_series, with_odd_ones

CUTOFF = START + timedelta(weeks=115)


@pytest.fixture(scope="module")
def rows() -> pl.DataFrame:
    return with_odd_ones(weekly_series())


@pytest.fixture(scope="module")
def forecast(rows: pl.DataFrame):  # type: ignore[no-untyped-def]
    return forecast_demand(rows, rows["period"].max(), horizon=13, n_paths=200)  # type: ignore[arg-type]


def test_later_rows_change_nothing() -> None:
    rows = weekly_series(2, weeks=125)
    whole = forecast_demand(rows, CUTOFF, horizon=8, n_paths=50)
    cut = forecast_demand(rows.filter(pl.col("period") <= CUTOFF), CUTOFF, horizon=8, n_paths=50)
    np.testing.assert_array_equal(whole.paths(), cut.paths())
    assert whole.data_version == cut.data_version


def test_one_and_two_workers_agree_and_leave_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = weekly_series(2, weeks=125)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    one = forecast_demand(rows, CUTOFF, horizon=8, n_paths=50, workers=1)
    two = forecast_demand(rows, CUTOFF, horizon=8, n_paths=50, workers=2)
    np.testing.assert_allclose(one.paths(), two.paths(), rtol=1e-9, atol=1e-9)
    assert list(tmp_path.iterdir()) == []


def test_a_part_of_the_series_is_forecast_as_in_the_whole() -> None:
    rows = weekly_series(3, weeks=125)
    only = forecast_demand(rows, CUTOFF, horizon=8, n_paths=50, only=["N01"])
    assert only.series_ids == ("N01",)
    assert np.isfinite(only.paths()).all()


def test_odd_series_go_their_own_way(forecast) -> None:  # type: ignore[no-untyped-def]
    kinds = dict(zip(forecast.series_ids, forecast.kinds, strict=True))
    assert kinds["N00"] == COMBINED
    assert (kinds["Z1"], kinds["Z2"], kinds["Z3"]) == (INTERMITTENT, SHORT, ZERO)
    told = dict(forecast.substitutions().select("series_id", "reason").iter_rows())
    assert told == {"Z1": "intermittent", "Z2": "short", "Z3": "all_zero"}


def test_paths_are_never_negative_and_quantiles_are_ordered(forecast) -> None:  # type: ignore[no-untyped-def]
    assert (forecast.paths() >= 0).all()
    frame = forecast.quantiles()
    names = [name for name in frame.columns if name.startswith("q")]
    values = frame.select(names).to_numpy()
    assert (np.diff(values, axis=1) >= 0).all()
    assert frame.height == len(forecast.series_ids) * 13


def test_the_season_is_seen(rows: pl.DataFrame) -> None:
    """Half a year after the top of the season the median is lower, as the law says: by exp(-0.4)."""
    top = START + timedelta(weeks=156)
    found = forecast_demand(rows.filter(pl.col("series_id").str.starts_with("N")), top, horizon=26, n_paths=200)
    median = np.median(found.paths(), axis=1)
    ratio = median[:, -2:].mean(axis=1) / median[:, :2].mean(axis=1)
    assert np.abs(np.log(ratio).mean() + 0.4) < 0.1


def test_the_sparse_mean_is_kept(forecast, rows: pl.DataFrame) -> None:  # type: ignore[no-untyped-def]
    """Mean demand of the sparse series stays near what it was, and most weeks have none."""
    seen = rows.filter(pl.col("series_id") == "Z1")["y"].tail(104)
    paths = forecast.paths(["Z1"])[0]
    assert 0.4 * seen.mean() < paths.mean() < 2.0 * seen.mean()  # type: ignore[operator]
    assert (paths == 0).mean() > 0.5


def test_censored_weeks_are_not_demand() -> None:
    """Weeks without stock given as null do not pull the level down; the same weeks given as zero do."""
    rows = weekly_series(3, weeks=115)
    last = rows["period"].max()
    out = (pl.col("series_id") == "N00") & (pl.col("period") > pl.lit(last) - pl.duration(weeks=10))
    masked = rows.with_columns(y=pl.when(~out).then(pl.col("y")))
    found = forecast_demand(masked, last, horizon=8, n_paths=200, only=["N00"])  # type: ignore[arg-type]
    whole = forecast_demand(rows, last, horizon=8, n_paths=200, only=["N00"])  # type: ignore[arg-type]
    assert abs(np.log(np.median(found.paths()) / np.median(whole.paths()))) < 0.12


def test_no_data_is_an_error() -> None:
    with pytest.raises(ForecastError, match="No series has a value"):
        forecast_demand(weekly_series(1), START - timedelta(weeks=1))


def medians(rows: pl.DataFrame) -> np.ndarray:
    found = forecast_demand(rows, CUTOFF, horizon=8, n_paths=50)
    return np.log(np.median(found.paths(), axis=1))


def test_a_rush_of_spring_2020_is_no_season() -> None:
    """Demand three times as high in March 2020 leaves the forecast where it was, at the same time of the year too."""
    rows = weekly_series(2, weeks=116)
    rush = pl.col("period").is_between(date(2020, 3, 2), date(2020, 3, 29))
    rushed = rows.with_columns(y=pl.when(rush).then(3 * pl.col("y")).otherwise(pl.col("y")))
    assert np.abs(medians(rushed) - medians(rows)).max() < 0.02


def test_a_gap_is_no_zero() -> None:
    """Weeks that were never published leave the forecast where it was."""
    rows = weekly_series(2, weeks=116)
    gap = pl.col("period").is_in([date(2020, 12, 28), date(2021, 1, 4), date(2021, 7, 5)])
    assert np.abs(medians(rows.filter(~gap)) - medians(rows)).max() < 0.05


def test_a_revision_is_a_new_version_of_the_data() -> None:
    rows = weekly_series(1, weeks=116)
    revised = rows.with_columns(
        y=pl.when(pl.col("period") == START + timedelta(weeks=50)).then(pl.col("y") + 1).otherwise(pl.col("y"))
    )
    versions = [forecast_demand(r, CUTOFF, horizon=2, n_paths=10).data_version for r in (rows, rows, revised)]
    assert versions[0] == versions[1] != versions[2]


def test_counties_add_up_to_the_country_on_every_path() -> None:
    weeks = [START + timedelta(weeks=k) for k in range(60)]
    rows = [
        (week, "G1", area, units)
        for k, week in enumerate(weeks)
        for area, units in (("01", 30.0 + k % 5), ("02", 70.0 - k % 5), ("99", 100.0))
    ]
    weekly = pl.DataFrame(rows, schema=["week", "medicine_id", "county_code", "units"], orient="row")
    shares = learn_shares(weekly, "99")["G1"]
    national = np.random.default_rng(1).gamma(50, 2.0, (200, 26))
    areas = area_paths(national, shares, ("01", "02"), "G1", CUTOFF)
    np.testing.assert_allclose(areas["01"] + areas["02"], national, rtol=1e-9)
    assert areas["01"].mean() / national.mean() == pytest.approx(0.32, abs=0.03)


def test_a_few_packs_a_week_in_large_units_do_not_make_paths_leap() -> None:
    """One to three packs of 5,000 mg a week, none in every sixth: the paths stay around the mean of late."""
    rng = np.random.default_rng(5)
    packs = rng.integers(1, 4, 125) * (rng.random(125) > 1 / 6)
    y = 5000.0 * packs
    rows = pl.DataFrame({
        "series_id": "S", "period": [START + timedelta(weeks=k) for k in range(125)], "y": y, "group": "V03",
    })  # fmt: skip
    found = forecast_demand(pl.concat([weekly_series(2, weeks=125), rows.select(weekly_series(2, weeks=3).columns)]),
                            START + timedelta(weeks=124), horizon=8, n_paths=300)  # fmt: skip
    at = found.series_ids.index("S")
    assert found.kinds[at] == INTERMITTENT
    paths = found.paths()[at]
    assert 0.6 * y[-52:].mean() < paths.mean() < 1.5 * y[-52:].mean()
    assert np.quantile(paths, 0.9) < 30_000


def test_a_week_in_another_unit_moves_the_mean_of_no_other_series() -> None:
    """A sum in milligrams among packs: the errors that it leaves are no law for all, and no mean runs off."""
    rows = weekly_series(4, weeks=125)
    short = pl.DataFrame({
        "series_id": "S", "period": [START + timedelta(weeks=k) for k in range(95, 115)], "y": 500.0, "group": "N",
    }).select(rows.columns)  # fmt: skip
    rows = pl.concat([rows, short])
    wild = (pl.col("series_id") == "N00") & (pl.col("period") == START + timedelta(weeks=100))
    plain = forecast_demand(rows, CUTOFF, horizon=13, n_paths=400)
    moved = forecast_demand(rows.with_columns(y=pl.when(wild).then(pl.col("y") * 1e7).otherwise("y")), CUTOFF,
                            horizon=13, n_paths=400)  # fmt: skip
    for name in ("N01", "N02", "N03", "S"):
        at = plain.series_ids.index(name)
        before, after = (found.paths()[at].mean(axis=0) for found in (plain, moved))
        np.testing.assert_allclose(after, before, rtol=0.25)
    at = moved.series_ids.index("S")
    assert moved.paths()[at].max() <= 5 * 500 + 1e-6, "a short series ends at five times its record, as the others do"
