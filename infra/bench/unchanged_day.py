"""Time what the forecast takes on a day on which nothing is new: ``python infra/bench/unchanged_day.py [series]``.

A warehouse with 170 weeks of that many series and a forecast of them; then the service is asked to forecast again.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl

from medsupply.areas import COUNTRY
from medsupply.settings import Settings
from medsupply.steps import forecasting
from medsupply.tables.forecast import DEMAND_SERIES, RUNS
from medsupply.tables.picture import DEMAND_WEEKLY, PICTURES
from medsupply.warehouse.database import bulk
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.database.migrate import migrate
from medsupply.warehouse.storage.store import open_store

AS_OF, WEEKS = date(2026, 3, 31), 170
KNOWN_AT = datetime(2026, 4, 1, 3, tzinfo=UTC)
UTC_MOMENT = pl.Datetime("us", "UTC")


def fill(wh: Warehouse, ids: list[str], cutoff: date) -> None:
    """Weekly demand of the country, and a forecast of exactly it: only that it stands is looked at."""
    weeks = [cutoff - timedelta(days=6, weeks=n) for n in range(WEEKS)]
    for week in weeks:
        units = np.random.default_rng(week.toordinal()).gamma(4, 250, len(ids)).round(1)
        rows = pl.DataFrame({"medicine_id": ids, "units": units}).with_columns(
            week=pl.lit(week), county_code=pl.lit(COUNTRY), known_at=pl.lit(KNOWN_AT),
            marked=pl.lit(False), silent_share=pl.lit(0.0),
        )  # fmt: skip
        with wh.transaction() as connection:
            bulk.copy(connection, DEMAND_WEEKLY, rows)
    kept = {"as_of": weeks, "known_at": [KNOWN_AT] * WEEKS, "stage": ["demand"] * WEEKS}
    with wh.transaction() as connection:
        bulk.copy(connection, PICTURES, pl.DataFrame(kept, schema_overrides={"known_at": UTC_MOMENT}))
    version = forecasting.version_of(forecasting.series_of(wh, cutoff, KNOWN_AT))
    key = {"measure": forecasting.UNITS, "cutoff": cutoff, "known_at": KNOWN_AT}
    run = key | {"data_version": version, "horizon_weeks": 26, "paths": 400, "series": len(ids), "substituted": 0}
    each = pl.DataFrame({"medicine_id": ids, "model": "smooth", "county_code": COUNTRY, "daily_units": 1.0})
    with wh.transaction() as connection:
        bulk.copy(connection, RUNS, pl.DataFrame([run | {"models": "", "kappa": ""}], schema=RUNS.dtypes()))
        bulk.copy(connection, DEMAND_SERIES, each.with_columns(**{name: pl.lit(one) for name, one in key.items()}))
    name = forecasting.paths_name(forecasting.UNITS, cutoff, version, (0, 1))
    open_store(wh.settings.archive_url).put(name, b"not read")


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    settings = Settings.from_environ({"MEDSUPPLY_HOME": tempfile.mkdtemp(prefix="unchanged-")})
    migrate(settings)
    with Warehouse.open(settings) as wh:
        fill(wh, [f"m{number:05d}" for number in range(count)], forecasting.cutoff_of(AS_OF))
        for _ in range(3):
            start = time.monotonic()
            fitted = forecasting.fit_demand(wh, AS_OF, KNOWN_AT + timedelta(hours=1), workers=2)
            spent, load = time.monotonic() - start, os.getloadavg()[0]
            print(f"{count} series, none new, {fitted} fitted: {spent:.1f} s (load {load:.1f})", flush=True)


if __name__ == "__main__":
    main()
