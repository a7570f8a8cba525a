"""Obligatory storage per obliged party and family: required, held, permitted, and short on 14 days running.

Days on which a holder that stored lately is silent, so that it is not known, neither count nor end the run.

A permit to go below (alitus) and an exemption (vapautus) take packs off the obligation; a permit to store an equivalent
product or substance (korvaava) says how many of the obliged packs need not be found as such: what stands in for them
is in no delivery.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from medsupply.areas import COUNTRY
from medsupply.days import oldest_carried
from medsupply.facts import Facts
from medsupply.picture.master import Master
from medsupply.picture.sites import without_gaps
from medsupply.tables.picture import OBLIGATIONS

SHORT_AFTER_DAYS = 14
TAKEN_OFF, REPLACED = ("alitus", "vapautus"), ("korvaava",)
ALL = COUNTRY
KEY = ["obliged_id", "family_id"]


def _family_packs(packs: pl.DataFrame, master: Master) -> pl.DataFrame:
    """``packs`` of ``vnr`` as family units: columns kept, ``family_id`` and ``units`` added."""
    joined = packs.join(master.units, on="vnr").filter(pl.col("family_id").is_not_null())
    return joined.with_columns(units=pl.col("packs") * pl.col("family_units_per_pack"))


def _sum(name: str) -> pl.Expr:
    """The sum, null where any part is: a sum with an unknown part is not known."""
    return pl.when(pl.col(name).is_not_null().all()).then(pl.col(name).sum()).alias(name)


def required(facts: Facts, master: Master, year: int | None = None) -> pl.DataFrame:
    """``obliged_id``, ``family_id``, ``required_units``: base_packs / base_months x factor_months of the year (None:
    that of the report day)."""
    rows = facts.current("obligations").filter(pl.col("year") == (year or facts.as_of.year))
    packs = rows.with_columns(packs=pl.col("base_packs") / pl.col("base_months") * pl.col("factor_months"))
    units = _family_packs(packs, master).rename({"units": "required_units"})
    return (
        units.group_by("obliged_id", "family_id")
        .agg(_sum("required_units"), months=pl.col("factor_months").unique())
        .sort("obliged_id", "family_id")
    )


def permitted_units(facts: Facts, master: Master, day: date, kinds: tuple[str, ...], name: str) -> pl.DataFrame:
    """``obliged_id``, ``family_id`` and as ``name`` the units that permits of ``kinds`` in force on ``day`` allow.

    One without a number of packs is for the whole obligation of its package; not so a permit to go below.
    """
    permits = facts.current("permits").filter(pl.col("kind").cast(pl.String).is_in(kinds))
    in_force = (pl.col("valid_from") <= day) & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= day))
    owed = facts.current("obligations").filter(pl.col("year") == day.year)
    owed = owed.group_by("obliged_id", "vnr").agg(
        owed=(pl.col("base_packs") / pl.col("base_months") * pl.col("factor_months")).sum()
    )
    rows = permits.filter(in_force).join(owed, on=["obliged_id", "vnr"], how="left")
    whole = (pl.col("kind").cast(pl.String) != "alitus") & pl.col("allowed_packs").is_null()
    packs = pl.when(whole).then(pl.col("owed")).otherwise(pl.col("allowed_packs")).fill_null(0.0)
    units = _family_packs(rows.with_columns(packs=packs), master).rename({"units": name})
    return units.group_by("obliged_id", "family_id").agg(_sum(name))


def reserve_rows(facts: Facts, holders: pl.DataFrame, owed: pl.DataFrame, first: date, last: date) -> pl.DataFrame:
    """Obligatory storage of the packages ``owed`` that stood in [first, last]: holder, day, expiry, owner, family and
    units."""
    obliged = facts.current("obligations").filter(pl.col("year") == facts.as_of.year)["obliged_id"].unique().to_list()
    stored = (pl.col("reserve_packs") > 0) & pl.col("vnr").is_in(owed["vnr"].implode())
    rows = without_gaps(facts, oldest_carried(first), last).filter(stored).collect()
    known = rows.join(holders.select("holder_id"), on="holder_id", how="semi")
    known = known.join(owed.select("vnr", "family_id", "family_units_per_pack"), on="vnr", maintain_order="left")
    own = pl.when(pl.col("holder_id").is_in(obliged)).then(pl.col("holder_id"))
    return known.select(
        "holder_id",
        "counted_on",
        "expires_on",
        "family_id",
        held_units=pl.col("reserve_packs") * pl.col("family_units_per_pack"),
        obliged_id=pl.coalesce("owner_id", own),
    )


def held_on(facts: Facts, rows: pl.DataFrame, day: date) -> pl.DataFrame:
    """``obliged_id`` (null: owner unknown), ``family_id``, ``held_units`` on ``day``, snapshots carried."""
    snapshots = facts.snapshots.filter(pl.col("counted_on").is_between(oldest_carried(day), day))
    latest = snapshots.group_by("holder_id").agg(pl.col("counted_on").max())
    good = pl.col("expires_on").is_null() | (pl.col("expires_on") > day)
    held = rows.filter(good).join(latest, on=["holder_id", "counted_on"], how="semi")
    return held.group_by("obliged_id", "family_id").agg(_sum("held_units"))


def silent_families(facts: Facts, storing: pl.DataFrame, day: date) -> pl.DataFrame:
    """``obliged_id``, ``family_id`` of holders that stored lately and are not heard of on ``day``, so that what is held
    is not known; ``silent_units``: the most that they had."""
    snapshots = facts.snapshots.filter(pl.col("counted_on").is_between(oldest_carried(day), day))
    silent = storing.join(snapshots.select("holder_id"), on="holder_id", how="anti")
    return silent.select("family_id", "obliged_id", silent_units="most_units")


def _by_party(frame: pl.DataFrame, pooled: pl.Series, value: str) -> pl.DataFrame:
    """Sums by obliged party; families whose owners are unknown are added up for all of them."""
    party = pl.when(pl.col("family_id").is_in(pooled.implode())).then(pl.lit(ALL)).otherwise(pl.col("obliged_id"))
    return frame.with_columns(obliged_id=party).group_by("obliged_id", "family_id").agg(_sum(value))


def _day(facts: Facts, master: Master, stored: _Stored, needed: pl.DataFrame, day: date) -> pl.DataFrame:
    held, pooled = held_on(facts, stored.rows, day), stored.pooled
    joined = (
        _by_party(needed, pooled, "required_units")
        .join(_by_party(held, pooled, "held_units"), on=KEY, how="left")
        .join(_permits(facts, master, day, pooled, TAKEN_OFF, "permit_units"), on=KEY, how="left")
        .join(_permits(facts, master, day, pooled, REPLACED, "replaced_units"), on=KEY, how="left")
    )
    silent = _by_party(silent_families(facts, stored.storing, day), pooled, "silent_units")
    joined = joined.join(silent, on=KEY, how="left")
    unknown = pl.col("silent_units").is_not_null() | pl.lit(facts.snapshots.height == 0)
    heard, most = pl.col("held_units").fill_null(0.0), pl.col("silent_units").fill_null(0.0)
    allowed = pl.col("permit_units", "replaced_units").fill_null(0.0)
    told = joined.with_columns(allowed, held_units=pl.when(~unknown).then(heard), heard=heard, most=heard + most)
    # Whatever a silent holder has, less than is due is short; it says nothing where it may make up for the rest.
    return told.with_columns(
        day=pl.lit(day),
        short=pl.when(pl.col("most") < _to_be_found())
        .then(pl.lit(True if facts.snapshots.height else None, dtype=pl.Boolean))
        .when(pl.col("heard") >= _to_be_found())
        .then(pl.lit(False)),
    ).drop("heard", "most")


def _to_be_found() -> pl.Expr:
    """What must lie in store as the family itself."""
    return pl.col("required_units") - pl.col("permit_units") - pl.col("replaced_units")


def _permits(
    facts: Facts, master: Master, day: date, pooled: pl.Series, kinds: tuple[str, ...], name: str
) -> pl.DataFrame:
    return _by_party(permitted_units(facts, master, day, kinds, name), pooled, name)


@dataclass(frozen=True)
class _Stored:
    """Obligatory storage of the last weeks: ``rows``, who was ``storing`` what and the most of it on one day, and the
    families of whose store some owner is not known (``pooled``)."""

    rows: pl.DataFrame
    storing: pl.DataFrame
    pooled: pl.Series

    @classmethod
    def of(cls, rows: pl.DataFrame) -> _Stored:
        who = ["holder_id", "obliged_id", "family_id"]
        counted = rows.group_by(*who, "counted_on").agg(pl.col("held_units").sum())
        storing = counted.group_by(who).agg(most_units=pl.col("held_units").max()).sort(who)
        return cls(rows, storing, storing.filter(pl.col("obliged_id").is_null())["family_id"].unique())


def _months(needed: pl.DataFrame, pooled: pl.Series) -> pl.DataFrame:
    """The groups of the law by party and family, written as numbers with commas."""
    party = pl.when(pl.col("family_id").is_in(pooled.implode())).then(pl.lit(ALL)).otherwise(pl.col("obliged_id"))
    each = needed.select("family_id", "months", obliged_id=party).explode("months").drop_nulls("months").unique()
    written = pl.col("months").cast(pl.String).str.strip_suffix(".0")
    ordered = each.sort("months", descending=True).with_columns(months=written)
    return ordered.group_by("obliged_id", "family_id", maintain_order=True).agg(pl.col("months").str.join(", "))


def _history(
    facts: Facts, master: Master, holders: pl.DataFrame, families: pl.Series, back: int
) -> tuple[pl.DataFrame, _Stored]:
    """The obligations of ``families`` on the 14 days that end ``back`` days before the report day, and what was stored
    for them since the first of these days."""
    days = [facts.as_of - timedelta(days=back + n) for n in range(SHORT_AFTER_DAYS)]
    owed = master.packages.filter(pl.col("family_id").is_in(families.implode()))
    stored = _Stored.of(reserve_rows(facts, holders, owed, days[-1], days[0]))
    needed = {year: required(facts, master, year) for year in {day.year for day in days}}
    asked = {year: frame.filter(pl.col("family_id").is_in(families.implode())) for year, frame in needed.items()}
    return pl.concat([_day(facts, master, stored, asked[day.year], day) for day in days]), stored


def _running(history: pl.DataFrame) -> pl.DataFrame:
    """``short_days``: days running below up to the report day, 14 at most; ``open_end``: no day says where they began.

    A day on which it is not known is passed over: it is no day below, and it ends no run either, since data that is
    missing never makes anything better.
    """
    runs = pl.col("short").fill_null(True).cast(pl.Int64).cum_prod()
    grouped = history.sort("day", descending=True).group_by(KEY, maintain_order=True)
    return grouped.agg(
        short_days=(runs * pl.col("short").fill_null(False)).sum().clip(upper_bound=SHORT_AFTER_DAYS).cast(pl.Int64),
        open_end=runs.min() == 1,
    )


def obligations(facts: Facts, master: Master, holders: pl.DataFrame) -> pl.DataFrame:
    """Obligation per obliged party and family on as_of, as ``picture.obligations`` declares it."""
    needed = required(facts, master)
    if needed.is_empty():
        return OBLIGATIONS.empty()
    history, stored = _history(facts, master, holders, needed["family_id"].unique(), 0)
    running = _running(history)
    # Fourteen known days below may begin before days on which a holder was silent.
    unsure = running.filter((pl.col("short_days") < SHORT_AFTER_DAYS) & pl.col("open_end"))
    if unsure.height:
        before, _ = _history(facts, master, holders, unsure["family_id"].unique(), SHORT_AFTER_DAYS)
        running = _running(pl.concat([history, before]))
    today = history.filter(pl.col("day") == facts.as_of).join(running.drop("open_end"), on=KEY)
    lacking = _to_be_found() - pl.col("held_units")
    return (
        today.with_columns(
            as_of=pl.lit(facts.as_of),
            known_at=pl.lit(facts.known_at),
            missing_units=pl.when(lacking > 0).then(lacking).when(lacking.is_not_null()).then(0.0),
            short_today=pl.col("short"),
            short=pl.col("short_days") >= SHORT_AFTER_DAYS,
        )
        .sort(KEY)
        .join(_months(needed, stored.pooled), on=KEY, how="left", maintain_order="left")
    )


__all__ = ["obligations", "required"]
