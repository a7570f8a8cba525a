"""Days of the nation as rows of the contracts: stock, dispensing, supply, obligations, permits, holders."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl

from medsupply.simulate.goods import Array, Goods
from medsupply.simulate.living import Day
from medsupply.simulate.places import FIRST_DAY, Place
from medsupply.simulate.products import Package
from medsupply.simulate.sites import Sites
from medsupply.simulate.state import Lived
from medsupply.simulate.writing import table

STOCK = ["holder_id", "counted_on", "vnr", "lot", "expires_on", "packs", "reserve_packs", "owner_id"]
DISPENSING = ["reporter_id", "day", "county_code", "channel", "vnr", "packs", "dispensings", "returned_packs"]
SUPPLY = {
    "holder_id": pl.String, "vnr": pl.String, "announced_on": pl.Date, "expected_on": pl.Date,
    "packs": pl.Float64, "certainty": pl.String,
}  # fmt: skip
PERMITS = {
    "kind": pl.String, "obliged_id": pl.String, "vnr": pl.String, "applied_on": pl.Date, "valid_from": pl.Date,
    "valid_to": pl.Date, "allowed_packs": pl.Float64,
}  # fmt: skip
PERMIT_KEY = ["kind", "obliged_id", "vnr", "applied_on"]
WHOLESALERS, STATE_RESERVE_PACKS, ARTICLE, ARTICLE_PACKS = 3, 500.0, "EL0001", 12.0
LOT_MONTHS, PACKS_A_DISPENSING, STORED_MONTH = 9, 1.3, 30.4


class Reports:
    """What every holder reports of a day. ``article``: HUS keeps a special-permit article of ``package_map``."""

    def __init__(self, sites: Sites, packages: Sequence[Package], goods: Goods, *, zeros_every: int) -> None:
        self.sites, self.goods = sites, goods
        lists_zero = np.arange(len(sites.places)) % zeros_every == 0
        self.zeros = sites.carries & lists_zero[:, None]
        self.vnr = pl.Series("vnr", [p.vnr for p in packages])
        self.holder = pl.Series("holder_id", [p.holder_id for p in sites.places])
        self.county = pl.Series("county_code", [p.county for p in sites.places])
        self.channel = pl.Series("channel", [p.channel for p in sites.places])
        self.wholesaler = pl.Series("holder_id", [wholesaler_of(p) for p in packages])
        self.company = pl.Series("holder_id", [f"M{p.company + 1}" for p in packages])

    def stock(self, day: Day) -> pl.DataFrame:
        """Every snapshot of the day: what is not there is absent, a holder with nothing has one empty row."""
        parts = [self._shelves(day), self._depots(day), self._companies(day), self._others(day)]
        rows = pl.concat(parts, how="diagonal").with_columns(counted_on=pl.lit(day.day))
        missing = [name for name in STOCK if name not in rows.columns]
        return rows.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in missing).select(STOCK)

    def _shelves(self, day: Day) -> pl.DataFrame:
        listed = (day.shelf > 0) | self.zeros
        site, package = np.nonzero(listed)
        packs = day.shelf[site, package]
        rows = pl.DataFrame({
            "holder_id": self.holder.gather(site), "vnr": self.vnr.gather(package),
            "packs": packs, "reserve_packs": day.reserve[site, package],
        })  # fmt: skip
        some = pl.Series(packs > 0)
        lots = _lots(rows, day.day).with_columns(
            pl.when(some).then(pl.col(name)).alias(name) for name in ("lot", "expires_on")
        )
        empty = np.flatnonzero(~listed.any(axis=1))
        return pl.concat([lots, _nothing(self.holder.gather(empty))], how="diagonal")

    def _depots(self, day: Day) -> pl.DataFrame:
        """Wholesalers: the usual lot, a short-dated one, and lots that have expired but are still there."""
        usual = day.depot - day.short
        rows = _lots(self._rows(self.wholesaler, usual), day.day)
        short = self._rows(self.wholesaler, day.short)
        left = day.short_left[day.short > 0]
        ends = pl.Series("expires_on", [day.day + timedelta(days=int(n)) for n in left], dtype=pl.Date)
        short = short.with_columns(ends, lot=pl.lit("KD1"))
        gone = [(self.wholesaler[p], self.vnr[p], packs, 0.0, "KD0", on) for p, packs, on in day.expired_lots]
        return pl.concat([rows, short.select(rows.columns), table(gone, dict(rows.schema))])

    def _companies(self, day: Day) -> pl.DataFrame:
        """Obligatory storage: all of it is reserve, kept by its owner."""
        rows = self._rows(self.company, day.company).with_columns(
            owner_id=pl.col("holder_id"), reserve_packs=pl.col("packs")
        )
        return _lots(rows, day.day)

    def _others(self, day: Day) -> pl.DataFrame:
        """State reserve, THL with nothing, and the special-permit article that HUS keeps."""
        state = pl.DataFrame({"holder_id": ["VARA1"], "vnr": [self.vnr[0]], "packs": [STATE_RESERVE_PACKS]})
        article = pl.DataFrame({"holder_id": ["HUS"], "vnr": [ARTICLE], "packs": [ARTICLE_PACKS]})
        return pl.concat([state, article, _nothing(pl.Series("holder_id", ["THL"]))], how="diagonal")

    def _rows(self, holder: pl.Series, packs: Array) -> pl.DataFrame:
        some = np.flatnonzero(packs > 0)
        return pl.DataFrame({
            "holder_id": holder.gather(some), "vnr": self.vnr.gather(some), "packs": packs[some],
            "reserve_packs": np.zeros(len(some)),
        })  # fmt: skip

    def dispensing(self, day: Day) -> pl.DataFrame:
        """What left every site; a nil row where nothing did."""
        site, package = np.nonzero(day.given + day.returned > 0)
        packs = day.given[site, package] + day.returned[site, package]
        rows = self._who(site).with_columns(
            self.vnr.gather(package),
            packs=pl.Series(packs),
            dispensings=pl.Series(np.ceil(packs / PACKS_A_DISPENSING)),
            returned_packs=pl.Series(day.returned[site, package]),
        )
        silent = np.flatnonzero(~((day.given + day.returned) > 0).any(axis=1))
        nil = self._who(silent).with_columns(
            vnr=pl.lit(""), packs=pl.lit(0.0), dispensings=pl.lit(0.0), returned_packs=pl.lit(0.0)
        )
        return pl.concat([rows, nil]).with_columns(day=pl.lit(day.day)).select(DISPENSING)

    def _who(self, site: np.ndarray[tuple[int], np.dtype[np.int64]]) -> pl.DataFrame:
        return pl.DataFrame([
            self.holder.gather(site).alias("reporter_id"), self.county.gather(site), self.channel.gather(site)
        ])  # fmt: skip

    def supply(self, lived: Lived, announced: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> pl.DataFrame:
        """The day's orders that are announced, with the agreed day."""
        rows = [
            (self.wholesaler[p], self.vnr[p], lived.day, lived.day + timedelta(days=int(lived.lead[0, p])),
             float(lived.ordered[0, p]), "confirmed" if p % 5 else "planned")
            for p in map(int, np.flatnonzero((lived.ordered[0] > 0) & announced))
        ]  # fmt: skip
        return table(rows, SUPPLY)

    def permits(self, lived: Lived, applied_on: dict[int, date]) -> pl.DataFrame:
        """Applications (no days yet) and grants of the day; ``applied_on`` is kept from one to the other.

        A grant is in force on its day alone: the packs move to the wholesaler the next morning.
        """
        rows: list[tuple[object, ...]] = []
        for p in map(int, np.flatnonzero(lived.applied[0])):
            applied_on[p] = lived.day
            rows.append(("alitus", self.company[p], self.vnr[p], lived.day, None, None, None))
        for p in map(int, np.flatnonzero(lived.granted[0] > 0)):
            since = applied_on.pop(p, lived.day)
            packs = float(lived.granted[0, p])
            rows.append(("alitus", self.company[p], self.vnr[p], since, lived.day, lived.day, packs))
        return table(rows, PERMITS)

    def obligations(self, year: int) -> pl.DataFrame:
        """What companies must store: sales of March to August of the year before, months by group."""
        sold = self.goods.base * np.exp(self.goods.growth * (year - 2025.5)) * 184
        months = np.round(self.goods.stored_days / STORED_MONTH)
        rows = [
            (year, self.company[p], "importer", self.vnr[p], float(np.round(sold[p])), 6.0,
             float(_lawful(float(months[p]))))
            for p in map(int, np.flatnonzero(months > 0))
        ]  # fmt: skip
        names = ["year", "obliged_id", "obliged_type", "vnr", "base_packs", "base_months", "factor_months"]
        kinds = [pl.Int64, pl.String, pl.String, pl.String, pl.Float64, pl.Float64, pl.Float64]
        return table(rows, dict(zip(names, kinds, strict=True)))


