"""Time the full stack on made-up weekly series: python infra/bench/forecast_speed.py 10000 2 (series, workers)."""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from medsupply.forecast.demand import forecast_demand


def rows(count: int, weeks: int = 208) -> pl.DataFrame:
    rng = np.random.default_rng(1)
    at = np.arange(weeks)
    periods = [date(2022, 1, 3) + timedelta(weeks=int(k)) for k in at]
    parts = []
    for number in range(count):
        level = rng.normal(6, 1) + np.cumsum(rng.normal(0, 0.01, weeks)) + 0.2 * np.cos(2 * np.pi * at / 52.18)
        y = np.exp(level + rng.normal(0, 0.1, weeks))
        parts.append(pl.DataFrame({"series_id": [f"S{number:05}"] * weeks, "period": periods, "y": y}))
    return pl.concat(parts)


def main() -> None:
    count, workers = int(sys.argv[1]), int(sys.argv[2])
    made = rows(count)
    before = set(Path(tempfile.gettempdir()).iterdir())
    start = time.monotonic()
    found = forecast_demand(made, made["period"].max(), workers=workers)  # type: ignore[arg-type]
    height = found.quantiles().height
    spent = time.monotonic() - start
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    left = [path.name for path in set(Path(tempfile.gettempdir()).iterdir()) - before]
    print(f"{count} series, {workers} workers: {spent:.0f} s, {height} rows")
    print(f"memory at most {(own + workers * child) / 1e6:.2f} GB")
    print(f"temporary files left: {left or 'none'}")


if __name__ == "__main__":
    main()
