"""What came and went in the last half year, day by day: summed over holders without laying their rows side by side.

Net inflow is linear: what all holders have counted, less what the same holders had counted before, plus what left and
what expired in between. So a day needs the rows of its snapshots and of those before them, and nothing else; its sums
are small, and are kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol

import polars as pl

from medsupply.facts import Facts
from medsupply.picture.demand import net_packs
from medsupply.picture.reach import holder_areas, valid_holders

# A day with fewer snapshots than this is not worth keeping.
SNAPSHOTS_KEPT = 500
DIGITS = 6
DAY_SUMS = ("balance", "inflow", "usable")


class DayCache(Protocol):
    """Days that were summed before, by the day and a fingerprint of what stands in it."""

    def get(self, monday: date, key: str) -> pl.DataFrame | None:
        """The day stored under ``key``; None where there is none."""
        ...

    def put(self, monday: date, key: str, frame: pl.DataFrame) -> None:
        """Store a day."""
        ...


@dataclass(frozen=True)
class Flows:
    """Packs that came, stood and left. A ``place`` is all holders that lie in the same areas.

    country
        ``vnr``, ``day``, ``inflow`` (net), ``usable`` (change of what may be used).
    places
        ``vnr``, ``place``, ``week`` (Monday), ``inflow`` (net), ``balance`` (counted on its Sunday, reserve included).
    left
        ``vnr``, ``day``, ``packs``, ``net`` (less returned): dispensed by all reporters.
    left_places
        ``vnr``, ``place``, ``week``, ``packs``: dispensed by reporters that are holders.
    areas
        ``place``, ``area``.
    """

    country: pl.DataFrame
    places: pl.DataFrame
    left: pl.DataFrame
    left_places: pl.DataFrame
    areas: pl.DataFrame


def flows(
    facts: Facts, dispensing: pl.LazyFrame, usable_reserve: tuple[str, ...], cache: DayCache | None = None
) -> Flows:
    """Flows of the days of ``facts.stock``; ``dispensing`` reaches back as far. ``usable_reserve``: kinds of holders
    whose reserve may be used. ``cache`` changes no figure. Only holders valid on ``as_of``, without the state reserve.
    """
    holders, areas = _places(facts, usable_reserve)
    steps = _steps(facts, holders)
    days = _DaySums(facts, holders, steps, cache)
    parts = [(day, days.of(day)) for day in sorted(steps["counted_on"].unique())]
    country = [sums.group_by("vnr").agg(pl.col("inflow", "usable").sum()).with_columns(day=day) for day, sums in parts]
    between = _left_between(dispensing, holders, steps)
    places = _by_week(parts)
    placed = between.drop_nulls("place")
    left_places = placed.group_by("vnr", "place", pl.col("day").dt.truncate("1w").alias("week"))
    return Flows(
        _country(country, placed),
        _with_left(places, placed),
        _rounded(between.group_by("vnr", "day").agg(pl.col("packs", "net").sum()), ["vnr", "day"]),
        _rounded(left_places.agg(pl.col("packs").sum()), ["vnr", "place", "week"]),
        areas,
    )


def _places(facts: Facts, usable_reserve: tuple[str, ...]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """``holder_id``, ``place``, ``own`` (its reserve may be used); and ``place``, ``area``."""
    holders = valid_holders(facts).filter(pl.col("holder_type") != "state_reserve")
    lying = holder_areas(holders).select("holder_id", "area").unique().sort("holder_id", "area")
    placed = lying.group_by("holder_id").agg(place=pl.col("area").sort().str.join(","))
    own = holders.select("holder_id", own=pl.col("holder_type").is_in(list(usable_reserve)))
    areas = lying.join(placed, on="holder_id").select("place", "area").unique().sort("place", "area")
    return placed.join(own, on="holder_id").sort("holder_id"), areas


def _steps(facts: Facts, holders: pl.DataFrame) -> pl.DataFrame:
    """``holder_id``, ``counted_on``, ``before``: the holder's snapshot before; null: opening stock."""
    own = facts.snapshots.join(holders.select("holder_id"), on="holder_id", how="semi")
    ordered = own.sort("holder_id", "counted_on")
    return ordered.with_columns(before=pl.col("counted_on").shift().over("holder_id"))


