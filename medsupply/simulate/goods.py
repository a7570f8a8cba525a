"""What the laws need to know of the packages, as arrays in the order of the packages, which is by medicine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medsupply.simulate.products import Medicine, Package

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
HOSPITAL_SHARE = {"c": 0.0, "h": 1.0, "b": 0.12}


@dataclass(frozen=True)
class Goods:
    """One value per package (P) or medicine (M). ``base``: packs a day of the whole nation; ``units``: per pack."""

    medicine_of: Ints
    first_of: Ints
    supplier: Ints
    units: Array
    base: Array
    hospital_share: Array
    season: Array
    growth: Array
    stored_days: Array
    """Days of demand that companies keep as obligatory storage."""
    least: Array
    """Packs that lie on shelves however small demand is: about one at every site that keeps the package."""

    @property
    def packages(self) -> int:
        return len(self.base)

    @property
    def medicines(self) -> int:
        return len(self.first_of)

    def by_medicine(self, values: Array) -> Array:
        """Sums over each medicine's packages along the last axis."""
        summed: Array = np.add.reduceat(values, self.first_of, axis=-1)
        return summed


def goods(medicines: Sequence[Medicine], packages: Sequence[Package], random: np.random.Generator) -> Goods:
    """The arrays of a register; the yearly growth of each medicine's demand is drawn here, once."""
    medicine_of = np.array([p.medicine for p in packages], dtype=np.int64)
    mine = [medicines[p.medicine] for p in packages]
    growth = np.array([m.growth for m in medicines]) + random.normal(0.0, 0.02, len(medicines))
    return Goods(
        medicine_of=medicine_of,
        first_of=np.flatnonzero(np.diff(medicine_of, prepend=-1)),
        supplier=np.array([p.company for p in packages], dtype=np.int64),
        units=np.array([p.units for p in packages]),
        base=np.array([m.weekly_packs * p.share / 7 for m, p in zip(mine, packages, strict=True)]),
        hospital_share=np.array([HOSPITAL_SHARE[m.where] for m in mine]),
        season=np.array([m.season for m in mine]),
        growth=growth[medicine_of],
        stored_days=np.array([stored_months(m) * 30.4 for m in mine]) * np.where(np.arange(len(mine)) % 11, 1.1, 0.8),
        least=np.zeros(len(mine)),
    )


def stored_months(medicine: Medicine) -> float:
    """Months of obligatory storage: 10 for antimicrobials, 6 for what hospitals inject, else 3; others none."""
    if medicine.critical_class is None or medicine.critical_class > 2 or medicine.atc.startswith("J07"):
        return 0.0
    return 10.0 if medicine.atc.startswith("J01") else 6.0 if medicine.where == "h" else 3.0
