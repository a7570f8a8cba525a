"""Which days a stock may have stood above its floor: a bound in a few large sums, where each day measured costs dozens.

Nothing is decided here. What a bound lets through is measured as a report day of its own, so that the figures have one
definition; what it does not cannot be above: it leaves out who must report, permits and states, all of which only lower
a stock, and counts reserve as usable in the country, where a permit may let it out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from medsupply.areas import COUNTRY
from medsupply.days import oldest_carried
from medsupply.facts import Facts
from medsupply.picture.demand import Span, all_holders, demand_areas
from medsupply.picture.dense import Array, Axis, members
from medsupply.picture.master import Master
from medsupply.picture.reach import holder_areas
from medsupply.picture.stock import package_grains
from medsupply.rules import Rules

KEY = ["area", "medicine_id"]
# The sums here are in another order than those that are measured.
SLACK = 1e-9


class Screen:
    """Bounds for ``rows`` (area, medicine_id)."""

    def __init__(self, facts: Facts, master: Master, rules: Rules, rows: pl.DataFrame) -> None:
        self.snapshots = facts.snapshots
        self.registered = all_holders(facts.current("holders"))
        self.places = _places(self.registered, rules).join(rows, on="area", how="semi")
        grains = package_grains(master).join(rows, on="medicine_id", how="semi")
        self.grains = grains.select("vnr", "medicine_id", per_pack=pl.col("per_pack").fill_null(0.0))
        self.floors = rules.picture
        self._needed: tuple[Span, _Needs] | None = None

    def most_units(self, stock: pl.DataFrame, days: list[date], rows: pl.DataFrame) -> pl.DataFrame:
        """``day``, ``area``, ``medicine_id``, ``units``: no stock of ``rows`` on ``days`` is more. ``stock``: what was
        counted on them and on the days before whose snapshots may stand."""
        span = pl.DataFrame({"day": days, "oldest": [oldest_carried(day) for day in days]})
        taken = self.snapshots.filter(pl.col("counted_on").is_between(min(span["oldest"]), max(days)))
        pairs = span.join(taken, how="cross").filter(pl.col("counted_on").is_between(pl.col("oldest"), pl.col("day")))
        standing = pairs.group_by("day", "holder_id").agg(pl.col("counted_on").max())
        found = standing.lazy().join(stock.lazy().filter(pl.col("packs") > 0), on=["holder_id", "counted_on"])
        found = found.filter(pl.col("expires_on").is_null() | (pl.col("expires_on") > pl.col("day")))
        grains = self.grains.join(rows, on="medicine_id", how="semi")
        placed = found.join(self.places.lazy(), on="holder_id").join(grains.lazy(), on="vnr")
        placed = placed.join(rows.lazy(), on=KEY, how="semi")
        held = pl.when("all_usable").then(0.0).otherwise(pl.col("reserve_packs").fill_null(0.0))
        units = ((pl.col("packs") - held) * pl.col("per_pack")).sum()
        return placed.group_by("day", *KEY).agg(units=units).filter(pl.col("units") > 0).collect()

    def above(self, most: pl.DataFrame, span: Span, day: date, rows: pl.DataFrame) -> pl.DataFrame:
        """Those of ``rows`` in ``most`` on ``day`` that are not below the floor of that day."""
        some = most.filter(pl.col("day") == day).join(rows, on=KEY, how="semi")
        if some.is_empty():
            return some.select(KEY)
        needs = self._needs(span)
        some = some.filter(pl.col("area").is_in(needs.areas.ids.implode()))
        at = needs.areas.codes(some["area"]), needs.medicines.codes(some["medicine_id"])
        trailing = needs.of_day(span.daily(day))[at]
        country = (some["area"] == COUNTRY).to_numpy()
        days = np.where(country, self.floors.floor_days_country, self.floors.floor_days_area)
        return some.filter(pl.Series(some["units"].to_numpy() >= trailing * days * (1 - SLACK))).select(KEY)

    def _needs(self, span: Span) -> _Needs:
        if self._needed is None or self._needed[0] is not span:
            self._needed = span, _Needs.of(span, self.registered, self.grains)
        return self._needed[1]


@dataclass(frozen=True)
class _Needs:
    """Areas x medicines from lines x packages of a span."""

    areas: Axis
    medicines: Axis
    inside: Array
    per_pack: Array

    @classmethod
    def of(cls, span: Span, registered: pl.DataFrame, grains: pl.DataFrame) -> _Needs:
        placed = demand_areas(span.lines.reporters, registered)
        areas, medicines = Axis(placed["area"]), Axis(grains["medicine_id"])
        known = grains.filter(pl.col("vnr").is_in(span.packages.ids.implode()))
        per_pack = np.zeros((len(span.packages), len(medicines)))
        at = span.packages.codes(known["vnr"]), medicines.codes(known["medicine_id"])
        per_pack[at] = known["per_pack"].to_numpy()
        return cls(areas, medicines, members(areas, span.lines.axis, placed, "area", "line"), per_pack)

    def of_day(self, daily: Array) -> Array:
        """Units a day."""
        return np.asarray(self.inside @ daily @ self.per_pack)


def _places(holders: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """``holder_id``, ``area``, ``all_usable``: where a holder may count on whatever day; all of them in the country,
    with their reserve, since permits and releases may let it out there."""
    own = pl.col("holder_type").is_in(list(rules.picture.usable_reserve))
    served = holder_areas(holders).filter(pl.col("area") != COUNTRY).select("holder_id", "area")
    served = served.unique().join(holders.select("holder_id", all_usable=own), on="holder_id")
    return pl.concat([served, holders.select("holder_id", area=pl.lit(COUNTRY), all_usable=pl.lit(True))])
