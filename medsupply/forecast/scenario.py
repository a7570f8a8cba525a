"""What-if: the same futures of one medicine, with something changed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from medsupply.errors import InputError
from medsupply.forecast.calendar import Array
from medsupply.forecast.national import Country, only, rows_of, simulate
from medsupply.forecast.waits import OPEN, UNDER, Waits

PATHS = 1000
LIMITS = {"delay_days": (0, 84), "demand_percent": (-90, 300), "notice_days": (0, 365), "reserve_percent": (0, 100)}


@dataclass(frozen=True)
class Scenario:
    """What is changed. ``delay_days``: every order comes so much later. ``demand_percent``: demand up or down.
    ``holders_out``: holders whose stock cannot be reached. ``notice_days``: notices in force or foretold last so much
    longer. ``reserve_percent``: share of the reserve that is released into stock today."""

    delay_days: int = 0
    demand_percent: float = 0.0
    holders_out: tuple[str, ...] = ()
    notice_days: int = 0
    reserve_percent: float = 0.0

    def __post_init__(self) -> None:
        for name, (low, high) in LIMITS.items():
            if not low <= getattr(self, name) <= high:
                raise InputError(f"{name} is {getattr(self, name)}", f"Use a number from {low} to {high}")


@dataclass(frozen=True)
class Start:
    """Where what-ifs start: the country as it was simulated, and stock by holder (holder_id, holder_type, name,
    medicine_id, vnr, units)."""

    country: Country
    holders: pl.DataFrame


def what_if(start: Start, medicine_id: str, scenario: Scenario, *, n_paths: int = PATHS) -> pl.DataFrame:
    """horizon_days; p, p_with_reserve, run_out_on, unmet_units of one medicine as things are, and with ``_changed``.

    Both are drawn from the same random numbers. Raises InputError where nothing is known of the medicine or a holder.
    """
    if medicine_id not in start.country.names:
        raise InputError(
            f"Nothing was simulated for {medicine_id} on {start.country.as_of}",
            "Name a critical medicine or family with known stock and demand",
        )
    plain = only(start.country, [medicine_id])
    mine = start.holders.filter(pl.col("medicine_id") == medicine_id)
    moved = moved_units(plain, mine, scenario)
    before = rows_of(plain, simulate(plain, n_paths=n_paths))
    other = changed(plain, moved, scenario)
    after = rows_of(
        other,
        simulate(
            other,
            n_paths=n_paths,
            delay=float(scenario.delay_days),
            demand_factor=1.0 + scenario.demand_percent / 100.0,
            moved=moved,
        ),
    )
    fields = ["p", "p_with_reserve", "run_out_on", "unmet_units"]
    renamed = after.select("horizon_days", *(pl.col(name).alias(f"{name}_changed") for name in fields))
    return before.select("horizon_days", *fields).join(renamed, on="horizon_days").sort("horizon_days")


def moved_units(country: Country, holders: pl.DataFrame, scenario: Scenario) -> Array:
    """Units by package that the scenario puts into stock (reserve, as demand is shared) and takes out (holders)."""
    usual = country.laws.usual
    released = _reserve(country) * scenario.reserve_percent / 100.0 * usual / max(usual.sum(), 1e-9)
    lost = np.minimum(_lost(country, holders, scenario.holders_out), country.packages.stock[-1])
    return np.asarray(released - lost)


def changed(country: Country, moved: Array, scenario: Scenario) -> Country:
    """The country of one medicine with stock, reserve and notices as the scenario has them."""
    reserve = _reserve(country) * (1 - scenario.reserve_percent / 100.0)
    state = country.state.with_columns(
        stock_units=pl.max_horizontal(pl.col("stock_units") + moved.sum(), 0.0),
        stock_units_high=pl.max_horizontal(pl.col("stock_units_high") + moved.sum(), 0.0),
        reserve_units=pl.lit(reserve),
    )
    return replace(
        country,
        state=state,
        packages=replace(country.packages, length=country.packages.length + scenario.notice_days),
        laws=replace(country.laws, waits=_longer(country, scenario.notice_days)),
    )


def _reserve(country: Country) -> float:
    return float(country.state["reserve_units"][0] or 0.0)


def _longer(country: Country, days: int) -> Waits:
    """The waits with the stated ends of notices in force put off."""
    waits = country.laws.waits
    under = (waits.state >= UNDER) & (waits.state < OPEN)
    return replace(waits, to_end=np.where(under, np.maximum(waits.to_end, 0.0) + days, waits.to_end))


def _lost(country: Country, holders: pl.DataFrame, out: tuple[str, ...]) -> Array:
    """Units by package that lie with the holders that are out. Raises InputError for a holder without any."""
    unknown = sorted(set(out) - set(holders["holder_id"]))
    if unknown:
        raise InputError(f"{', '.join(unknown)} holds nothing of this medicine", "Name a holder that has stock of it")
    sums = holders.filter(pl.col("holder_id").is_in(list(out))).group_by("vnr").agg(pl.col("units").sum())
    units = dict(sums.iter_rows())
    return np.array([units.get(vnr, 0.0) for vnr in country.vnr], dtype=float)
