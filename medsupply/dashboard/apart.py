"""Counties that are worse than the country, a line for each family: a national shortage is not told 23 times. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from markupsafe import Markup

from medsupply.areas import AREAS, COUNTY_CODES
from medsupply.dashboard.look import ORDER
from medsupply.dashboard.markup import Cell, Column, badge, link
from medsupply.dashboard.problems import kind, name
from medsupply.dashboard.wording import say

NAMED = 4
"""So many counties are named; more are counted."""


def families(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """One row per family of ``frame`` (:func:`data.counties_apart`), the worst first: its names, ``level_country``,
    and ``places``: level -> codes of the counties, the worse level first."""
    found = []
    for _, part in frame.sort("medicine_id", "county_code").group_by("medicine_id", maintain_order=True):
        levels = sorted(part["level"].unique().to_list(), key=ORDER.index)
        places = {level: part.filter(pl.col("level") == level)["county_code"].to_list() for level in levels}
        found.append(part.row(0, named=True) | {"places": places})
    return sorted(found, key=_rank)


def _rank(row: Mapping[str, Any]) -> tuple[object, ...]:
    worst, codes = next(iter(row["places"].items()))
    return ORDER.index(worst), row["critical_class"] or 9, -len(codes), row["medicine_id"]


def columns(language: str) -> list[Column]:
    return [Column(say(language, key)) for key in ("column.medicine", "apart.country", "apart.where")]


def cells(language: str, row: Mapping[str, Any], params: Mapping[str, str]) -> list[Cell]:
    """A family's line: its name, the level of the country, and where it is worse."""
    linked = link("medicine", name(language, row), **{**params, "medicine": row["medicine_id"]})
    below = ", ".join(part for part in (kind(language, row), row.get("atc") or "") if part)
    where = Markup("<br>").join(
        Markup("{} {}").format(badge(language, level), _places(language, codes, params))
        for level, codes in row["places"].items()
    )
    head = Markup("{}<br><small>{}</small>").format(linked, below)
    return [head, badge(language, row["level_country"]), where]


def _places(language: str, codes: Sequence[str], params: Mapping[str, str]) -> Cell:
    """The counties by name with a link to each; how many where they are more than a few."""
    if len(codes) > NAMED:
        return say(language, "apart.many", n=len(codes), all=len(COUNTY_CODES))
    return Markup(", ").join(link("county", AREAS[code].name(language), **{**params, "area": code}) for code in codes)
