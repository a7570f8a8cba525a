"""Stock site by site: what past snapshots held that may be used, summed over windows of days.

A national day has 2.5 million rows and 84 of them are read for one picture. So rows become positions in arrays of
holders x packages (texts are never joined or grouped), and weeks that are past are summed once and kept: a
:class:`Week` depends on nothing but the snapshots that stand in it, whatever lists, rules or report day it is read for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

import numpy as np
import polars as pl

from medsupply.facts import Facts
from medsupply.picture.dense import Array, Axis
from medsupply.picture.master import Master
from medsupply.picture.weeks import WEEK_DAYS, Sums, bits_of, mondays, overlap, week_of

# A week with fewer snapshots than this is not worth keeping.
SNAPSHOTS_KEPT = 2000
Window = tuple[date, date]
NOT_ASKED: Array = np.zeros((0, 0))


class WeekCache(Protocol):
    """Weeks that were summed before, by the week's Monday and a fingerprint of what stands in it."""

    def get(self, monday: date, key: str) -> pl.DataFrame | None:
        """The week stored under ``key``; None where there is none."""
        ...

    def put(self, monday: date, key: str, frame: pl.DataFrame) -> None:
        """Store a week."""
        ...


def conversions(master: Master) -> pl.DataFrame:
    """``vnr``, ``medicine_id`` (medicine and family, two rows a package), ``per_pack``, where a package has units."""
    packages = master.packages
    medicines = packages.select("vnr", "medicine_id", per_pack="units_per_pack")
    families = packages.select("vnr", medicine_id="family_id", per_pack="family_units_per_pack")
    return pl.concat([medicines, families]).drop_nulls().sort("vnr", "medicine_id")


@dataclass(frozen=True)
class Grains:
    """Packages in medicines and families, one medicine after another: position of the ``package``, units per pack
    (``per_pack``), where each medicine begins (``starts``) and which it is (``codes``)."""

    packages: Axis
    medicines: Axis
    package: Array
    per_pack: Array
    starts: Array
    codes: Array

    @classmethod
    def of(cls, master: Master) -> Grains:
        pairs = conversions(master).filter(pl.col("per_pack") > 0).sort("medicine_id", "vnr")
        packages, medicines = Axis(pairs["vnr"]), Axis(master.medicines["medicine_id"])
        code = medicines.codes(pairs["medicine_id"])
        starts = np.flatnonzero(np.diff(code, prepend=-1))
        per_pack = pairs["per_pack"].to_numpy()
        return cls(packages, medicines, packages.codes(pairs["vnr"]), per_pack, starts, code[starts])

    def units(self, packs: Array) -> Array:
        """Packs of anything x packages as units of anything x medicines and families, added in order of VNR."""
        found = np.zeros((len(packs), len(self.medicines)))
        if len(self.starts):
            found[:, self.codes] = np.add.reduceat(packs[:, self.package] * self.per_pack, self.starts, axis=1)
        return found

    def days_of_any(self, bits: Array) -> Array:
        """Days (bits of a week, anything x packages) on which any package of a medicine was there, as a count."""
        found = np.zeros((len(bits), len(self.medicines)))
        if len(self.starts):
            some = np.bitwise_or.reduceat(bits[:, self.package], self.starts, axis=1)
            found[:, self.codes] = np.bitwise_count(some)
        return found


