"""The nation lives one day at a time, on any number of paths at once. Mechanics only: each family gives the laws.

A day: suppliers fail or recover, orders arrive, lots expire, wholesalers fill shelves, people are given packs,
wholesalers order. Sites are not here: how the nation's packs lie among them is decided beside (``sites``) and never
changes what the nation has, which is what makes the oracle exact.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import date, timedelta

import numpy as np

from medsupply.days import is_open
from medsupply.simulate.calendar import mean_demand
from medsupply.simulate.goods import Array, Flags, Goods, Ints
from medsupply.simulate.state import RING, Lived, State, empty

MEMORY = 1 / 35
"""Weight of the newest day in what wholesalers believe demand to be."""
SCARCE_DAYS, FOUND_AT_NONE = 4.0, 0.25
REFILL_SHARE = 0.1
PERMIT_DAYS, PERMIT_BELOW, PERMIT_CHANCE, PERMIT_HANDLING = 10.0, 16.0, 0.03, 12.0


class Nature(ABC):
    """Mechanics that all families share. Times are days, amounts packs."""

    shelf_days: float = 14.0
    depot_days: float = 45.0
    hospital_reserve_days: float = 15.0
    substitution: float = 0.8
    short_dated_share: float = 0.02
    announced_share: float = 0.85
    trouble: float = 1.0
    """Share of the family's outages that happen; under 1 for a nation that shall mostly be well."""

    def __init__(self, goods: Goods) -> None:
        self.goods = goods
        self.hospital_reserve = np.round(goods.base * goods.hospital_share * self.hospital_reserve_days)
        self.apart = self.hospital_reserve + goods.least
        """Packs that lie apart from the days of demand; wholesalers order for them too."""
        self.company_target = np.round(goods.base * goods.stored_days)

    # --- the laws of a family

    @abstractmethod
    def extra(self) -> dict[str, Array]:
        """Further arrays of the family's state, one path."""

    @abstractmethod
    def demand(self, state: State, mean: Array, random: np.random.Generator) -> Array:
        """Packs wanted today, given the calendar's mean; paths x packages, whole numbers."""

    @abstractmethod
    def failures(self, state: State, random: np.random.Generator) -> tuple[Flags, Array, Array]:
        """Where an outage is decided today, days until it starts, planned length."""

    @abstractmethod
    def slip(self, state: State, random: np.random.Generator) -> Array:
        """Days by which an outage that should end today goes on; 0 where it ends."""

    @abstractmethod
    def lateness(self, state: State, random: np.random.Generator) -> Array:
        """Days by which packs due today come later; 0 where they come."""

    @abstractmethod
    def order(self, state: State, position: Array, random: np.random.Generator) -> tuple[Array, Array]:
        """Packs ordered today and their lead in days (at least 1, under ``RING``)."""

    # --- mechanics

    def begin(self, day: date) -> State:
        """One path on ``day`` with full shelves and depots."""
        base = self.goods.base
        shelf = np.ceil(base * self.shelf_days) + self.apart
        state = empty(self.goods, day, shelf, np.ceil(base * self.depot_days), self.company_target)
        state.arrays |= self.extra()
        return state

    def step(self, state: State, random: np.random.Generator) -> Lived:
        """Live ``state.day``; the state is changed to the start of the next day."""
        decided, slipped, ended = self._fail(state, random)
        arrived = self._arrive(state, random)
        expired = self._release_and_expire(state)
        shipped = self._ship(state)
        # A regime that has begun stands in the state: futures drawn before it know nothing of it.
        mean = mean_demand(self.goods, state.day) * state["level"][:, self.goods.medicine_of]
        wanted = self.demand(state, mean, random)
        given, substituted = self._dispense(state, wanted)
        state["mean"] += MEMORY * (given - state["mean"])
        ordered, lead = self._order(state, random)
        applied, granted = self._permits(state, random)
        told = (decided, state["wait"].copy(), state["length"].copy(), slipped, ended, applied, granted)
        lived = Lived(state.day, wanted, given, substituted, shipped, arrived, expired, ordered, lead, *told)
        state.day += timedelta(days=1)
        return lived

    def _fail(self, state: State, random: np.random.Generator) -> tuple[Flags, Flags, Flags]:
        wait, down = state["wait"], state["down"]
        starting = wait == 1
        ending = down == 1
        wait[wait > 0] -= 1
        down[down > 0] -= 1
        further = np.where(ending, self.slip(state, random), 0.0) if ending.any() else np.zeros_like(down)
        slipped = further > 0
        down[slipped] = further[slipped]
        begins, lead, length = self.failures(state, random)
        if self.trouble < 1.0:
            begins = begins & (random.random(begins.shape) < self.trouble)
        decided = begins & (wait == 0) & (down == 0) & ~starting
        state["length"] = np.where(decided, length, np.where(slipped, further, state["length"]))
        wait[decided] = lead[decided]
        now = starting | (decided & (lead == 0))
        down[now] = state["length"][now]
        return decided, slipped, ending & ~slipped

    def _arrive(self, state: State, random: np.random.Generator) -> Array:
        """What the supplier's clock makes due comes, or comes later. The clock stands still in an outage."""
        moving = state["down"] == 0
        state["clock"] += moving
        slots, pipe = self._slots(state, 0.0), state["pipe"].reshape(-1)
        due = np.where(moving, pipe[slots], 0.0)
        pipe[slots[due > 0]] = 0.0
        late = np.where(due > 0, self.lateness(state, random), 0.0)
        self._put(state, np.where(late > 0, due, 0.0), late)
        came = np.where(late > 0, 0.0, due)
        refill = np.minimum(np.floor(came * REFILL_SHARE), np.maximum(self.company_target - state["company"], 0.0))
        state["company"] += refill
        state["on_order"] -= came
        state["depot"] += came - refill
        self._short_dated(state, came - refill, random)
        return came

    def _short_dated(self, state: State, came: Array, random: np.random.Generator) -> None:
        """Now and then a lot has little time left."""
        hit = (came > 0) & (state["short"] == 0) & (random.random(came.shape) < self.short_dated_share)
        state["short"] = np.where(hit, came, state["short"])
        state["short_left"] = np.where(hit, 45.0, state["short_left"])

    def _put(self, state: State, packs: Array, lead: Array) -> None:
        """Lay packs into the pipe, to come after ``lead`` days of the supplier's clock."""
        some = packs > 0
        slots = self._slots(state, np.clip(lead, 1, RING - 1))[some]
        state["pipe"].reshape(-1)[slots] += packs[some]

    def _slots(self, state: State, ahead: Array | float) -> Ints:
        """Where in the flat pipe the day ``ahead`` of each path and package lies."""
        clock = state["clock"]
        found: Ints = np.arange(clock.size).reshape(clock.shape) * RING + ((clock + ahead) % RING).astype(np.int64)
        return found

    def _release_and_expire(self, state: State) -> Array:
        """Yesterday's permits move packs into the depot; lots whose day has come are taken out."""
        moved = np.minimum(state["company"], state["permit"])
        state["company"] -= moved
        state["depot"] += moved
        state["permit"][:] = 0.0
        left = state["short_left"]
        left[left > 0] -= 1
        gone = np.where(left == 0, state["short"], 0.0)
        state["short"] -= gone
        state["depot"] -= gone
        return gone

    def _ship(self, state: State) -> Array:
        """On open days wholesalers fill the shelves to their usual level; short-dated packs go first."""
        if not is_open(state.day):
            return np.zeros_like(state["shelf"])
        usual = np.ceil(state["mean"] * self.shelf_days) + self.apart
        sent = np.minimum(state["depot"], np.maximum(usual - state["shelf"], 0.0))
        state["shelf"] += sent
        state["depot"] -= sent
        state["short"] = np.maximum(state["short"] - sent, 0.0)
        return sent

    def _dispense(self, state: State, wanted: Array) -> tuple[Array, Array]:
        """What is wanted is given from the shelves; when they are nearly bare, part of it finds none. All packs given,
        and those of them that stood in for another package."""
        shelf = state["shelf"]
        cover = shelf / np.maximum(state["mean"], 1e-9)
        found = np.minimum(1.0, FOUND_AT_NONE + (1 - FOUND_AT_NONE) * cover / SCARCE_DAYS)
        kept = np.minimum(self.hospital_reserve, shelf)
        free = shelf - kept + np.minimum(kept, np.ceil(wanted * self.goods.hospital_share))
        given = np.minimum(np.round(wanted * found), free)
        unmet, instead = wanted - given, np.zeros_like(given)
        if unmet.any():
            instead = self._substitute(unmet, np.maximum(shelf - kept - given, 0.0))
            given = given + instead
        state["shelf"] = shelf - given
        return given, instead

    def _substitute(self, unmet: Array, left: Array) -> Array:
        """Unmet demand of a package goes in part to the medicine's other packages."""
        need = self.goods.by_medicine(unmet * self.goods.units) * self.substitution
        there = self.goods.by_medicine(left * self.goods.units)
        share = np.minimum(1.0, need / np.maximum(there, 1e-9))
        found: Array = np.floor(left * share[:, self.goods.medicine_of])
        return found

    def _order(self, state: State, random: np.random.Generator) -> tuple[Array, Array]:
        position = state["shelf"] + state["depot"] + state["on_order"]
        packs, lead = self.order(state, position, random)
        state["on_order"] += packs
        self._put(state, packs, lead)
        return packs, lead

    def _permits(self, state: State, random: np.random.Generator) -> tuple[Flags, Array]:
        """Where an outage lasts and little is left, the company asks to go below its obligatory storage."""
        waiting = state["permit_wait"]
        granted = waiting == 1
        waiting[waiting > 0] -= 1
        packs = np.where(granted, np.minimum(state["company"], np.ceil(state["mean"] * PERMIT_DAYS)), 0.0)
        state["permit"] = packs
        little = state["shelf"] + state["depot"] < PERMIT_BELOW * state["mean"] + self.hospital_reserve
        asks = (state["down"] > 0) & (waiting == 0) & ~granted & (state["company"] > 0) & little
        applied = asks & (random.random(asks.shape) < PERMIT_CHANCE)
        waiting[applied] = PERMIT_HANDLING
        return applied, packs
