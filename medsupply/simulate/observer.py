"""The oracle made to forget what nobody is told, which bounds what any reader of the deliveries can reach.

The oracle knows the day on which every order comes and every outage ends, told or not. An observer is told of some
orders and of some ends. For each continuation this module draws the untold ones again, from the family's own laws and
given that it has not happened yet. Still known, though no delivery tells it: what is on order and since when, that an
outage goes on and since when, that an order is late, how the suppliers are, the level of demand. So no forecast made
from the deliveries can expect a higher score.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import numpy as np

from medsupply.simulate.goods import Array, Flags
from medsupply.simulate.nature import Nature
from medsupply.simulate.notices import OPEN_END, Notices, Outage
from medsupply.simulate.state import RING, Lived, State

DRAWS, BEGINNINGS = 150, 400
"""Copies of the state from which the laws of delays and of outages are read."""


@dataclass
class _Order:
    """Packs due at a time of the supplier's clock, waited for since ``since``; ``late``: they were due once before."""

    since: float
    late: bool
    announced: bool


@dataclass
class Observer:
    """What is told, kept up from the first day on. ``see`` comes after each day, ``forget`` at an origin."""

    nature: Nature
    notices: Notices
    orders: dict[int, dict[int, _Order]] = field(default_factory=dict)
    piece: dict[int, tuple[date, bool]] = field(default_factory=dict)
    """By package: first day of the part of its outage that goes on (as planned, or after a slip), and which of them."""

    def see(self, lived: Lived, state: State, announced: Flags) -> None:
        """Take in a day that was lived; ``state`` after it, ``announced`` [packages]: its orders are told of."""
        clock = state["clock"][0].astype(int)
        arrived, ordered = lived.arrived[0], lived.ordered[0]
        for package, due in self.orders.items():
            now = int(clock[package])
            if now in due:
                due.pop(now)
                if not arrived[package]:
                    self._put_off(package, now, state, lived)
        for package in map(int, np.flatnonzero(ordered > 0)):
            now = int(clock[package])
            when = now + int(np.clip(lived.lead[0, package], 1, RING - 1))
            mine = self.orders.setdefault(package, {})
            # Orders that come on the same day are one; it is told of where one of them is.
            both = bool(announced[package]) or (when in mine and mine[when].announced)
            mine[when] = _Order(float(now), False, both)
        for package in map(int, np.flatnonzero(lived.decided[0])):
            self.piece[package] = (self.notices.newest[package].start, False)
        for package in map(int, np.flatnonzero(lived.slipped[0])):
            self.piece[package] = (lived.day, True)

    def _put_off(self, package: int, now: int, state: State, lived: Lived) -> None:
        """What was due now comes at another time: the one place in the pipe that is not known yet."""
        mine = self.orders[package]
        places = (np.flatnonzero(state["pipe"][0, package]) - now) % RING + now
        fresh = now + int(lived.lead[0, package]) if lived.ordered[0, package] > 0 else None
        unknown = [int(place) for place in places if int(place) not in mine and int(place) != fresh]
        if len(unknown) == 1:
            mine[unknown[0]] = _Order(float(now), True, False)

    def forget(self, living: State, random: np.random.Generator) -> None:
        """Draw again in all paths of ``living`` what is decided and told to nobody."""
        self._forget_orders(living, random)
        self._forget_outages(living, random)

    def _forget_orders(self, living: State, random: np.random.Generator) -> None:
        leads, delays = self._delays(living, random)
        clock, pipe = living["clock"], living["pipe"]
        paths = np.arange(len(clock))
        for package, due in sorted(self.orders.items()):
            now = int(clock[0, package])
            for when, order in sorted(due.items()):
                slot = when % RING
                packs = float(pipe[0, package, slot])
                if when <= now or not packs or (order.announced and not order.late):
                    continue
                law = delays[self.nature.goods.supplier[package]] if order.late else leads[:, package]
                left = _left(law, now - order.since, random.random(len(paths)))
                if left is not None:
                    pipe[:, package, slot] -= packs
                    pipe[paths, package, ((now + left) % RING).astype(np.int64)] += packs

    def _forget_outages(self, living: State, random: np.random.Generator) -> None:
        lengths, slips = self._lengths(living, random)
        on, paths = living.day, len(living["down"])
        down, wait = living["down"], living["wait"]
        groups: dict[tuple[int, date], Array] = {}
        for package in map(int, np.flatnonzero((down[0] > 0) | (wait[0] > 0))):
            outage = self.notices.newest.get(package)
            if outage is None or package not in self.piece or self._told(outage, on, package):
                continue
            if wait[0, package] > 0:
                if outage.published is None or outage.published >= on:
                    wait[:, package] = 0.0
                continue
            since, slipped = self.piece[package]
            key = (int(self.nature.goods.supplier[package]), outage.decided)
            chance = groups.setdefault(key, random.random(paths))
            left = _left(slips if slipped else lengths, (on - since).days - 1, chance)
            if left is not None:
                down[:, package] = left

    def _told(self, outage: Outage, on: date, package: int) -> bool:
        """Whether an end that still lies ahead has been told, of this outage or of one that came with it."""
        supplier, medicine = self.nature.goods.supplier, self.nature.goods.medicine_of
        for other in self.notices.newest.values():
            together = other.decided == outage.decided and (
                supplier[other.package] == supplier[package] or medicine[other.package] == medicine[package]
            )
            known = [end for told, end in other.stated if told < on]
            if together and known and known[-1] != OPEN_END and known[-1] >= on:
                return True
        return False

    def _delays(self, living: State, random: np.random.Generator) -> tuple[Array, dict[int, Array]]:
        """Leads [draws, packages] and further delays by supplier, as they would be drawn now."""
        state = State(living.day, {name: np.repeat(v[:1], DRAWS, axis=0) for name, v in living.arrays.items()})
        leads = self.nature.order(state, np.zeros_like(state["shelf"]), random)[1]
        late, supplier = self.nature.lateness(state, random), self.nature.goods.supplier
        return leads, {int(s): late[:, supplier == s][late[:, supplier == s] > 0] for s in np.unique(supplier)}

    def _lengths(self, living: State, random: np.random.Generator) -> tuple[Array, Array]:
        """Planned lengths of outages, and slips of their ends."""
        state = State(living.day, {name: np.repeat(v[:1], BEGINNINGS, axis=0) for name, v in living.arrays.items()})
        slips = self.nature.slip(state, random)
        begins, _, length = self.nature.failures(state, random)
        return length[begins], slips[slips > 0]


def _left(law: Array, elapsed: float, chance: Array) -> Array | None:
    """What is left [paths] of a duration of which ``elapsed`` is over; None where the law says nothing of it."""
    possible = np.sort(law[law > elapsed])
    if not len(possible):
        return None
    return np.maximum(possible[(chance * len(possible)).astype(np.int64)] - elapsed, 1.0)
