"""How the nation's packs lie among its dispensing sites, and who is given them where; sites x packages.

The nation's sums are given by ``nature`` and kept to the pack: shipments go to the emptiest shelves first, demand
that a shelf cannot serve is served by another one, packs move between counties when one is bare.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from medsupply.simulate.calendar import factors
from medsupply.simulate.goods import Array, Flags, Goods
from medsupply.simulate.places import Place
from medsupply.simulate.products import Medicine, Package
from medsupply.simulate.state import Lived

ORDERS_BELOW, FILLS_TO = 0.55, 1.35
"""Marks of a shelf as multiples of its usual level."""
TRANSFERS_A_DAY = 2
RETURNS = 0.02


class Sites:
    """Shelves of all dispensing holders."""

    def __init__(
        self,
        places: Sequence[Place],
        medicines: Sequence[Medicine],
        packages: Sequence[Package],
        goods: Goods,
        random: np.random.Generator,
        *,
        carried: float,
    ) -> None:
        self.places = [place for place in places if place.channel]
        self.hospital = np.array([place.channel == "hospital" for place in self.places])
        self.random = random
        self.carries = _carries(self.places, medicines, packages, random, carried)
        self.share = _shares(self.places, self.carries, goods, random)
        self.reserve = np.zeros_like(self.share)
        self.shelf = np.zeros_like(self.share)
        self.transfers: list[tuple[int, int, int, float]] = []

    def begin(self, shelf: Array, reserve: Array) -> None:
        """Lay the nation's packs out; ``reserve`` is what hospitals must keep, both shape (P,)."""
        weights = self.share * self.hospital[:, None]
        self.reserve = apportion(reserve, weights, self.random)
        self.shelf = self.reserve + apportion(np.maximum(shelf - reserve, 0.0), self.share, self.random)

    def live(self, lived: Lived, mean: Array) -> Array:
        """Ship and dispense as the nation did; ``mean`` is its daily demand, shape (P,). Packs given per site."""
        self._ship(lived.shipped[0], mean)
        self._transfer(mean)
        return self._dispense(lived)

    def _ship(self, sent: Array, mean: Array) -> None:
        """The emptiest shelves are filled first, each to its high mark; packs beyond all marks go by size."""
        if not sent.any():
            return
        moving = np.flatnonzero(sent)
        usual = self.share[:, moving] * mean[moving] * 14.0 + 1.0
        have = self.shelf[:, moving] - self.reserve[:, moving]
        high = np.where(self.carries[:, moving], np.ceil(usual * FILLS_TO), 0.0)
        room = np.maximum(high - have, 0.0) + np.maximum(-have, 0.0)
        urgency = have / usual + self.random.uniform(0.0, 0.3, have.shape)
        rank = np.argsort(np.where(room > 0, urgency, np.inf), axis=0)
        sorted_room = np.take_along_axis(room, rank, axis=0)
        before = np.cumsum(sorted_room, axis=0) - sorted_room
        taken = np.clip(sent[moving] - before, 0.0, sorted_room)
        got = np.empty_like(taken)
        np.put_along_axis(got, rank, taken, axis=0)
        rest = sent[moving] - taken.sum(axis=0)
        if rest.any():
            got += apportion(rest, self.share[:, moving], self.random)
        self.shelf[:, moving] += got

    def _transfer(self, mean: Array) -> None:
        """A county that is bare gets packs from the best stocked site, a few times a day."""
        self.transfers = []
        free = np.maximum(self.shelf - self.reserve, 0.0)
        level = free.sum(axis=0) / np.maximum(mean, 1e-9)
        scarce = np.flatnonzero((level < 8.0) & (free.sum(axis=0) > 4))
        for package in self.random.permutation(scarce)[:TRANSFERS_A_DAY]:
            cover = np.where(self.carries[:, package], free[:, package] / (self.share[:, package] + 1e-9), np.nan)
            giver, taker = int(np.nanargmax(cover)), int(np.nanargmin(cover))
            packs = float(np.floor(free[giver, package] / 3))
            if packs >= 1 and giver != taker:
                self.shelf[giver, package] -= packs
                self.shelf[taker, package] += packs
                self.transfers.append((giver, taker, int(package), packs))

    def _dispense(self, lived: Lived) -> Array:
        community, hospital = factors(lived.day)
        open_now = np.where(self.hospital, hospital, community)
        total = lived.given[0]
        expected = self.share * open_now[:, None]
        sums = expected.sum(axis=0)
        expected = np.where(sums > 0, expected / np.where(sums > 0, sums, 1.0), self.share) * total
        drawn = self.random.poisson(expected).astype(float)
        drawn = np.where(drawn.sum(axis=0) > 0, drawn, expected)
        asked = apportion(total, drawn, self.random)
        given = np.minimum(asked, np.maximum(self.shelf - self.reserve, 0.0))
        for keeping in (self.reserve, np.zeros_like(self.reserve)):
            given = self._elsewhere(given, total, np.maximum(self.shelf - keeping, 0.0))
        self.shelf -= given
        return given

    def _elsewhere(self, given: Array, total: Array, room: Array) -> Array:
        """What is not served yet is served where packs are left, by what is left."""
        missing = total - given.sum(axis=0)
        short = np.flatnonzero(missing > 0)
        if not len(short):
            return given
        left = np.maximum(room[:, short] - given[:, short], 0.0)
        more = np.minimum(missing[short], left.sum(axis=0))
        given[:, short] += apportion(more, left, self.random, exact=True)
        return given


