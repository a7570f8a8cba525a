"""Rules of single sources that go beyond types and bounds."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

import polars as pl

from medsupply.areas import COUNTRY, COUNTY_CODES
from medsupply.sources.catalogue import Source

Rule = tuple[str, str | None, pl.Expr]
VNR = r"^[0-9]{6}$"
EARLIEST = date(1950, 1, 1)
OPEN_END = date(9999, 12, 31)


@dataclass(frozen=True)
class Known:
    """What a row may refer to: holders and articles of the lists loaded so far, and the county codes."""

    holders: Collection[str] = ()
    articles: Collection[str] = ()
    counties: Collection[str] = COUNTY_CODES


def rules_of(source: Source, known: Known) -> list[Rule]:
    """The source's own rules: reason code, field, expression that is true where the rule is broken."""
    found: list[Rule] = [*_days(source)]
    columns = source.contract.column_names()
    if "vnr" in columns and source.name in ("stock", "dispensing", "supply", "obligations", "permits"):
        found.append(("unknown_article", "vnr", _no_package(known, nil_allowed=source.is_site)))
    if source.name in ("stock", "supply"):
        found.append(("unknown_holder", "holder_id", ~pl.col("holder_id").is_in(list(known.holders))))
    if "county_code" in columns:
        found.append(("unknown_county", "county_code", ~pl.col("county_code").is_in(list(known.counties))))
    if source.name == "kela_purchases":
        found.append(("unknown_county", "aluekoodi", ~pl.col("aluekoodi").is_in([*known.counties, COUNTRY])))
    return found + _OWN.get(source.name, [])


def _no_package(known: Known, *, nil_allowed: bool) -> pl.Expr:
    fits = pl.col("vnr").str.contains(VNR) | pl.col("vnr").is_in(list(known.articles))
    return ~(fits | (pl.col("vnr") == "")) if nil_allowed else ~fits


def _days(source: Source) -> list[Rule]:
    """No day before 1950; only the open end lies far ahead, and nothing is counted or dispensed on that day."""
    found: list[Rule] = []
    for name, column in source.contract.columns().items():
        if column.dtype == pl.Date:
            day = pl.col(name)
            open_end = pl.lit(False) if source.is_site and name in source.row_key[:2] else day == OPEN_END
            broken = (day < EARLIEST) | ((day > date(2200, 1, 1)) & ~open_end)
            found.append(("implausible_day", name, broken))
    return found


_OWN: dict[str, list[Rule]] = {
    "stock": [
        ("reserve_exceeds_packs", "reserve_packs", pl.col("reserve_packs") > pl.col("packs")),
        ("nil_row_with_packs", "vnr", (pl.col("vnr") == "") & (pl.col("packs") != 0)),
    ],
    "dispensing": [("nil_row_with_packs", "vnr", (pl.col("vnr") == "") & (pl.col("packs") != 0))],
    "holders": [("end_before_start", "valid_to", pl.col("valid_to") < pl.col("valid_from"))],
    "permits": [("end_before_start", "valid_to", pl.col("valid_to") < pl.col("valid_from"))],
    "package_map": [("end_before_start", "valid_to", pl.col("valid_to") < pl.col("valid_from"))],
    "fimea_shortages": [
        (
            "end_before_start",
            "saatavuushairioloppupaiva",
            pl.col("saatavuushairioloppupaiva") < pl.col("saatavuushairioalkupaiva"),
        )
    ],
}
