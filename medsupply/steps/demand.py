"""Demand of whole weeks and dispensing of days, derived from the record where it is new and stored by version."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

import polars as pl

from medsupply.days import last_complete_week, week_start
from medsupply.picture.demand import all_holders
from medsupply.picture.master import Master
from medsupply.picture.weekly import USUAL_WEEKS, dispensing_daily, weekly_demand
from medsupply.tables.base import Table
from medsupply.tables.picture import DEMAND_WEEKLY, DISPENSING_DAILY, PICTURES
from medsupply.warehouse.database import bulk
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.facts import dispensing, known_reference

HISTORY_WEEKS = 170
# Days whose rows arrived, were released or withdrawn after the version that is stored, or that have none.
_NEW_DAYS = """
    SELECT s.day, max(greatest(d.received_at, d.withdrawn_at, s.released_at, q.released_at)) AS received_at
    FROM ops.snapshots s JOIN ops.deliveries d USING (delivery_id)
    LEFT JOIN (SELECT delivery_id, max(released_at) AS released_at FROM ops.quarantine GROUP BY delivery_id) q
      USING (delivery_id)
    WHERE s.source = 'dispensing' AND s.day BETWEEN :first AND :last AND d.received_at <= :known_at
    GROUP BY s.day
"""
_VERSIONS = """
    SELECT as_of, max(known_at) AS stored_at FROM picture.pictures
    WHERE stage = :stage AND known_at <= :known_at GROUP BY as_of
"""


def update_weeks(wh: Warehouse, master: Master, as_of: date, known_at: datetime) -> int:
    """Derive the demand of complete weeks whose dispensing is new since the version stored; returns their number."""
    last = last_complete_week(as_of)
    first = last - timedelta(weeks=HISTORY_WEEKS)
    days = _days(wh, first, last + timedelta(days=6), known_at)
    weeks = _new(
        days.group_by(pl.col("day").dt.truncate("1w")).agg(pl.col("received_at").max()), wh, "demand", known_at
    )
    if not weeks:
        return 0
    rows = dispensing(wh, min(weeks) - timedelta(weeks=USUAL_WEEKS), last + timedelta(days=6), known_at)
    holders = all_holders(_current(wh, known_at))
    derived = weekly_demand(rows, holders, master, weeks, known_at)
    _store(wh, "demand", DEMAND_WEEKLY, "week", derived, weeks, known_at)
    return len(weeks)


def update_days(wh: Warehouse, master: Master, as_of: date, known_at: datetime, *, back: int = 83) -> int:
    """Derive dispensing by county and package of the days whose rows are new; returns their number."""
    days = _days(wh, as_of - timedelta(days=back), as_of, known_at)
    new = _new(days, wh, "dispensing", known_at)
    if not new:
        return 0
    rows = dispensing(wh, min(new), max(new), known_at)
    derived = dispensing_daily(rows, master, new, known_at)
    _store(wh, "dispensing", DISPENSING_DAILY, "day", derived, new, known_at)
    return len(new)


_SERIES = f"""
    SELECT w.week, w.medicine_id, w.county_code, w.units, w.marked
    FROM picture.demand_weekly w JOIN ({_VERSIONS}) v ON v.as_of = w.week AND v.stored_at = w.known_at
    WHERE w.week BETWEEN :first AND :last
      AND w.county_code = coalesce(:area, w.county_code)
    ORDER BY w.medicine_id, w.county_code, w.week
"""  # noqa: S608  the part that is put in stands above


def weekly_series(wh: Warehouse, cutoff: date, known_at: datetime, area: str | None = None) -> pl.DataFrame:
    """Weekly demand up to the week of ``cutoff`` as known at ``known_at``: week, medicine_id, county_code, units.

    ``area``: of this one only; None: of all.
    """
    first = week_start(cutoff) - timedelta(weeks=HISTORY_WEEKS)
    return wh.read(
        _SERIES,
        stage="demand",
        known_at=known_at,
        first=first,
        last=week_start(cutoff),
        area=area,
    )


def _days(wh: Warehouse, first: date, last: date, known_at: datetime) -> pl.DataFrame:
    return wh.read(_NEW_DAYS, first=first, last=last, known_at=known_at)


def _new(found: pl.DataFrame, wh: Warehouse, stage: str, known_at: datetime) -> list[date]:
    """Days (or Mondays) whose newest rows came after what is stored."""
    versions = wh.read(_VERSIONS, stage=stage, known_at=known_at)
    joined = found.join(versions, left_on="day", right_on="as_of", how="left")
    new = joined.filter(pl.col("stored_at").is_null() | (pl.col("received_at") > pl.col("stored_at")))
    return new["day"].sort().to_list()


def _store(
    wh: Warehouse,
    stage: str,
    table: Table,
    day: str,
    derived: pl.DataFrame,
    days: Iterable[date],
    known_at: datetime,
) -> None:
    """One version for each day, all in one transaction."""
    wanted = list(days)
    registered = pl.DataFrame(
        {"as_of": wanted, "known_at": [known_at] * len(wanted), "stage": [stage] * len(wanted)},
        schema_overrides={"known_at": pl.Datetime("us", "UTC")},
    )
    with wh.transaction() as connection:
        bulk.replace(connection, table, derived, **{day: wanted, "known_at": known_at})
        bulk.upsert(connection, PICTURES, registered)


def _current(wh: Warehouse, known_at: datetime) -> pl.DataFrame:
    return known_reference(wh, "holders", known_at).filter(pl.col("known_to").is_null())
