"""The service learns from its own stored probabilities, as known, and only from horizons that are over."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from medsupply.forecast.run_out import RUN_OUT_SCHEMA
from medsupply.steps.correcting import corrected, past_pairs
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
         "county_code": "99", "horizon_days": 14, "p": 0.5, "p_simulated": 0.1}
        for one in IDS for n in range(WEEKS + 1)
    ]  # fmt: skip
    measured: list[dict[str, Any]] = [
        {"as_of": day, "known_at": NOW, "medicine_id": one, "county_code": "99", "grain": "medicine", "critical": True,
         "market_state": "marketed", **dict.fromkeys(COUNTS, 1), "shared": False, "floor_units": 50.0,
         "stock_units": stock(k, day), "state": "reported"}
        for k, one in enumerate(IDS) for day in (first + timedelta(days=n) for n in range(7 * WEEKS + 1))
    ]  # fmt: skip
    with wh.transaction() as connection:
        for table, rows in ((forecast.RUN_OUT, told), (picture.MEASURED, measured)):
            kinds = {name: kind for name, kind in table.dtypes().items() if name in rows[0]}
            copy(connection, table, pl.DataFrame(rows, schema=kinds))


def test_the_services_own_past_corrects_it(warehouse: Warehouse) -> None:
    fill(warehouse)
    pairs = past_pairs(warehouse, AS_OF, NOW)
    assert pairs["origin"].max() == AS_OF - timedelta(days=14)
    assert pairs["p"].unique().to_list() == [0.1]
    rows = [
        {"as_of": AS_OF, "medicine_id": one, "county_code": area, "horizon_days": 14, "p": 0.1, "p_with_reserve": 0.1}
        for one in IDS[:2] for area in ("99", "01")
    ]  # fmt: skip
    found = pl.DataFrame(rows, schema=RUN_OUT_SCHEMA)
    state = pl.DataFrame(
        {"medicine_id": IDS[:2], "county_code": ["99", "99"], "stock_units": [500.0, 40.0], "floor_units": [50.0, 50.0]}
    )
    right = corrected(warehouse, found, state, AS_OF, NOW)
    national = right.filter(pl.col("county_code") == "99")["p"].to_list()
    assert 0.3 < national[0] < 0.6
    assert national[1] == 0.1
    assert right.filter(pl.col("county_code") == "01")["p"].to_list() == [0.1, 0.1]


def test_what_was_not_known_yet_is_not_learnt(warehouse: Warehouse) -> None:
    fill(warehouse)
    assert past_pairs(warehouse, AS_OF, NOW - timedelta(weeks=WEEKS + 1)).is_empty()
    assert past_pairs(warehouse, AS_OF, NOW - timedelta(days=1)).is_empty()
