"""Time the full stack on made-up weekly series: python infra/bench/forecast_speed.py 10000 2 (series, workers).

Beside the seconds on the clock it tells those of the processors: on a busy computer only they mean something.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import threading
import time
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import psutil

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


class Memory(threading.Thread):
    """The most that this process and its workers had together, looked at four times a second: getrusage counts what
    the parent had when a worker began as the worker's own."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most = 0

    def run(self) -> None:
        me = psutil.Process()
        while True:
            now = 0
            for one in (me, *me.children(recursive=True)):
                with contextlib.suppress(psutil.NoSuchProcess):
                    now += one.memory_info().rss
            self.most = max(self.most, now)
            time.sleep(0.25)


def told(done: int, of: int) -> None:
    if done % 1000 == 0 or done == of:
        print(f"{done} of {of}", flush=True)


def main() -> None:
    count, workers = int(sys.argv[1]), int(sys.argv[2])
    made = rows(count)
    with tempfile.TemporaryDirectory() as folder:
        tempfile.tempdir = folder
        memory = Memory()
        memory.start()
        start, before = time.monotonic(), sum(os.times()[:4])
        found = forecast_demand(made, made["period"].max(), workers=workers, progress=told)  # type: ignore[arg-type]
        height = found.quantiles().height
        spent, used = time.monotonic() - start, sum(os.times()[:4]) - before
        left = [path.name for path in Path(folder).iterdir()]
    load = os.getloadavg()[0]
    print(
        f"{count} series, {workers} workers: {spent:.0f} s, {used:.0f} s of processors, load {load:.1f}, {height} rows"
    )
    print(f"not fitted as meant: {found.substitutions().height}")
    print(f"memory at most {memory.most / 1e9:.2f} GB")
    print(f"temporary files left: {left or 'none'}")


if __name__ == "__main__":
    main()