def wholesaler_of(package: Package) -> str:
    """Distribution is single-channel: one wholesaler has all packages of a company."""
    return f"W{package.company % WHOLESALERS + 1}"


def holders(places: Sequence[Place]) -> pl.DataFrame:
    """The list of holders, full."""
    rows = [(p.holder_id, p.holder_type, p.name, p.county, FIRST_DAY, None, p.serves or None) for p in places]
    names = ["holder_id", "holder_type", "name", "county_code", "valid_from", "valid_to", "serves"]
    kinds = [pl.String, pl.String, pl.String, pl.String, pl.Date, pl.Date, pl.String]
    return table(rows, dict(zip(names, kinds, strict=True)))


def _lawful(months: float) -> float:
    return min((3.0, 6.0, 10.0), key=lambda lawful: abs(lawful - months))


def _lots(rows: pl.DataFrame, day: date) -> pl.DataFrame:
    """One lot for all packages of a quarter; it expires three quarters after the quarter of the count began."""
    quarter = date(day.year, (day.month - 1) // 3 * 3 + 1, 1)
    month = quarter.month + LOT_MONTHS
    ends = date(quarter.year + (month - 1) // 12, (month - 1) % 12 + 1, 1)
    return rows.with_columns(lot=pl.lit(f"L{ends:%y%m}"), expires_on=pl.lit(ends))


def _nothing(holder: pl.Series) -> pl.DataFrame:
    """A holder with nothing: one row, no package, no packs."""
    return pl.DataFrame([holder]).with_columns(vnr=pl.lit(""), packs=pl.lit(0.0), reserve_packs=pl.lit(0.0))
