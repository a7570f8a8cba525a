"""What retention may delete, kind by kind: how it is counted and how it goes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import sqlalchemy as sa

from medsupply.settings import Settings
from medsupply.tables.base import Table
from medsupply.tables.forecast import DEMAND
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.database.reading import read_frame
from medsupply.warehouse.loading import events
from medsupply.warehouse.loading.inbox import DONE
from medsupply.warehouse.loading.intake import identity
from medsupply.warehouse.pictures import SUMS, day_column
from medsupply.warehouse.storage import record
from medsupply.warehouse.storage.store import open_store

TEXTS = "quarantine_texts"
_DATED = re.compile(r"^(\d{4}-\d\d-\d\d)\.")


@dataclass(frozen=True)
class Found:
    """What would go: rows, texts or files, their size, the oldest of them."""

    rows: int = 0
    bytes: int = 0
    oldest: datetime | None = None


@dataclass(frozen=True)
class Kind:
    """``outside``: files, which a transaction that fails does not bring back. ``after``: when it is committed."""

    name: str
    setting: str
    what: str
    find: Callable[[Warehouse, sa.Connection, datetime], Found]
    delete: Callable[[Warehouse, sa.Connection, datetime, datetime], None]
    outside: bool = False
    after: Callable[[Warehouse, datetime], None] | None = None

    def days(self, settings: Settings) -> int:
        return int(getattr(settings, self.setting))


def _summed(found: list[tuple[int, datetime]]) -> Found:
    return Found(len(found), sum(size for size, _ in found), min((at for _, at in found), default=None))


def _asked(connection: sa.Connection, query: str, **values: object) -> Found:
    rows, size, oldest = connection.execute(sa.text(query), values).one()
    return Found(int(rows), int(size or 0), oldest.astimezone(UTC) if oldest else None)


# --- files of the inbox that were loaded: by their identity, and only while the archive holds the very bytes

_LOADED = """
    SELECT d.file_identity, d.source, d.sha256, d.received_at, d.bytes_received,
           coalesce(first.verdict, d.verdict) = 'refused' AND coalesce(first.bytes_archived, d.bytes_archived) IS NULL
               AS not_kept
    FROM ops.deliveries d LEFT JOIN ops.deliveries first ON first.delivery_id = d.duplicate_of
    WHERE d.file_identity = any(:identities) AND d.received_at < :before
"""


def _done_files(wh: Warehouse, connection: sa.Connection, before: datetime) -> Iterator[tuple[Path, int, datetime]]:
    """Paths with size and moment of receipt. A file that no delivery names, or that the archive lost, stays."""
    files = {identity(path): path for path in sorted(wh.settings.inbox.glob(f"*/{DONE}/*")) if path.is_file()}
    store = open_store(wh.settings.archive_url)
    loaded = read_frame(connection, _LOADED, {"identities": list(files), "before": before})
    for row in loaded.unique("file_identity", keep="last", maintain_order=True).iter_rows(named=True):
        name = record.raw_name(row["source"], row["sha256"])
        if row["not_kept"] or store.size(name) == row["bytes_received"]:
            yield files[row["file_identity"]], row["bytes_received"], row["received_at"]


def _find_done(wh: Warehouse, connection: sa.Connection, before: datetime) -> Found:
    return _summed([(size, at) for _, size, at in _done_files(wh, connection, before)])


def _delete_done(wh: Warehouse, connection: sa.Connection, before: datetime, _: datetime) -> None:
    for path, _size, _at in list(_done_files(wh, connection, before)):
        path.unlink(missing_ok=True)


# --- sample paths and starts of forecasts in the archive's store: named by their day


def _paths(wh: Warehouse, before: datetime) -> Iterator[tuple[str, int, datetime]]:
    store = open_store(wh.settings.archive_url)
    for name in store.names("forecast"):
        dated = _DATED.match(name.rpartition("/")[2])
        at = datetime.fromisoformat(dated[1]).replace(tzinfo=UTC) if dated else None
        if at is not None and at < before:
            yield name, store.size(name) or 0, at


def _find_paths(wh: Warehouse, _: sa.Connection, before: datetime) -> Found:
    return _summed([(size, at) for _, size, at in _paths(wh, before)])


def _delete_paths(wh: Warehouse, _: sa.Connection, before: datetime, _at: datetime) -> None:
    store = open_store(wh.settings.archive_url)
    for name, _size, _day in list(_paths(wh, before)):
        store.delete(name)


# --- weekly quantiles of old forecasts: whole months; sums, scores and what was told of them stay

_MONTHS = """
    SELECT c.oid::regclass::text AS name, pg_total_relation_size(c.oid) AS bytes FROM pg_inherits i
    JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = to_regclass(:parent)
      AND to_date(right(c.relname, 7), 'YYYY_MM') < date_trunc('month', CAST(:before AS timestamptz))
    ORDER BY 1
