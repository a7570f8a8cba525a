"""Family a, for tuning: weekly reviews up to a level, single delays, outages package by package, most things said."""

from __future__ import annotations

import numpy as np

from medsupply.simulate.goods import Array, Flags
from medsupply.simulate.nature import Nature
from medsupply.simulate.state import State

DRIFT_SD, DRIFT_KEPT, NOISE_SD = 0.012, 0.995, 0.08
SURGE_RATE, SURGE_SIZE, SURGE_DAYS, SEASONAL = 0.35, 0.6, 42, 0.2
UP_TO_DAYS, REVIEW_DAYS, LEAD_MEDIAN, LEAD_SD = 86.0, 7, 18.0, 0.25
LATE_SHARE, LATE_MEDIAN, LATE_SD = 0.2, 8.0, 0.7
OUTAGES_A_YEAR, SUBSTANCE_A_YEAR, LENGTH_MEDIAN, LENGTH_SD = 0.35, 0.48, 62.0, 0.7
SLIP_SHARE, SLIP_MEDIAN, SLIP_SD = 0.42, 22.0, 0.6
# Days from notice to start: 17 % sixty and more, 16 % the same day, 7 % after it; median 16 (Fimea's list of 2022).
LEAD_EARLY, LEAD_SOME, LEAD_SOME_MEDIAN = 0.17, 0.60, 16.0


class FamilyA(Nature):
    """A supplier that keeps its word about as often as not."""

    def extra(self) -> dict[str, Array]:
        return {}

    def demand(self, state: State, mean: Array, random: np.random.Generator) -> Array:
        shape = state["drift"].shape
        if state.day.weekday() == 0:
            state["drift"] = state["drift"] * DRIFT_KEPT + random.normal(0.0, DRIFT_SD, shape)
            self._surges(state, random)
        surge = state["surge"]
        bump = 1.0 + SURGE_SIZE * np.sin(np.pi * surge / (SURGE_DAYS + 1)) * (surge > 0)
        surge[surge > 0] -= 1
        level = bump * np.exp(state["drift"] + random.normal(0.0, NOISE_SD, shape))
        return random.poisson(mean * level[:, self.goods.medicine_of]).astype(float)

    def _surges(self, state: State, random: np.random.Generator) -> None:
        """Epidemics hit the medicines of the winter."""
        seasonal = self.goods.season[self.goods.first_of] > SEASONAL
        hit = (random.random(state["surge"].shape) < SURGE_RATE / 52) & seasonal & (state["surge"] == 0)
        state["surge"] = np.where(hit, float(SURGE_DAYS), state["surge"])

    def failures(self, state: State, random: np.random.Generator) -> tuple[Flags, Array, Array]:
        shape = state["down"].shape
        # A substance that is lacking hits all packages of a medicine, a failing plant one.
        lacking = random.random(state["drift"].shape) < SUBSTANCE_A_YEAR / 365.25
        begins = (random.random(shape) < OUTAGES_A_YEAR / 365.25) | lacking[:, self.goods.medicine_of]
        many = int(begins.sum())
        kind = random.random(many)
        some = np.clip(np.round(LEAD_SOME_MEDIAN * np.exp(random.normal(0.0, 0.6, many))), 1, 59)
        soon = np.where(kind < LEAD_EARLY + LEAD_SOME, some, 0.0)
        lead, length = np.zeros(shape), np.zeros(shape)
        lead[begins] = np.where(kind < LEAD_EARLY, random.integers(60, 100, many), soon)
        length[begins] = np.maximum(7.0, np.round(LENGTH_MEDIAN * np.exp(random.normal(0.0, LENGTH_SD, many))))
        return begins, lead, length

    def slip(self, state: State, random: np.random.Generator) -> Array:
        shape = state["down"].shape
        days = np.maximum(3.0, np.round(SLIP_MEDIAN * np.exp(random.normal(0.0, SLIP_SD, shape))))
        return np.where(random.random(shape) < SLIP_SHARE, days, 0.0)

    def lateness(self, state: State, random: np.random.Generator) -> Array:
        shape = state["down"].shape
        days = np.maximum(1.0, np.round(LATE_MEDIAN * np.exp(random.normal(0.0, LATE_SD, shape))))
        return np.where(random.random(shape) < LATE_SHARE, days, 0.0)

    def order(self, state: State, position: Array, random: np.random.Generator) -> tuple[Array, Array]:
        shape = position.shape
        turn = (state.day.toordinal() + 3 * np.arange(shape[1])) % REVIEW_DAYS == 0
        missing = np.round(state["mean"] * UP_TO_DAYS + self.apart - position)
        enough = missing >= np.maximum(1.0, state["mean"] * REVIEW_DAYS * 0.5)
        packs = np.where(turn & enough, missing, 0.0)
        lead = np.maximum(2.0, np.round(LEAD_MEDIAN * np.exp(random.normal(0.0, LEAD_SD, shape))))
        return packs, lead
