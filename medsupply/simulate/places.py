"""The invented holders: wholesalers, companies, hospital pharmacies, pharmacies, on real counties by population."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from medsupply.areas import COUNTIES
from medsupply.simulate.products import COMPANIES

FIRST_DAY = date(2015, 1, 1)
# HUS Apteekki serves five counties; the other university hospitals their collaborative area's counties in part.
HUS_SERVES = "01,02,03,04,90"


@dataclass(frozen=True)
class Place:
    """One holder. ``weight`` is its share of the nation's demand in its channel."""

    holder_id: str
    holder_type: str
    name: str
    county: str
    weight: float
    channel: str | None = None
    wholesaler: int = 0
    serves: str = ""


def places(pharmacies: int, random: np.random.Generator) -> list[Place]:
    """All holders: dispensing ones first (pharmacies, dose dispensing, hospital pharmacies), then those that supply."""
    return [*_pharmacies(pharmacies, random), *_hospitals(), *_others()]


def _pharmacies(count: int, random: np.random.Generator) -> list[Place]:
    population = np.array([area.population for area in COUNTIES], dtype=float)
    per_county = np.maximum(1, np.floor(population / population.sum() * count)).astype(int)
    found = []
    for area, number in zip(COUNTIES, per_county, strict=True):
        sizes = random.lognormal(0.0, 0.5, number)
        for n, size in enumerate(sizes / sizes.sum()):
            found.append((area, n, size * area.population / population.sum()))
    return [
        Place(
            f"A{area.code}{n + 1:03d}",
            "pharmacy",
            f"Apteekki {area.code}-{n + 1}",
            area.code,
            share,
            "community",
            (int(area.code) + n) % 3,
        )
        for area, n, share in found
    ]


def _hospitals() -> list[Place]:
    """24 hospital pharmacies: HUS for five counties, one each elsewhere, second ones in the largest counties."""
    own = [area for area in COUNTIES if area.code not in HUS_SERVES.split(",")]
    population = sum(area.population for area in COUNTIES)
    hus = sum(area.population for area in COUNTIES if area.code in HUS_SERVES.split(","))
    extra = ("05", "08", "19", "13", "15")
    found = [
        Place(
            "HUS",
            "hospital_pharmacy",
            "HUS-alueen sairaala-apteekki",
            "90",
            hus / population,
            "hospital",
            0,
            HUS_SERVES,
        )
    ]
    for area in own:
        share = area.population / population / (2 if area.code in extra else 1)
        for n in range(2 if area.code in extra else 1):
            found.append(
                Place(
                    f"S{area.code}{n + 1}",
                    "hospital_pharmacy",
                    f"Sairaala-apteekki {area.code}-{n + 1}",
                    area.code,
                    share,
                    "hospital",
                    n % 3,
                )
            )
    return found


def _others() -> list[Place]:
    wholesalers = [
        Place(f"W{n + 1}", "wholesaler", f"Lääketukku {n + 1}", county, 0.0)
        for n, county in enumerate(("90", "04", "05"))
    ]
    companies = [Place(f"M{n + 1}", "mah", name, "90", 0.0) for n, name in enumerate(COMPANIES)]
    state = Place("VARA1", "state_reserve", "Valtion varmuusvarasto 1", "08", 0.0)
    return [*wholesalers, *companies, Place("THL", "thl", "THL", "90", 0.0), state]
