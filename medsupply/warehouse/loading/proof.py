"""The equations of stored deliveries, looked at again: counts, quarantine, bytes in the archive, rows in the record.

They were proved in the transaction that stored the delivery. What is false now was changed or lost since.
"""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from medsupply.tables.ops import EQUATIONS
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.storage import compaction, record
from medsupply.warehouse.storage.store import Store, open_store

BROKEN = pl.Schema({"what": pl.String(), "equation": pl.String()})
# How far back the archive is looked at, and rows of the record are counted again; all else is looked at whole.
DAYS = 31
COUNTED_DAYS = 2

_COUNTS = f"""
    SELECT d.delivery_id AS what, 'counts' AS equation FROM ops.deliveries d WHERE NOT {EQUATIONS}
    UNION ALL
    SELECT d.delivery_id, 'quarantine' FROM ops.deliveries d LEFT JOIN (
        SELECT delivery_id, count(*) AS n FROM ops.quarantine WHERE released_at IS NULL GROUP BY delivery_id
    ) q USING (delivery_id) WHERE d.rows_quarantined <> coalesce(q.n, 0)
    ORDER BY 1, 2
"""  # noqa: S608
_RECENT = """
    SELECT delivery_id, source, sha256, bytes_received, bytes_archived, rows_accepted, parts FROM ops.deliveries
    WHERE verdict <> 'duplicate' AND received_at > (SELECT max(received_at) FROM ops.deliveries) - :back
    ORDER BY delivery_id
"""
# Where the rows of deliveries lie: in their own files, in those of closed days, or, of several days, in both.
_FILES = """
    SELECT d.source, 'record/' || d.source || '/' || d.delivery_id || '.' || p.part || '.parquet' AS file_name
    FROM ops.deliveries d CROSS JOIN LATERAL generate_series(0, d.parts - 1) AS p(part)
    WHERE d.delivery_id = any(:ids) AND (
        NOT EXISTS (SELECT 1 FROM ops.compacted_parts c WHERE c.delivery_id = d.delivery_id AND c.part = p.part)
        OR EXISTS (SELECT 1 FROM ops.snapshots s WHERE s.delivery_id = d.delivery_id AND NOT EXISTS (
            SELECT 1 FROM ops.compacted_parts c
            WHERE c.delivery_id = s.delivery_id AND c.part = p.part AND c.day = s.day)))
    UNION
    SELECT c.source, f.file_name FROM ops.compacted_parts c JOIN ops.compacted_days f USING (source, day)
    WHERE c.delivery_id = any(:ids)
    ORDER BY 1, 2
"""


def broken(wh: Warehouse, *, days: int = DAYS) -> pl.DataFrame:
    """``what`` (delivery, or file of the record) and ``equation``: counts, quarantine, archive or record.

    Raises WarehouseError when database or archive do not answer.
    """
    store = open_store(wh.settings.archive_url)
    lost = compaction.missing_files(wh)
    archive = _archive(store, wh.read(_RECENT, back=timedelta(days=days)))
    rows = _record(wh, store, wh.read(_RECENT, back=timedelta(days=min(days, COUNTED_DAYS))), set(lost))
    found = [wh.read(_COUNTS), archive, _named(lost, "record"), rows]
    return pl.concat([frame.cast(BROKEN) for frame in found])


def sentence(found: pl.DataFrame) -> str:
    """What is false, in a few words."""
    told = [f"{row['what']} ({row['equation']})" for row in found.head(3).iter_rows(named=True)]
    more = f" and {found.height - 3} more" if found.height > 3 else ""
    return f"{found.height} equations of deliveries are false: {', '.join(told)}{more}"


def _named(names: list[str], equation: str) -> pl.DataFrame:
    return pl.DataFrame({"what": names, "equation": [equation] * len(names)}, schema=BROKEN)


def _archive(store: Store, recent: pl.DataFrame) -> pl.DataFrame:
    """Deliveries whose bytes are not in the archive as they came."""
    kept = recent.filter(pl.col("bytes_archived").is_not_null())
    wrong = [
        row["delivery_id"]
        for row in kept.iter_rows(named=True)
        if store.size(record.raw_name(row["source"], row["sha256"])) != row["bytes_received"]
    ]
    return _named(wrong, "archive")


def _record(wh: Warehouse, store: Store, recent: pl.DataFrame, lost: set[str]) -> pl.DataFrame:
    """Deliveries whose accepted rows are not in the record, but for files that are known to be lost."""
    wrong: list[str] = []
    for (source,), mine in recent.filter(pl.col("parts") > 0).group_by("source", maintain_order=True):
        ids = mine["delivery_id"].to_list()
        files = wh.read(_FILES, ids=ids).filter(pl.col("source") == source)["file_name"].to_list()
        rows = _rows(store, str(source), [name for name in files if name not in lost], ids)
        counted = mine.join(rows, on="delivery_id", how="left")
        less = counted.filter(pl.col("len").fill_null(0) != pl.col("rows_accepted"))["delivery_id"]
        wrong += [one for one in less if not any(f"/{one}." in name for name in lost)]
    return _named(wrong, "record")


def _rows(store: Store, source: str, files: list[str], ids: list[str]) -> pl.DataFrame:
    """``delivery_id`` and ``len`` as the files say; a file that cannot be read has no rows."""
    places = ["delivery_id", "line"]
    readable = [name for name in files if _is_readable(store, source, name)]
    rows = record.scan_files(store, source, readable).select(places).filter(pl.col("delivery_id").is_in(ids))
    return rows.unique().group_by("delivery_id").len().collect()


def _is_readable(store: Store, source: str, name: str) -> bool:
    try:
        found = record.scan_files(store, source, [name]).collect_schema()
    except (pl.exceptions.PolarsError, OSError):
        return False
    return found == pl.Schema(record.schema(source))
