"""Closed days of the record: one file per source and day instead of one per delivery; and the sweep of what is left.

Nothing that can be asked changes: superseded and withdrawn rows stay in the file, and a row that comes for a closed
day later lies beside it until the next compaction. Killed at any point and run again, the record is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl
import sqlalchemy as sa
import structlog

from medsupply.sources.catalogue import SOURCES
from medsupply.tables.ops import COMPACTED_DAYS, COMPACTED_PARTS, REPLACED
from medsupply.warehouse.database import bulk
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.database.locks import one_writer
from medsupply.warehouse.database.reading import read_frame
from medsupply.warehouse.loading.failpoints import reached
from medsupply.warehouse.storage import record
from medsupply.warehouse.storage.store import PART, Store, open_store

log = structlog.get_logger()
Progress = Callable[[int, int, str], None]
SITE_SOURCES = tuple(source.name for source in SOURCES.values() if source.is_site)
# A query that began before its file was replaced is long over by then.
GRACE = timedelta(hours=1)

_OPEN_PARTS = """
    SELECT s.source, s.day, s.delivery_id, p.part
    FROM (SELECT DISTINCT source, day, delivery_id FROM ops.snapshots WHERE source = :source AND {days}) s
    JOIN ops.deliveries d USING (delivery_id) CROSS JOIN LATERAL generate_series(0, d.parts - 1) AS p(part)
    WHERE NOT EXISTS (SELECT 1 FROM ops.compacted_parts c
                      WHERE c.delivery_id = s.delivery_id AND c.part = p.part AND c.day = s.day)
    ORDER BY s.day, s.delivery_id, p.part
"""
_CLOSED = f"SELECT DISTINCT day FROM ({_OPEN_PARTS.format(days='day <= :last')}) open ORDER BY day"  # noqa: S608
_OF_DAY = _OPEN_PARTS.format(days="day = :day")
# Parts of deliveries all of whose days are closed: their own files are not needed any more.
_DONE = """
    SELECT c.delivery_id, c.part FROM ops.compacted_parts c
    WHERE c.delivery_id = any(:ids) GROUP BY c.delivery_id, c.part
    HAVING count(*) = (SELECT count(DISTINCT day) FROM ops.snapshots s WHERE s.delivery_id = c.delivery_id)
"""
_COUNTED = """
    SELECT delivery_id, holder_id, rows FROM ops.snapshots
    WHERE source = :source AND day = :day ORDER BY delivery_id, holder_id
"""
# Files that the warehouse counts on: of lists, of deliveries with an open day, of closed days.
_LIVE = """
    SELECT d.source, d.delivery_id, p.part FROM ops.deliveries d
    CROSS JOIN LATERAL generate_series(0, d.parts - 1) AS p(part)
    WHERE NOT EXISTS (SELECT 1 FROM ops.compacted_parts c WHERE c.delivery_id = d.delivery_id AND c.part = p.part)
       OR EXISTS (SELECT 1 FROM ops.snapshots s WHERE s.delivery_id = d.delivery_id AND NOT EXISTS (
            SELECT 1 FROM ops.compacted_parts c
            WHERE c.delivery_id = s.delivery_id AND c.part = p.part AND c.day = s.day))
