"""Stock site by site: what a snapshot holds that may be used, and what windows of past snapshots held.

``site_day`` turns the rows of one or more days into holder x medicine; its result for a closed day never changes while
the packages keep their meaning (``units_key``), so a caller may store it and hand it back through ``Sites``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date
from typing import Protocol

import polars as pl

from medsupply.facts import Facts
from medsupply.picture.master import Master


class Sites(Protocol):
    """Past snapshots, summed per holder and medicine."""

    def sums(self, first: date, last: date) -> pl.DataFrame:
        """``holder_id``, ``medicine_id``, ``units`` (sum over snapshots of usable units), ``had`` (snapshots with
        any). Rows of a holder and medicine may come in several pieces; they are added."""
        ...


def conversions(master: Master) -> pl.DataFrame:
    """``vnr``, ``medicine_id`` (medicine and family, two rows a package), ``per_pack``, where a package has units."""
    packages = master.packages
    medicines = packages.select("vnr", "medicine_id", per_pack="units_per_pack")
    families = packages.select("vnr", medicine_id="family_id", per_pack="family_units_per_pack")
    return pl.concat([medicines, families]).drop_nulls().sort("vnr", "medicine_id")


def units_key(master: Master, usable_reserve: Sequence[str]) -> str:
    """Fingerprint of what ``site_day`` depends on besides its rows."""
    frame = conversions(master)
    digest = hashlib.sha256(frame.write_csv().encode())
    digest.update(",".join(sorted(usable_reserve)).encode())
    return digest.hexdigest()[:16]


def usable_packs(holders: pl.DataFrame, usable_reserve: Sequence[str]) -> tuple[pl.Expr, pl.Expr]:
    """Packs that may be used, packs of the reserve that may not, of one stock row; by the holder's type."""
    ids = holders.filter(pl.col("holder_type").is_in(list(usable_reserve)))["holder_id"].to_list()
    reserve = pl.col("reserve_packs").fill_null(0.0)
    own_reserve = pl.col("holder_id").is_in(ids)
    usable = pl.when(own_reserve).then(pl.col("packs")).otherwise(pl.col("packs") - reserve)
    return usable, pl.when(own_reserve).then(0.0).otherwise(reserve)


def site_day(rows: pl.LazyFrame, holders: pl.DataFrame, master: Master, usable_reserve: Sequence[str]) -> pl.DataFrame:
    """``holder_id``, ``counted_on``, ``medicine_id``, ``units`` usable on the snapshot's own day, in both grains."""
    usable, _ = usable_packs(holders, usable_reserve)
    good = pl.col("expires_on").is_null() | (pl.col("expires_on") > pl.col("counted_on"))
    per_package = rows.filter(good).group_by("holder_id", "counted_on", "vnr").agg(usable.sum().alias("usable_packs"))
    joined = per_package.join(conversions(master).lazy(), on="vnr").with_columns(
        units=pl.col("usable_packs") * pl.col("per_pack")
    )
    grouped = joined.group_by("holder_id", "counted_on", "medicine_id").agg(pl.col("units").sum())
    return grouped.sort("holder_id", "counted_on", "medicine_id").collect()


def site_sums(days: pl.DataFrame) -> pl.DataFrame:
    """Site days added up: ``holder_id``, ``medicine_id``, ``units``, ``had`` (snapshots with usable units)."""
    return (
        days.group_by("holder_id", "medicine_id")
        .agg(pl.col("units").sum(), had=(pl.col("units") > 0).sum().cast(pl.Int64))
        .sort("holder_id", "medicine_id")
    )


class FactSites:
    """``Sites`` computed from the facts themselves, day by day."""

    def __init__(self, facts: Facts, stock: pl.LazyFrame, holders: pl.DataFrame, master: Master, usable: Sequence[str]):
        self.facts, self.stock, self.holders, self.master, self.usable = facts, stock, holders, master, usable

    def sums(self, first: date, last: date) -> pl.DataFrame:
        rows = self.stock.filter(pl.col("counted_on").is_between(first, last))
        return site_sums(site_day(rows, self.holders, self.master, self.usable))


def without_gaps(facts: Facts, first: date) -> pl.LazyFrame:
    """Stock rows from ``first`` on, where a package with a quarantined row carries the rows of the snapshot before.

    A value is carried from the holder's last snapshot in which that package had no quarantined row, within the facts.
    """
    stock = facts.stock.filter(pl.col("counted_on") >= first)
    gaps = facts.gaps.filter(pl.col("counted_on") >= first).unique().sort("holder_id", "vnr", "counted_on")
    if gaps.is_empty():
        return stock
    clean = stock.join(gaps.lazy(), on=["holder_id", "counted_on", "vnr"], how="anti")
    pairs = gaps.join(facts.snapshots.rename({"counted_on": "source_on"}), on="holder_id")
    pairs = pairs.filter(pl.col("source_on") < pl.col("counted_on"))
    pairs = pairs.join(gaps.rename({"counted_on": "source_on"}), on=["holder_id", "source_on", "vnr"], how="anti")
    source = pairs.group_by("holder_id", "counted_on", "vnr").agg(pl.col("source_on").max())
    origin = facts.stock.rename({"counted_on": "source_on"})
    carried = source.lazy().join(origin, on=["holder_id", "source_on", "vnr"])
    columns = facts.stock.collect_schema().names()
    return pl.concat([clean.select(columns), carried.select(columns)])
