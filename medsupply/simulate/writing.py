"""Days of the nation as deliveries of the contracts: stock, dispensing, supply, holders, obligations, with dirt."""

from __future__ import annotations

import gzip
import io
from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl

from medsupply.days import is_open
from medsupply.simulate.places import FIRST_DAY, Place
from medsupply.simulate.products import Package
from medsupply.simulate.world import Day, World

STOCK = ["holder_id", "counted_on", "vnr", "lot", "expires_on", "packs", "reserve_packs", "owner_id"]
DISPENSING = ["reporter_id", "day", "county_code", "channel", "vnr", "packs", "dispensings", "returned_packs"]
STATE_RESERVE_PACKS = 500.0


def holders(places: Sequence[Place]) -> pl.DataFrame:
    """The list of holders, full."""
    rows = [(p.holder_id, p.holder_type, p.name, p.county, FIRST_DAY, None, p.serves or None) for p in places]
    schema = ["holder_id", "holder_type", "name", "county_code", "valid_from", "valid_to", "serves"]
    return pl.DataFrame(rows, schema=schema, orient="row", infer_schema_length=None)


def stock(day: Day, world: World, places: Sequence[Place], packages: Sequence[Package]) -> pl.DataFrame:
    """Every holder's snapshot of the day: dispensing holders, wholesalers, companies (their obligatory storage)."""
    vnr = np.array([p.vnr for p in packages])
    dispensing = [p for p in places if p.channel]
    holder, package = np.nonzero(world.rate > 0)
    names = np.array([p.holder_id for p in dispensing])
    on_shelf = pl.DataFrame({
        "holder_id": names[holder], "vnr": vnr[package], "packs": day.shelf[holder, package],
        "reserve_packs": np.minimum(day.reserve[holder, package], day.shelf[holder, package]),
    })  # fmt: skip
    # A package that is gone is not counted: absent, as real snapshots have it.
    on_shelf = on_shelf.filter(pl.col("packs") > 0)
    rate = world.rate.sum(axis=0)
    channel = np.array([f"W{p.company % 3 + 1}" for p in packages])
    wholesale = pl.DataFrame({"holder_id": channel, "vnr": vnr, "packs": day.wholesale, "reserve_packs": 0.0})
    owned = np.round(rate * world.laws.company_reserve * 0.25)
    owner = np.array([f"M{p.company + 1}" for p in packages])
    company = pl.DataFrame({
        "holder_id": owner, "vnr": vnr, "packs": owned, "reserve_packs": owned, "owner_id": owner,
    })  # fmt: skip
    state = pl.DataFrame(
        {"holder_id": ["VARA1"], "vnr": [vnr[0]], "packs": [STATE_RESERVE_PACKS], "reserve_packs": [0.0]}
    )
    nil = pl.DataFrame({"holder_id": ["THL"], "vnr": [""], "packs": [0.0]})
    parts = [on_shelf, wholesale.filter(pl.col("packs") > 0), company.filter(pl.col("packs") > 0), state, nil]
    rows = pl.concat(parts, how="diagonal").with_columns(counted_on=pl.lit(day.day))
    return _with_lots(rows).select(STOCK).sort("holder_id", "vnr")


def _with_lots(rows: pl.DataFrame) -> pl.DataFrame:
    """A lot and an expiry for every package: half a year and more ahead, by the quarter."""
    quarter = pl.col("counted_on").dt.truncate("1q").dt.offset_by("9mo")
    named = pl.col("vnr") != ""
    return rows.with_columns(
        lot=pl.when(named).then(pl.format("L{}", quarter.dt.strftime("%y%m"))),
        expires_on=pl.when(named).then(quarter),
        owner_id=pl.col("owner_id") if "owner_id" in rows.columns else pl.lit(None, dtype=pl.String),
    )


def dispensing(day: Day, world: World, places: Sequence[Place], packages: Sequence[Package]) -> pl.DataFrame:
    """What left every dispensing holder; a nil row where nothing did."""
    reporters = [p for p in places if p.channel]
    holder, package = np.nonzero(day.dispensed > 0)
    vnr = np.array([p.vnr for p in packages])
    packs = day.dispensed[holder, package]
    texts = dict.fromkeys(("reporter_id", "county_code", "channel", "vnr"), pl.String)
    rows = pl.DataFrame({
        "reporter_id": np.array([p.holder_id for p in reporters])[holder],
        "county_code": np.array([p.county for p in reporters])[holder],
        "channel": np.array([p.channel for p in reporters])[holder],
        "vnr": vnr[package], "packs": packs, "dispensings": np.ceil(packs / 1.3),
    }, schema_overrides=texts)  # fmt: skip
    silent = [p for n, p in enumerate(reporters) if not (holder == n).any()]
    nil = pl.DataFrame({
        "reporter_id": [p.holder_id for p in silent], "county_code": [p.county for p in silent],
        "channel": [p.channel for p in silent], "vnr": [""] * len(silent),
        "packs": [0.0] * len(silent), "dispensings": [0.0] * len(silent),
    }, schema=rows.schema)  # fmt: skip
    both = pl.concat([rows, nil]).with_columns(day=pl.lit(day.day), returned_packs=pl.lit(None, dtype=pl.Float64))
    return both.select(DISPENSING).sort("reporter_id", "vnr")


def supply(day: Day, packages: Sequence[Package]) -> pl.DataFrame:
    """Announced orders of the day."""
    rows = [
        (
            f"W{packages[o.package].company % 3 + 1}",
            packages[o.package].vnr,
            o.announced_on,
            o.expected,
            o.packs,
            "confirmed",
        )
        for o in day.orders
        if o.announced
    ]
    schema = {
        "holder_id": pl.String, "vnr": pl.String, "announced_on": pl.Date, "expected_on": pl.Date,
        "packs": pl.Float64, "certainty": pl.String,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def obligations(world: World, packages: Sequence[Package], year: int) -> pl.DataFrame:
    """Companies must hold three months of their sales; they hold a little less of one package in ten."""
    rate = world.rate.sum(axis=0)
    rows = [
        (
            year,
            f"M{p.company + 1}",
            "importer",
            p.vnr,
            float(round(rate[p.number] * 182)),
            6.0,
            0.4 if p.number % 10 else 0.6,
        )
        for p in packages
    ]
    schema = ["year", "obliged_id", "obliged_type", "vnr", "base_packs", "base_months", "factor_months"]
    return pl.DataFrame(rows, schema=schema, orient="row")


def csv_text(frame: pl.DataFrame, *, decimal_comma: bool = False) -> str:
    """The frame as a delivery: semicolons, whole numbers without a point."""
    whole = [
        pl.when(pl.col(name) == pl.col(name).round(0))
        .then(pl.col(name).cast(pl.Int64).cast(pl.String))
        .otherwise(pl.col(name).cast(pl.String))
        .alias(name)
        for name, dtype in frame.schema.items()
        if dtype == pl.Float64
    ]
    text = frame.with_columns(whole).write_csv(separator=";")
    return text.replace(".5;", ",5;") if decimal_comma else text


def gz(text: str) -> bytes:
    """The same bytes every time: no name, no time in the header."""
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as stream:
        stream.write(text.encode("utf-8"))
    return buffer.getvalue()


def parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd")
    return buffer.getvalue()


def previous_open_day(day: date) -> date:
    """The open day before ``day``."""
    day -= timedelta(days=1)
    while not is_open(day):
        day -= timedelta(days=1)
    return day
