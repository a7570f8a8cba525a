"""Family b, never tuned on: (s,S) orders in batches, delays from a mixture, outages that a supplier's packages share,
demand with residuals of real weekly series (or, without one, of a heavy-tailed law)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from medsupply.errors import InputError
from medsupply.simulate.goods import Array, Flags, Goods
from medsupply.simulate.nature import Nature
from medsupply.simulate.state import State

LEVEL_KEPT, LEVEL_SD, TAIL = 0.97, 0.035, 4.0
LOW_DAYS, HIGH_DAYS, BATCH_DAYS = 62.0, 100.0, 12.0
LEAD_LOW, LEAD_HIGH = 9, 32
MOSTLY, SOMETIMES, LONG = 0.72, 0.23, (20, 75)
SUPPLIER_A_YEAR, TOUCHED, OWN_A_YEAR = 1.1, 0.5, 0.42
LENGTH_SHAPE, LENGTH_SCALE = 1.6, 58.0
SLIP_SHARE, SLIP_MEAN = 0.5, 26.0
EPIDEMIC_A_YEAR, EPIDEMIC_DAYS, EPIDEMIC_SIZE = 1.1, 63, 0.8


class FamilyB(Nature):
    """Suppliers fail as a whole; batches make supply lumpy."""

    depot_days = 60.0
    substitution = 0.65
    announced_share = 0.6

    def __init__(self, goods: Goods, residuals: Array | None = None) -> None:
        super().__init__(goods)
        self.suppliers = int(goods.supplier.max()) + 1
        self.residuals = residuals
        self.batch = np.maximum(1.0, np.round(goods.base * BATCH_DAYS))

    def extra(self) -> dict[str, Array]:
        return {"week": np.zeros((1, self.goods.medicines)), "epidemic": np.zeros((1, 1))}

    def demand(self, state: State, mean: Array, random: np.random.Generator) -> Array:
        if state.day.weekday() == 0:
            state["drift"] = state["drift"] * LEVEL_KEPT + random.normal(0.0, LEVEL_SD, state["drift"].shape)
            state["week"] = self._week(state["drift"].shape, random)
            begins = (random.random(state["epidemic"].shape) < EPIDEMIC_A_YEAR / 52) & (state["epidemic"] == 0)
            state["epidemic"] = np.where(begins, float(EPIDEMIC_DAYS), state["epidemic"])
        left = state["epidemic"]
        bump = EPIDEMIC_SIZE * np.sin(np.pi * left / (EPIDEMIC_DAYS + 1)) * (left > 0)
        left[left > 0] -= 1
        seasonal = np.clip(self.goods.season[self.goods.first_of] * 3, 0.0, 1.0)
        level = (1.0 + bump * seasonal) * np.exp(np.clip(state["drift"] + state["week"], -1.2, 1.2))
        rate = mean * level[:, self.goods.medicine_of]
        return random.poisson(rate * random.gamma(12.0, 1 / 12.0, rate.shape)).astype(float)

    def _week(self, shape: tuple[int, ...], random: np.random.Generator) -> Array:
        """This week's log residual of each medicine."""
        if self.residuals is not None:
            return random.choice(self.residuals, size=shape)
        return np.asarray(0.07 * random.standard_t(TAIL, shape))

    def failures(self, state: State, random: np.random.Generator) -> tuple[Flags, Array, Array]:
        paths, packages = state["down"].shape
        whole = random.random((paths, self.suppliers)) < SUPPLIER_A_YEAR / 365.25
        shared = whole[:, self.goods.supplier] & (random.random((paths, packages)) < TOUCHED)
        begins = shared | (random.random((paths, packages)) < OWN_A_YEAR / 365.25)
        # Packages of one failing supplier share most of the length.
        many = int(begins.sum())
        common = random.weibull(LENGTH_SHAPE, (paths, self.suppliers))[:, self.goods.supplier][begins]
        lead, length = np.zeros((paths, packages)), np.zeros((paths, packages))
        length[begins] = np.maximum(5.0, np.round(LENGTH_SCALE * common * random.uniform(0.8, 1.25, many)))
        lead[begins] = np.where(random.random(many) < 0.45, random.geometric(1 / 24, many), 0.0)
        return begins, lead, length

    def slip(self, state: State, random: np.random.Generator) -> Array:
        shape = state["down"].shape
        return np.where(random.random(shape) < SLIP_SHARE, 2.0 + random.geometric(1 / SLIP_MEAN, shape), 0.0)

    def lateness(self, state: State, random: np.random.Generator) -> Array:
        shape = state["down"].shape
        kind = random.random(shape)
        some = random.integers(2, 10, shape).astype(float)
        long = random.integers(LONG[0], LONG[1], shape).astype(float)
        return np.where(kind < MOSTLY, 0.0, np.where(kind < MOSTLY + SOMETIMES, some, long))

    def order(self, state: State, position: Array, random: np.random.Generator) -> tuple[Array, Array]:
        mean = state["mean"]
        low = position <= mean * LOW_DAYS + self.apart
        missing = mean * HIGH_DAYS + self.apart - position
        packs = np.where(low, np.ceil(missing / self.batch) * self.batch, 0.0)
        return np.maximum(packs, 0.0), random.integers(LEAD_LOW, LEAD_HIGH, position.shape).astype(float)


def residuals_of(path: Path) -> Array:
    """Log residuals of real weekly series around their own year and level.

    ``path``: Parquet or CSV of unique_id, ds, y. Raises InputError when a column is missing or nothing is left.
    """
    frame = pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path, try_parse_dates=True)
    if not {"unique_id", "ds", "y"} <= set(frame.columns):
        raise InputError(f"{path.name} has no columns unique_id, ds, y", "Name a long file of weekly series")
    logs = frame.filter(pl.col("y") > 0).sort("unique_id", "ds").with_columns(log=pl.col("y").log())
    level = pl.col("log").rolling_median(9, center=True).over("unique_id")
    found = logs.select(residual=pl.col("log") - level).drop_nulls()["residual"].clip(-1.0, 1.0)
    if found.len() < 100:
        raise InputError(f"{path.name} gives {found.len()} residuals", "Name a file with at least 100 weeks")
    return np.asarray(found.to_numpy(), dtype=float)
