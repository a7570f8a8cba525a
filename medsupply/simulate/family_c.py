"""Family c, never tuned on: supply as a Markov chain per supplier, gamma demand, nothing announced, delays that come
in clusters, people who buy ahead when a medicine gets scarce, reporters that fall silent."""

from __future__ import annotations

import numpy as np

from medsupply.simulate.goods import Array, Flags, Goods
from medsupply.simulate.nature import Nature
from medsupply.simulate.state import State

# Supplier states: 0 flowing, 1 congested. Daily chances to change.
CONGEST, CLEAR = 1 / 210, 1 / 38
FAIL_FLOWING, FAIL_CONGESTED = 0.42 / 365.25, 3.9 / 365.25
SHORT_MEAN, LONG_MEAN, LONG_SHARE = 34.0, 95.0, 0.45
SLIP_SHARE, SLIP_LOW, SLIP_HIGH = 0.3, 7, 50
LATE_FLOWING, LATE_CONGESTED, LATE_MEAN = 0.05, 0.65, 16.0
GAMMA_DAY, GAMMA_LEVEL_KEPT, GAMMA_LEVEL_SD = 7.0, 0.985, 0.024
PANIC_BELOW, PANIC_CHANCE, PANIC_DAYS, PANIC_SIZE = 24.0, 0.02, 18, 0.9
TARGET_DAYS, ORDER_CHANCE, LEAD_SHAPE, LEAD_MEAN = 78.0, 0.16, 5.0, 15.0


class FamilyC(Nature):
    """What comes, comes; nobody says when."""

    depot_days = 50.0
    substitution = 0.75
    announced_share = 0.0

    def __init__(self, goods: Goods) -> None:
        super().__init__(goods)
        self.suppliers = int(goods.supplier.max()) + 1

    def extra(self) -> dict[str, Array]:
        return {"congested": np.zeros((1, self.suppliers)), "panic": np.zeros((1, self.goods.medicines))}

    def demand(self, state: State, mean: Array, random: np.random.Generator) -> Array:
        shape = state["drift"].shape
        if state.day.weekday() == 0:
            state["drift"] = state["drift"] * GAMMA_LEVEL_KEPT + random.normal(0.0, GAMMA_LEVEL_SD, shape)
        self._panic(state, random)
        level = np.exp(state["drift"]) * (1.0 + PANIC_SIZE * (state["panic"] > 0))
        rate = mean * level[:, self.goods.medicine_of]
        drawn = rate * random.gamma(GAMMA_DAY, 1 / GAMMA_DAY, rate.shape)
        return np.asarray(np.floor(drawn + random.random(rate.shape)))

    def _panic(self, state: State, random: np.random.Generator) -> None:
        """Word gets round when a medicine is scarce, and people buy ahead."""
        goods, panic = self.goods, state["panic"]
        panic[panic > 0] -= 1
        stock = goods.by_medicine((state["shelf"] + state["depot"]) * goods.units)
        need = goods.by_medicine(state["mean"] * goods.units)
        scarce = stock < PANIC_BELOW * need
        starts = scarce & (panic == 0) & (random.random(panic.shape) < PANIC_CHANCE)
        panic[starts] = PANIC_DAYS

    def failures(self, state: State, random: np.random.Generator) -> tuple[Flags, Array, Array]:
        congested = state["congested"]
        change = random.random(congested.shape)
        congested = np.where(congested > 0, change >= CLEAR, change < CONGEST).astype(float)
        state["congested"] = congested
        shape = state["down"].shape
        hazard = np.where(congested[:, self.goods.supplier] > 0, FAIL_CONGESTED, FAIL_FLOWING)
        begins = random.random(shape) < hazard
        many = int(begins.sum())
        mean = np.where(random.random(many) < LONG_SHARE, LONG_MEAN, SHORT_MEAN)
        length = np.zeros(shape)
        length[begins] = np.maximum(4.0, np.round(random.exponential(1.0, many) * mean))
        return begins, np.zeros(shape), length

    def slip(self, state: State, random: np.random.Generator) -> Array:
        shape = state["down"].shape
        days = random.integers(SLIP_LOW, SLIP_HIGH, shape).astype(float)
        return np.where(random.random(shape) < SLIP_SHARE, days, 0.0)

    def lateness(self, state: State, random: np.random.Generator) -> Array:
        shape = state["down"].shape
        share = np.where(state["congested"][:, self.goods.supplier] > 0, LATE_CONGESTED, LATE_FLOWING)
        return np.where(random.random(shape) < share, random.geometric(1 / LATE_MEAN, shape), 0.0).astype(float)

    def order(self, state: State, position: Array, random: np.random.Generator) -> tuple[Array, Array]:
        shape = position.shape
        missing = np.floor(state["mean"] * TARGET_DAYS + self.apart - position)
        turn = random.random(shape) < ORDER_CHANCE
        packs = np.where(turn & (missing >= 1), missing, 0.0)
        lead = np.clip(np.round(random.gamma(LEAD_SHAPE, LEAD_MEAN / LEAD_SHAPE, shape)), 1, 90)
        return packs, lead
