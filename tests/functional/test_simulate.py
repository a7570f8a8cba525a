"""A simulated nation goes through the real intake as its truth says, and what is measured is what is true."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from medsupply import flow
from medsupply.days import end_of_day
from medsupply.simulate import Manifest, simulate
from medsupply.warehouse.database.connection import Warehouse

COUNTS = ("received", "accepted", "quarantined", "duplicate")


@pytest.fixture(scope="module")
def nation(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    # Large enough that one site's snapshot has the 50 rows from which a cut one is held.
    return simulate(tmp_path_factory.mktemp("nation"), preset="small", seed=5, medicines=40, days=90, history_days=90)


@pytest.fixture
def loaded(nation: Manifest, warehouse: Warehouse) -> dict[str, tuple[object, ...]]:
    """Path of each delivery -> what the service said of it."""
    told = {}
    for source, path, at in nation.arrivals().select("source", "path", "received_at").iter_rows():
        (verdict,) = flow.load(warehouse, source, [nation.folder / path], received_at=at)
        told[path] = (
            verdict.rows_received, verdict.rows_accepted, verdict.rows_quarantined, verdict.rows_duplicate,
            verdict.verdict,
        )  # fmt: skip
    return told


def test_intake_and_picture_agree_with_the_truth(
    nation: Manifest, loaded: dict[str, tuple[object, ...]], warehouse: Warehouse
) -> None:
    expected = pl.read_csv(nation.folder / "truth" / "files.csv")
    want = {row["path"]: (*(row[name] for name in COUNTS), row["verdict"]) for row in expected.iter_rows(named=True)}
    assert loaded == want
    assert {verdict[-1] for verdict in loaded.values()} == {"accepted", "partly", "refused", "duplicate", "held"}
    _stock_is_true(nation, warehouse)


def _stock_is_true(nation: Manifest, warehouse: Warehouse) -> None:
    """Where everybody reported lately, the measured stock of the country is the true one, in units."""
    day = nation.last_day
    situation = flow.picture(warehouse, day, end_of_day(day) + timedelta(hours=6))
    country = situation.filter(pl.col("county_code") == "99", pl.col("grain") == "medicine")
    truth = pl.read_parquet(Path(nation.folder) / "truth" / "run_out.parquet").filter(pl.col("origin") == day)
    both = country.join(truth, left_on="medicine_id", right_on="medicine")
    heard = both.filter(pl.col("reporting_share") == 1.0, pl.col("stock") > 0)
    assert both.height == 40 and heard.height >= 5
    assert (heard["stock_units"] / heard["stock"] - 1).abs().max() < 0.02  # a cut snapshot stands as the day before
    assert (heard["stock_units"] == heard["stock"]).sum() >= 3
    # Trailing demand counts reported days by weekday, the truth all days: they differ by a few silent holders.
    assert ((both["floor_units"] / both["floor"] - 1).abs() < 0.05).mean() > 0.9
