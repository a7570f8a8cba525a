"""Stock on the report day: by holder and package, by area and medicine, with permits and the reserve."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from medsupply.areas import COUNTRY
from medsupply.facts import Facts
from medsupply.picture.master import Master
from medsupply.picture.reach import NATIONAL_ONLY, STATE_RESERVE
from medsupply.picture.sites import usable_packs


def stock_today(
    facts: Facts, stock: pl.LazyFrame, heard: pl.DataFrame, holders: pl.DataFrame, usable_reserve: Sequence[str]
) -> pl.DataFrame:
    """Latest snapshot of each holder heard of, lots not expired on as_of: holder x package.

    ``holder_id``, ``vnr``, ``counted_on``, ``packs`` (reserve included), ``usable_packs``, ``reserve_packs``.
    """
    usable, reserve = usable_packs(holders, usable_reserve)
    good = pl.col("expires_on").is_null() | (pl.col("expires_on") > facts.as_of)
    return (
        stock.join(heard.lazy(), on=["holder_id", "counted_on"])
        .with_columns(good=good)
        .group_by("holder_id", "vnr", "counted_on")
        .agg(
            packs=pl.col("packs").filter(pl.col("good")).sum(),
            usable_packs=usable.filter(pl.col("good")).sum(),
            reserve_packs=reserve.filter(pl.col("good")).sum(),
        )
        .sort("holder_id", "vnr")
        .collect()
    )


def permits_in_force(facts: Facts, kind: str, day: date) -> pl.DataFrame:
    """``vnr``, ``allowed_packs`` (sum) of permits of ``kind`` in force on ``day``; an application alone is none."""
    permits = facts.current("permits").filter(pl.col("kind").cast(pl.String) == kind)
    in_force = (pl.col("valid_from") <= day) & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= day))
    return permits.filter(in_force).group_by("vnr").agg(pl.col("allowed_packs").sum()).sort("vnr")


def permitted(facts: Facts, today: pl.DataFrame) -> pl.DataFrame:
    """``vnr``, ``permit_packs``: reserve of the whole country that alitus permits let out, per package."""
    reserve = today.group_by("vnr").agg(pl.col("reserve_packs").sum())
    allowed = permits_in_force(facts, "alitus", facts.as_of)
    joined = reserve.join(allowed, on="vnr").with_columns(
        permit_packs=pl.min_horizontal("reserve_packs", "allowed_packs")
    )
    return joined.select("vnr", "permit_packs").sort("vnr")


def released(facts: Facts, state_reserve: pl.DataFrame) -> pl.DataFrame:
    """``vnr``, ``released_packs``: state reserve that a release has let into the stock of the country."""
    permits = facts.current("permits").filter(pl.col("kind").cast(pl.String) == "release")
    day = facts.as_of
    in_force = (pl.col("valid_from") <= day) & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= day))
    allowed = permits.filter(in_force).group_by("vnr").agg(pl.col("allowed_packs").sum())
    held = state_reserve.group_by("vnr").agg(pl.col("packs").sum())
    return held.join(allowed, on="vnr").select("vnr", released_packs=pl.min_horizontal("packs", "allowed_packs"))


def _package_grains(master: Master) -> pl.DataFrame:
    """Package x grain: ``vnr``, ``medicine_id``, ``per_pack`` (null kept), ``has_units`` of the package itself."""
    packages = master.packages.filter(pl.col("medicine_id").is_not_null())
    has_units = pl.col("units_per_pack").is_not_null()
    medicines = packages.select("vnr", "medicine_id", per_pack="units_per_pack", has_units=has_units)
    families = packages.select("vnr", medicine_id="family_id", per_pack="family_units_per_pack", has_units=has_units)
    return pl.concat([medicines, families.drop_nulls("medicine_id")])


def area_stock(
    today: pl.DataFrame, areas: pl.DataFrame, master: Master, permit: pl.DataFrame, release: pl.DataFrame, as_of: date
) -> pl.DataFrame:
    """Stock by area and medicine or family.

    ``area``, ``medicine_id``, ``stock_units``, ``reserve_units``, ``packs``, ``packs_without_units``, ``late`` (a
    carried snapshot is inside), ``shared``, ``broken`` (a package in stock cannot be counted in the family's unit).
    """
    by_package = (
        today.join(areas, on="holder_id")
        .group_by("area", "vnr")
        .agg(
            pl.col("packs", "usable_packs", "reserve_packs").sum(),
            late=(pl.col("counted_on") < as_of).any(),
            shared=pl.col("shared").any(),
        )
        .sort("area", "vnr")
    )
    by_package = _national_extras(by_package, permit, release)
    grains = by_package.join(_package_grains(master), on="vnr").sort("area", "medicine_id", "vnr")
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
    extra = release.select(
        area=pl.lit(COUNTRY),
        vnr="vnr",
        packs="released_packs",
        usable_packs="released_packs",
        reserve_packs=pl.lit(0.0),
        late=pl.lit(False),
        shared=pl.lit(False),
    )
    moved = pl.when(pl.col("area") == COUNTRY).then(pl.col("permit_packs").fill_null(0.0)).otherwise(0.0)
    with_permits = by_package.join(permit, on="vnr", how="left").with_columns(
        usable_packs=pl.col("usable_packs") + moved, reserve_packs=pl.col("reserve_packs") - moved
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


def stock_daily(
    facts: Facts, today: pl.DataFrame, earlier: pl.DataFrame, holders: pl.DataFrame, master: Master
) -> pl.DataFrame:
    """Sums of the day by county, kind of holder, package and state, as ``picture.stock_daily`` declares them.

    ``earlier``: holder x package of the snapshots of the last 31 days, for ``not_stocked`` and ``missing``.
    """
    places = placed(holders)
    key = ["county_code", "holder_type", "vnr"]
    now = today.join(places, on="holder_id").with_columns(
        state=pl.when(pl.col("counted_on") < facts.as_of).then(pl.lit("late")).otherwise(pl.lit("reported"))
    )
    absent = earlier.join(today.select("holder_id", "vnr"), on=["holder_id", "vnr"], how="anti").join(
        places, on="holder_id"
    )
    absent = absent.with_columns(
        state=pl.when(pl.col("heard")).then(pl.lit("not_stocked")).otherwise(pl.lit("missing"))
    )
    absent = absent.join(now.select(key), on=key, how="anti")
    columns = [*key, "state", "holder_id", "packs", "usable_packs", "reserve_packs"]
    unknown = pl.when(pl.col("state") == "not_stocked").then(0.0)
    absent = absent.with_columns(packs=unknown, usable_packs=unknown, reserve_packs=unknown)
    rows = pl.concat([now.select(columns), absent.select(columns)])
    rows = rows.join(master.units, on="vnr", how="left").with_columns(
        state=pl.when(pl.col("medicine_id").is_null()).then(pl.lit("unmapped")).otherwise(pl.col("state"))
    )
    grouped = rows.group_by(*key, "state").agg(
        *(_sum_or_null(name) for name in ("packs", "usable_packs", "reserve_packs")),
        pl.col("medicine_id", "units_per_pack").first(),
        holders=pl.col("holder_id").n_unique().cast(pl.Int64),
    )
    return grouped.with_columns(
        day=pl.lit(facts.as_of),
        known_at=pl.lit(facts.known_at),
        units=pl.col("usable_packs") * pl.col("units_per_pack"),
        reserve_units=pl.col("reserve_packs") * pl.col("units_per_pack"),
    ).sort(*key, "state")


def _sum_or_null(name: str) -> pl.Expr:
    """The sum of what is known; null where nothing is."""
    return pl.when(pl.col(name).is_not_null().any()).then(pl.col(name).sum()).alias(name)
