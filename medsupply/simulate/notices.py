"""Shortage notices about outages: some early, some late, some never; stated ends that slip; lists K and E."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np

from medsupply.simulate.products import COMPANIES, Package
from medsupply.simulate.state import Lived

OPEN_END = date(9999, 12, 31)
ENDED_SHOWN = 30
HEADER = (
    '"VNR";"Voimassa";"SaatavuushairioAlkupaiva";"SaatavuushairioLoppupaiva";"Ilmoituspaiva";"Muokkauspaiva";"Yritys"'
)


@dataclass(frozen=True)
class Manners:
    """How companies of a family tell: shares 0-1, days."""

    never: float = 0.1
    late: float = 0.3
    """Of outages that start unforeseen, told only after the start."""
    late_mean: float = 7.0
    open_end: float = 0.08
    slow_mean: float = 3.0
    """Days until a slipped end is told."""


@dataclass
class Outage:
    """One outage. ``stated``: (day told, end told then). ``ended``: the true last day, None while it lasts."""

    package: int
    decided: date
    start: date
    planned: date
    published: date | None
    stated: list[tuple[date, date]] = field(default_factory=list)
    ended: date | None = None


class Notices:
    """All outages so far and what has been told about them."""

    def __init__(self, manners: Manners, random: np.random.Generator) -> None:
        self.manners, self.random = manners, random
        self.outages: list[Outage] = []
        self.newest: dict[int, Outage] = {}

    def see(self, lived: Lived) -> None:
        """Take in what happened on a day (first path)."""
        for package in np.flatnonzero(lived.decided[0]):
            self._decided(int(package), lived)
        for package in np.flatnonzero(lived.slipped[0]):
            self._slipped(int(package), lived)
        for package in np.flatnonzero(lived.ended[0]):
            if int(package) in self.newest:
                self.newest[int(package)].ended = lived.day

    def _decided(self, package: int, lived: Lived) -> None:
        start = lived.day + timedelta(days=int(lived.wait[0, package]))
        end = start + timedelta(days=int(lived.length[0, package]))
        outage = Outage(package, lived.day, start, end, self._told(lived.day, start))
        if outage.published is not None:
            stated = OPEN_END if self.random.random() < self.manners.open_end else end
            outage.stated.append((outage.published, stated))
        self.outages.append(outage)
        self.newest[package] = outage

    def plant(self, package: int, day: date, length: int) -> None:
        """An outage that begins on ``day`` and is told that day."""
        end = day + timedelta(days=length)
        outage = Outage(package, day, day, end, day, [(day, end)])
        self.outages.append(outage)
        self.newest[package] = outage

    def _told(self, decided: date, start: date) -> date | None:
        kind, late = self.random.random(), int(self.random.geometric(1 / self.manners.late_mean))
        if kind < self.manners.never:
            return None
        unforeseen = decided == start and kind < self.manners.never + self.manners.late
        return start + timedelta(days=late) if unforeseen else decided

    def _slipped(self, package: int, lived: Lived) -> None:
        slow = int(self.random.geometric(1 / self.manners.slow_mean)) - 1
        outage = self.newest.get(package)
        if outage is None:
            return
        outage.planned = lived.day + timedelta(days=int(lived.length[0, package]))
        if outage.stated and outage.stated[-1][1] != OPEN_END:
            told = max(lived.day + timedelta(days=slow), outage.stated[-1][0])
            outage.stated.append((told, outage.planned))

    def rows(self, packages: Sequence[Package], on: date) -> list[tuple[str, ...]]:
        """Rows of the full list of ``on``: K in force or to come, E ended in the last month; one per package."""
        newest: dict[str, tuple[str, ...]] = {}
        for outage in self.outages:
            told = [one for one in outage.stated if one[0] <= on]
            over = outage.ended is not None and outage.ended < on
            if not told or (over and outage.ended is not None and (on - outage.ended).days > ENDED_SHOWN):
                continue
            changed, end = told[-1]
            if over and outage.ended is not None:
                changed, end = max(outage.ended, told[0][0]), outage.ended
            package = packages[outage.package]
            days = (str(max(day, date(1, 1, 1))) for day in (outage.start, end, told[0][0], changed))
            newest[package.vnr] = (package.vnr, "E" if over else "K", *days, COMPANIES[package.company])
        return [newest[vnr] for vnr in sorted(newest)]


def list_file(rows: Sequence[tuple[str, ...]]) -> bytes:
    """The list as published: every field quoted, CRLF, UTF-8."""
    lines = [";".join(f'"{cell}"' for cell in row) for row in rows]
    return ("\r\n".join([HEADER, *lines]) + "\r\n").encode("utf-8")


def dirty_rows(on: date) -> list[tuple[str, ...]]:
    """What the real list has too: a year 0202, an end before its start, a package that no list names."""
    return [
        ("990001", "K", "0202-11-01", "9999-12-31", str(on), str(on), "Kaamos Pharma Oy"),
        ("990002", "K", str(on), str(on - timedelta(days=30)), str(on), str(on), "Tunturi Generics AB"),
        ("990003", "K", str(on), str(on + timedelta(days=60)), str(on), str(on), "Tunturi Genrics AB"),
    ]
