"""Fits whole or as mapped shards leave the same numbers; one killed between its paths and its rows is made again."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from medsupply.settings import Settings
from medsupply.steps import forecasting
from medsupply.tables import picture
from medsupply.warehouse.database.bulk import copy
from medsupply.warehouse.database.connection import Warehouse

CUTOFF = date(2026, 2, 1)
NOW = datetime(2026, 2, 3, 4, 0, tzinfo=UTC)
IDS = [f"G{k:04d}" for k in range(6)]
WEEKS = [CUTOFF - timedelta(days=6, weeks=k) for k in reversed(range(105))]
READ = "select medicine_id, county_code, week, q10, q50, q90 from analyst.demand_forecast order by 1, 2, 3"


def filled(settings: Settings) -> Warehouse:
    """Two years of weeks of six medicines in the country and two counties."""
    rng = np.random.default_rng(11)
    season = 1 + 0.2 * np.cos(2 * np.pi * np.arange(len(WEEKS)) / 52.18)
    rows = [
        {"week": week, "known_at": NOW, "medicine_id": one, "county_code": area, "units": share * value,
         "silent_share": 0.0, "marked": False}
        for one in IDS
        for week, value in zip(WEEKS, 1000 * season * rng.gamma(200, 1 / 200, len(WEEKS)), strict=True)
        for area, share in (("99", 1.0), ("01", 0.6), ("02", 0.4))
    ]  # fmt: skip
    pictures = [{"as_of": week, "known_at": NOW, "stage": "demand"} for week in WEEKS]
    wh = Warehouse.open(settings)
    with wh.transaction() as connection:
        for table, part in ((picture.DEMAND_WEEKLY, rows), (picture.PICTURES, pictures)):
            copy(connection, table, pl.DataFrame(part, schema=table.dtypes()))
    return wh


def fit(wh: Warehouse, number: int = 0, of: int = 1) -> int:
    return forecasting.fit_demand(wh, CUTOFF, NOW, workers=0, shard=(number, of))


def test_shards_agree_and_a_kill_leaves_nothing_half(
    fresh_settings: Settings, other_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with filled(fresh_settings) as whole, filled(other_settings) as parts:
        assert fit(whole) == len(IDS)
        assert fit(whole) == 0

        assert (done := fit(parts, 0, 2)) > 0
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(forecasting, "_write", interrupted)
            fit(parts, 1, 2)
        assert fit(parts, 1, 2) == len(IDS) - done
        assert fit(parts, 1, 2) == 0

        one, two = whole.read(READ), parts.read(READ)
        assert one.select("medicine_id", "county_code", "week").equals(two.select("medicine_id", "county_code", "week"))
        for name in ("q10", "q50", "q90"):
            np.testing.assert_allclose(one[name].to_numpy(), two[name].to_numpy(), rtol=1e-9)
        first, second = (forecasting.stored_paths(wh, "units", CUTOFF, NOW)[1] for wh in (whole, parts))
        assert sorted(first) == sorted(second) == IDS
        for name in IDS:
            np.testing.assert_allclose(first[name], second[name], rtol=1e-6)


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_fit_that_fails_gives_way_and_is_counted(fresh_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("Stan gave up")

    monkeypatch.setattr("medsupply.forecast.stack.structure", fails)
    with filled(fresh_settings) as wh:
        assert fit(wh) == len(IDS)
        counted = wh.read("select substituted from analyst.forecast_runs").item()
        said = wh.read("select distinct wanted, used, reason from analyst.forecast_substitutions")
        assert counted == len(IDS)
        assert said.rows() == [("prophet", "neighbour", "RuntimeError")]
        assert wh.read("select count(*) as n from analyst.demand_forecast where q50 is null").item() == 0
