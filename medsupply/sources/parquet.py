"""A flat Parquet file as text: every column becomes what a CSV would hold."""

from __future__ import annotations

import io
from collections.abc import Callable

import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from medsupply.errors import DeliveryRefused
from medsupply.sources.catalogue import Source
from medsupply.sources.personal import refuse_personal_bytes, refuse_personal_lines
from medsupply.sources.persons import refuse_persons
from medsupply.sources.splitting import ORIGINAL
from medsupply.sources.unpacking import Limits

# A broken file may bring polars' own reader into a state that it never expected: a panic, not an error.
FAILURES = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError, OverflowError)
Names = Callable[[tuple[str, ...]], list[str]]


def read_parquet(
    file: io.BytesIO, source: Source, names_of: Names, limits: Limits
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """``original`` and the contract's columns as text, and the file's header. Raises DeliveryRefused."""
    try:
        _within(pq.ParquetFile(file).metadata, limits)
        file.seek(0)
        frame = pl.read_parquet(file)
    except (*FAILURES, pa.ArrowException) as error:
        reason = (str(error).splitlines() or ["unknown"])[0][:200]
        raise DeliveryRefused(
            "broken_parquet", f"The Parquet file cannot be read ({reason})", "Send it again"
        ) from error
    header = tuple(frame.columns)
    _search(frame)
    refuse_personal_bytes(_footer(file))
    names = names_of(header)
    frame = frame.rename(dict(zip(header, names, strict=True)))
    taken = [name for name in names if name in source.contract.column_names()]
    _refuse_odd_types(frame.select(taken))
    readable = [name for name in names if not _is_odd(frame.schema[name])]
    refuse_persons(frame.select(_as_text(frame[name]).alias(name) for name in readable), source)
    text = frame.select(_as_text(frame[name]).alias(name) for name in taken)
    original = pl.concat_str([pl.col(name).fill_null("") for name in taken], separator=";").alias(ORIGINAL)
    return text.select(original, *taken), header


def _footer(file: io.BytesIO) -> bytes:
    """What a Parquet file says of itself: names, notes of its writer, statistics."""
    data = file.getvalue()
    return data[-8 - int.from_bytes(data[-8:-4], "little") :]


def _within(metadata: pq.FileMetaData, limits: Limits) -> None:
    size = sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
    if metadata.num_rows > limits.rows or size > limits.bytes_unpacked:
        raise DeliveryRefused(
            "too_large", f"The file holds {metadata.num_rows} rows, {size} bytes unpacked", "Send it in parts"
        )


def _search(frame: pl.DataFrame) -> None:
    """Look for personal identity codes in every column, those that are not taken too."""
    for series in frame:
        if series.dtype == pl.String or isinstance(series.dtype, pl.Categorical | pl.Enum):
            refuse_personal_lines(series.cast(pl.String).unique(maintain_order=True))
        elif series.dtype == pl.Binary:
            refuse_personal_bytes(b"\n".join(series.drop_nulls().to_list()))
        elif series.dtype.is_nested():
            refuse_personal_bytes(series.to_frame().write_ndjson().encode())


def _refuse_odd_types(frame: pl.DataFrame) -> None:
    odd = [(name, dtype) for name, dtype in frame.schema.items() if _is_odd(dtype)]
    if odd:
        name, dtype = odd[0]
        raise DeliveryRefused(
            "nested_column", f"Column {name!r} is of type {dtype}", "Send flat columns of plain types"
        )


def _is_odd(dtype: pl.DataType) -> bool:
    """Types that no field of a CSV could hold."""
    return dtype.is_nested() or dtype in (pl.Binary, pl.Duration, pl.Object)


def _as_text(values: pl.Series) -> pl.Expr:
    """Text as a CSV would hold it: whole numbers without a point, midnights as days, true and false as 1 and 0."""
    column = pl.col(values.name)
    if values.dtype.is_float():
        column = column.fill_nan(None)
        whole = (column == column.round(0)) & (column.abs() < 1e15)
        as_whole = column.cast(pl.Int64, strict=False).cast(pl.String)
        return pl.when(whole).then(as_whole).otherwise(column.cast(pl.String))
    if values.dtype == pl.Boolean:
        return column.cast(pl.Int8).cast(pl.String)
    if isinstance(values.dtype, pl.Datetime):
        midnight = column == column.dt.truncate("1d")
        return pl.when(midnight).then(column.dt.date().cast(pl.String)).otherwise(column.cast(pl.String))
    return column.cast(pl.String)