class _DaySums:
    """Sums of the snapshots of one day and of those before them, by package and place; kept where a day is large."""

    def __init__(self, facts: Facts, holders: pl.DataFrame, steps: pl.DataFrame, cache: DayCache | None) -> None:
        self.facts, self.holders, self.steps, self.cache = facts, holders, steps, cache
        self.map = hashlib.sha256(holders.write_csv().encode()).hexdigest()

    def of(self, day: date) -> pl.DataFrame:
        """``vnr``, ``place``, ``balance``, ``inflow`` (without what left), ``usable``."""
        steps = self.steps.filter(pl.col("counted_on") == day).join(self.holders, on="holder_id")
        key = self._key(day, steps)
        found = self.cache.get(day, key) if self.cache and key else None
        if found is None:
            found = _day_sums(self.facts, day, steps)
            if self.cache and key:
                self.cache.put(day, key, found)
        return found

    def _key(self, day: date, steps: pl.DataFrame) -> str | None:
        stamps = self.facts.stamps
        if stamps is None or steps.height < SNAPSHOTS_KEPT:
            return None
        now = stamps.filter(pl.col("counted_on") == day).sort("holder_id")
        old = steps.select("holder_id", counted_on="before").join(stamps, on=["holder_id", "counted_on"], how="left")
        digest = hashlib.sha256(self.map.encode())
        digest.update(now.write_csv().encode())
        digest.update(old.sort("holder_id").write_csv().encode())
        return digest.hexdigest()[:24]


def _day_sums(facts: Facts, day: date, steps: pl.DataFrame) -> pl.DataFrame:
    parts = [_counted(facts.stock_of(day, day), steps)]
    for before, some in steps.drop_nulls("before").group_by("before"):
        then: date = before[0]
        parts.append(_counted_before(facts.stock_of(then, then), some, day))
    sums = pl.concat(parts).group_by("vnr", "place").agg(pl.col(DAY_SUMS).sum()).collect()
    return _rounded(sums, ["vnr", "place"])


def _counted(rows: pl.LazyFrame, steps: pl.DataFrame) -> pl.LazyFrame:
    """What the snapshots of the day add: not expired on the day; opening stock is no inflow."""
    known = rows.join(steps.lazy().select("holder_id", "place", "own", "before"), on="holder_id")
    good = pl.col("expires_on").is_null() | (pl.col("expires_on") > pl.col("counted_on"))
    packs = pl.when(good).then(pl.col("packs").cast(pl.Float64)).otherwise(0.0)
    return known.select(
        "vnr",
        "place",
        balance=packs,
        inflow=pl.when(pl.col("before").is_not_null()).then(packs).otherwise(0.0),
        usable=pl.when(good).then(_usable()).otherwise(0.0),
    )


def _counted_before(rows: pl.LazyFrame, steps: pl.DataFrame, day: date) -> pl.LazyFrame:
    """What the snapshots before take away: all that was good then and has not expired by the day."""
    known = rows.join(steps.lazy().select("holder_id", "place", "own"), on="holder_id")
    good = pl.col("expires_on").is_null() | (pl.col("expires_on") > pl.col("counted_on"))
    still = pl.col("expires_on").is_null() | (pl.col("expires_on") > day)
    return known.select(
        "vnr",
        "place",
        balance=pl.lit(0.0),
        inflow=pl.when(still).then(-pl.col("packs").cast(pl.Float64)).otherwise(0.0),
        usable=pl.when(good).then(-_usable()).otherwise(0.0),
    )


def _usable() -> pl.Expr:
    apart = pl.when("own").then(0.0).otherwise(pl.col("reserve_packs").fill_null(0.0))
    return (pl.col("packs") - apart).cast(pl.Float64)


