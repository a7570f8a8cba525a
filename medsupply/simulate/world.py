"""The living nation: demand, shelves, orders, supply and outages, one day at a time, as arrays of places x packages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from medsupply.days import is_open
from medsupply.simulate.laws import Laws
from medsupply.simulate.places import Place
from medsupply.simulate.products import Medicine, Package

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Outage:
    """A supplier cannot deliver a package. ``published`` is the day of the notice (None: never)."""

    package: int
    start: date
    end: date
    published: date | None
    stated_ends: tuple[tuple[date, date], ...]
    """(day of the revision, end stated then)."""


@dataclass(frozen=True)
class Order:
    """An order of a wholesaler. ``expected`` is what is announced, ``arrives`` is true."""

    package: int
    packs: float
    announced_on: date
    expected: date
    arrives: date
    announced: bool


@dataclass
class Day:
    """One day of the nation. Arrays are packs: places x packages, or packages."""

    day: date
    demand: Array
    dispensed: Array
    shelf: Array
    reserve: Array
    wholesale: Array
    orders: list[Order] = field(default_factory=list)


class World:
    """State and laws; ``live`` yields the days."""

    def __init__(
        self,
        laws: Laws,
        medicines: list[Medicine],
        packages: list[Package],
        places: list[Place],
        random: np.random.Generator,
    ) -> None:
        self.laws, self.medicines, self.packages, self.random = laws, medicines, packages, random
        self.places = [place for place in places if place.channel]
        self.medicine_of = np.array([package.medicine for package in packages])
        self.hospital = np.array([place.channel == "hospital" for place in self.places])
        self.rate = self._rates()
        self.drift = np.zeros(len(medicines))
        self.reserve = np.where(self.hospital[:, None], np.round(self.rate * laws.hospital_reserve), 0.0)
        self.shelf = np.round(self.rate * np.where(self.hospital, 25.0, 14.0)[:, None]) + self.reserve
        self.wholesale = np.round(self.rate.sum(axis=0) * laws.wholesaler_high * 0.7)
        self.coming = np.zeros_like(self.shelf)
        self.pending: list[Order] = []
        self.surges: dict[int, tuple[date, date]] = {}

    def _rates(self) -> Array:
        """Mean packs a day by place and package."""
        weekly = np.array([self.medicines[p.medicine].weekly_packs * p.share for p in self.packages])
        where = [self.medicines[p.medicine].where for p in self.packages]
        community = np.array([{"c": 1.0, "b": 0.85, "h": 0.0}[w] for w in where])
        hospital = np.array([{"c": 0.0, "b": 0.15, "h": 1.0}[w] for w in where])
        weights = np.array([place.weight for place in self.places])
        # Small places do not stock every package of a medicine: rates under a pack a fortnight are left out.
        split = np.where(self.hospital[:, None], hospital[None, :], community[None, :])
        rates = weights[:, None] * split * weekly[None, :] / 7.0
        return np.where(rates * 14 >= 1.0, rates, 0.0)

    def live(self, first: date, days: int, outages: list[Outage]) -> Iterator[Day]:
        """Live ``days`` days from ``first``; the outages are given, since they are part of the truth."""
        by_package: dict[int, list[Outage]] = {}
        for outage in outages:
            by_package.setdefault(outage.package, []).append(outage)
        for number in range(days):
            day = first + timedelta(days=number)
            self._receive(day)
            demand, dispensed = self._dispense(day)
            orders = self._order(day, by_package)
            yield Day(day, demand, dispensed, self.shelf.copy(), self.reserve, self.wholesale.copy(), orders)

    def _receive(self, day: date) -> None:
        arrived = [order for order in self.pending if order.arrives <= day]
        self.pending = [order for order in self.pending if order.arrives > day]
        for order in arrived:
            self.wholesale[order.package] += order.packs
        if is_open(day):
            self.shelf += self.coming
            self.coming[:] = 0.0

    def _dispense(self, day: date) -> tuple[Array, Array]:
        wanted = self.random.poisson(self.rate * self._factors(day)).astype(float)
        free = np.maximum(self.shelf - self.reserve, 0.0)
        given = np.minimum(wanted, free)
        unmet = wanted - given
        if unmet.sum() > 0:
            given = given + self._substitute(unmet, free - given)
        # A hospital uses its reserve when nothing else is left.
        short = np.where(
            self.hospital[:, None], np.minimum(wanted - np.minimum(given, wanted), self.shelf - given), 0.0
        )
        given = given + np.round(np.maximum(short, 0.0) * 0.5)
        self.shelf -= given
        return wanted, given

    def _substitute(self, unmet: Array, left: Array) -> Array:
        """Unmet demand of a package goes in part to the medicine's other packages that are on the shelf."""
        moved = np.zeros_like(unmet)
        for medicine in np.unique(self.medicine_of[unmet.sum(axis=0) > 0]):
            mine = np.flatnonzero(self.medicine_of == medicine)
            need = np.round(unmet[:, mine].sum(axis=1) * self.laws.substitution)
            for package in mine:
                taken = np.minimum(need, np.maximum(left[:, package], 0.0))
                moved[:, package] += taken
                need -= taken
        return moved

    def _factors(self, day: date) -> Array:
        """What the day does to mean demand: season, weekday, holidays, drift, surge."""
        laws = self.laws
        if day.weekday() == 0:
            self.drift = self.drift * 0.995 + self.random.normal(0.0, laws.drift_sd, len(self.medicines))
            self._surge(day)
        angle = 2 * np.pi * (day.timetuple().tm_yday - 15) / 365.25
        season = np.array([1.0 + medicine.season * np.cos(angle) for medicine in self.medicines])
        surge = np.ones(len(self.medicines))
        for medicine, (start, end) in self.surges.items():
            if start <= day <= end:
                surge[medicine] += laws.surge_size * np.sin(np.pi * ((day - start).days + 1) / ((end - start).days + 2))
        noise = self.random.normal(0.0, laws.noise_sd, len(self.medicines))
        by_package = (season * surge * np.exp(self.drift + noise))[self.medicine_of]
        open_ = is_open(day)
        community = laws.weekday[day.weekday()] if open_ else 0.0
        hospital = laws.hospital_weekday[day.weekday() if open_ else 6]
        of_day: Array = np.where(self.hospital, hospital, community)[:, None] * by_package[None, :]
        return of_day

    def _surge(self, day: date) -> None:
        starts = self.random.random(len(self.medicines)) < self.laws.surge_rate / 52
        for medicine in np.flatnonzero(starts):
            if self.medicines[medicine].season > 0.2:
                self.surges[int(medicine)] = (day, day + timedelta(days=self.laws.surge_days))

    def _order(self, day: date, outages: dict[int, list[Outage]]) -> list[Order]:
        if is_open(day):
            self._refill_shelves()
        review = self.laws.wholesaler_review
        due = [n for n in range(len(self.packages)) if (day.toordinal() + 3 * n) % review == 0]
        rate = self.rate.sum(axis=0)
        orders = []
        for package in due:
            position = self.wholesale[package] + sum(o.packs for o in self.pending if o.package == package)
            packs = np.round(rate[package] * self.laws.wholesaler_high - position)
            if packs >= max(1.0, rate[package] * review * 0.5):
                orders.append(self._placed(package, float(packs), day, outages.get(package, [])))
        self.pending += orders
        return orders

    def _refill_shelves(self) -> None:
        """Shelves under their low mark are filled to the high mark, as far as the wholesaler has packs."""
        laws = self.laws
        low = np.where(self.hospital, laws.hospital_low, laws.pharmacy_low)[:, None] * self.rate
        high = np.where(self.hospital, laws.hospital_high, laws.pharmacy_high)[:, None] * self.rate
        have = self.shelf - self.reserve + self.coming
        wanted = np.where((self.rate > 0) & (have <= low), np.maximum(np.ceil(high - have), 0.0), 0.0)
        missing = np.where(self.reserve > 0, np.maximum(self.reserve - self.shelf, 0.0), 0.0)
        wanted += missing
        total = wanted.sum(axis=0)
        share = np.divide(self.wholesale, total, out=np.ones_like(total), where=total > self.wholesale)
        sent = np.floor(wanted * np.minimum(share, 1.0)[None, :])
        self.coming += sent
        self.wholesale -= sent.sum(axis=0)

    def _placed(self, package: int, packs: float, day: date, outages: list[Outage]) -> Order:
        laws, random = self.laws, self.random
        lead = max(2, round(laws.lead_median * float(np.exp(random.normal(0.0, laws.lead_sd)))))
        late = 0
        if random.random() < laws.late_share:
            late = round(laws.late_median * float(np.exp(random.normal(0.0, laws.late_sd))))
        expected = day + timedelta(days=lead)
        arrives = expected + timedelta(days=late)
        for outage in outages:
            if outage.start <= arrives <= outage.end:
                arrives = outage.end + timedelta(days=int(random.integers(3, 12)))
        return Order(package, packs, day, expected, arrives, bool(random.random() < laws.announced_share))
