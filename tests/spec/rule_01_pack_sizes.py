# ruff: noqa: E501  (tables are as wide as they are)
from __future__ import annotations

import polars as pl
from spec_cases import text

from medsupply.picture.units import factor_of_text, unit_of_text, units_of_text

TITLE = "Units of a pack size text"
TEXT = """Where the register has no KERROIN x KOKO, the pack size text of the substitution list is read: N, N (...),
A x B, each also followed by ml, g, mg or kpl, with decimal point or comma. Anything else is not parsed: the package keeps
packs but no units."""
TABLE = """
| pack size | = units | = inner packs | = unit |
|---|---|---|---|
| 28 | 28 | 1 | kpl |
| 100 (2 x 50) | 100 | 1 | kpl |
| 80 ml | 80 | 1 | ml |
| 7,5 ml | 7.5 | 1 | ml |
| 30 kpl | 30 | 1 | kpl |
| 4 x 7.5 mg | 30 | 4 | mg |
| 10 x 0,4 ml | 4 | 10 | ml |
| 30 x 1 | 30 | 30 | kpl |
| 30 g (2 x 15 g) | 30 | 1 | g |
| 10 mg + 5 ml |  |  |  |
| 60 annosta |  |  |  |
| 5 x (1 mg + 5 ml) |  |  |  |
| 75 mikrog |  |  |  |
|  |  |  |  |
"""


def outcome(row: dict[str, str]) -> dict[str, str]:
    size = pl.col("size")
    frame = pl.DataFrame({"size": [row["pack size"]]}).select(
        units_of_text(size).alias("units"), factor_of_text(size).alias("inner"), unit_of_text(size).alias("unit")
    )
    units, inner, unit = frame.row(0)
    return {"= units": text(units), "= inner packs": text(inner), "= unit": text(unit)}
