"""Strengths: the text of the register as value and unit, so that one product is not many medicines.

``1 g`` and ``1000 mg`` are one strength, ``50 mg/5 ml`` and ``10 mg/ml`` too. A combination (``500 mg/125 mg``)
keeps its parts in order and has no single mass.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import polars as pl

MASS_IN_MG = {
    "kg": 1e6,
    "g": 1e3,
    "mg": 1.0,
    "mikrog": 1e-3,
    "mikrogrammaa": 1e-3,
    "mikrog.": 1e-3,
    "µg": 1e-3,
    "μg": 1e-3,
    "mcg": 1e-3,
    "ug": 1e-3,
    "ng": 1e-6,
    "nanog": 1e-6,
}
ACTIVITY = {
    "iu": "iu",
    "ky": "iu",
    "ie": "iu",
    "ui": "iu",
    "mu": "mu",
    "u": "u",
    "yks": "u",
    "yksikköä": "u",
    "e": "u",
    "ksy": "ksy",
}
OTHER = {"mmol": "mmol", "mol": "mol", "mbq": "mbq", "gbq": "gbq", "%": "%", "ppm": "ppm", "til-%": "%", "cfu": "cfu"}
VOLUME_IN_ML = {"ml": 1.0, "l": 1000.0, "dl": 100.0, "mikrol": 1e-3}
PER = {
    **{unit: ("ml", factor) for unit, factor in VOLUME_IN_ML.items()},
    "g": ("g", 1.0),
    "mg": ("g", 1e-3),
    "annos": ("annos", 1.0),
    "annosta": ("annos", 1.0),
    "suihke": ("annos", 1.0),
    "h": ("h", 1.0),
    "t": ("h", 1.0),
    "tunti": ("h", 1.0),
    "tuntia": ("h", 1.0),
    "vrk": ("h", 24.0),
    "inhalaatio": ("annos", 1.0),
    "painallus": ("annos", 1.0),
    "pumpun painallus": ("annos", 1.0),
}
_WORDS = "|".join(sorted((re.escape(w) for w in (*MASS_IN_MG, *ACTIVITY, *OTHER)), key=len, reverse=True))
_PER_WORDS = "|".join(sorted((re.escape(w) for w in PER), key=len, reverse=True))
_PART = re.compile(
    rf"^(?P<value>\d+(?:\.\d+)?)\s*(?P<million>milj\.?\s*)?(?P<unit>{_WORDS})"
    rf"(?:\s*/\s*(?P<amount>\d+(?:\.\d+)?)?\s*(?P<per>{_PER_WORDS}))?$"
)


@dataclass(frozen=True)
class Strength:
    """``value`` of ``unit`` (mg, iu, u, mmol, %, ...) in one ``per`` (ml, g, annos, h) or in one piece."""

    value: float
    unit: str
    per: str | None = None

    def __str__(self) -> str:
        number = f"{self.value:.10g}"
        return f"{number} {self.unit}" + (f"/{self.per}" if self.per else "")


def _tidy(text: str) -> str:
    text = text.replace("\u00a0", " ").strip().lower().replace(",", ".")
    text = re.sub(r"(?<=\d) (?=\d{3}(?!\d))", "", text)
    text = re.sub(r"(?<=\d )anti-\S+ ", "", text)  # what an activity is measured against, not how much of it
    # "80 / 11.4 mg/ml" writes the unit once for all its parts.
    once = re.fullmatch(rf"(\d[\d.]*(?: ?/ ?\d[\d.]*)*) ?/ ?(\d[\d.]*) ?({_WORDS})(/\S.*)?", text)
    if once:
        parts = [f"{number.strip()} {once[3]}" for number in once[1].split("/")]
        text = " / ".join([*parts, f"{once[2]} {once[3]}{once[4] or ''}"])
    # "4000 iu (40 mg) / 0.4 ml" says the same twice; the bracket is the second time.
    text = re.sub(r"(?<=[a-z%]) \([^()]*\)", "", text)
    return re.sub(r"\s+", " ", text)


def _part(text: str) -> Strength | None:
    match = _PART.match(text.strip())
    if not match or (match["amount"] and PER[match["per"]][0] == "g"):
        return None  # "50 mg / 850 mg" is a combination, not a mass in a mass
    value, unit = float(match["value"]) * (1e6 if match["million"] else 1.0), match["unit"]
    if unit in MASS_IN_MG:
        value, unit = value * MASS_IN_MG[unit], "mg"
    if unit == "mu":
        value, unit = value * 1e6, "iu"
    unit = ACTIVITY.get(unit, OTHER.get(unit, unit))
    if not match["per"]:
        return Strength(value, unit)
    per, factor = PER[match["per"]]
    return Strength(value / (float(match["amount"] or 1) * factor), unit, per)


def _pieces(text: str) -> list[str]:
    """Parts of a combination: at `` + ``, and at ``/`` before a number that has a unit of substance."""
    parts = [piece for piece in re.split(r"\s*\+\s*", text) if piece]
    split: list[str] = []
    for piece in parts:
        split.extend(re.split(rf"\s*/\s*(?=\d+(?:\.\d+)?\s*(?:{_WORDS})(?:\s*/|$))", piece))
    return split


@lru_cache(maxsize=65536)
def parse_strength(text: str | None) -> tuple[Strength, ...]:
    """The parts of a strength, one for a single substance; empty where it cannot be read."""
    if not text or not text.strip():
        return ()
    tidy = _tidy(text)
    single = _part(tidy)
    if single:
        return (single,)
    parts = [_part(piece) for piece in _pieces(tidy)]
    return tuple(part for part in parts if part) if all(parts) and len(parts) > 1 else ()


def written_strength(text: str | None) -> str | None:
    """A strength written one way; the tidied text itself where it cannot be read."""
    if not text or not text.strip():
        return None
    parts = parse_strength(text)
    return " + ".join(str(part) for part in parts) if parts else _tidy(text)


@lru_cache(maxsize=65536)
def single_strength(text: str | None) -> Strength | None:
    """The strength of a single substance with a mass; null for combinations, activities and unread texts."""
    parts = parse_strength(text)
    if len(parts) != 1:
        return None
    part = parts[0]
    if part.unit == "%":
        return Strength(part.value * 10, "mg", "ml or g")
    return part if part.unit == "mg" else None


def strength_columns(text: pl.Series) -> pl.DataFrame:
    """``strength_text`` (as given), ``strength`` (written one way), ``strength_mg``, ``strength_per``."""
    distinct = text.unique().sort().to_list()
    masses = [single_strength(value) for value in distinct]
    return pl.DataFrame(
        {
            "strength_text": distinct,
            "strength": [written_strength(value) for value in distinct],
            "strength_mg": [mass.value if mass else None for mass in masses],
            "strength_per": [mass.per if mass else None for mass in masses],
        },
        schema={
            "strength_text": pl.String,
            "strength": pl.String,
            "strength_mg": pl.Float64,
            "strength_per": pl.String,
        },
    )


def mg_per_pack() -> pl.Expr:
    """Mass of the substance in a pack, from strength_mg, strength_per, unit, factor, units_per_pack, form_class; mg.

    A strength without "per" in a pack counted in ml is that of one container (a syringe of ``40 mg``); in a pack
    counted in g or mg the pack size is the substance itself, where it equals the strength.
    """
    mg, per, unit = pl.col("strength_mg"), pl.col("strength_per"), pl.col("unit")
    units, factor = pl.col("units_per_pack"), pl.col("factor")
    matches_per = (per == unit) | ((per == "ml or g") & unit.is_in(["ml", "g"]))
    inner = units / factor
    return (
        pl.when(per.is_null() & (unit == "kpl"))
        .then(mg * units)
        .when(matches_per)
        .then(mg * units)
        .when(per.is_null() & (unit == "ml") & (pl.col("form_class") == "parenteral"))
        .then(mg * factor)
        .when(per.is_null() & (unit == "g") & ((inner * 1000 - mg).abs() < 1e-6 * mg))
        .then(mg * factor)
        .when(mg.is_not_null() & (unit == "mg"))
        .then(units)
    )
