"""The process that parses: it takes bytes and gives back what they hold. It may die; the service does not.

``parser`` starts it and gives it one end of a socket.
"""

from __future__ import annotations

import contextlib
import resource
from dataclasses import dataclass
from datetime import date, datetime
from multiprocessing.connection import Connection

import polars as pl

from medsupply.errors import DeliveryRefused
from medsupply.sources.catalogue import SOURCES, Source
from medsupply.sources.checking import Checked, Totals
from medsupply.sources.parsing import Lines, parse
from medsupply.sources.rules import Known
from medsupply.sources.unpacking import LIMITS, Limits
from medsupply.warehouse.storage import record


@dataclass(frozen=True)
class Job:
    """What to parse; the bytes follow by themselves."""

    source: str
    delivery_id: str
    received_at: datetime
    known: Known
    limits: Limits = LIMITS


@dataclass(frozen=True)
class Parsed:
    """What a delivery holds. ``record``: its accepted rows as Parquet; ``snapshots``: holder_id, day, rows accepted."""

    lines: Lines
    received: Totals
    taken: Totals
    waiting: Totals
    duplicate: Totals
    quarantined: pl.DataFrame
    snapshots: pl.DataFrame | None
    scopes: dict[object, int] | None
    days: tuple[date, date] | None
    warnings: list[str]
    record: bytes
    record_rows: int


@dataclass(frozen=True)
class Refusal:
    """Why a delivery cannot be read at all."""

    code: str
    reason: str
    instruction: str


def answer(job: Job, data: bytes) -> Parsed | Refusal:
    """Parse one delivery."""
    source = SOURCES[job.source]
    try:
        lines, checked = parse(data, source, job.known, job.limits)
    except DeliveryRefused as refusal:
        return Refusal(refusal.code, refusal.reason, refusal.instruction)
    encoded = record.encode(source.name, job.delivery_id, checked.accepted, job.received_at)
    return Parsed(
        lines,
        checked.received,
        checked.taken,
        checked.waiting,
        checked.duplicate,
        checked.quarantined,
        snapshots_of(source, checked.accepted) if source.is_site else None,
        _scopes(source, checked),
        _days(source, checked),
        checked.warnings,
        encoded,
        record.rows_in(encoded),
    )


def snapshots_of(source: Source, rows: pl.DataFrame) -> pl.DataFrame:
    """Holder and day of each snapshot (or reporter and day) in ``rows``, with its rows; nil rows not counted."""
    holder, day = source.contract.primary_key()[:2]
    grouped = rows.group_by(pl.col(holder).alias("holder_id"), pl.col(day).alias("day")).agg(
        (pl.col("vnr") != "").sum().cast(pl.Int64).alias("rows")
    )
    return grouped.sort("holder_id", "day")


def _scopes(source: Source, checked: Checked) -> dict[object, int] | None:
    """The parts of a scoped list that the delivery speaks of, and the rows of each."""
    if not source.scope:
        return None
    counted = checked.accepted.group_by(source.scope[0]).len().sort(source.scope[0])
    return dict(counted.iter_rows())


def _days(source: Source, checked: Checked) -> tuple[date, date] | None:
    if not source.is_site or not checked.accepted.height:
        return None
    days = checked.accepted[source.contract.primary_key()[1]]
    first, last = days.min(), days.max()
    assert isinstance(first, date) and isinstance(last, date)
    return first, last


def main(descriptor: int, memory: int) -> None:
    """Answer jobs until the other side goes away."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    with contextlib.suppress(EOFError, ConnectionError), Connection(descriptor) as parent:
        while True:
            job = parent.recv()
            data = parent.recv_bytes()
            parent.send(answer(job, data))
