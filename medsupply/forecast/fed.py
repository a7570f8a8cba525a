"""Areas that wholesalers feed: they order what they dispense, and drift back to their usual stock.

What an area has lies on many shelves that are filled within days as long as wholesalers have it. So its stock keeps to
its usual level whatever demand does, and falls by demand when wholesalers have none: a notice of a company stops what
wholesalers get, not what they give.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from medsupply.areas import COUNTRY, COUNTY_CODES
from medsupply.forecast.calendar import Array
from medsupply.forecast.simulate import NEVER, Ints, Outcome, at_floor

KEY = ["medicine_id", "county_code"]
USUAL_WEEKS, WEEK = 26, 7
# Less than this many weeks of demand at wholesalers: what areas got then says nothing of what they ask for.
SCARCE_WEEKS, LEAST_WEEKS = 0.7, 6
DEFAULT_PULL, DEFAULT_NOISE, OWN_WEIGHT, WILD = 0.4, 0.3, 6.0, 6.0


@dataclass(frozen=True)
class AreaLaw:
    """Laws of series in the order of ``keys`` (medicine_id, county_code): ``usual`` [series] units that stock keeps
    to, ``pull`` [series] share of what is missing to it that is made good in a week, ``noise`` [series] deviation of a
    week's change from that, in weekly demands. ``otherwise``: medicines that come to areas past the wholesalers."""

    keys: tuple[tuple[str, str], ...]
    usual: Array
    pull: Array
    noise: Array
    otherwise: frozenset[str] = frozenset()

    def position(self) -> Mapping[tuple[str, str], int]:
        return {key: j for j, key in enumerate(self.keys)}

    def of(self, keys: Sequence[tuple[str, str]], stock: Array) -> AreaLaw:
        """The laws of ``keys``; a series without one keeps to the ``stock`` it has."""
        at = self.position()
        place = np.array([at.get(key, len(self.keys)) for key in keys], dtype=np.int64)
        known = place < len(self.keys)
        usual = np.where(known, np.append(self.usual, 0.0)[place], stock)
        pull, noise = np.append(self.pull, DEFAULT_PULL)[place], np.append(self.noise, DEFAULT_NOISE)[place]
        return AreaLaw(tuple(keys), usual, pull, noise)

    def only(self, keys: Sequence[tuple[str, str]], position: Mapping[tuple[str, str], int]) -> AreaLaw:
        """The laws of those of ``keys`` that have one; ``position``: where each series stands."""
        at = [position[key] for key in keys if key in position]
        kept = tuple(self.keys[j] for j in at)
        return AreaLaw(kept, self.usual[at], self.pull[at], self.noise[at], self.otherwise)


NO_AREAS = AreaLaw((), np.empty(0), np.empty(0), np.empty(0))


def learn_areas(history: pl.DataFrame) -> AreaLaw:
    """Laws from ``history``: medicine_id, county_code, week (Monday), stock_units (end of the week), inflow_units
    (net), demand_units, and on rows of 99 upstream_units (stock of those who feed the areas; null: not known)."""
    usual = _usual(history)
    rows = _changes(history, usual)
    x, y = pl.col("missing"), pl.col("change")
    pool = rows.select(pull=_share(x, y, DEFAULT_PULL), noise=((y - DEFAULT_PULL * x) ** 2).mean())
    pull, noise = pool["pull"].item(), pool["noise"].item()
    spread = DEFAULT_NOISE**2 if noise is None else noise
    own = rows.group_by(KEY).agg(
        pl.len().alias("n"), pull=_share(x, y, DEFAULT_PULL if pull is None else pull), xx=(x**2).sum(),
        xy=(x * y).sum(), yy=(y**2).sum(),
    )  # fmt: skip
    left = pl.col("yy") - 2 * pl.col("pull") * pl.col("xy") + pl.col("pull") ** 2 * pl.col("xx")
    variance = (left.clip(lower_bound=0.0) + OWN_WEIGHT * spread) / (pl.col("n") + OWN_WEIGHT)
    found = usual.join(own.select(*KEY, "pull", noise=variance.sqrt()), on=KEY, how="left").sort(KEY)
    found = found.with_columns(
        pl.col("pull").fill_null(DEFAULT_PULL if pull is None else pull), pl.col("noise").fill_null(float(spread**0.5))
    )
    level, share, spreads = (found[name].cast(pl.Float64).to_numpy() for name in ("usual", "pull", "noise"))
    return AreaLaw(tuple(found.select(KEY).iter_rows()), level, share, spreads, fed_otherwise(history))


def _share(x: pl.Expr, y: pl.Expr, prior: float) -> pl.Expr:
    """Slope of ``y`` on ``x`` through nothing, drawn to ``prior``, from 0.05 to 1."""
    return (((x * y).sum() + OWN_WEIGHT * prior) / ((x**2).sum() + OWN_WEIGHT)).clip(0.05, 1.0)


def fed_otherwise(history: pl.DataFrame) -> frozenset[str]:
    """Medicines of which wholesalers hardly ever have a week's demand while counties get at least half of what they
    dispense: they come to areas another way, such as from the company to the hospital."""
    counties = history.filter(pl.col("county_code").is_in(list(COUNTY_CODES)))
    weekly = counties.group_by("medicine_id", "week").agg(pl.col("inflow_units", "demand_units").sum())
    scarce = weekly.join(_scarce(history), on=["medicine_id", "week"])
    weeks = scarce.group_by("medicine_id").agg(
        known=pl.len(), scarce=pl.col("scarce").sum(), inflow=pl.col("inflow_units").filter("scarce").sum(),
        demand=pl.col("demand_units").filter("scarce").sum(),
    )  # fmt: skip
    seldom = (pl.col("scarce") >= LEAST_WEEKS) & (2 * pl.col("scarce") > pl.col("known"))
    found = weeks.filter(seldom & (2 * pl.col("inflow") > pl.col("demand")) & (pl.col("demand") > 0))
    return frozenset(found["medicine_id"].to_list())


