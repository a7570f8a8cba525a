"""Weekly purchases as Kela publishes them, from what the simulated nation was given in community pharmacies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import polars as pl

from medsupply.areas import COUNTIES
from medsupply.days import week_start
from medsupply.simulate.goods import Array, Goods
from medsupply.simulate.products import Medicine
from medsupply.simulate.state import Lived

LENGTHS = (0, 1, 3, 4, 5, 7)
"""Letters of an ATC code by level."""
COLUMNS = (
    "VUOSI", "VIIKKO", "VAR_KUSTANNUS", "VAR_N_OSTOT", "VAR_N_HENKILOT", "ATC_KOODI", "ALUEKOODI", "ATC_TASO",
)  # fmt: skip
COUNTY_LEVEL, EURO, PERSONS, PURCHASES_A_PACK = 2, 21.5, 0.93, 0.8
PUBLISHED_AFTER = 9
"""Days from the Monday of the newest week to its publication, a Wednesday."""


@dataclass
class Purchases:
    """Sums by week, filled day by day."""

    medicines: Sequence[Medicine]
    goods: Goods
    weeks: dict[date, Array] = field(default_factory=dict)

    def see(self, lived: Lived) -> None:
        """Add a day of the first path."""
        monday = week_start(lived.day)
        packs = lived.given[0] * (1 - self.goods.hospital_share) * PURCHASES_A_PACK
        self.weeks[monday] = self.weeks.get(monday, np.zeros(self.goods.packages)) + packs

    def years(self, first: date, last: date) -> Iterator[tuple[int, list[date]]]:
        """ISO years with the Mondays of their published weeks (2 to 52) between two days."""
        whole = [m for m in sorted(self.weeks) if m >= first and m + timedelta(days=6) <= last]
        kept = [m for m in whole if 2 <= m.isocalendar()[1] <= 52]
        for year in sorted({m.isocalendar()[0] for m in kept}):
            yield year, [m for m in kept if m.isocalendar()[0] == year]

    def frame(self, mondays: Sequence[date], seed: int) -> pl.DataFrame:
        """Rows of some weeks: levels 0-5 for the country, 0-2 for the counties. Same week, same numbers."""
        population = np.array([area.population for area in COUNTIES], dtype=float)
        codes = sorted({(m.atc[:length], level) for m in self.medicines for level, length in enumerate(LENGTHS)})
        rows: list[tuple[object, ...]] = []
        for monday in mondays:
            random = np.random.default_rng([seed, monday.toordinal()])
            bought = dict(self._by_code(monday))
            for atc, level in codes:
                number = bought.get((atc, level), 0.0)
                if number < 10:
                    continue
                rows.append(_row(monday, number, atc, "99", level))
                if level <= COUNTY_LEVEL:
                    parts = random.multinomial(round(number), population / population.sum())
                    rows += [_row(monday, n, atc, a.code, level) for n, a in zip(parts, COUNTIES, strict=True)]
        return pl.DataFrame(rows, schema=list(COLUMNS), orient="row", infer_schema_length=None)

    def _by_code(self, monday: date) -> Iterator[tuple[tuple[str, int], float]]:
        sums: dict[tuple[str, int], float] = {}
        by_medicine = self.goods.by_medicine(self.weeks[monday])
        for medicine, number in zip(self.medicines, by_medicine, strict=True):
            for level, length in enumerate(LENGTHS):
                key = (medicine.atc[:length], level)
                sums[key] = sums.get(key, 0.0) + float(number)
        yield from sums.items()


def names(medicines: Sequence[Medicine], on: date) -> pl.DataFrame:
    """What Kela says of its columns on a day: a row per column and value, ATC codes with their names among them."""
    # Of what hospitals alone use nothing is bought in pharmacies, so Kela has no name for it.
    bought = {m.atc: m for m in reversed(medicines) if m.where != "h"}
    rows: list[tuple[str, str | None]] = [(column, None) for column in COLUMNS]
    rows += [("ATC_KOODI", atc) for atc in sorted(bought)]
    for language in ("fi", "sv", "en"):
        column = f"ATC_SELITE_{language.upper()}"
        rows.append((column, "(NA) NA"))  # the sum over all has no code
        rows += [(column, f"({atc}) {getattr(m, language).capitalize()}") for atc, m in sorted(bought.items())]
    header = ["CODE", "VALUES", "CLASS", "NAME", "DESCRIPTION", "UPDATED"]
    described = [
        (code, value, "character" if code.startswith(("ATC_K", "ATC_S")) else "numeric", code, code, f"{on} 03:00:00")
        for code, value in rows
    ]
    return pl.DataFrame(described, schema=dict.fromkeys(header, pl.String), orient="row")


def _row(monday: date, number: float, atc: str, area: str, level: int) -> tuple[object, ...]:
    year, week, _ = monday.isocalendar()
    count = round(float(number))
    cost, persons = count * EURO, round(count * PERSONS)
    return (float(year), float(week), cost, count, persons, atc or None, float(area), float(level))