"""


@dataclass(frozen=True)
class Swept:
    """What a sweep deleted."""

    orphans: int
    replaced: int
    temporary: int

    def __str__(self) -> str:
        return f"{self.orphans} orphans, {self.replaced} replaced files and {self.temporary} temporary files deleted"


def compact(wh: Warehouse, *, last: date, at: datetime, progress: Progress | None = None) -> int:
    """Write the files of the days up to ``last`` that have rows outside of theirs; returns how many were written."""
    days = [
        (source, day) for source in SITE_SOURCES for day in wh.read(_CLOSED, source=source, last=last)["day"].to_list()
    ]
    written = 0
    for number, (source, day) in enumerate(days, start=1):
        written += compact_day(wh, source, day, at=at)
        if progress:
            progress(number, len(days), f"{source} {day}")
    return written


def compact_day(wh: Warehouse, source: str, day: date, *, at: datetime) -> bool:
    """One day in one transaction; whether anything was to be done. Raises AssertionError when a row is not there."""
    store = open_store(wh.settings.archive_url)
    with wh.transaction() as connection:
        one_writer(connection)
        parts = read_frame(connection, _OF_DAY, {"source": source, "day": day})
        if not parts.height:
            return False
        before = _file_of(connection, source, day)
        rows = _rows_of(store, source, day, parts, before)
        _prove(rows, read_frame(connection, _COUNTED, {"source": source, "day": day}), source, day)
        content = record.encode_day(source, rows)
        name = record.day_name(source, day, content)
        store.put(name, content)
        reached("day_written")
        bulk.copy(connection, COMPACTED_PARTS, parts)
        closed = {"source": source, "day": day, "file_name": name, "rows": rows.height, "file_bytes": len(content)}
        bulk.upsert(connection, COMPACTED_DAYS, pl.DataFrame([closed | {"compacted_at": at}]))
        old = [before] if before is not None and before != name else []
        _replace(connection, [*old, *_done(connection, source, parts)], live=name, at=at)
        reached("day_noted")
    reached("day_closed")
    log.info("compacted", source=source, day=str(day), rows=rows.height, bytes=len(content))
    return True


def _file_of(connection: sa.Connection, source: str, day: date) -> str | None:
    query = sa.text("select file_name from ops.compacted_days where source = :source and day = :day")
    found = connection.scalar(query, {"source": source, "day": day})
    return str(found) if found is not None else None


def _rows_of(store: Store, source: str, day: date, parts: pl.DataFrame, before: str | None) -> pl.DataFrame:
    names = [record.part_name(source, one, part) for one, part in parts.select("delivery_id", "part").iter_rows()]
    fresh = record.scan_files(store, source, names).filter(pl.col(record.day_column(source)) == day)
    older = record.scan_files(store, source, [before] if before else [])
    return pl.concat([older, fresh]).collect()


def _prove(rows: pl.DataFrame, counted: pl.DataFrame, source: str, day: date) -> None:
    """Every accepted row of every snapshot of the day is in the file, once."""
    holder = SOURCES[source].contract.primary_key()[0]
    written = rows.group_by("delivery_id", holder_id=holder).agg(rows=(pl.col("vnr") != "").sum().cast(pl.Int64))
    key = ["delivery_id", "holder_id"]
    both = written.join(counted, on=key, how="full", suffix="_counted", coalesce=True)
    wrong = both.filter(~pl.col("rows").eq_missing(pl.col("rows_counted")))
    if wrong.height or rows.select("delivery_id", "line").is_duplicated().any():
        raise AssertionError(f"{source} of {day}: the record does not hold the rows that were accepted\n{wrong.head()}")


def _done(connection: sa.Connection, source: str, parts: pl.DataFrame) -> list[str]:
    found = read_frame(connection, _DONE, {"ids": parts["delivery_id"].unique().to_list()})
    return [record.part_name(source, one, part) for one, part in found.iter_rows()]


def _replace(connection: sa.Connection, names: Iterable[str], *, live: str, at: datetime) -> None:
    rows = pl.DataFrame({"file_name": sorted(set(names))}, schema={"file_name": pl.String})
    bulk.upsert(connection, REPLACED, rows.with_columns(replaced_at=pl.lit(at)))
    # The same content once more, after a rebuild: the file counts again.
    connection.execute(sa.text("delete from ops.replaced where file_name = :name"), {"name": live})


def sweep(wh: Warehouse, *, at: datetime) -> Swept:
    """Delete files of the record that nothing names: of killed loaders at once, replaced ones after an hour.

    The archive of what was received is never touched, but for temporary files of writers that died.
    """
    store = open_store(wh.settings.archive_url)
    with wh.transaction() as connection:
        one_writer(connection)
        live = _live(connection)
        waiting = read_frame(connection, "select file_name, replaced_at from ops.replaced", {})
        young = set(waiting.filter(pl.col("replaced_at") > at - GRACE)["file_name"])
        old = set(waiting["file_name"]) - young
        found = [name for folder in ("record", "raw", "events") for name in store.names(folder)]
        temporary = [name for name in found if name.endswith(PART)]
        gone = [name for name in found if _in_record(name) and name not in live and name not in young]
        for name in [*temporary, *gone]:
            store.delete(name)
        reached("files_swept")
        query = sa.text("delete from ops.replaced where file_name = any(:names)")
        connection.execute(query, {"names": sorted(old)})
    return Swept(len([name for name in gone if name not in old]), len(old & set(gone)), len(temporary))


def _in_record(name: str) -> bool:
    return name.startswith("record/") and not name.endswith(PART)


def _live(connection: sa.Connection) -> set[str]:
    parts = read_frame(connection, _LIVE, {}).iter_rows()
    days = connection.scalars(sa.text("select file_name from ops.compacted_days"))
    return {record.part_name(source, one, part) for source, one, part in parts} | set(days)


def missing_files(wh: Warehouse) -> list[str]:
    """Files of the record that the warehouse counts on and that are not there."""
    store = open_store(wh.settings.archive_url)
    with wh.engine.connect() as connection:
        live = _live(connection)
    return sorted(live - set(store.names("record")))
