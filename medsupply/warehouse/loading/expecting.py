"""Deliveries expected by the calendar and what became of each: per source and day, by holder, with its equation."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

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
    SELECT holder_id, holder_type, county_code, valid_from, valid_to FROM core.holders
    WHERE known_from <= :at AND (known_to IS NULL OR known_to > :at)
      AND valid_from <= :last AND (valid_to IS NULL OR valid_to >= :first) ORDER BY holder_id, valid_from DESC
"""
_ARRIVED = """
    SELECT s.day, s.holder_id, min(d.received_at) AS received_at
    FROM ops.snapshots s JOIN ops.deliveries d USING (delivery_id)
    WHERE s.source = :source AND s.day BETWEEN :first AND :last AND d.received_at <= :at
      AND (d.withdrawn_at IS NULL OR d.withdrawn_at > :at) GROUP BY s.day, s.holder_id
"""
_HEARD_OF = """
    SELECT DISTINCT s.holder_id, s.day FROM ops.snapshots s JOIN ops.deliveries d USING (delivery_id)
    WHERE s.source = :source AND s.day BETWEEN :first AND :last AND d.received_at <= :at
"""
_LOOKED_AT = (
    "SELECT day FROM ops.expected_days WHERE source = :source AND day BETWEEN :first AND :last AND known_at > :at"
)
_FIRST = "SELECT min(day) FROM ops.snapshots WHERE source = :source"


def expect(wh: Warehouse, calendar: Calendar, *, as_of: date, at: datetime) -> None:
    """Store what the calendar expects of the two weeks up to ``as_of``, as known at ``at``.

    A day that was looked at with later knowledge stays. Raises AssertionError when the equation of a day is false.
    """
    with wh.transaction() as connection:
        # Days measured side by side look at the same two weeks.
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext('expected'))"))
        for source in calendar.sources:
            _expect(connection, calendar, source, (as_of - timedelta(days=WINDOW_DAYS - 1), as_of), at)


def _expect(
    connection: sa.Connection, calendar: Calendar, source: str, window: tuple[date, date], at: datetime
) -> None:
    """Look at the days of ``window`` since the source began, a question for all of them."""
    began = connection.scalar(sa.text(_FIRST), {"source": source})
    if began is None or began > window[1]:
        return
    span = {"source": source, "first": max(began, window[0]), "last": window[1], "at": at}
    later = set(read_frame(connection, _LOOKED_AT, span)["day"])
    length = (span["last"] - span["first"]).days
    days = [day for n in range(length + 1) if (day := span["first"] + timedelta(days=n)) not in later]
    arrived = read_frame(connection, _ARRIVED, span)
    rows, totals = [], []
    for day, owed in _owed(connection, calendar, source, days, span).items():
        came = arrived.filter(pl.col("day") == day).drop("day")
        rows.append(expected_rows(owed, came, calendar, source, day, at))
        stamp = {"source": source, "day": day, "calendar_version": calendar.version, "known_at": at}
        totals.append(day_totals(rows[-1], came) | stamp)
    if days:
        bulk.replace(connection, EXPECTED, pl.concat(rows), source=source, day=days)
        bulk.replace(connection, EXPECTED_DAYS, pl.DataFrame(totals), source=source, day=days)


def _owed(
    connection: sa.Connection, calendar: Calendar, source: str, days: list[date], span: dict[str, Any]
) -> dict[date, pl.DataFrame]:
    """Who must deliver each of ``days``: ``holder_id``, ``holder_type``, ``county_code``."""
    duty = calendar.sources[source]
    holders = read_frame(connection, _HOLDERS, span).filter(pl.col("holder_type").is_in(list(duty.holder_types)))
    since = span["first"] - timedelta(days=duty.heard_of_days)
    heard = read_frame(connection, _HEARD_OF, span | {"first": since}) if duty.heard_of_days else None
    found = {}
    for day in days:
        valid = (pl.col("valid_from") <= day) & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= day))
        # Ordered by holder and the newest start first.
        owed = holders.filter(valid).unique("holder_id", keep="first", maintain_order=True)
        if heard is not None:
            lately = heard.filter(pl.col("day").is_between(day - timedelta(days=duty.heard_of_days), day))
            owed = owed.join(lately, on="holder_id", how="semi", maintain_order="left")
        expects = {one: one.expects(day) for one in {calendar.duty(source, name) for name in owed["holder_id"]}}
        expected = [name for name in owed["holder_id"] if expects[calendar.duty(source, name)]]
        found[day] = owed.filter(pl.col("holder_id").is_in(expected)).drop("valid_from", "valid_to")
    return found


def expected_rows(
    owed: pl.DataFrame, arrived: pl.DataFrame, calendar: Calendar, source: str, day: date, at: datetime
) -> pl.DataFrame:
    """``owed`` (holders) with what became of each, as ``ops.expected`` declares it; ``arrived``: when it first came."""
    duties = {one: calendar.duty(source, one) for one in owed["holder_id"]}
    # Nearly all have the duty of their source: its hours are worked out once.
    hours = {duty: (duty.due_at(day), duty.is_missing(day, at)) for duty in set(duties.values())}
    told = pl.DataFrame(
        {
            "holder_id": list(duties),
            "due_at": [hours[duty][0] for duty in duties.values()],
            "over": [hours[duty][1] for duty in duties.values()],
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
