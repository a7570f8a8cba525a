"""Deliveries expected by the calendar and what became of each: per source and day, by holder, with its equation."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import polars as pl
import sqlalchemy as sa

from medsupply.rules.calendar import Calendar
from medsupply.tables.ops import EXPECTED, EXPECTED_DAYS
from medsupply.warehouse.database import bulk
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.database.reading import read_frame

# Days back that are looked at again: what was late has come, or is missing now.
WINDOW_DAYS = 14
_HOLDERS = """
    SELECT DISTINCT ON (holder_id) holder_id, holder_type, county_code FROM core.holders
    WHERE known_from <= :at AND (known_to IS NULL OR known_to > :at)
      AND valid_from <= :day AND (valid_to IS NULL OR valid_to >= :day) ORDER BY holder_id, valid_from DESC
"""
_ARRIVED = """
    SELECT s.holder_id, min(d.received_at) AS received_at FROM ops.snapshots s JOIN ops.deliveries d USING (delivery_id)
    WHERE s.source = :source AND s.day = :day AND d.received_at <= :at
      AND (d.withdrawn_at IS NULL OR d.withdrawn_at > :at) GROUP BY s.holder_id
"""
_HEARD_OF = """
    SELECT DISTINCT s.holder_id FROM ops.snapshots s JOIN ops.deliveries d USING (delivery_id)
    WHERE s.source = :source AND s.day BETWEEN :since AND :day AND d.received_at <= :at
"""
_FIRST = "SELECT min(day) FROM ops.snapshots WHERE source = :source"


def expect(wh: Warehouse, calendar: Calendar, *, as_of: date, at: datetime) -> None:
    """Store what the calendar expects of the two weeks up to ``as_of``, as known at ``at``.

    A day that was looked at with later knowledge stays. Raises AssertionError when the equation of a day is false.
    """
    with wh.transaction() as connection:
        # Days measured side by side look at the same two weeks.
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext('expected'))"))
        for source in calendar.sources:
            began = connection.scalar(sa.text(_FIRST), {"source": source})
            days = [as_of - timedelta(days=back) for back in range(WINDOW_DAYS)]
            for day in (day for day in days if began is not None and day >= began):
                _expect_day(connection, calendar, source, day, at)


def _expect_day(connection: sa.Connection, calendar: Calendar, source: str, day: date, at: datetime) -> None:
    query = sa.text("select known_at from ops.expected_days where source = :source and day = :day")
    stored = connection.scalar(query, {"source": source, "day": day})
    if stored is not None and stored > at:
        return
    arrived = read_frame(connection, _ARRIVED, {"source": source, "day": day, "at": at})
    rows = expected_rows(_owed(connection, calendar, source, day, at), arrived, calendar, source, day, at)
    totals = day_totals(rows, arrived)
    stamp = {"source": source, "day": day, "calendar_version": calendar.version, "known_at": at}
    bulk.replace(connection, EXPECTED, rows, source=source, day=day)
    bulk.replace(connection, EXPECTED_DAYS, pl.DataFrame([totals | stamp]), source=source, day=day)


def _owed(connection: sa.Connection, calendar: Calendar, source: str, day: date, at: datetime) -> pl.DataFrame:
    """Who must deliver the day: ``holder_id``, ``holder_type``, ``county_code``."""
    holders = read_frame(connection, _HOLDERS, {"day": day, "at": at})
    duty = calendar.sources[source]
    holders = holders.filter(pl.col("holder_type").is_in(list(duty.holder_types)))
    if duty.heard_of_days:
        span = {"source": source, "since": day - timedelta(days=duty.heard_of_days), "day": day, "at": at}
        holders = holders.join(read_frame(connection, _HEARD_OF, span), on="holder_id", how="semi")
    expected = [one for one in holders["holder_id"] if calendar.duty(source, one).expects(day)]
    return holders.filter(pl.col("holder_id").is_in(expected))


def expected_rows(
    owed: pl.DataFrame, arrived: pl.DataFrame, calendar: Calendar, source: str, day: date, at: datetime
) -> pl.DataFrame:
    """``owed`` (holders) with what became of each, as ``ops.expected`` declares it; ``arrived``: when it first came."""
    duties = {one: calendar.duty(source, one) for one in owed["holder_id"]}
    told = pl.DataFrame(
        {
            "holder_id": list(duties),
            "due_at": [duty.due_at(day) for duty in duties.values()],
            "over": [duty.is_missing(day, at) for duty in duties.values()],
        },
        schema={"holder_id": pl.String, "due_at": pl.Datetime("us", "UTC"), "over": pl.Boolean},
    )
    joined = owed.join(told, on="holder_id").join(arrived, on="holder_id", how="left")
    state = (
        pl.when(pl.col("received_at") <= pl.col("due_at"))
        .then(pl.lit("received"))
        .when(pl.col("received_at").is_not_null())
        .then(pl.lit("received_late"))
        .when(pl.lit(at) <= pl.col("due_at"))
        .then(pl.lit("not_due"))
        .when(pl.col("over"))
        .then(pl.lit("missing"))
        .otherwise(pl.lit("late"))
    )
    stamped = joined.with_columns(state.alias("state"), source=pl.lit(source), day=pl.lit(day), known_at=pl.lit(at))
    return EXPECTED.conform(stamped).sort("holder_id")


def day_totals(rows: pl.DataFrame, arrived: pl.DataFrame) -> dict[str, int]:
    """Expected = received + late + missing, and every holder that delivered is either expected or not."""
    counts = dict(rows.group_by("state").len().iter_rows())
    late = counts.get("received_late", 0)
    totals = {
        "expected": rows.filter(pl.col("state") != "not_due").height,
        "received": counts.get("received", 0) + late,
        "received_late": late,
        "late": counts.get("late", 0),
        "missing": counts.get("missing", 0),
        "not_due": counts.get("not_due", 0),
        "unexpected": arrived.join(rows, on="holder_id", how="anti").height,
    }
    if totals["expected"] != totals["received"] + totals["late"] + totals["missing"]:
        raise AssertionError(f"deliveries expected are not received + late + missing: {totals}")
    if totals["received"] + totals["unexpected"] != arrived.height or rows["holder_id"].is_duplicated().any():
        raise AssertionError(f"{arrived.height} holders delivered, the calendar counts others: {totals}")
    return totals
