"""The invented holders: wholesalers, companies, hospital pharmacies, medicine centres, pharmacies, dose dispensing,
on real counties by population."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from medsupply.areas import COUNTIES, Area
from medsupply.simulate.products import COMPANIES

FIRST_DAY = date(2015, 1, 1)
# HUS Apteekki serves five counties; the other university hospitals have a second pharmacy in their county.
HUS_SERVES = "01,02,03,04,90"
HOSPITALS = 24
TWO_HOSPITALS = ("05", "08", "13", "15", "19")
CENTRE_SHARE, DOSE_SHARE = 0.3, 0.04
DOSE_COUNTIES = ("08", "05", "90")
PEOPLE = sum(area.population for area in COUNTIES)


@dataclass(frozen=True)
class Place:
    """One holder. ``weight`` is its share of the nation's demand in its channel."""

    holder_id: str
    holder_type: str
    name: str
    county: str
    weight: float
    channel: str | None = None
    serves: str = ""


def places(pharmacies: int, centres: int, random: np.random.Generator, *, hospitals: int = HOSPITALS) -> list[Place]:
    """All holders: dispensing ones first (pharmacies, dose dispensing, hospitals, centres), then those that supply."""
    return [
        *_pharmacies(pharmacies, random),
        *_dose_dispensing(),
        *_hospitals(hospitals),
        *_centres(centres),
        *_others(),
    ]


def _pharmacies(count: int, random: np.random.Generator) -> list[Place]:
    """At least one in every county, the others where people are; sizes within a county differ."""
    found = []
    for area, number in zip(COUNTIES, _by_population(count, len(COUNTIES)), strict=True):
        sizes = random.lognormal(0.0, 0.5, number)
        for n, size in enumerate(sizes / sizes.sum()):
            name = f"Apteekki {area.code}-{n + 1}"
            weight = float(size) * area.population / PEOPLE
            found.append(Place(f"A{area.code}{n + 1:03d}", "pharmacy", name, area.code, weight, "community"))
    return found


def _by_population(count: int, least: int) -> list[int]:
    """``count`` (or ``least``, when that is more) split over the counties, at least one each, largest remainders."""
    left = max(count, least) - len(COUNTIES)
    exact = [left * area.population / PEOPLE for area in COUNTIES]
    whole = [int(x) for x in exact]
    by_remainder = sorted(range(len(exact)), key=lambda n: whole[n] - exact[n])
    for n in by_remainder[: left - sum(whole)]:
        whole[n] += 1
    return [1 + n for n in whole]


def _dose_dispensing() -> list[Place]:
    return [
        Place(f"D{code}1", "dose_dispensing", f"Annosjakelu {code}", code, DOSE_SHARE / 3, "community")
        for code in DOSE_COUNTIES
    ]


def _hospitals(count: int) -> list[Place]:
    """HUS for five counties, one in each other county, second ones in the largest until there are ``count``."""
    own = [area for area in COUNTIES if area.code not in HUS_SERVES.split(",")]
    hus = sum(area.population for area in COUNTIES if area.code in HUS_SERVES.split(","))
    second = TWO_HOSPITALS[: max(0, count - 1 - len(own))]
    found = [
        Place("HUS", "hospital_pharmacy", "HUS Apteekki", "90", hus / PEOPLE, "hospital", HUS_SERVES),
    ]
    for area in own[: count - 1]:
        number = 2 if area.code in second else 1
        found += [_hospital(area, n, area.population / PEOPLE / number) for n in range(number)]
    return found


def _hospital(area: Area, n: int, weight: float) -> Place:
    name = f"Sairaala-apteekki {area.code}-{n + 1}"
    return Place(f"S{area.code}{n + 1}", "hospital_pharmacy", name, area.code, weight, "hospital")


def _centres(count: int) -> list[Place]:
    """Medicine centres of smaller hospitals, in the counties in turn."""
    areas = [COUNTIES[n % len(COUNTIES)] for n in range(count)]
    return [
        Place(
            f"K{area.code}{n // len(COUNTIES) + 1}",
            "medicine_centre",
            f"Lääkekeskus {area.code}-{n // len(COUNTIES) + 1}",
            area.code,
            CENTRE_SHARE * area.population / PEOPLE / max(1, count // len(COUNTIES)),
            "hospital",
        )
        for n, area in enumerate(areas)
    ]


def _others() -> list[Place]:
    wholesalers = [
        Place(f"W{n + 1}", "wholesaler", f"Lääketukku {n + 1}", county, 0.0)
        for n, county in enumerate(("90", "04", "05"))
    ]
    companies = [Place(f"M{n + 1}", "mah", name, "90", 0.0) for n, name in enumerate(COMPANIES)]
    state = Place("VARA1", "state_reserve", "Valtion varmuusvarasto 1", "08", 0.0)
    return [*wholesalers, *companies, Place("THL", "thl", "THL", "90", 0.0), state]
