"""The oracle: how often the true state, continued, runs out. Written when asked for; never read by the service.

A continuation is the state of a day copied and lived on with another random stream, so it knows what is decided
(orders, planned ends) and not what will be drawn (further delays, new outages, demand). Origin D, horizon h: the share
of continuations with a day in (D, D+h] on which the nation's stock is at or below 7 days of trailing demand as of D.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import polars as pl

from medsupply.simulate.goods import Array
from medsupply.simulate.nature import Nature
from medsupply.simulate.state import State
from medsupply.simulate.truth import HORIZONS

PATHS, CELLS = 2000, 30_000
"""Continuations in all; paths x packages lived at once, so that a day stays in the processor's cache."""


@dataclass
class Oracle:
    """Probabilities per medicine, origin and horizon."""

    nature: Nature
    names: list[str]
    seed: int
    paths: int = PATHS
    horizons: tuple[int, ...] = HORIZONS
    forget: Callable[[State, np.random.Generator], None] | None = None
    """Draws again, in the copies, what an observer is not told; None: the truth."""
    frames: list[pl.DataFrame] = field(default_factory=list)

    def ask(self, state: State, floor: Array) -> None:
        """Continue the state at the end of the day before ``state.day``; ``floor`` in units per medicine."""
        origin = date.fromordinal(state.day.toordinal() - 1)
        now = self._units(state.stock())[0] <= floor
        at_once = max(20, min(250, CELLS // self.nature.goods.packages))
        first = np.concatenate([
            self._first_days(state, floor, min(at_once, self.paths - done), done)
            for done in range(0, self.paths, at_once)
        ])  # fmt: skip
        for horizon in self.horizons:
            share = (first <= horizon).mean(axis=0)
            self.frames.append(pl.DataFrame({
                "medicine": self.names, "origin": [origin] * len(self.names),
                "horizon": [horizon] * len(self.names), "p": np.where(now, 1.0, share), "at_floor": now,
            }))  # fmt: skip

    def _first_days(self, state: State, floor: Array, paths: int, done: int) -> Array:
        """Days until the first day at or below the floor, per path and medicine; infinite where there is none."""
        random = np.random.default_rng([self.seed, 77, state.day.toordinal(), done])
        living = state.copies(paths)
        if self.forget:
            self.forget(living, random)
        first = np.full((paths, len(self.names)), np.inf)
        for number in range(1, max(self.horizons) + 1):
            self.nature.step(living, random)
            below = self._units(living.stock()) <= floor
            first[below & np.isinf(first)] = number
        return first

    def _units(self, packs: Array) -> Array:
        return self.nature.goods.by_medicine(packs * self.nature.goods.units)

    def frame(self) -> pl.DataFrame:
        """medicine, origin, horizon, p, at_floor; sorted."""
        if not self.frames:
            kinds = {"medicine": pl.String, "origin": pl.Date, "horizon": pl.Int64, "p": pl.Float64}
            return pl.DataFrame(schema=kinds | {"at_floor": pl.Boolean})
        return pl.concat(self.frames).sort("origin", "medicine", "horizon")
