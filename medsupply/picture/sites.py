"""Stock site by site: what a snapshot holds that may be used, and what windows of past snapshots held.

``site_day`` turns the rows of one or more days into holder x medicine; its result for a closed day never changes while
the packages keep their meaning (``units_key``), so a caller may store it and hand it back through a ``SiteCache``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Protocol

import numpy as np
import polars as pl

from medsupply.facts import Facts
from medsupply.picture.dense import Array, Axis
from medsupply.picture.master import Master

# Snapshots computed together: three national days, or months of a small nation.
SNAPSHOTS_AT_ONCE = 2600


class SiteCache(Protocol):
    """Stored site days. The caller answers for a day's rows being those that stand as known; ``key`` for the rest."""

    def get(self, day: date, key: str) -> pl.DataFrame | None:
        """The site day stored for ``day`` under ``key``, as :func:`site_day` returned it; None where there is none."""
        ...

    def put(self, day: date, key: str, frame: pl.DataFrame) -> None:
        """Store a site day."""
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


def _holder_codes(holders: pl.DataFrame, usable_reserve: Sequence[str]) -> pl.DataFrame:
    own = pl.col("holder_type").is_in(list(usable_reserve))
    return holders.select("holder_id", holder=pl.int_range(pl.len(), dtype=pl.UInt32), own_reserve=own)


def _package_codes(master: Master) -> tuple[pl.DataFrame, list[str]]:
    """Packages with their medicine and family as numbers (joining and grouping by texts takes three times as long)."""
    ids = master.medicines["medicine_id"].to_list()
    codes = pl.DataFrame({"id": ids, "code": range(len(ids))}, schema={"id": pl.String, "code": pl.UInt32})
    packages = master.packages.filter(
        pl.col("units_per_pack").is_not_null() | pl.col("family_units_per_pack").is_not_null()
    )
    coded = packages.join(codes.rename({"id": "medicine_id", "code": "medicine"}), on="medicine_id", how="left").join(
        codes.rename({"id": "family_id", "code": "family"}), on="family_id", how="left"
    )
    return coded.select("vnr", "medicine", "family", "units_per_pack", "family_units_per_pack"), ids


def site_day(rows: pl.LazyFrame, holders: pl.DataFrame, master: Master, usable_reserve: Sequence[str]) -> pl.DataFrame:
    """``holder_id``, ``counted_on``, ``medicine_id``, ``units`` usable on the snapshot's own day, in both grains."""
    packages, ids = _package_codes(master)
    holder = _holder_codes(holders, usable_reserve)
    good = pl.col("expires_on").is_null() | (pl.col("expires_on") > pl.col("counted_on"))
    reserve = pl.when("own_reserve").then(0.0).otherwise(pl.col("reserve_packs").fill_null(0.0))
    usable = pl.col("packs") - reserve
    coded = rows.filter(good).join(packages.lazy(), on="vnr").join(holder.lazy(), on="holder_id")
    medicines = (
        coded.group_by("holder", "counted_on", "medicine", "family")
        .agg(
            units=_known_sum(usable * pl.col("units_per_pack")),
            family_units=_known_sum(usable * pl.col("family_units_per_pack")),
        )
        .collect()
    )
    families = medicines.group_by("holder", "counted_on", "family").agg(units=_known_sum(pl.col("family_units")))
    both = pl.concat(
        [
            medicines.select("holder", "counted_on", "units", code="medicine"),
            families.select("holder", "counted_on", "units", code="family"),
        ]
    ).drop_nulls()
    names = pl.DataFrame({"medicine_id": ids}, schema={"medicine_id": pl.String})["medicine_id"]
    ordered = both.sort("holder", "counted_on", "code")
    return ordered.select(
        holders["holder_id"].gather(ordered["holder"]).alias("holder_id"),
        "counted_on",
        names.gather(ordered["code"]).alias("medicine_id"),
        "units",
    )


def _known_sum(value: pl.Expr) -> pl.Expr:
    """The sum of what has units; null where nothing has."""
    return pl.when(value.is_not_null().any()).then(value.sum())


class Sites:
    """Past snapshots summed per holder and medicine over windows of days; each day is read or computed once."""

    def __init__(
        self,
        facts: Facts,
        stock: pl.LazyFrame,
        holders: pl.DataFrame,
        master: Master,
        usable_reserve: Sequence[str],
        cache: SiteCache | None = None,
    ) -> None:
        self.stock, self.holders, self.master, self.usable_reserve = stock, holders, master, usable_reserve
        self.cache = cache
        self.key = units_key(master, usable_reserve) if cache else ""
        self.holder_axis = Axis(holders["holder_id"])
        self.medicine_axis = Axis(master.medicines["medicine_id"])
        counts = facts.snapshots.group_by("counted_on").agg(n=pl.len()).rows()
        self.snapshots: dict[date, int] = dict(counts)

    def days(self, first: date, last: date) -> Iterator[tuple[date, pl.DataFrame]]:
        """Site days of [first, last] in order: stored ones, others computed together as far as memory allows."""
        waiting: list[date] = []
        for n in range((last - first).days + 1):
            day = first + timedelta(days=n)
            found = self.cache.get(day, self.key) if self.cache else None
            if found is None:
                waiting.append(day)
            if waiting and (
                found is not None or sum(self.snapshots.get(one, 0) for one in waiting) > SNAPSHOTS_AT_ONCE
            ):
                yield from self._computed(waiting)
                waiting = []
            if found is not None:
                yield day, self._known(found)
        yield from self._computed(waiting)

    def _computed(self, days: list[date]) -> Iterator[tuple[date, pl.DataFrame]]:
        if not days:
            return
        rows = self.stock.filter(pl.col("counted_on").is_between(days[0], days[-1]))
        together = site_day(rows, self.holders, self.master, self.usable_reserve)
        by_day = together.partition_by("counted_on", as_dict=True)
        for day in days:
            found = by_day.get((day,), together.clear())
            if self.cache:
                self.cache.put(day, self.key, found)
            yield day, self._known(found)

    def _known(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Rows of holders that count today: a stored day may hold others."""
        return frame.filter(pl.col("holder_id").is_in(self.holders["holder_id"].implode()))

    def windows(self, usual: tuple[date, date], had: tuple[date, date]) -> tuple[Array, Array]:
        """Holders x medicines: usable units summed over the snapshots of ``usual``, snapshots of ``had`` with any.

        Days are added in order, so that the sums are the same on every machine.
        """
        shape = (len(self.holder_axis), len(self.medicine_axis))
        units, count = np.zeros(shape), np.zeros(shape)
        for day, frame in self.days(min(usual[0], had[0]), max(usual[1], had[1])):
            if frame.is_empty():
                continue
            at = (self.holder_axis.codes(frame["holder_id"]), self.medicine_axis.codes(frame["medicine_id"]))
            value = frame["units"].to_numpy()
            if usual[0] <= day <= usual[1]:
                units[at] += value
            if had[0] <= day <= had[1]:
                count[at] += value > 0
        return units, count


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
