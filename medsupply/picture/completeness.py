"""Completeness: which holder, reporter and full list has come, is late, or is missing."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from medsupply.days import CARRIED_OPEN_DAYS, HELSINKI, open_days_between
from medsupply.facts import Facts
from medsupply.sources.catalogue import SOURCES

WINDOW_DAYS = 84


def _state(last: date | None, as_of: date) -> str:
    if last is None:
        return "missing"
    if last == as_of:
        return "reported"
    return "late" if open_days_between(last, as_of) <= CARRIED_OPEN_DAYS else "missing"


def _with_state(rows: pl.DataFrame, as_of: date) -> pl.DataFrame:
    lasts: list[date | None] = rows["last_day"].unique().to_list()
    table = pl.DataFrame(
        {
            "last_day": lasts,
            "state": [_state(last, as_of) for last in lasts],
            "open_days_late": [open_days_between(last, as_of) if last else None for last in lasts],
        },
        schema={"last_day": pl.Date, "state": pl.String, "open_days_late": pl.Int64},
    )
    return rows.join(table, on="last_day", how="left", nulls_equal=True)


def _stock(facts: Facts, holders: pl.DataFrame) -> pl.DataFrame:
    window = facts.snapshots.filter(pl.col("counted_on") <= facts.as_of)
    recent = pl.col("counted_on") > facts.as_of - timedelta(days=WINDOW_DAYS)
    days = window.group_by("holder_id").agg(last_day=pl.col("counted_on").max(), reported_days_84=recent.sum())
    rows = holders.join(days, on="holder_id", how="left").with_columns(source=pl.lit("stock"))
    return _with_state(rows, facts.as_of)


def _dispensing(facts: Facts, holders: pl.DataFrame, days: pl.DataFrame) -> pl.DataFrame:
    """Reporters heard of in the last 84 days that have not closed: who never reports dispensing does not owe it."""
    closed = facts.current("holders").filter(pl.col("valid_to") < facts.as_of).select("holder_id")
    seen = days.group_by(holder_id="reporter_id").agg(
        last_day=pl.col("day").max(),
        reported_days_84=pl.col("day").n_unique(),
        row_county=pl.col("county_code").sort().first(),
    )
    seen = seen.join(closed, on="holder_id", how="anti")
    rows = seen.join(holders, on="holder_id", how="left").with_columns(
        source=pl.lit("dispensing"), county_code=pl.coalesce("county_code", "row_county")
    )
    return _with_state(rows, facts.as_of)


def _lists(facts: Facts) -> pl.DataFrame:
    """A list is late by its own rhythm, changed since or not; one that comes when it changes never is."""
    newest = facts.lists.group_by("source").agg(received_at=pl.col("received_at").max())
    rhythm = {name: source.late_after_days for name, source in SOURCES.items()}
    late = pl.col("source").replace_strict(rhythm, return_dtype=pl.Int64)
    day = pl.col("received_at").dt.convert_time_zone(HELSINKI.key).dt.date()
    age = (pl.lit(facts.as_of) - day).dt.total_days()
    return newest.select(
        "source",
        holder_id="source",
        last_day=day,
        state=pl.when((age > late).fill_null(False)).then(pl.lit("late")).otherwise(pl.lit("reported")),
    )


def completeness(facts: Facts, holders: pl.DataFrame, dispensed: pl.DataFrame) -> pl.DataFrame:
    """Per source and holder (a full list under its own name), as ``picture.completeness`` declares it.

    ``dispensed``: reporter_id, day, county_code of the dispensing of the last 84 days.
    """
    parts = [_stock(facts, holders), _dispensing(facts, holders, dispensed), _lists(facts)]
    rows = pl.concat(parts, how="diagonal_relaxed")
    return rows.with_columns(as_of=pl.lit(facts.as_of), known_at=pl.lit(facts.known_at)).sort("source", "holder_id")