def _scarce(history: pl.DataFrame) -> pl.DataFrame:
    """``medicine_id``, ``week``, ``scarce``: wholesalers had less than SCARCE_WEEKS at its beginning or end."""
    country = history.filter(pl.col("county_code") == COUNTRY).sort("medicine_id", "week")
    least = pl.min_horizontal("upstream_units", pl.col("upstream_units").shift().over("medicine_id"))
    scarce = least < SCARCE_WEEKS * pl.col("demand_units").mean().over("medicine_id")
    return country.select("medicine_id", "week", scarce=scarce.fill_null(False))


def _supplied(history: pl.DataFrame) -> pl.DataFrame:
    """The rows of areas of weeks in which wholesalers had enough, or nobody knows what they had."""
    areas = history.filter(pl.col("county_code") != COUNTRY)
    told = areas.join(_scarce(history), on=["medicine_id", "week"], how="left")
    return told.filter(~pl.col("scarce").fill_null(False)).sort(*KEY, "week")


def _recent(rows: pl.DataFrame) -> pl.DataFrame:
    last = pl.col("week").max().over(KEY)
    return rows.filter(pl.col("week") > last - pl.duration(weeks=USUAL_WEEKS))


def _usual(history: pl.DataFrame) -> pl.DataFrame:
    """Median stock of the last weeks in which areas got what they asked for; without any, of all."""
    every = _recent(history.filter(pl.col("county_code") != COUNTRY)).group_by(KEY)
    good = _recent(_supplied(history)).group_by(KEY).agg(usual=pl.col("stock_units").median())
    joined = every.agg(all=pl.col("stock_units").median()).join(good, on=KEY, how="left")
    return joined.select(*KEY, usual=pl.coalesce("usual", "all")).drop_nulls("usual")


def _changes(history: pl.DataFrame, usual: pl.DataFrame) -> pl.DataFrame:
    """Changes of stock over single weeks, and what was missing before, in weekly demands; wild ones left out."""
    rows = _recent(_supplied(history)).join(usual, on=KEY)
    before, gap = pl.col("stock_units").shift().over(KEY), pl.col("week").diff().over(KEY).dt.total_days()
    demand = pl.col("demand_units").mean().over(KEY)
    found = rows.with_columns(
        change=(pl.col("stock_units") - before) / demand, missing=(pl.col("usual") - before) / demand, gap=gap
    )
    sane = (pl.col("gap") == WEEK) & (pl.col("change").abs() < WILD) & (pl.col("missing").abs() < WILD)
    return found.filter(sane & pl.col("change").is_finite()).select(*KEY, "change", "missing")


@dataclass(frozen=True)
class FedStart:
    """State of n series. ``stock`` [n, paths]; ``now``, ``reserve``, ``floor``, ``weekly`` (demand) [n]; ``law`` of
    the same series."""

    stock: Array
    now: Array
    reserve: Array
    floor: Array
    weekly: Array
    law: AreaLaw


def simulate_fed(start: FedStart, demand: Array, available: Array, noise: Array) -> Outcome:
    """Run the paths. ``demand`` [days, n, paths] units; ``available`` [days, n, paths] share of what areas ask for that
    wholesalers have; ``noise`` [weeks, n, paths] normal numbers."""
    none = np.zeros(len(start.now))
    first, unmet = _run(start, demand, available, noise, none)
    rich = np.flatnonzero(start.reserve > 0)
    with_reserve = first.copy()
    if len(rich):  # without a reserve both ways are one
        some = _only(start, rich)
        with_reserve[rich] = _run(some, demand[:, rich], available[:, rich], noise[:, rich], some.reserve)[0]
    alone = _run(start, demand, np.zeros_like(available[:, :, :1]), noise, none)[0]
    return Outcome(first, alone, with_reserve, unmet, np.empty(0))


def _only(start: FedStart, series: Ints) -> FedStart:
    law = start.law
    kept = AreaLaw(tuple(law.keys[j] for j in series), law.usual[series], law.pull[series], law.noise[series])
    stock, now, reserve = start.stock[series], start.now[series], start.reserve[series]
    return FedStart(stock, now, reserve, start.floor[series], start.weekly[series], kept)


def _run(start: FedStart, demand: Array, available: Array, noise: Array, reserve: Array) -> tuple[Array, Array]:
    """First day at or below the floor [n, paths], and mean demand without stock up to each day [n, days]."""
    law, floor = start.law, start.floor[:, None]
    stock, extra = start.stock + reserve[:, None], np.zeros_like(start.stock)
    first, unmet = np.full(stock.shape, NEVER), np.zeros((len(floor), len(demand)))
    for day, wanted in enumerate(demand):
        if day % WEEK == 0:
            missing = (law.usual + reserve)[:, None] - stock
            extra = law.pull[:, None] * missing + (law.noise * start.weekly)[:, None] * noise[day // WEEK]
        left = stock + available[day] * np.maximum(wanted + extra / WEEK, 0.0) - wanted
        stock = np.maximum(left, 0.0)
        first = np.where((first == NEVER) & (stock <= floor), day + 1.0, first)
        unmet[:, day] = (stock - left).mean(axis=1)
    return np.where(at_floor(start.now + reserve, start.floor)[:, None], 0.0, first), np.cumsum(unmet, axis=1)