"""


def _months(connection: sa.Connection, before: datetime) -> pl.DataFrame:
    return read_frame(connection, _MONTHS, {"parent": DEMAND.full_name, "before": before})


def _find_quantiles(_: Warehouse, connection: sa.Connection, before: datetime) -> Found:
    rows, size, oldest = 0, 0, []
    for name, taken in _months(connection, before).iter_rows():
        one = _asked(connection, f"SELECT count(*), 0, CAST(min(cutoff) AS timestamptz) FROM {name}")  # noqa: S608
        rows, size = rows + one.rows, size + taken
        oldest += [one.oldest] if one.oldest else []
    return Found(rows, size, min(oldest, default=None))


def _delete_quantiles(_: Warehouse, connection: sa.Connection, before: datetime, _at: datetime) -> None:
    for name in _months(connection, before)["name"]:
        connection.execute(sa.text(f"DROP TABLE {name}"))


# --- daily sums of versions that a later one of the same day replaced, whole months; their figures and levels stay

_REPLACED = """
    SELECT p.stage, p.as_of, p.known_at FROM picture.pictures p
    WHERE p.stage = ANY(:stages) AND p.dropped_at IS NULL AND p.known_at < :before
      AND p.as_of < date_trunc('month', CAST(:before AS timestamptz)) AND p.known_at < (
        SELECT max(n.known_at) FROM picture.pictures n WHERE n.stage = p.stage AND n.as_of = p.as_of)
"""


def _of_replaced(table: Table, stage: str) -> str:
    """SQL with two gaps: ``table`` and how it meets the replaced versions."""
    meet = f"r.stage = '{stage}' AND t.known_at = r.known_at AND t.{day_column(table)} = r.as_of"
    return f"{table.full_name} t {{}} ({_REPLACED}) r {{}} {meet}"


def _find_sums(_: Warehouse, connection: sa.Connection, before: datetime) -> Found:
    values = {"stages": list(SUMS), "before": before}
    rows, size = 0, 0
    for stage, tables in SUMS.items():
        for table in tables:
            source = _of_replaced(table, stage).format("JOIN", "ON")
            one = _asked(connection, f"SELECT count(*), sum(pg_column_size(t.*)), NULL FROM {source}", **values)  # noqa: S608
            rows, size = rows + one.rows, size + one.bytes
    oldest = connection.scalar(sa.text(f"SELECT min(known_at) FROM ({_REPLACED}) r"), values)  # noqa: S608
    return Found(rows, size, oldest.astimezone(UTC) if oldest else None)


def _delete_sums(_: Warehouse, connection: sa.Connection, before: datetime, at: datetime) -> None:
    values = {"stages": list(SUMS), "before": before}
    for stage, tables in SUMS.items():
        for table in tables:
            connection.execute(sa.text(f"DELETE FROM {_of_replaced(table, stage).format('USING', 'WHERE')}"), values)  # noqa: S608
    dropped = (
        f"UPDATE picture.pictures p SET dropped_at = :at FROM ({_REPLACED}) r"  # noqa: S608
        " WHERE p.stage = r.stage AND p.as_of = r.as_of AND p.known_at = r.known_at"
    )
    connection.execute(sa.text(dropped), values | {"at": at})


def _return_space(wh: Warehouse, at: datetime) -> None:
    """Rewrite the months from which rows were deleted: no new rows will ever fill their gaps."""
    months = wh.read(
        "SELECT DISTINCT stage, to_char(as_of, '_YYYY_MM') AS month FROM picture.pictures WHERE dropped_at = :at", at=at
    )
    with wh.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for stage, month in months.sort("stage", "month").iter_rows():
            for table in SUMS[stage]:
                if table.partition_by_month:
                    connection.execute(sa.text(f"VACUUM (FULL) {table.full_name}{month}"))


# --- texts of mails that are over: to whom, when, about what and how it went stay

_MAILS = """
    status IN ('sent', 'failed') AND created_at < :before AND (body_text IS NOT NULL OR body_html IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM alerts.state s WHERE s.closed_on IS NULL
                    AND (s.alert_id = o.alert_id OR s.alert_id = ANY(o.alert_ids)))