class Sites:
    """Past snapshots of the holders that count, as arrays of holders x packages or medicines."""

    def __init__(
        self,
        facts: Facts,
        holders: pl.DataFrame,
        master: Master,
        usable_reserve: Sequence[str],
        cache: WeekCache | None = None,
    ) -> None:
        self.facts, self.cache = facts, cache
        self.holder_axis = Axis(holders["holder_id"])
        self.grains = Grains.of(master)
        self.medicine_axis = self.grains.medicines
        own = holders.filter(pl.col("holder_type").is_in(list(usable_reserve)))
        self.own_reserve = self.holder_axis.mask(own["holder_id"])[:, None]
        self.shape = (len(self.holder_axis), len(self.grains.packages))
        self.sources = gap_sources(facts)
        self.counted_on = set(facts.snapshots["counted_on"].unique())

    def windows(self, usual: Window, had: Window) -> tuple[Array, Array]:
        """Holders x medicines: usable units summed over the snapshots of ``usual``, snapshots of ``had`` with any.

        Weeks are added in order, so that the sums are the same on every machine.
        """
        packs = np.zeros(self.shape)
        counted = np.zeros((len(self.holder_axis), len(self.medicine_axis)))
        for monday in mondays(min(usual[0], had[0]), max(usual[1], had[1])):
            sunday = monday + timedelta(days=WEEK_DAYS - 1)
            days, mine = overlap(monday, sunday, had), overlap(monday, sunday, usual)
            all_of_it = mine == (monday, sunday)
            whole = self._whole_week(monday, sunday, packs=all_of_it) if days or all_of_it else None
            if whole and days:
                counted += self.grains.days_of_any(whole.bits & np.uint8(bits_of(*days)))
            if mine:
                packs += (whole if whole and all_of_it else self._part(*mine)).usable
        return self.grains.units(packs), counted

    def usable_packs(self, day: date) -> Array:
        """Holders x packages: packs of the snapshots of ``day`` that may be used and have not expired."""
        return self._part(day, day).usable

    def _whole_week(self, monday: date, sunday: date, *, packs: bool) -> _Placed:
        """Snapshots counted in a week; what they sum up to is kept where it is large. Of a kept week only the days are
        read where nobody asks for its ``packs``."""
        key = self._key(monday, sunday) if self.cache else None
        if self.cache is None or key is None:
            return self._part(monday, sunday)
        found = self.cache.get(monday, key)
        if found is None:
            found = week_of(self._days(monday, sunday))
            self.cache.put(monday, key, found)
        return self._placed(found, packs)

    def _part(self, first: date, last: date) -> _Placed:
        """Snapshots counted in [first, last] of one week, of the holders and packages that count today."""
        sums = Sums(self.holder_axis, self.grains.packages)
        for day, rows in self._days(first, last):
            sums.add(day, rows)
        return self._usable(sums.packs, sums.reserve, sums.bits, sums.free_bits)

    def _days(self, first: date, last: date) -> list[tuple[date, pl.LazyFrame]]:
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        return [(day, without_gaps(self.facts, day, day, self.sources)) for day in days if day in self.counted_on]

    def _key(self, first: date, last: date) -> str | None:
        """Fingerprint of the snapshots that stand in [first, last] and of those whose rows fill their gaps."""
        stamps = self.facts.stamps
        if stamps is None:
            return None
        here = stamps.filter(pl.col("counted_on").is_between(first, last))
        if here.height < SNAPSHOTS_KEPT:
            return None
        filled = self.sources.filter(pl.col("counted_on").is_between(first, last))
        origin = stamps.rename({"counted_on": "source_on"})
        filled = filled.join(origin, on=["holder_id", "source_on"], how="left")
        digest = hashlib.sha256(here.sort("holder_id", "counted_on").write_csv().encode())
        digest.update(filled.sort("holder_id", "counted_on", "vnr").write_csv().encode())
        return digest.hexdigest()[:24]

    def _placed(self, week: pl.DataFrame, packs: bool) -> _Placed:
        """A week in the order of the holders and packages that count today."""
        holder, package = self.holder_axis.found(week["holder_id"]), self.grains.packages.found(week["vnr"])
        known = (holder >= 0) & (package >= 0)
        at = (holder[known], package[known])

        def array(name: str, kind: type[np.generic]) -> Array:
            found = np.zeros(self.shape, kind)
            found[at] = week[name].to_numpy()[known]
            return found

        bits, free = array("bits", np.uint8), array("free_bits", np.uint8)
        if not packs:
            return _Placed(NOT_ASKED, np.where(self.own_reserve, bits, free))
        return self._usable(array("packs", np.float64), array("reserve_packs", np.float64), bits, free)

    def _usable(self, packs: Array, reserve: Array, bits: Array, free: Array) -> _Placed:
        usable = packs - np.where(self.own_reserve, 0.0, reserve)
        return _Placed(usable, np.where(self.own_reserve, bits, free))


@dataclass(frozen=True)
class _Placed:
    """Holders x packages: usable packs summed over the days of a week (NOT_ASKED: only the days were asked for), and
    the days on which there were any."""

    usable: Array
    bits: Array


def gap_sources(facts: Facts) -> pl.DataFrame:
    """``holder_id``, ``counted_on``, ``vnr`` of each package with a quarantined row, and ``source_on``: the day of the
    holder's last snapshot before in which it had none (null: there is none within the facts)."""
    gaps = facts.gaps.unique()
    if gaps.is_empty():
        return gaps.with_columns(source_on=pl.lit(None, pl.Date))
    key = ["holder_id", "counted_on", "vnr"]
    pairs = gaps.join(facts.snapshots.select("holder_id", source_on="counted_on"), on="holder_id")
    pairs = pairs.filter(pl.col("source_on") < pl.col("counted_on"))
    dirty = gaps.rename({"counted_on": "source_on"})
    pairs = pairs.join(dirty, on=["holder_id", "source_on", "vnr"], how="anti")
    sources = pairs.group_by(key).agg(pl.col("source_on").max())
    return gaps.join(sources, on=key, how="left").sort(key)


def without_gaps(facts: Facts, first: date, last: date, sources: pl.DataFrame | None = None) -> pl.LazyFrame:
    """Stock rows counted in [first, last]; a package with a quarantined row has the rows of the snapshot before.

    ``sources``: what :func:`gap_sources` found, where the caller has it.
    """
    stock = facts.stock_of(first, last)
    found = gap_sources(facts) if sources is None else sources
    gaps = found.filter(pl.col("counted_on").is_between(first, last))
    if gaps.is_empty():
        return stock
    columns = stock.collect_schema().names()
    key = ["holder_id", "counted_on", "vnr"]
    # Only holders with a gap are joined: a national day has millions of rows and a few gaps.
    touched = pl.col("holder_id").is_in(gaps["holder_id"].unique().implode())
    clean = stock.filter(touched).join(gaps.lazy(), on=key, how="anti")
    return pl.concat([stock.filter(~touched), clean, *(_carried(facts, gaps, columns))])


def _carried(facts: Facts, gaps: pl.DataFrame, columns: Sequence[str]) -> Iterator[pl.LazyFrame]:
    """The rows that fill ``gaps``, as counted on the day of the gap."""
    for (day,), wanted in gaps.drop_nulls("source_on").group_by("source_on", maintain_order=True):
        origin = facts.stock_of(day, day).filter(pl.col("vnr").is_in(wanted["vnr"].unique().implode()))
        joined = wanted.lazy().join(origin.drop("counted_on"), on=["holder_id", "vnr"])
        yield joined.select(columns)
