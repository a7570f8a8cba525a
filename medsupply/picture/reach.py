"""Who has reported and where it counts: holders valid on the day, snapshots heard of, areas served."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import polars as pl

from medsupply.areas import COLLABORATIVE_OF, COUNTRY
from medsupply.days import oldest_carried
from medsupply.facts import Facts

NATIONAL_ONLY = ("wholesaler", "mah", "thl")
STATE_RESERVE = "state_reserve"
_COUNTIES_OF_Y: dict[str, list[str]] = {}
for _county, _y in COLLABORATIVE_OF.items():
    _COUNTIES_OF_Y.setdefault(_y, []).append(_county)


def valid_holders(facts: Facts, day: date | None = None) -> pl.DataFrame:
    """``holder_id``, ``holder_type``, ``county_code``, ``serves`` of the holders that must report on ``day``."""
    day = day or facts.as_of
    holders = facts.current("holders").with_columns(holder_type=pl.col("holder_type").cast(pl.String))
    in_force = (pl.col("valid_from") <= day) & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= day))
    return holders.filter(in_force).select("holder_id", "holder_type", "county_code", "serves").sort("holder_id")


def counties_served(county_code: str | None, serves: str | None) -> list[str]:
    """Counties a holder serves: its own and those ``serves`` names; a collaborative area stands for its counties."""
    named = [code.strip() for code in (serves or "").split(",") if code.strip()]
    counties = {county_code} if county_code else set()
    for code in named:
        counties.update(_COUNTIES_OF_Y.get(code, [code]))
    return sorted(counties - {COUNTRY})


def areas_of_counties(counties: list[str]) -> list[tuple[str, bool]]:
    """Areas the counties lie in, each once, and whether stock there is shared with another area of its kind."""
    groups = sorted({COLLABORATIVE_OF[county] for county in counties if county in COLLABORATIVE_OF})
    return [
        *((county, len(counties) > 1) for county in counties),
        *((group, len(groups) > 1) for group in groups),
        (COUNTRY, False),
    ]


@lru_cache(maxsize=10_000)
def _area_rows(holder_type: str, county_code: str | None, serves: str | None) -> list[tuple[str, bool]]:
    if holder_type == STATE_RESERVE:
        return []
    return (
        [(COUNTRY, False)] if holder_type in NATIONAL_ONLY else areas_of_counties(counties_served(county_code, serves))
    )


def holder_areas(holders: pl.DataFrame) -> pl.DataFrame:
    """``holder_id`` x ``area`` with ``shared``. Wholesalers, mah and thl lie in 99 only; the state reserve in none."""
    return _lying(tuple(holders.select("holder_id", "holder_type", "county_code", "serves").iter_rows()))


@lru_cache(maxsize=8)  # one picture asks of the same holders on dozens of days
def _lying(holders: tuple[tuple[str, str, str | None, str | None], ...]) -> pl.DataFrame:
    rows = [
        (holder_id, area, shared)
        for holder_id, kind, county, serves in holders
        for area, shared in _area_rows(kind, county, serves)
    ]
    schema = {"holder_id": pl.String, "area": pl.String, "shared": pl.Boolean}
    return pl.DataFrame(rows, schema=schema, orient="row")


def county_areas(counties: pl.Series) -> pl.DataFrame:
    """``county_code`` x ``area`` for demand of reporters that are no holders: the county, its Y, the country."""
    rows = [(county, area, False) for county in counties.unique().sort() for area, _ in areas_of_counties([county])]
    return pl.DataFrame(rows, schema={"county_code": pl.String, "area": pl.String, "shared": pl.Boolean}, orient="row")


def heard_of(facts: Facts, holders: pl.DataFrame) -> pl.DataFrame:
    """``holder_id``, ``counted_on``: the latest snapshot of each valid holder, at most three open days old."""
    recent = facts.snapshots.filter(pl.col("counted_on").is_between(oldest_carried(facts.as_of), facts.as_of))
    latest = recent.group_by("holder_id").agg(pl.col("counted_on").max())
    return latest.join(holders.select("holder_id"), on="holder_id", how="semi").sort("holder_id")
