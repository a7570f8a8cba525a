"""Which days a stock may have stood above its floor: a bound in a few large sums, where each day measured costs dozens.

Nothing is decided here. What a bound lets through is measured as a report day of its own, so that the figures have one
definition; what it does not cannot be above: it leaves out who must report, permits and states, all of which only lower
a stock, and counts reserve as usable in the country, where a permit may let it out.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from medsupply.areas import COUNTRY
from medsupply.days import oldest_carried
from medsupply.facts import Facts
from medsupply.picture.demand import Span, all_holders, demand_areas
from medsupply.picture.dense import Axis, members
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
        self.snapshots, self.rows = facts.snapshots, rows.select(KEY)
        self.registered = all_holders(facts.current("holders"))
        self.places = _places(self.registered, rules).join(rows, on="area", how="semi")
        grains = package_grains(master).join(rows, on="medicine_id", how="semi")
        self.grains = grains.select("vnr", "medicine_id", per_pack=pl.col("per_pack").fill_null(0.0))
        floors = rules.picture
        days = pl.when(pl.col("area") == COUNTRY).then(floors.floor_days_country).otherwise(floors.floor_days_area)
        self.floor_days = rows.select(*KEY, floor_days=days)

    def most_units(self, stock: pl.DataFrame, days: list[date]) -> pl.DataFrame:
        """``day``, ``area``, ``medicine_id``, ``units``: no stock of ``days`` is more. ``stock``: what was counted on
        them and on the days before whose snapshots may stand."""
        span = pl.DataFrame({"day": days, "oldest": [oldest_carried(day) for day in days]})
        taken = self.snapshots.filter(pl.col("counted_on").is_between(min(span["oldest"]), max(days)))
        pairs = span.join(taken, how="cross").filter(pl.col("counted_on").is_between(pl.col("oldest"), pl.col("day")))
        standing = pairs.group_by("day", "holder_id").agg(pl.col("counted_on").max())
        rows = standing.lazy().join(stock.lazy().filter(pl.col("packs") > 0), on=["holder_id", "counted_on"])
        rows = rows.filter(pl.col("expires_on").is_null() | (pl.col("expires_on") > pl.col("day")))
        placed = rows.join(self.places.lazy(), on="holder_id").join(self.grains.lazy(), on="vnr")
        placed = placed.join(self.rows.lazy(), on=KEY, how="semi")
        held = pl.when("all_usable").then(0.0).otherwise(pl.col("reserve_packs").fill_null(0.0))
        units = ((pl.col("packs") - held) * pl.col("per_pack")).sum()
        return placed.group_by("day", *KEY).agg(units=units).filter(pl.col("units") > 0).collect()

    def above(self, most: pl.DataFrame, span: Span, day: date) -> pl.DataFrame:
        """Those rows of ``most`` on ``day`` that are not below the floor of that day."""
        some = most.filter(pl.col("day") == day).join(self.floor_days, on=KEY)
        if some.is_empty():
            return some.select(KEY)
        demand = span.demand(day, self.grains["vnr"].unique())
        placed = demand_areas(demand.reporters, self.registered)
        areas, medicines = Axis(placed["area"]), Axis(self.grains["medicine_id"])
        inside = members(areas, demand.lines, placed, "area", "line")
        known = self.grains.filter(pl.col("vnr").is_in(demand.packages.ids.implode()))
        per_pack = np.zeros((len(demand.packages), len(medicines)))
        at = demand.packages.codes(known["vnr"]), medicines.codes(known["medicine_id"])
        per_pack[at] = known["per_pack"].to_numpy()
        trailing = inside @ demand.daily @ per_pack
        some = some.filter(pl.col("area").is_in(areas.ids.implode()))
        needed = trailing[areas.codes(some["area"]), medicines.codes(some["medicine_id"])]
        floor = needed * some["floor_days"].to_numpy() * (1 - SLACK)
        return some.filter(pl.Series(some["units"].to_numpy() >= floor)).select(KEY)


def _places(holders: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """``holder_id``, ``area``, ``all_usable``: where a holder may count on whatever day; all of them in the country,
    with their reserve, since permits and releases may let it out there."""
    own = pl.col("holder_type").is_in(list(rules.picture.usable_reserve))
    served = holder_areas(holders).filter(pl.col("area") != COUNTRY).select("holder_id", "area")
    served = served.unique().join(holders.select("holder_id", all_usable=own), on="holder_id")
    return pl.concat([served, holders.select("holder_id", area=pl.lit(COUNTRY), all_usable=pl.lit(True))])
