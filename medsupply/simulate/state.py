"""The true state of the nation: arrays of paths x packages (or medicines, suppliers), so that it can be continued.

Whatever is decided by the day stands in the state (orders with their day, outages with their planned end); whatever
is not, such as a further delay, is drawn while living on. So a copy of the state with another random stream is a
continuation, and a share of continuations is a probability.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from medsupply.simulate.goods import Array, Flags, Goods

RING = 160
"""Days that an order may be on its way, by the supplier's clock."""


@dataclass
class State:
    """What is true at the start of ``day``. Arrays by name; the first axis is the path."""

    day: date
    arrays: dict[str, Array]

    def __getitem__(self, name: str) -> Array:
        return self.arrays[name]

    def __setitem__(self, name: str, values: Array) -> None:
        self.arrays[name] = values

    def copies(self, paths: int) -> State:
        """``paths`` copies of the first path."""
        return State(self.day, {name: np.repeat(values[:1], paths, axis=0) for name, values in self.arrays.items()})

    def stock(self) -> Array:
        """Packs that count as the nation's stock at the end of the day before; paths x packages."""
        allowed = np.minimum(self["company"], self["permit"])
        found: Array = self["shelf"] + self["depot"] + allowed
        return found


@dataclass(frozen=True)
class Lived:
    """What happened on one day; arrays of paths x packages, in packs unless said otherwise."""

    day: date
    wanted: Array
    given: Array
    substituted: Array
    """Part of ``given``: to people who wanted another package of the medicine."""
    shipped: Array
    arrived: Array
    expired: Array
    ordered: Array
    lead: Array
    """Days from order to agreed arrival."""
    decided: Flags
    """An outage was decided: it starts after ``wait`` days and is planned to last ``length``."""
    wait: Array
    length: Array
    slipped: Flags
    """A planned end passed and was put off by ``length`` days."""
    ended: Flags
    applied: Flags
    granted: Array


def empty(goods: Goods, day: date, shelf: Array, depot: Array, company: Array) -> State:
    """A nation of one path on its first day, nothing ordered and nothing wrong."""
    packages = (1, goods.packages)
    zero = {
        name: np.zeros(packages)
        for name in ("permit", "permit_wait", "on_order", "clock", "wait", "length", "down", "short", "short_left")
    }
    return State(
        day,
        zero
        | {
            "shelf": shelf[None, :].copy(),
            "depot": depot[None, :].copy(),
            "company": company[None, :].copy(),
            "mean": np.maximum(goods.base, 1e-3)[None, :].copy(),
            "pipe": np.zeros((*packages, RING)),
            "drift": np.zeros((1, goods.medicines)),
            "surge": np.zeros((1, goods.medicines)),
            "level": np.ones((1, goods.medicines)),
        },
    )
