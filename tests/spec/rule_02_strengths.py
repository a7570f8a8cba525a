from __future__ import annotations

from spec_cases import text

from medsupply.picture.strengths import single_strength, written_strength

TITLE = "Strengths"
TEXT = """A strength is read to value and unit first, so that one product is not many medicines. Mass is in mg; a
combination keeps its parts and has no single mass; a per cent is 10 mg in a ml or g. What cannot be read stays as
written."""
TABLE = """
| strength | = written one way | = mg |
|---|---|---|
| 500 mg | 500 mg | 500 |
| 1 g | 1000 mg | 1000 |
| 1000 mg | 1000 mg | 1000 |
| 1 000 mg | 1000 mg | 1000 |
| 0,5 g | 500 mg | 500 |
| 100 mikrog | 0.1 mg | 0.1 |
| 50 mg/5 ml | 10 mg/ml | 10 |
| 10 mg/ml | 10 mg/ml | 10 |
| 0.9 % | 0.9 % | 9 |
| 100 mikrog/annos | 0.1 mg/annos | 0.1 |
| 500 mg/125 mg | 500 mg + 125 mg |  |
| 4 g / 0.5 g | 4000 mg + 500 mg |  |
| 20 mg/ml + 5 mg/ml | 20 mg/ml + 5 mg/ml |  |
| 4 000 IU (40 mg) / 0.4 ml | 10000 iu/ml |  |
| 1400 anti-hepariini KY/ml | 1400 iu/ml |  |
| 1250 anti-Xa U/ml | 1250 u/ml |  |
| 80 mg / 11.4 mg/ml | 80 mg + 11.4 mg/ml |  |
| 80 / 11.4 mg/ml | 80 mg + 11.4 mg/ml |  |
| 50/500 mikrog/annos | 0.05 mg + 0.5 mg/annos |  |
| 48 MU / 0.5 ml | 96000000 iu/ml |  |
| 5 mg, 10 mg | 5 mg. 10 mg |  |
|  |  |  |
"""


def outcome(row: dict[str, str]) -> dict[str, str]:
    mass = single_strength(row["strength"])
    return {"= written one way": text(written_strength(row["strength"])), "= mg": text(mass.value if mass else None)}