def _left_between(dispensing: pl.LazyFrame, holders: pl.DataFrame, steps: pl.DataFrame) -> pl.DataFrame:
    """``vnr``, ``place`` (null: of reporters that are no holders), ``day``, ``counted_on`` (the snapshot after, null:
    none or opening stock), ``packs``, ``net``."""
    own = holders.lazy().select("place", reporter_id="holder_id")
    rows = dispensing.filter(pl.col("vnr") != "").join(own, on="reporter_id", how="left")
    sums = rows.join(_next(steps).lazy(), on=["reporter_id", "day"], how="left").group_by(
        "vnr", "place", "day", "counted_on"
    )
    found = sums.agg(packs=pl.col("packs").sum().cast(pl.Float64), net=net_packs().sum().cast(pl.Float64))
    return found.collect(engine="streaming").sort("vnr", "place", "day", "counted_on")


def _next(steps: pl.DataFrame) -> pl.DataFrame:
    """``reporter_id``, ``day``, ``counted_on``: the snapshot whose step a day falls in."""
    stepped = steps.drop_nulls("before")
    days = stepped.with_columns(day=pl.date_ranges(pl.col("before") + timedelta(days=1), "counted_on"))
    return days.select("day", "counted_on", reporter_id="holder_id").explode("day")


def _by_week(parts: list[tuple[date, pl.DataFrame]]) -> pl.DataFrame:
    """Inflow of each week and what was counted on its Sunday."""
    return pl.concat([_week(monday, days) for monday, days in _weeks(parts)]) if parts else _no_week()


def _weeks(parts: list[tuple[date, pl.DataFrame]]) -> Iterator[tuple[date, list[tuple[date, pl.DataFrame]]]]:
    by_monday: dict[date, list[tuple[date, pl.DataFrame]]] = {}
    for day, sums in parts:
        by_monday.setdefault(day - timedelta(days=day.weekday()), []).append((day, sums))
    yield from by_monday.items()


def _week(monday: date, days: list[tuple[date, pl.DataFrame]]) -> pl.DataFrame:
    sunday = monday + timedelta(days=6)
    rows = [
        sums.with_columns(balance=pl.col("balance") if day == sunday else pl.lit(None, pl.Float64))
        for day, sums in days
    ]
    balance = pl.when(pl.col("balance").is_not_null().any()).then(pl.col("balance").sum())
    sums = pl.concat(rows).group_by("vnr", "place").agg(pl.col("inflow").sum(), balance=balance)
    return sums.select("vnr", "place", pl.lit(monday).alias("week"), "inflow", "balance")


def _no_week() -> pl.DataFrame:
    names = {"vnr": pl.String, "place": pl.String, "week": pl.Date, "inflow": pl.Float64, "balance": pl.Float64}
    return pl.DataFrame(schema=names)


def _with_left(places: pl.DataFrame, between: pl.DataFrame) -> pl.DataFrame:
    """Inflow by place and week with what left in the steps that ended in the week."""
    left = between.drop_nulls("counted_on").select(
        "vnr", "place", pl.col("counted_on").dt.truncate("1w").alias("week"), inflow="net"
    )
    rows = pl.concat([places, left.with_columns(balance=pl.lit(None, pl.Float64))])
    balance = pl.when(pl.col("balance").is_not_null().any()).then(pl.col("balance").sum())
    key = ["vnr", "place", "week"]
    return _rounded(rows.group_by(key).agg(pl.col("inflow").sum(), balance=balance), key)


def _country(days: list[pl.DataFrame], between: pl.DataFrame) -> pl.DataFrame:
    """Inflow of each day with what left in the steps that ended on it, and the change of what may be used."""
    left = between.drop_nulls("counted_on").select("vnr", day="counted_on", inflow="net", usable=pl.lit(0.0))
    rows = pl.concat([*(part.select("vnr", "day", "inflow", "usable") for part in days), left])
    return _rounded(rows.group_by("vnr", "day").agg(pl.col("inflow", "usable").sum()), ["vnr", "day"])


def _rounded(frame: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """Sorted, and rounded so that the order in which threads add up does not show."""
    return frame.with_columns(pl.col(pl.Float64).round(DIGITS)).sort(key)
