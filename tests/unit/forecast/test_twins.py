"""A family of one medicine has that medicine's future, simulated once."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from medsupply.forecast.run_out import RUN_OUT_SCHEMA, run_out
from medsupply.forecast.twins import AMOUNTS, twins

FAMILIES = pl.DataFrame({"medicine_id": ["M1", "M2", "M3"], "family_id": ["F1", "F2", "F2"]})


def state(**changes: tuple[str, float | None]) -> pl.DataFrame:
    """M1 (tablets) alone in F1 (mg, 50 a tablet), in the country and one area; M2 and M3 in F2."""
    rows = []
    for medicine, in_mg in (("M1", 1.0), ("F1", 50.0), ("M2", 1.0), ("F2", 50.0)):
        for area, size in (("99", 1000.0), ("06", 100.0)):
            upstream = [size, size / 2] if area == "99" else [None, None]
            amounts = [size, size, size / 5, size / 10, size / 30, *upstream]
            rows.append((medicine, area, *(None if one is None else one * in_mg for one in amounts)))
    found = pl.DataFrame(
        rows, schema={"medicine_id": pl.String, "county_code": pl.String, **dict.fromkeys(AMOUNTS, pl.Float64)},
        orient="row",
    )  # fmt: skip
    for name, (medicine, value) in changes.items():
        there = (pl.col("medicine_id") == medicine) & (pl.col("county_code") == "06")
        found = found.with_columns(pl.when(there).then(pl.lit(value)).otherwise(name).alias(name))
    return found


def test_only_a_family_of_one_medicine_stands_for_it() -> None:
    found = twins(state(), FAMILIES)
    assert found.pairs.rows() == [("M1", "F1", pytest.approx(1 / 50))]
    assert sorted(set(found.once(state())["medicine_id"])) == ["F1", "F2", "M2"]


@pytest.mark.parametrize("name", AMOUNTS)
@pytest.mark.parametrize("who", ["M1", "F1"])
def test_one_amount_that_differs_in_one_area_parts_them(name: str, who: str) -> None:
    assert twins(state(**{name: (who, 7.0)}), FAMILIES).pairs.is_empty()


@pytest.mark.parametrize("name", [name for name in AMOUNTS if not name.startswith("upstream")])
@pytest.mark.parametrize("who", ["M1", "F1"])
def test_one_amount_that_is_missing_in_one_of_them_parts_them(name: str, who: str) -> None:
    assert twins(state(**{name: (who, None)}), FAMILIES).pairs.is_empty()


def test_an_area_that_only_one_of_them_has_parts_them() -> None:
    gone = ~((pl.col("medicine_id") == "M1") & (pl.col("county_code") == "06"))
    assert twins(state().filter(gone), FAMILIES).pairs.is_empty()
    other = ~((pl.col("medicine_id") == "F1") & (pl.col("county_code") == "06"))
    assert twins(state().filter(other), FAMILIES).pairs.is_empty()


def test_without_demand_nothing_is_said_of_either() -> None:
    none = state().with_columns(trailing_demand_units=pl.lit(0.0))
    assert twins(none, FAMILIES).pairs.is_empty()


def test_the_medicine_is_told_what_its_family_is_told() -> None:
    same = twins(state(), FAMILIES)
    rows = same.both(run_out(same.once(state()), date(2026, 3, 2), n_paths=50))
    assert rows.schema == pl.Schema(RUN_OUT_SCHEMA)
    assert rows.equals(rows.sort("medicine_id", "county_code", "horizon_days"))
    family, mine = (rows.filter(pl.col("medicine_id") == one).drop("medicine_id") for one in ("F1", "M1"))
    assert family.height == 8
    assert mine.drop("unmet_units").equals(family.drop("unmet_units"))
    assert mine["unmet_units"].to_list() == pytest.approx((family["unmet_units"] / 50).to_list())
    assert mine["unmet_units"].max() > 0  # type: ignore[operator]