def apportion(total: Array, weights: Array, random: np.random.Generator, *, exact: bool = False) -> Array:
    """Whole packs of ``total`` (P,) by ``weights`` (sites x P); columns sum to ``total`` where there is any weight.

    With ``exact`` no cell gets more than its weight, which must then be whole numbers that sum to ``total`` or more.
    """
    summed = np.cumsum(weights, axis=0)
    whole = summed[-1]
    marks = summed * np.where(whole > 0, total / np.where(whole > 0, whole, 1.0), 0.0)
    start = np.zeros(len(total)) if exact else random.random(len(total))
    marks[-1] = np.where(whole > 0, total, 0.0)
    steps = np.floor(marks + start + 1e-9)
    return np.diff(steps, axis=0, prepend=np.floor(start + 1e-9)[None, :])


def _carries(
    places: Sequence[Place],
    medicines: Sequence[Medicine],
    packages: Sequence[Package],
    random: np.random.Generator,
    carried: float,
) -> Flags:
    """Which site keeps which package: hospitals theirs, dose dispensing tablets, pharmacies most of the others."""
    where = np.array([medicines[p.medicine].where for p in packages])
    solid = np.array([medicines[p.medicine].unit == "kpl" and medicines[p.medicine].where != "h" for p in packages])
    rows = []
    for place in places:
        if place.channel == "hospital":
            mine = where != "c"
            if place.holder_type == "medicine_centre":
                mine = mine & (random.random(len(where)) < 0.6)
        elif place.holder_type == "dose_dispensing":
            mine = solid
        else:
            mine = (where != "h") & (random.random(len(where)) < carried)
        rows.append(mine)
    found = np.array(rows)
    # Every package is kept somewhere in each of its channels.
    hospital = np.array([place.channel == "hospital" for place in places])
    found[np.argmax(hospital), where != "c"] = True
    found[np.argmax(~hospital), where != "h"] = True
    return found


def _shares(places: Sequence[Place], carries: Flags, goods: Goods, random: np.random.Generator) -> Array:
    """Share of each site in the nation's demand for each package; columns sum to 1."""
    weight = np.array([place.weight for place in places])[:, None] * random.lognormal(0.0, 0.25, carries.shape)
    hospital = np.array([place.channel == "hospital" for place in places])
    share = np.zeros(carries.shape)
    for mask, part in ((hospital, goods.hospital_share), (~hospital, 1 - goods.hospital_share)):
        mine = np.where(carries & mask[:, None], weight, 0.0)
        sums = mine.sum(axis=0)
        share += mine / np.where(sums > 0, sums, 1.0) * part
    return np.asarray(share / share.sum(axis=0))
