"""Run-out of the country from its packages: rows of run_out, and the what-if on the same futures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from medsupply.areas import COUNTRY
from medsupply.forecast.calendar import Array
from medsupply.forecast.country import CountryOutcome, Scene, simulate_country
from medsupply.forecast.history import Past, notices_at, packages_at, told_by_day
from medsupply.forecast.resupply import Laws, learn_laws
from medsupply.forecast.run_out import SHARES, DemandPaths, daily_demand
from medsupply.forecast.simulate import at_floor
from medsupply.forecast.waits import Packages
from medsupply.forecast.workers import pool
from medsupply.tables.forecast import HORIZON_DAYS

DAYS = max(HORIZON_DAYS)
# Series to one process at a time.
CHUNK = 20


@dataclass(frozen=True)
class Country:
    """All that a simulation of the country starts from: packages, their laws, rows of the state of area 99 (as
    ``run_out`` reads it, in the order of the series), demand paths, VNR of each package."""

    as_of: date
    packages: Packages
    laws: Laws
    state: pl.DataFrame
    demand: DemandPaths
    vnr: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.state["medicine_id"])


def country_of(past: Past, state: pl.DataFrame, demand: DemandPaths | None, as_of: date) -> Country | None:
    """The country on ``as_of``; series without packages, known stock or demand are left out; None where none is left.

    The laws are learnt on all packages of medicines, whatever is simulated.
    """
    at = len(past.days) - 1
    if not len(past.series) or np.isnan(past.stock[at]).all():
        return None
    packages = packages_at(past, told_by_day(past), at)
    laws = learn_laws(packages, notices_at(past, at))
    known = state.filter(
        (pl.col("county_code") == COUNTRY)
        & pl.col("stock_units").is_not_null()
        & (pl.col("trailing_demand_units") > 0).fill_null(False)
        & pl.col("floor_units").is_not_null()
        & pl.col("medicine_id").is_in(list(past.names))
    ).sort("medicine_id")
    wanted = set(known["medicine_id"])
    columns = np.flatnonzero([one in wanted for one in past.series])
    if not len(columns):
        return None
    vnr = tuple(past.vnr[k] for k in columns)
    return Country(as_of, packages.only(columns), laws.only(columns), known, demand or DemandPaths(as_of), vnr)


def only(country: Country, medicines: Sequence[str]) -> Country:
    """The same of some medicines."""
    chosen = set(medicines)
    wanted = [k for k, name in enumerate(country.names) if name in chosen]
    columns = np.flatnonzero(np.isin(country.packages.medicine, wanted))
    return Country(
        country.as_of,
        country.packages.only(columns),
        country.laws.only(columns),
        country.state.filter(pl.col("medicine_id").is_in(list(medicines))),
        country.demand.only(medicines),
        tuple(country.vnr[k] for k in columns),
    )


def simulate(
    country: Country,
    *,
    n_paths: int = 400,
    seed: int = 1,
    delay: float = 0.0,
    demand_factor: float = 1.0,
    moved: Array | None = None,
    fed: int = 0,
) -> CountryOutcome:
    """The futures of the country's medicines. ``delay``: days that all supply comes later; ``demand_factor``: demand
    as a multiple; ``moved``: units by package put into stock today or taken out; ``fed``: paths that feed areas.

    The same ``seed`` draws the same futures whatever is changed.
    """
    rows = {row["medicine_id"]: row for row in country.state.iter_rows(named=True)}

    def demand(name: str, paths: int) -> Array:
        return demand_factor * daily_demand(country.demand, rows[name], country.as_of, paths, seed)[:, :DAYS]

    number = {name: country.state[name].cast(pl.Float64).fill_null(0.0).to_numpy() for name in
              ("stock_units", "floor_units", "reserve_units")}  # fmt: skip
    high = country.state["stock_units_high"].cast(pl.Float64).fill_null(0.0).to_numpy()
    missing = np.maximum(high - number["stock_units"], 0.0)
    upstream, silent = _wholesalers(country) if fed else (None, None)
    scene = Scene(
        country.names, number["floor_units"], number["reserve_units"], missing, delay, moved, number["stock_units"],
        upstream, silent, fed,
    )  # fmt: skip
    return simulate_country(
        country.packages, country.laws, scene, demand, n_paths=n_paths, days=DAYS, seed=f"{country.as_of}|{seed}"
    )


def _wholesalers(country: Country) -> tuple[Array, Array]:
    """Stock of wholesalers heard of (nan: not known), and what silent ones usually keep."""
    rows = country.state.select(
        heard=pl.col("upstream_units").cast(pl.Float64).fill_null(float("nan")),
        silent=pl.col("upstream_units_silent").cast(pl.Float64).fill_null(0.0),
    )
    return rows["heard"].to_numpy(), rows["silent"].to_numpy()


@dataclass(frozen=True)
class Told:
    """``rows``: ``rows_of`` the country; ``available``: by medicine [days, fed paths] what wholesalers can give areas,
    as a share of what those ask for, where the stock of wholesalers is known."""

    rows: pl.DataFrame
    available: Mapping[str, Array]


def simulated(country: Country, *, n_paths: int, fed: int = 0, workers: int = 0) -> Told:
    """The country as it is; ``workers`` processes (0: here) give the same rows."""
    parts = [only(country, country.names[at : at + CHUNK]) for at in range(0, len(country.names), CHUNK)]
    with pool(workers) as processes:
        told = processes.map(_told, (n_paths, fed), parts)
    rows = pl.concat(one.rows for one in told).sort("medicine_id", "horizon_days")
    return Told(rows, {name: found for one in told for name, found in one.available.items()})


def _told(size: tuple[int, int], country: Country) -> Told:
    n_paths, fed = size
    found = simulate(country, n_paths=n_paths, fed=fed)
    if not fed:
        return Told(rows_of(country, found), {})
    told = zip(country.names, found.available, country.state["upstream_units"].is_not_null(), strict=True)
    return Told(rows_of(country, found), {name: share for name, share, known in told if known})


def rows_of(country: Country, found: CountryOutcome) -> pl.DataFrame:
    """medicine_id, county_code, horizon_days, p, p_with_reserve, run_out_on/early/late, unmet_units. At or below the
    floor now: 1, today."""
    stock, floor, reserve = (
        country.state[name].cast(pl.Float64).fill_null(0.0).to_numpy()
        for name in ("stock_units", "floor_units", "reserve_units")
    )
    first = np.where(at_floor(stock, floor)[:, None], 0.0, found.first)
    with_reserve = np.where(at_floor(stock + reserve, floor)[:, None], 0.0, found.first_with_reserve)
    dates = {name: _days(first, share, country.as_of) for name, share in SHARES.items()}
    frames = [
        country.state.select("medicine_id", "county_code").with_columns(
            pl.lit(horizon, dtype=pl.Int64).alias("horizon_days"),
            pl.Series("p", (first <= horizon).mean(axis=1)),
            pl.Series("p_with_reserve", (with_reserve <= horizon).mean(axis=1)),
            *(pl.Series(name, values, dtype=pl.Date) for name, values in dates.items()),
            pl.Series("unmet_units", found.unmet[:, horizon - 1]),
        )
        for horizon in HORIZON_DAYS
    ]
    return pl.concat(frames).sort("medicine_id", "horizon_days")


def _days(first: Array, share: float, as_of: date) -> list[date | None]:
    at = np.quantile(first, share, axis=1, method="inverted_cdf")
    return [as_of + timedelta(days=int(day)) if day <= DAYS else None for day in at]


def instead(found: pl.DataFrame, country: pl.DataFrame) -> pl.DataFrame:
    """``found`` (rows of ``run_out``) with what the packages say of the country, where they say it."""
    key = ["medicine_id", "county_code", "horizon_days"]
    fields = [name for name in country.columns if name not in key]
    joined = found.join(country.with_columns(there=pl.lit(True)), on=key, how="left", suffix="_new")
    picked = [
        pl.when(pl.col("there")).then(pl.col(f"{name}_new")).otherwise(pl.col(name)).alias(name) for name in fields
    ]
    return joined.with_columns(picked).select(found.columns).sort(key)
