"""The record: accepted rows of each delivery as immutable Parquet, named by delivery; valid through its delivery row.

The rows of a closed day lie in one file per source and day, named by its content (``compaction``). Every row carries
``delivery_id``, ``line`` and ``known_from`` (receipt, or release from quarantine).
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from datetime import date, datetime

import polars as pl
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from medsupply.sources.catalogue import SOURCES
from medsupply.warehouse.storage.store import Store

EXTRA: dict[str, pl.DataType] = {
    "line": pl.Int64(),
    "delivery_id": pl.String(),
    "known_from": pl.Datetime("us", "UTC"),
}

ROWS_IN_GROUP = 250_000


def part_name(source: str, delivery_id: str, part: int) -> str:
    return f"record/{source}/{delivery_id}.{part}.parquet"


def day_name(source: str, day: date, content: bytes) -> str:
    return f"record/{source}/days/{day}.{hashlib.sha256(content).hexdigest()[:16]}.parquet"


def day_column(source: str) -> str:
    """The column of the report day in a source of site rows."""
    return SOURCES[source].contract.primary_key()[1]


def raw_name(source: str, sha256: str) -> str:
    return f"raw/{source}/{sha256}"


def schema(source: str) -> dict[str, pl.DataType]:
    """Columns of the record of ``source``."""
    contract = {name: column.dtype for name, column in SOURCES[source].contract.columns().items()}
    return contract | EXTRA


def encode(source: str, delivery_id: str, rows: pl.DataFrame, known_from: datetime) -> bytes:
    """Accepted rows (contract columns and ``line``) as the bytes of one part."""
    stamped = rows.with_columns(
        pl.lit(delivery_id).alias("delivery_id"), pl.lit(known_from).cast(EXTRA["known_from"]).alias("known_from")
    )
    return _parquet(source, stamped)


def encode_day(source: str, rows: pl.DataFrame) -> bytes:
    """Rows of the record of one day as the bytes of its file, in an order that depends on nothing but the rows."""
    ordered = rows.sort(*SOURCES[source].row_key, "delivery_id", "line", nulls_last=True)
    return _parquet(source, ordered)


def _parquet(source: str, rows: pl.DataFrame) -> bytes:
    ordered = rows.select(pl.col(name).cast(dtype) for name, dtype in schema(source).items())
    buffer = io.BytesIO()
    pq.write_table(
        ordered.to_arrow(),
        buffer,
        compression="zstd",
        row_group_size=ROWS_IN_GROUP,
        # Packs are few different numbers. polars writes numbers plain, which doubles the file and the time to read it.
        use_dictionary=[name for name in ordered.columns if name != "line"],
        column_encoding={"line": "DELTA_BINARY_PACKED"},
    )
    return buffer.getvalue()


def rows_in(part: bytes) -> int:
    """The rows that a part really holds, from its own footer."""
    return int(pl.scan_parquet(io.BytesIO(part)).select(pl.len()).collect().item())


def write(store: Store, source: str, delivery_id: str, part: int, rows: pl.DataFrame, known_from: datetime) -> str:
    """Write accepted rows as one part; returns its name."""
    name = part_name(source, delivery_id, part)
    store.put(name, encode(source, delivery_id, rows, known_from))
    return name


def scan(store: Store, source: str, deliveries: Iterable[tuple[str, int]]) -> pl.LazyFrame:
    """The rows of the given (delivery, number of parts), lazily."""
    return scan_files(
        store,
        source,
        [part_name(source, delivery_id, part) for delivery_id, parts in deliveries for part in range(parts)],
    )


def scan_files(store: Store, source: str, names: Iterable[str]) -> pl.LazyFrame:
    """The rows of the named files, lazily."""
    places = [store.location(name) for name in names]
    return pl.scan_parquet(places) if places else pl.LazyFrame(schema=schema(source))
