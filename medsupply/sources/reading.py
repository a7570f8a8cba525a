"""Bytes of a delivery become a frame of text: one row per data line, line number and original text beside it.

Nothing is guessed and nothing is dropped: every column is text, a line with too many or too few fields stays a row.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zlib
from dataclasses import dataclass

import polars as pl

from medsupply.errors import DeliveryRefused
from medsupply.sources.catalogue import Source

LINE, ORIGINAL, RAGGED = "line", "original", "ragged"
MAX_BYTES = 2_000_000_000
MAX_UNPACKED = 4_000_000_000
MAX_RATIO = 200
MAX_FIELD = 10_000
MAX_COLUMNS = 200


@dataclass(frozen=True)
class Raw:
    """A delivery as text.

    ``frame``: ``line`` (1-based physical line), ``original``, ``ragged`` and the file's columns, all text, in lower
    case and with the contract's names. ``header`` holds the columns as the file names them.
    """

    frame: pl.DataFrame
    header: tuple[str, ...]
    encoding: str
    lines_physical: int | None
    lines_header: int
    lines_blank: int


def read(data: bytes, name: str, source: Source) -> Raw:
    """Read CSV (plain or gzip) or Parquet. Raises DeliveryRefused with a reason that says what to do."""
    if not data:
        raise DeliveryRefused("empty_file", "The file is empty", "Send it again")
    if data[:2] == b"\x1f\x8b":
        data = _unpacked(data)
    if data[:4] == b"PAR1":
        return _read_parquet(data, source)
    text, encoding = decode(data, source.encoding)
    return _read_csv(text, encoding, source)


def decode(data: bytes, declared: str) -> tuple[str, str]:
    """Text by BOM, then strict UTF-8, then the declared encoding; never with replacement characters."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or data[:200].count(0) > 20:
        raise DeliveryRefused("wrong_encoding", "The file is UTF-16", "Save it as UTF-8 and send it again")
    if data.startswith(codecs.BOM_UTF8):
        data = data[len(codecs.BOM_UTF8) :]
    for encoding in dict.fromkeys(("utf-8", declared)):
        try:
            return data.decode(encoding), encoding
        except UnicodeDecodeError as error:
            problem = error
    raise DeliveryRefused(
        "unreadable_bytes",
        f"Byte {problem.start} is not {declared}",
        "Save the file as UTF-8 and send it again",
    )


def _unpacked(data: bytes) -> bytes:
    """The content of a gzip file, with limits checked while it is unpacked: headers can lie."""
    out = io.BytesIO()
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            while chunk := stream.read(1 << 20):
                out.write(chunk)
                if out.tell() > MAX_UNPACKED or (out.tell() > 50_000_000 and out.tell() > MAX_RATIO * len(data)):
                    raise DeliveryRefused(
                        "gzip_bomb", "The gzip file unpacks to far more than it should", "Check it and send it again"
                    )
    except (EOFError, OSError, zlib.error) as error:
        raise DeliveryRefused("broken_gzip", f"The gzip file is broken ({error})", "Send it again") from error
    return out.getvalue()


def _read_csv(text: str, encoding: str, source: Source) -> Raw:
    start = text[:500].lstrip().lower()
    if start.startswith(("<!doctype", "<html", "<?xml")) or "<html" in start:
        raise DeliveryRefused("web_page", "This is a web page, not a delivery", "Send the file itself")
    text = text.replace("\r\n", "\n")
    if "\n" not in text and "\r" in text:
        text = text.replace("\r", "\n")
    physical = text.count("\n") + (not text.endswith("\n"))
    first, _, _ = text.partition("\n")
    separator = _separator(first, source)
    header = tuple(field.strip().strip('"').strip("\ufeff") for field in first.split(separator))
    names = _names(header, source)
    quoted = source.quoting and '"' in text
    frame = _quoted_rows(text, separator, names) if quoted else _plain_rows(text, separator, names)
    if source.footer:
        frame = _without_footer(frame)
    return Raw(frame, header, encoding, physical, 1, physical - 1 - frame.height)


def _separator(first: str, source: Source) -> str:
    """The contract's separator; a published list may come with commas."""
    if source.separator not in first and first.count(",") >= len(source.contract.primary_key()):
        return ","
    return source.separator


