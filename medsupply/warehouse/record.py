"""The record: accepted rows of each delivery as immutable Parquet, named by delivery; valid through its delivery row.

Every row carries ``delivery_id``, ``line`` and ``known_from`` (receipt, or release from quarantine).
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import datetime

import polars as pl

from medsupply.sources.catalogue import SOURCES
from medsupply.warehouse.store import Store

EXTRA: dict[str, pl.DataType] = {
    "line": pl.Int64(),
    "delivery_id": pl.String(),
    "known_from": pl.Datetime("us", "UTC"),
}


def part_name(source: str, delivery_id: str, part: int) -> str:
    return f"record/{source}/{delivery_id}.{part}.parquet"


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
    ordered = stamped.select(pl.col(name).cast(dtype) for name, dtype in schema(source).items())
    buffer = io.BytesIO()
    ordered.write_parquet(buffer, compression="zstd", statistics=True)
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
    places = [
        store.location(part_name(source, delivery_id, part))
        for delivery_id, parts in deliveries
        for part in range(parts)
    ]
    if not places:
        return pl.LazyFrame(schema=schema(source))
    return pl.scan_parquet(places)
