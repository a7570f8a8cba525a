"""The service learns from its own stored probabilities, as known, and only from horizons that are over."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from medsupply.forecast.run_out import RUN_OUT_SCHEMA
from medsupply.steps.correcting import _some, corrected, past_pairs
from medsupply.tables import forecast, picture
from medsupply.warehouse.database.bulk import copy
from medsupply.warehouse.database.connection import Warehouse

AS_OF = date(2026, 3, 2)
NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
WEEKS, IDS = 12, [f"G{k:04d}" for k in range(20)]
COUNTS = ("marketed_packages", "marketed_holders", "special_permit_articles", "other_medicines", "holders_valid",
          "holders_heard")  # fmt: skip


def stock(number: int, day: date) -> float:
    """Half of the medicines stand at the floor on the last three days of each fortnight."""
    return 40.0 if number < 10 and day.toordinal() % 14 >= 11 else 500.0


def fill(wh: Warehouse) -> None:
    """Fourteen-day probabilities of 0.1 on every Monday, and what was measured on each day."""
    first = AS_OF - timedelta(weeks=WEEKS)
    told = [
        {"as_of": first + timedelta(weeks=n), "known_at": NOW - timedelta(weeks=WEEKS - n), "medicine_id": one,
         "county_code": area, "horizon_days": 14, "p": 0.5, "p_simulated": 0.1}
        for one in IDS for n in range(WEEKS + 1) for area in ("99", "01", "02")
    ]  # fmt: skip
    measured: list[dict[str, Any]] = [
        {"as_of": day, "known_at": NOW, "medicine_id": one, "county_code": area, "grain": "medicine", "critical": True,
         "market_state": "marketed", **dict.fromkeys(COUNTS, 1), "shared": False, "floor_units": 50.0,
         "stock_units": stock(k, day) if area != "02" else 500.0, "state": "reported",
         "partial": False, "reasons": ["low_demand"] if area == "02" else [], "rules_version": "1"}
        for k, one in enumerate(IDS) for day in (first + timedelta(days=n) for n in range(7 * WEEKS + 1))
        for area in ("99", "01", "02")
    ]  # fmt: skip
    with wh.transaction() as connection:
        for table, rows in ((forecast.RUN_OUT, told), (picture.MEASURED, measured), (picture.SITUATION, measured)):
            kinds = {name: kind for name, kind in table.dtypes().items() if name in rows[0]}
            copy(connection, table, pl.DataFrame([{k: one[k] for k in kinds} for one in rows], schema=kinds))


def test_the_services_own_past_corrects_it(warehouse: Warehouse) -> None:
    fill(warehouse)
    pairs = past_pairs(warehouse, AS_OF, NOW)
    assert pairs["origin"].max() == AS_OF - timedelta(days=14)
    assert pairs["p"].unique().to_list() == [0.1]
    rows = [
        {"as_of": AS_OF, "medicine_id": one, "county_code": area, "horizon_days": 14, "p": 0.1, "p_with_reserve": 0.1}
        for one in IDS for area in ("99", "01")
    ]  # fmt: skip
    found = pl.DataFrame(rows, schema=RUN_OUT_SCHEMA)
    now = [40.0 if one == IDS[1] else 500.0 for one in IDS]
    state = pl.DataFrame({"medicine_id": IDS, "stock_units": now}).with_columns(
        county_code=pl.lit("99"), floor_units=50.0
    )
    right = corrected(warehouse, found, state, AS_OF, NOW)
    national = right.filter(pl.col("county_code") == "99")["p"].to_list()
    assert 0.3 < national[0] < 0.6
    assert national[1] == 0.1
    # Areas learn from all areas together, but not from those with too few dispensings for a level.
    assert past_pairs(warehouse, AS_OF, NOW, IDS).height == pairs.height
    in_area = right.filter(pl.col("county_code") == "01")
    assert in_area["p"].to_list() == [national[0]] * len(IDS)
    assert in_area["p_simulated"].to_list() == [0.1] * len(IDS)


def test_a_nation_whose_counties_hold_nothing_known(warehouse: Warehouse) -> None:
    fill(warehouse)
    row = {"as_of": AS_OF, "medicine_id": IDS[0], "county_code": "99", "horizon_days": 14, "p": 0.1}
    state = pl.DataFrame({"medicine_id": IDS[:1], "county_code": ["99"], "stock_units": [500.0], "floor_units": [50.0]})
    right = corrected(warehouse, pl.DataFrame([row], schema=RUN_OUT_SCHEMA), state, AS_OF, NOW)
    assert right["county_code"].to_list() == ["99"] and right["p"].item() > 0.1


def test_only_some_medicines_of_a_large_nation_are_read(warehouse: Warehouse) -> None:
    fill(warehouse)
    some, everything = (past_pairs(warehouse, AS_OF, NOW, ids) for ids in (IDS[:4], IDS))
    assert 5 * some.height == everything.height > 0
    series = pl.DataFrame({"medicine_id": [f"G{k:04d}" for k in range(300)]})
    areas = series.join(pl.DataFrame({"county_code": [f"{k:02d}" for k in range(20)]}), how="cross")
    chosen = _some(areas)
    assert len(chosen) == 100 and chosen == _some(areas.reverse())
    fewer = _some(areas.filter(pl.col("medicine_id") != chosen[0]))
    assert fewer[:99] == chosen[1:], "one medicine less moves no other"


def test_what_was_not_known_yet_is_not_learnt(warehouse: Warehouse) -> None:
    fill(warehouse)
    assert past_pairs(warehouse, AS_OF, NOW - timedelta(weeks=WEEKS + 1)).is_empty()
    assert past_pairs(warehouse, AS_OF, NOW - timedelta(days=1)).is_empty()
