"""Frames as bytes, the same bytes every time."""

from __future__ import annotations

import gzip
import io
from collections.abc import Mapping, Sequence

import polars as pl


def csv_text(frame: pl.DataFrame, *, decimal_comma: bool = False) -> str:
    """The frame as a delivery: semicolons, whole numbers without a point, or every number with a decimal comma."""
    texts = []
    for name, dtype in frame.schema.items():
        if dtype == pl.Float64:
            whole = pl.col(name) == pl.col(name).round(0)
            plain = (
                pl.when(whole).then(pl.col(name).cast(pl.Int64).cast(pl.String)).otherwise(pl.col(name).cast(pl.String))
            )
            with_comma = pl.col(name).round(1).cast(pl.String).str.replace(".", ",", literal=True)
            texts.append((with_comma if decimal_comma else plain).alias(name))
    return frame.with_columns(texts).write_csv(separator=";")


def gz(data: bytes) -> bytes:
    """Compressed; no name and no time in the header, so the same bytes every time."""
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0, compresslevel=4) as stream:
        stream.write(data)
    return buffer.getvalue()


def parquet(frame: pl.DataFrame) -> bytes:
    """As Parquet, in row groups of a fixed size."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd", row_group_size=500_000)
    return buffer.getvalue()


def table(rows: Sequence[tuple[object, ...]], schema: Mapping[str, pl.DataType | type[pl.DataType]]) -> pl.DataFrame:
    """A frame of ``rows`` with ``schema``, also without any row."""
    return pl.DataFrame(list(rows), schema=pl.Schema(schema), orient="row")