def _names(header: tuple[str, ...], source: Source) -> list[str]:
    """The header in the contract's names. Raises DeliveryRefused for a wrong one."""
    if len(header) > MAX_COLUMNS:
        raise DeliveryRefused(
            "too_many_columns", f"The header has {len(header)} columns", "Send the contract's columns"
        )
    names = [source.aliases.get(name.lower(), name.lower()) for name in header]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DeliveryRefused("duplicate_column", f"The header names {twice[0]!r} twice", "Name every column once")
    required = [name for name in source.contract.column_names() if name not in source.contract.OPTIONAL]
    missing = [name for name in required if name not in names]
    if missing:
        raise DeliveryRefused(
            "missing_column",
            f"The header lacks {', '.join(missing)}; it reads {';'.join(header)[:200]!r}",
            f"Send the columns {';'.join(required)}, separated by {source.separator!r}",
        )
    return names


def _plain_rows(text: str, separator: str, names: list[str]) -> pl.DataFrame:
    """Rows of a file without quotes, split in one go; a line with another number of fields is marked ragged."""
    lines = pl.DataFrame({ORIGINAL: [text]}).select(pl.col(ORIGINAL).str.split("\n").explode())
    lines = lines.with_row_index(LINE, offset=1).with_columns(pl.col(LINE).cast(pl.Int64)).slice(1)
    lines = lines.filter(pl.col(ORIGINAL).str.strip_chars() != "")
    fields = pl.col(ORIGINAL).str.split_exact(separator, len(names) - 1)
    ragged = pl.col(ORIGINAL).str.count_matches(separator, literal=True) != len(names) - 1
    split = lines.with_columns(ragged.alias(RAGGED), fields.struct.rename_fields(names).alias("fields"))
    return split.unnest("fields")


def _quoted_rows(text: str, separator: str, names: list[str]) -> pl.DataFrame:
    """Rows of a file with quotes; a quoted field may hold separators and line ends."""
    csv.field_size_limit(10_000_000)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    physical = text.split("\n")
    rows: list[tuple[object, ...]] = []
    width, before = len(names), 0
    try:
        for fields in reader:
            begin, before = before + 1, reader.line_num
            if begin == 1 or not any(field.strip() for field in fields):
                continue
            original = "\n".join(physical[begin - 1 : before])
            good = len(fields) == width
            rows.append((begin, original, not good, *(fields if good else (fields + [None] * width)[:width])))
    except csv.Error as error:
        raise DeliveryRefused("broken_quotes", f"Line {before + 1}: {error}", "Close every quote") from error
    schema = {LINE: pl.Int64, ORIGINAL: pl.String, RAGGED: pl.Boolean} | dict.fromkeys(names, pl.String)
    return pl.DataFrame(rows, schema=schema, orient="row")


def _without_footer(frame: pl.DataFrame) -> pl.DataFrame:
    """Without the publisher's closing lines: words in the first column and nothing in the second."""
    first, second = (pl.col(name).fill_null("").str.strip_chars() for name in frame.columns[3:5])
    return frame.filter(~(first.str.contains(r"\s") & (second == "")))


def _read_parquet(data: bytes, source: Source) -> Raw:
    """A flat Parquet file; every column becomes the text that a CSV would hold."""
    try:
        frame = pl.read_parquet(io.BytesIO(data))
    except Exception as error:
        reason = str(error).splitlines()[0][:200]
        raise DeliveryRefused(
            "broken_parquet", f"The Parquet file cannot be read ({reason})", "Send it again"
        ) from error
    header = tuple(frame.columns)
    names = _names(header, source)
    nested = [name for name, dtype in frame.schema.items() if dtype.is_nested() or dtype == pl.Binary]
    if nested:
        raise DeliveryRefused("nested_column", f"Column {nested[0]!r} is nested or binary", "Send flat columns")
    text = frame.rename(dict(zip(header, names, strict=True))).select(
        _as_text(frame[old], new) for old, new in zip(header, names, strict=True)
    )
    original = pl.concat_str([pl.col(name).fill_null("") for name in names], separator=";").alias(ORIGINAL)
    rows = text.with_columns(original, pl.lit(False).alias(RAGGED)).with_row_index(LINE, offset=1)
    return Raw(rows.with_columns(pl.col(LINE).cast(pl.Int64)), header, "parquet", None, 0, 0)


def _as_text(values: pl.Series, name: str) -> pl.Expr:
    """Text as a CSV would hold it: whole numbers without a point, true and false as 1 and 0."""
    column = pl.col(name)
    if values.dtype.is_float():
        whole = (column == column.round(0)) & (column.abs() < 1e15)
        return (
            pl.when(whole)
            .then(column.cast(pl.Int64, strict=False).cast(pl.String))
            .otherwise(column.cast(pl.String))
            .alias(name)
        )
    if values.dtype == pl.Boolean:
        return column.cast(pl.Int8).cast(pl.String).alias(name)
    return column.cast(pl.String).alias(name)
