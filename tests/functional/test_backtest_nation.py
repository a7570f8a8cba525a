"""The backtest on a simulated nation: its file, what it may read, and that it is the same again."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from medsupply.errors import ForecastError, InputError
from medsupply.forecast import backtest
from medsupply.forecast.backtest.deliveries import Nation, read_nation
from medsupply.forecast.backtest.nation import Forecaster, with_announced
from medsupply.simulate import Manifest, simulate


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return simulate(tmp_path_factory.mktemp("nation"), preset="small", seed=5, family="b", days=150)


@pytest.fixture(scope="module")
def read(made: Manifest) -> Nation:
    return with_announced(made.folder)


def up_to(read: Nation, origin: date) -> Nation:
    """What was known on ``origin``: later days, lists and files are deleted."""
    past, last = read.past, (origin - read.past.days[0]).days + 1
    told = past.told.filter(pl.col("known_from") <= origin).with_columns(
        known_to=pl.when(pl.col("known_to") <= origin).then(pl.col("known_to"))
    )
    cut = replace(
        past,
        days=past.days[:last],
        stock=past.stock[:last],
        demand=past.demand[:last],
        told=told,
        granted=past.granted.filter(pl.col("day") <= origin),
        promised=past.promised.filter(pl.col("announced_on") <= origin),
    )
    return replace(read, past=cut, purchases=read.purchases.filter(pl.col("listed") <= origin))


def test_nothing_later_than_the_origin_is_read(read: Nation) -> None:
    origin = read.past.days[-30]
    assert read.past.promised.filter(pl.col("announced_on") > origin).height
    whole = Forecaster(read, (14, 28)).at(origin)
    cut = Forecaster(up_to(read, origin), (14, 28)).at(origin)
    assert whole.equals(cut)


def test_the_file_holds_a_probability_for_every_medicine_origin_and_horizon(made: Manifest, tmp_path: Path) -> None:
    origins = [made.last_day - timedelta(days=28), made.last_day]
    path = backtest.run("nation", made.folder, origins, 56, tmp_path)
    found = pl.read_parquet(path)
    assert found.columns == ["series_id", "origin", "horizon", "p"]
    assert found["horizon"].unique().sort().to_list() == [14, 28, 56]
    assert found.height == 14 * 2 * 3
    assert found["p"].is_between(0, 1).all()
    ordered = found.sort("series_id", "origin", "horizon").with_columns(
        before=pl.col("p").shift().over("series_id", "origin")
    )
    assert (ordered.filter(pl.col("horizon") == 28)["p"] >= ordered.filter(pl.col("horizon") == 28)["before"]).all()


def test_an_origin_without_stock_and_a_folder_without_a_nation_are_refused(read: Nation, tmp_path: Path) -> None:
    with pytest.raises(ForecastError, match="No stock is known"):
        Forecaster(read, (28,)).at(read.past.days[0])
    with pytest.raises(InputError, match="holds no simulated nation"):
        read_nation(tmp_path)