"""


def _find_mails(_: Warehouse, connection: sa.Connection, before: datetime) -> Found:
    size = "sum(coalesce(octet_length(body_text), 0) + coalesce(octet_length(body_html), 0))"
    query = f"SELECT count(*), {size}, min(created_at) FROM alerts.outbox o WHERE {_MAILS}"  # noqa: S608
    return _asked(connection, query, before=before)


def _delete_mails(_: Warehouse, connection: sa.Connection, before: datetime, _at: datetime) -> None:
    query = f"UPDATE alerts.outbox o SET body_text = NULL, body_html = NULL WHERE {_MAILS}"  # noqa: S608
    connection.execute(sa.text(query), {"before": before})


# --- texts of quarantined rows: line, field, reason and what to do stay, the archived file has the text

_OLD_TEXTS = """
    FROM ops.deliveries d WHERE d.delivery_id = q.delivery_id AND d.received_at < :before AND q.original IS NOT NULL
"""


def find_texts(connection: sa.Connection, before: datetime) -> Found:
    """What ``forget_texts`` would leave out."""
    query = """
        SELECT count(*), sum(octet_length(q.original)), min(d.received_at)
        FROM ops.quarantine q JOIN ops.deliveries d USING (delivery_id)
        WHERE d.received_at < :before AND q.original IS NOT NULL
    """
    return _asked(connection, query, before=before)


def _delete_texts(wh: Warehouse, connection: sa.Connection, before: datetime, at: datetime) -> None:
    """The limit is kept as an event too: a rebuild, which reads every text again, forgets the same ones."""
    days = TEXT_KIND.days(wh.settings)
    events.keep(wh, {"action": "retain", "at": at.isoformat(), "before": before.isoformat(), "keep_days": days})
    forget_texts(connection, before)


def forget_texts(connection: sa.Connection, before: datetime) -> None:
    """Leave out the text of every row in quarantine whose delivery was received before a moment."""
    connection.execute(sa.text(f"UPDATE ops.quarantine q SET original = NULL {_OLD_TEXTS}"), {"before": before})  # noqa: S608


TEXT_KIND = Kind(
    TEXTS, "keep_originals_days", "text of rows in quarantine; the archived file has it",
    lambda _, connection, before: find_texts(connection, before), _delete_texts,
    outside=True,
)  # fmt: skip
KINDS = (
    Kind("done_files", "keep_done_days", "loaded files in .done of the inbox; the archive has them", _find_done,
         _delete_done, outside=True),
    Kind("forecast_paths", "keep_paths_days", "sample paths and starts of forecasts; a forecast makes them again",
         _find_paths, _delete_paths, outside=True),
    Kind("forecast_quantiles", "keep_quantiles_days", "weekly quantiles of forecasts, by month; sums and scores stay",
         _find_quantiles, _delete_quantiles),
    Kind("replaced_sums", "keep_versions_days", "daily sums of versions replaced since; the record gives them again",
         _find_sums, _delete_sums, after=_return_space),
    Kind("mail_texts", "keep_mails_days", "text of mails of closed alerts; what became of them stays", _find_mails,
         _delete_mails),
    TEXT_KIND,
)  # fmt: skip
