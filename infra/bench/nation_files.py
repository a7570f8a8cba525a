"""Files of full national days for the benchmarks: 830 pharmacies, 24 hospital pharmacies, 3 wholesalers, one day.

The rows are drawn by numpy from a seed, so that making them costs seconds and every run times the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

PHARMACIES, HOSPITALS, WHOLESALERS = 830, 24, 3
STOCK_ROWS, DISPENSING_ROWS = 2_500_000, 300_000
COUNTIES = [f"{number:02d}" for number in range(1, 22) if number not in (3, 20)]


@dataclass(frozen=True)
class Nation:
    """How large a nation: ``share`` scales the rows of each file, not the number of files."""

    share: float = 1.0
    seed: int = 1

    @property
    def holders(self) -> pl.DataFrame:
        kinds = {"pharmacy": PHARMACIES, "hospital_pharmacy": HOSPITALS, "wholesaler": WHOLESALERS}
        rows = [(f"{kind[0].upper()}{number:04d}", kind) for kind, count in kinds.items() for number in range(count)]
        return pl.DataFrame(rows, schema=["holder_id", "holder_type"], orient="row").with_columns(
            name="holder_id",
            county_code=pl.Series([COUNTIES[number % len(COUNTIES)] for number in range(len(rows))]),
            valid_from=pl.lit(date(2020, 1, 1)),
        )

    def sizes(self, total: int, files: int) -> list[int]:
        """Rows of each file: lists of different lengths that add up to ``total``."""
        weights = np.random.default_rng(self.seed).uniform(0.7, 1.3, files)
        sizes = np.floor(weights / weights.sum() * total * self.share).astype(int)
        sizes[0] += int(total * self.share) - sizes.sum()
        return [int(size) for size in sizes]

    def stock(self, day: date) -> Iterator[pl.DataFrame]:
        """One snapshot per holder."""
        holders = self.holders["holder_id"]
        for number, size in enumerate(self.sizes(STOCK_ROWS, len(holders))):
            rng = np.random.default_rng((self.seed, day.toordinal(), number, 0))
            yield pl.DataFrame(
                {
                    "holder_id": np.repeat(holders[number], size),
                    "counted_on": np.repeat(np.datetime64(day), size),
                    "vnr": _packages(size),
                    "lot": [f"L{lot:05d}" for lot in rng.integers(0, 99_999, size)],
                    "expires_on": np.datetime64(day) + rng.integers(30, 900, size).astype("timedelta64[D]"),
                    "packs": rng.integers(0, 60, size),
                    "reserve_packs": np.zeros(size, dtype=int),
                }
            )

    def dispensing(self, day: date) -> Iterator[pl.DataFrame]:
        """One day of each reporter: pharmacies and hospital pharmacies."""
        reporters = self.holders.filter(pl.col("holder_type") != "wholesaler")
        for number, size in enumerate(self.sizes(DISPENSING_ROWS, reporters.height)):
            rng = np.random.default_rng((self.seed, day.toordinal(), number, 1))
            reporter, kind, county = reporters.select("holder_id", "holder_type", "county_code").row(number)
            packs = rng.integers(1, 9, size)
            yield pl.DataFrame(
                {
                    "reporter_id": np.repeat(reporter, size),
                    "day": np.repeat(np.datetime64(day), size),
                    "county_code": np.repeat(county, size),
                    "channel": np.repeat("community" if kind == "pharmacy" else "hospital", size),
                    "vnr": _packages(size),
                    "packs": packs,
                    "dispensings": packs,
                }
            )


def write_day(nation: Nation, day: date, folder: Path, *, one_file: bool = False) -> list[tuple[str, Path]]:
    """The day's deliveries as (source, file): one per holder, or one per source."""
    found = []
    for source, frames in (("stock", nation.stock(day)), ("dispensing", nation.dispensing(day))):
        place = folder / source
        place.mkdir(parents=True, exist_ok=True)
        parts = [pl.concat(frames)] if one_file else frames
        for number, frame in enumerate(parts):
            path = place / f"{source}-{day}-{number:04d}.csv"
            frame.write_csv(path, separator=";")
            found.append((source, path))
    return found


def write_holders(nation: Nation, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    nation.holders.write_csv(folder / "holders.csv", separator=";")
    return folder / "holders.csv"


def _packages(size: int) -> list[str]:
    """The packages of an assortment: the common ones first, each once."""
    return [f"{100_000 + 7 * number:06d}" for number in range(size)]
