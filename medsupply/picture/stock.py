"""Stock on the report day: by holder and package, by area and medicine, with permits and the reserve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from medsupply.areas import COUNTRY
from medsupply.facts import Facts
from medsupply.picture.dense import Array, Axis, add_up, long, members, position
from medsupply.picture.master import Master
from medsupply.picture.reach import NATIONAL_ONLY, STATE_RESERVE
from medsupply.picture.sites import gap_sources, without_gaps

EARLIER_DAYS = (14, 31)


@dataclass(frozen=True)
class Today:
    """Latest snapshot of each holder heard of, lots not expired on as_of: arrays of holders x packages, in packs.

    ``packs`` holds the reserve too, ``usable`` what may be used, ``reserve`` the reserve that may not; ``present``
    where the package stands in the snapshot, ``late`` which holders' snapshot is carried.
    """

    holders: Axis
    packages: Axis
    packs: Array
    usable: Array
    reserve: Array
    present: Array
    late: Array


def stock_today(facts: Facts, heard: pl.DataFrame, holders: pl.DataFrame, usable_reserve: Sequence[str]) -> Today:
    """The stock of the holders heard of on ``facts.as_of``."""
    axis = Axis(holders["holder_id"])
    near = _latest(facts, heard)
    packages = Axis(near.select(pl.col("vnr").unique()).collect()["vnr"])
    good = pl.col("expires_on").is_null() | (pl.col("expires_on") > facts.as_of)
    rows = near.select(
        at=position(pl.col("holder_id"), axis, pl.col("vnr"), packages),
        packs=pl.when(good).then("packs").otherwise(0.0),
        held=pl.when(good).then(pl.col("reserve_packs").fill_null(0.0)).otherwise(0.0),
    ).collect()
    shape, at = (len(axis), len(packages)), rows["at"].to_numpy()
    packs, held = (add_up(shape, at, rows[name].to_numpy()) for name in ("packs", "held"))
    own = axis.mask(holders.filter(pl.col("holder_type").is_in(list(usable_reserve)))["holder_id"])
    reserve = np.where(own[:, None], 0.0, held)
    late = axis.mask(heard.filter(pl.col("counted_on") < facts.as_of)["holder_id"])
    present = add_up(shape, at) > 0
    return Today(axis, packages, packs, packs - reserve, reserve, present, late)


def _latest(facts: Facts, heard: pl.DataFrame) -> pl.LazyFrame:
    """Rows of the snapshots that ``heard`` names: of each day those of its holders."""
    sources = gap_sources(facts)
    parts = [
        without_gaps(facts, day, day, sources).filter(pl.col("holder_id").is_in(some["holder_id"].implode()))
        for (day,), some in heard.sort("counted_on").group_by("counted_on", maintain_order=True)
    ]
    return pl.concat(parts or [facts.stock.filter(pl.lit(False))])


def permits_in_force(facts: Facts, kind: str, day: date) -> pl.DataFrame:
    """``vnr``, ``allowed_packs`` (sum) of permits of ``kind`` in force on ``day``; an application alone is none."""
    permits = facts.current("permits").filter(pl.col("kind").cast(pl.String) == kind)
    in_force = (pl.col("valid_from") <= day) & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= day))
    return permits.filter(in_force).group_by("vnr").agg(pl.col("allowed_packs").sum()).sort("vnr")


def permitted(facts: Facts, today: Today) -> pl.DataFrame:
    """``vnr``, ``permit_packs``: reserve of the whole country that alitus permits let out, per package."""
    reserve = pl.DataFrame({"vnr": today.packages.ids, "reserve_packs": today.reserve.sum(axis=0)})
    joined = reserve.join(permits_in_force(facts, "alitus", facts.as_of), on="vnr")
    return joined.select("vnr", permit_packs=pl.min_horizontal("reserve_packs", "allowed_packs")).sort("vnr")


def released(facts: Facts, state: Today) -> pl.DataFrame:
    """``vnr``, ``released_packs``: state reserve that a release has let into the stock of the country."""
    held = pl.DataFrame({"vnr": state.packages.ids, "packs": state.packs.sum(axis=0)})
    joined = held.join(permits_in_force(facts, "release", facts.as_of), on="vnr")
    return joined.select("vnr", released_packs=pl.min_horizontal("packs", "allowed_packs")).sort("vnr")


def package_grains(master: Master) -> pl.DataFrame:
    """Package x grain: ``vnr``, ``medicine_id``, ``per_pack`` (null kept), ``has_units`` of the package itself."""
    packages = master.packages.filter(pl.col("medicine_id").is_not_null())
    has_units = pl.col("units_per_pack").is_not_null()
    medicines = packages.select("vnr", "medicine_id", per_pack="units_per_pack", has_units=has_units)
    families = packages.select("vnr", medicine_id="family_id", per_pack="family_units_per_pack", has_units=has_units)
    return pl.concat([medicines, families.drop_nulls("medicine_id")])


def area_packages(today: Today, areas: pl.DataFrame) -> pl.DataFrame:
    """Stock by area and package: ``area``, ``vnr``, packs, usable_packs, reserve_packs, ``late``, ``shared``."""
    axis = Axis(areas["area"])
    inside = members(axis, today.holders, areas, "area", "holder_id")
    sharing = members(axis, today.holders, areas.filter("shared"), "area", "holder_id")
    present = today.present.astype(float)
    arrays = {
        "packs": inside @ today.packs,
        "usable_packs": inside @ today.usable,
        "reserve_packs": inside @ today.reserve,
        "late": (inside * today.late) @ present > 0,
        "shared": sharing @ present > 0,
    }
    return long(arrays, ("area", axis), ("vnr", today.packages), inside @ present > 0)


def area_stock(by_package: pl.DataFrame, master: Master, permit: pl.DataFrame, release: pl.DataFrame) -> pl.DataFrame:
    """Stock by area and medicine or family.

    ``area``, ``medicine_id``, ``stock_units``, ``reserve_units``, ``packs``, ``packs_without_units``, ``late`` (a
    carried snapshot is inside), ``shared``, ``broken`` (a package in stock cannot be counted in the family's unit).
    """
    rows = _national_extras(by_package, permit, release)
    grains = rows.join(package_grains(master), on="vnr").sort("area", "medicine_id", "vnr")
    no_units = pl.col("per_pack").is_null() & (pl.col("packs") > 0)
    return grains.group_by("area", "medicine_id", maintain_order=True).agg(
        stock_units=(pl.col("usable_packs") * pl.col("per_pack")).sum(),
        reserve_units=(pl.col("reserve_packs") * pl.col("per_pack")).sum(),
        packs=pl.col("packs").sum(),
        packs_without_units=pl.col("packs").filter(no_units).sum(),
        broken=(no_units & pl.col("has_units")).any(),
        late=pl.col("late").any(),
        shared=pl.col("shared").any(),
    )


def _national_extras(by_package: pl.DataFrame, permit: pl.DataFrame, release: pl.DataFrame) -> pl.DataFrame:
    """In 99: reserve under permits moves into the stock, released state reserve is added to it."""
    moved = pl.when(pl.col("area") == COUNTRY).then(pl.col("permit_packs").fill_null(0.0)).otherwise(0.0)
    with_permits = by_package.join(permit, on="vnr", how="left").with_columns(
        usable_packs=pl.col("usable_packs") + moved, reserve_packs=pl.col("reserve_packs") - moved
    )
    extra = release.select(
        area=pl.lit(COUNTRY),
        vnr="vnr",
        packs="released_packs",
        usable_packs="released_packs",
        reserve_packs=pl.lit(0.0),
        late=pl.lit(False),
        shared=pl.lit(False),
    )
    joined = pl.concat([with_permits.select(extra.columns), extra])
    return joined.group_by("area", "vnr").agg(
        pl.col("packs", "usable_packs", "reserve_packs").sum(), pl.col("late", "shared").any()
    )


def placed(holders: pl.DataFrame) -> pl.DataFrame:
    """Place of a holder in daily sums: its own county, 99 for wholesalers, mah and thl; not the state reserve."""
    national = pl.col("holder_type").is_in(list(NATIONAL_ONLY))
    place = pl.when(national).then(pl.lit(COUNTRY)).otherwise(pl.col("county_code"))
    return holders.filter(pl.col("holder_type") != STATE_RESERVE).with_columns(county_code=place)


@dataclass(frozen=True)
class Before:
    """Which holders had which packages in an earlier snapshot: ``had``, holders x packages."""

    packages: Axis
    had: Array


def stocked_before(facts: Facts, heard: pl.DataFrame, holders: Axis) -> Before:
    """What holders had in one of two earlier snapshots: their last before the one that stands, and their last of 14 to
    31 days ago."""
    standing = facts.snapshots.join(heard.rename({"counted_on": "standing"}), on="holder_id", how="left")
    before = standing.filter(pl.col("counted_on") < pl.col("standing").fill_null(facts.as_of + timedelta(days=1)))
    before = before.filter(pl.col("counted_on") >= facts.as_of - timedelta(days=EARLIER_DAYS[1]))
    old = pl.col("counted_on") <= facts.as_of - timedelta(days=EARLIER_DAYS[0])
    days = [frame.group_by("holder_id").agg(pl.col("counted_on").max()) for frame in (before, before.filter(old))]
    rows = _latest(facts, pl.concat(days).unique()).filter(pl.col("packs") > 0)
    packages = Axis(rows.select(pl.col("vnr").unique()).collect()["vnr"])
    at = rows.select(at=position(pl.col("holder_id"), holders, pl.col("vnr"), packages)).collect()["at"].drop_nulls()
    return Before(packages, add_up((len(holders), len(packages)), at.to_numpy()) > 0)


def stock_daily(
    facts: Facts, today: Today, before: Before, holders: pl.DataFrame, heard: pl.DataFrame, master: Master
) -> pl.DataFrame:
    """Sums of the day by county, kind of holder, package and state, as ``picture.stock_daily`` declares them.

    ``before``: what earlier snapshots had, for packages now ``not_stocked`` or ``missing``.
    """
    groups = placed(holders).with_columns(group=pl.concat_str("county_code", "holder_type", separator="|"))
    groups = groups.drop_nulls("group")
    now = _summed(today, groups)
    gone = _gone(today, before, groups, heard).join(
        now.select("group", "vnr").unique(), on=["group", "vnr"], how="anti"
    )
    rows = pl.concat([now, gone], how="diagonal_relaxed").join(master.units, on="vnr", how="left")
    unmapped = pl.when(pl.col("medicine_id").is_null()).then(pl.lit("unmapped")).otherwise(pl.col("state"))
    packs = ("packs", "usable_packs", "reserve_packs")
    sums = rows.group_by("group", "vnr", state=unmapped).agg(
        *(pl.when(pl.col(name).is_not_null().any()).then(pl.col(name).sum()).alias(name) for name in packs),
        pl.col("holders").sum(),
        pl.col("medicine_id", "units_per_pack").first(),
        largest_packs=pl.col("largest_packs").max(),
    )
    return sums.with_columns(
        largest_share=pl.when(pl.col("packs") > 0).then(pl.col("largest_packs") / pl.col("packs")),
        day=pl.lit(facts.as_of),
        known_at=pl.lit(facts.known_at),
        county_code=pl.col("group").str.split("|").list.get(0),
        holder_type=pl.col("group").str.split("|").list.get(1),
        units=pl.col("usable_packs") * pl.col("units_per_pack"),
        reserve_units=pl.col("reserve_packs") * pl.col("units_per_pack"),
    ).sort("county_code", "holder_type", "vnr", "state")


def _summed(today: Today, groups: pl.DataFrame) -> pl.DataFrame:
    """Rows of reported and of late snapshots by group and package."""
    axis = Axis(groups["group"])
    inside = members(axis, today.holders, groups, "group", "holder_id")
    parts = []
    for state, chosen in (("reported", ~today.late), ("late", today.late)):
        weight = inside * chosen
        present = weight @ today.present.astype(float)
        arrays = {
            "packs": weight @ today.packs,
            "usable_packs": weight @ today.usable,
            "reserve_packs": weight @ today.reserve,
            "holders": present,
            "largest_packs": _largest(weight > 0, today.packs),
        }
        rows = long(arrays, ("group", axis), ("vnr", today.packages), present > 0)
        parts.append(rows.with_columns(state=pl.lit(state), holders=pl.col("holders").round().cast(pl.Int64)))
    return pl.concat(parts)


def _largest(inside: Array, packs: Array) -> Array:
    """Groups x packages: the most packs that one holder of the group has."""
    found = np.zeros((len(inside), packs.shape[1]))
    for group in np.flatnonzero(inside.any(axis=1)):
        found[group] = packs[inside[group]].max(axis=0)
    return found


def _gone(today: Today, before: Before, groups: pl.DataFrame, heard: pl.DataFrame) -> pl.DataFrame:
    """Packages that no snapshot standing names though one before did: not_stocked, or missing with their holder."""
    axis, known = Axis(groups["group"]), today.holders.mask(heard["holder_id"])
    inside = members(axis, today.holders, groups, "group", "holder_id")
    had = before.had.astype(float)
    counts = {"holders": inside @ had, "silent": (inside * ~known) @ had}
    rows = long(counts, ("group", axis), ("vnr", before.packages), counts["holders"] > 0)
    nothing = pl.when(pl.col("silent") == 0).then(0.0)
    return rows.select(
        "group",
        "vnr",
        pl.col("holders").round().cast(pl.Int64),
        packs=nothing,
        usable_packs=nothing,
        reserve_packs=nothing,
        state=pl.when(pl.col("silent") == 0).then(pl.lit("not_stocked")).otherwise(pl.lit("missing")),
    )
