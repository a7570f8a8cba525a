# ruff: noqa: E501  (tables are as wide as they are)
from __future__ import annotations

from spec_cases import judged, text
from spec_cases import row as measured_row

TITLE = "Partial reporting, both ways"
TEXT = """Where the reporting share is under 0.8 the level is computed with the missing holders empty and at their usual
units. The same both ways: it stands, marked partial. Else it is unknown and both are shown. Missing data never makes a level
better. The floor is 70, demand 10 a day, the reserve nothing."""
TABLE = """
| reporting share | stock heard of | usual units of the silent | = level | = if empty | = if usual | = partial |
|---|---|---|---|---|---|---|
| 0.8 | 60 | 100 | severe | severe | normal | no |
| 0.79 | 60 | 100 | unknown | severe | normal | no |
| 0.79 | 60 | 5 | severe | severe | severe | yes |
| 0.79 | 500 | 100 | normal | normal | normal | yes |
| 0.2 | 500 | 2000 | normal | normal | normal | yes |
| 1 | 60 | 0 | severe | severe | severe | no |
"""


def outcome(row: dict[str, str]) -> dict[str, str]:
    share, stock, silent = (
        float(row[name]) for name in ("reporting share", "stock heard of", "usual units of the silent")
    )
    found = judged([measured_row(reporting_share=share, stock_units=stock, usual_units_silent=silent)])[0]
    return {
        "= level": text(found["level"]),
        "= if empty": text(found["level_if_missing_empty"]),
        "= if usual": text(found["level_if_missing_usual"]),
        "= partial": text(found["partial"]),
    }
