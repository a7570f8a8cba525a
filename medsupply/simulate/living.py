"""The nation and its sites together: one ``Day`` after another, and the outages that are planted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from medsupply.simulate.goods import Array
from medsupply.simulate.nature import Nature
from medsupply.simulate.notices import Notices
from medsupply.simulate.sites import Sites
from medsupply.simulate.state import Lived, State

EXPIRED_SEEN = 4
"""Days that a wholesaler goes on counting a lot that has expired."""
RETURNED, RETURN_CHANCE = 0.02, 0.99


@dataclass(frozen=True)
class Planted:
    """An outage of all packages of one medicine: it starts ``before`` days before the last one and lasts ``length``.

    ``share`` of the medicine's packages are hit, the first ones.
    """

    medicine: int
    before: int
    length: int
    share: float = 1.0


@dataclass(frozen=True)
class Regime:
    """From ``before`` days before the last one on, ``factor`` times as much of a medicine is wanted, for good."""

    medicine: int
    before: int
    factor: float


@dataclass(frozen=True)
class Spoiling:
    """``before`` days before the last one the wholesaler finds that ``share`` of its packs expires in ``days`` days."""

    medicine: int
    before: int
    share: float
    days: int


@dataclass(frozen=True)
class Plan:
    """What is planted in a nation before its last day."""

    outages: Sequence[Planted] = ()
    regimes: Sequence[Regime] = ()
    spoiling: Sequence[Spoiling] = ()

    def within(self, medicines: int) -> Plan:
        """What concerns the first ``medicines``: a small nation has no others."""
        return Plan(
            [one for one in self.outages if one.medicine < medicines],
            [one for one in self.regimes if one.medicine < medicines],
            [one for one in self.spoiling if one.medicine < medicines],
        )


@dataclass(frozen=True)
class Day:
    """One day at its end. Site arrays are sites x packages, the others packages; all in packs."""

    day: date
    lived: Lived
    given: Array
    returned: Array
    shelf: Array
    reserve: Array
    depot: Array
    short: Array
    short_left: Array
    company: Array
    permit: Array
    expired_lots: tuple[tuple[int, float, date], ...]

    @property
    def stock(self) -> Array:
        """What counts as the nation's stock, per package."""
        allowed = np.minimum(self.company, self.permit)
        found: Array = self.shelf.sum(axis=0) + self.depot + allowed
        return found


class Living:
    """Lives the nation; streams of randomness are apart, so that sites never change the nation."""

    def __init__(self, nature: Nature, sites: Sites, notices: Notices, seed: int) -> None:
        self.nature, self.sites, self.notices = nature, sites, notices
        self.random = np.random.default_rng([seed, 11])
        self.state: State
        self._expired: list[tuple[int, float, date]] = []

    def before(self, first: date, start: date) -> Iterator[Lived]:
        """Live from ``first`` until the day before ``start`` without sites."""
        self.state = self.nature.begin(first)
        while self.state.day < start:
            lived = self.nature.step(self.state, self.random)
            self.notices.see(lived)
            yield lived

    def days(self, last: date, plan: Plan | None = None) -> Iterator[Day]:
        """Live with sites up to ``last``."""
        self.sites.begin(self.state["shelf"][0], self.nature.hospital_reserve)
        while self.state.day <= last:
            self._plant(plan or Plan(), (last - self.state.day).days)
            lived = self.nature.step(self.state, self.random)
            self.notices.see(lived)
            given = self.sites.live(lived, self.state["mean"][0])
            yield self._day(lived, given)

    def _plant(self, plan: Plan, left: int) -> None:
        """What begins today, ``left`` days before the last: an outage as if it had been decided the day before, told
        today; another level of demand; a short-dated part of the depot."""
        state, medicine_of = self.state, self.nature.goods.medicine_of
        for one in (one for one in plan.outages if one.before == left):
            mine = np.flatnonzero(medicine_of == one.medicine)
            for package in mine[: max(1, round(len(mine) * one.share))]:
                state["wait"][0, package], state["down"][0, package] = 0.0, float(one.length)
                state["length"][0, package] = float(one.length)
                self.notices.plant(int(package), state.day, one.length)
        for change in (one for one in plan.regimes if one.before == left):
            state["level"][:, change.medicine] *= change.factor
        for lot in (one for one in plan.spoiling if one.before == left):
            mine = np.flatnonzero(medicine_of == lot.medicine)
            state["short"][:, mine] = np.floor(state["depot"][:, mine] * lot.share)
            state["short_left"][:, mine] = float(lot.days)

    def _day(self, lived: Lived, given: Array) -> Day:
        state, sites = self.state, self.sites
        self._expired += [(int(p), float(lived.expired[0, p]), lived.day) for p in np.flatnonzero(lived.expired[0] > 0)]
        self._expired = [lot for lot in self._expired if (lived.day - lot[2]).days < EXPIRED_SEEN]
        hospital = sites.hospital[:, None]
        returned = np.where(hospital, self._returns(given), 0.0)
        names = ("depot", "short", "short_left", "company", "permit")
        depot, short, short_left, company, permit = (state[name][0].copy() for name in names)
        reserve = np.minimum(sites.reserve, sites.shelf)
        return Day(
            lived.day, lived, given, returned, sites.shelf, reserve, depot, short, short_left, company, permit,
            tuple(self._expired),
        )  # fmt: skip

    def _returns(self, given: Array) -> Array:
        """Wards send a few packs back; the day's rows then say that so many more had left."""
        found: Array = np.floor(given * RETURNED + self.sites.random.random(given.shape) * RETURN_CHANCE)
        return found
