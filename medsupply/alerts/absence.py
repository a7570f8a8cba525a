"""Rows that have left the picture: what their absence says of an alert. Pure.

A family stands in the picture of an area while it is critical, in stock, dispensed in 84 days or under a notice. One
that is none of these any more has no row, and nothing is left to warn of. An absence speaks for closing only on days
on which the area's data are there: late or missing data may be just what the row would have come from.
"""

from __future__ import annotations

import polars as pl

from medsupply.alerts.rules.rule import LEFT_PICTURE
from medsupply.picture.reasons import Reason

# Share of the area's families that must be heard of: of one silent wholesaler's families, others tell nothing.
ENOUGH_FAMILIES = 0.9
SCOPE = ("medicine_id", "county_code")


def first_seen(rows: pl.DataFrame) -> pl.DataFrame:
    """``medicine_id``, ``county_code`` and ``since``, the first day of each scope in ``rows``."""
    return rows.group_by(*SCOPE).agg(since=pl.col("as_of").min())


def absent(rows: pl.DataFrame, scopes: pl.DataFrame, days: pl.DataFrame) -> pl.DataFrame:
    """Evaluated days on which a scope has no row: ``as_of``, ``medicine_id``, ``county_code``.

    ``scopes``: as of ``first_seen``; ``days``: ``as_of`` of the evaluated days that ``rows`` are of.
    """
    key = ["as_of", *SCOPE]
    wanted = scopes.join(days, how="cross").filter(pl.col("as_of") > pl.col("since")).select(key)
    return wanted.join(rows.select(key), on=key, how="anti") if rows.height else wanted


def counted(situations: pl.DataFrame) -> pl.DataFrame:
    """By day and area of all families of ``situations``: ``families``, ``heard`` (of them with a reporting share that
    is enough) and ``late`` (the list of notices is)."""
    late = pl.col("reasons").list.contains(str(Reason.NOTICES_LATE))
    return situations.group_by("as_of", "county_code").agg(
        families=pl.len(), heard=(pl.col("reporting_share") >= pl.col("reporting_threshold")).sum(), late=late.any()
    )


def with_left(rows: pl.DataFrame, missing: pl.DataFrame, counts: pl.DataFrame) -> pl.DataFrame:
    """``rows`` and, for each of ``missing`` on whose day the area's data are there, a row that says that it has left.

    ``missing``: as of ``absent``; ``counts``: as of ``counted``. A day and area without counts is not heard of.
    """
    there = counts.filter((pl.col("heard") >= ENOUGH_FAMILIES * pl.col("families")) & ~pl.col("late"))
    gone = missing.join(there, on=["as_of", "county_code"], how="semi")
    if gone.is_empty():
        return rows
    others = {name: pl.lit(None, dtype=dtype) for name, dtype in rows.schema.items() if name not in gone.columns}
    told = {**others, "state": pl.lit(LEFT_PICTURE), "reasons": pl.lit([LEFT_PICTURE], dtype=pl.List(pl.String))}
    return pl.concat([rows, gone.with_columns(**told)], how="diagonal_relaxed")


def completed(situations: pl.DataFrame) -> pl.DataFrame:
    """Whole situations of several days, with a row for what has left them."""
    days = situations.select("as_of").unique()
    missing = absent(situations, first_seen(situations), days)
    return with_left(situations, missing, counted(situations))
