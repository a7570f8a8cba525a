"""What became of the counties' run-out: a picture of the mornings' nation beside the stock that its sites then had.

    python infra/bench/county_run_out.py WORK DAY

WORK is the folder of ``infra/morning.py --work``; DAY a report day with a picture and 28 more days of stock. For every
county and medicine above its floor on DAY: the probability that the picture told, and whether the stock of the county's
holders, as delivered, reached that floor within 14 and 28 days. Prints a table for each horizon.
"""

from __future__ import annotations

import sys
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from medsupply.areas import COUNTY_CODES
from medsupply.settings import Settings
from medsupply.warehouse.database.connection import Warehouse

HORIZONS, EDGES = (14, 28), [0.05, 0.2, 0.5, 0.8]
DISPENSES = ("pharmacy", "hospital_pharmacy", "medicine_centre", "dose_dispensing")
SITUATION = """
    SELECT medicine_id, county_code, floor_units, run_out_p14 AS p14, run_out_p28 AS p28 FROM analyst.situation
    WHERE as_of = :day AND grain = 'medicine' AND county_code = any(:counties)
      AND stock_units > floor_units AND run_out_p14 IS NOT NULL
"""


def places(nation: Path) -> pl.DataFrame:
    """``holder_id``, ``county_code``: the counties that each dispensing holder serves."""
    text = {"county_code": pl.String, "serves": pl.String}
    holders = pl.read_csv(nation / "inbox" / "holders" / "holders.csv", separator=";", schema_overrides=text)
    served = pl.coalesce(pl.col("serves").str.split(","), pl.concat_list("county_code"))
    dispensing = holders.filter(pl.col("holder_type").is_in(DISPENSES))
    return dispensing.select("holder_id", county_code=served).explode("county_code")


def stock(nation: Path, units: pl.DataFrame, day: date) -> pl.DataFrame:
    """``county_code``, ``medicine_id``, ``units`` that lay with the county's holders on ``day``, as delivered."""
    files = sorted((nation / "inbox" / "stock").glob("*.parquet"))
    rows = pl.scan_parquet(files).filter(pl.col("counted_on") == day, pl.col("vnr") != "")
    lying = (
        rows.select("holder_id", "vnr", "packs").collect().join(units, on="vnr").join(places(nation), on="holder_id")
    )
    worth = pl.col("packs") * pl.col("units_per_pack")
    return lying.group_by("county_code", "medicine_id").agg(units=worth.sum())


def turned_out(told: pl.DataFrame, nation: Path, units: pl.DataFrame, day: date) -> pl.DataFrame:
    """``told`` with ``event14`` and ``event28``."""
    key = ["county_code", "medicine_id"]
    days = [
        stock(nation, units, day + timedelta(days=n)).with_columns(n=pl.lit(n)) for n in range(1, max(HORIZONS) + 1)
    ]
    low = pl.concat(days).join(told, on=key).filter(pl.col("units") <= pl.col("floor_units"))
    first = low.group_by(key).agg(first=pl.col("n").min())
    events = ((pl.col("first") <= h).fill_null(False).alias(f"event{h}") for h in HORIZONS)
    return told.join(first, on=key, how="left").with_columns(events)


def main() -> None:
    work, day = Path(sys.argv[1]), date.fromisoformat(sys.argv[2])
    with Warehouse.open(Settings.from_environ({"MEDSUPPLY_HOME": str(work / "home")})) as wh:
        told = wh.read(SITUATION, day=day, counties=list(COUNTY_CODES))
        units = wh.read("SELECT vnr, medicine_id, units_per_pack FROM analyst.packages WHERE medicine_id IS NOT NULL")
    found = turned_out(told, work / "nation", units, day)
    for h in HORIZONS:
        level = pl.sum_horizontal((pl.col(f"p{h}") >= edge).cast(pl.Int64) for edge in EDGES).alias("from")
        table = found.group_by(level).agg(
            rows=pl.len(), told=pl.col(f"p{h}").mean(), happened=pl.col(f"event{h}").mean()
        )
        lower = [0.0, *EDGES]
        means = f"told {found[f'p{h}'].mean():.4f}, happened {found[f'event{h}'].mean():.4f}"
        print(f"{h} days: {found.height} rows, {means}")
        for row in table.sort("from").iter_rows(named=True):
            means = f"told {row['told']:.3f}, happened {row['happened']:.3f}"
            print(f"  p from {lower[row['from']]}: {row['rows']} rows, {means}")


if __name__ == "__main__":
    main()
