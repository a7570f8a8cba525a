"""Bytes of a delivery become a frame of text: one row per data line, line number and original text beside it.

Nothing is guessed and nothing is dropped: every column is text, a line with too many or too few fields stays a row.
Nothing is kept before it was searched for personal data.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import polars as pl

from medsupply.errors import DeliveryRefused
from medsupply.sources.catalogue import Source
from medsupply.sources.parquet import read_parquet
from medsupply.sources.personal import (
    refuse_hidden_personal_lines,
    refuse_personal_bytes,
    refuse_personal_columns,
    refuse_personal_lines,
)
from medsupply.sources.persons import refuse_persons
from medsupply.sources.splitting import BROKEN, LINE, ORIGINAL, RAGGED, numbered, split
from medsupply.sources.unpacking import GZIP, LIMITS, PARQUET, Limits, as_far_as_possible, decode, unpacked

# A gzip file begins with the name and the comment that its writer gave it.
GZIP_NAME = 1000
__all__ = ["BROKEN", "LINE", "ORIGINAL", "RAGGED", "Raw", "read"]


@dataclass(frozen=True)
class Raw:
    """A delivery as text.

    ``frame``: ``line`` (1-based physical line; row number of a Parquet file), ``original``, ``ragged``, ``broken`` and
    the file's columns, all text, with the contract's names. ``header`` holds the columns as the file names them.
    """

    frame: pl.DataFrame
    header: tuple[str, ...]
    encoding: str
    lines_physical: int | None
    lines_header: int
    lines_blank: int


def read(data: bytes, source: Source, limits: Limits = LIMITS) -> Raw:
    """Read CSV (plain or gzip) or Parquet. Raises DeliveryRefused with a reason that says what to do.

    A file that holds anything personal is refused for that before any other reason: its bytes must not be kept.
    """
    if data.startswith(GZIP):
        refuse_personal_bytes(data[:GZIP_NAME])
    try:
        content = unpacked(data, limits)
        if content.startswith(PARQUET):
            return _parquet(content, source, limits)
        text, encoding = decode(content, source.encoding)
        return _csv(text, encoding, source, limits)
    except DeliveryRefused as refusal:
        if refusal.code not in ("personal_code", "personal_column", "too_large"):
            refuse_personal_bytes(as_far_as_possible(data))
        raise


def _csv(text: str, encoding: str, source: Source, limits: Limits) -> Raw:
    _refuse_web_page(text)
    text = text.replace("\r\n", "\n")
    if "\n" not in text and "\r" in text:
        text = text.replace("\r", "\n")
    lines = numbered(text)
    refuse_personal_lines(lines[ORIGINAL])
    refuse_hidden_personal_lines(lines[ORIGINAL], text)
    if lines.height > limits.rows:
        raise DeliveryRefused("too_many_rows", f"The file has {lines.height} lines", "Send it in parts")
    first = str(lines[ORIGINAL][0])
    separator = source.separator if source.separator in first else source.other_separator or source.separator
    header = tuple(field.strip().strip('"').strip("\ufeff") for field in first.split(separator))
    names = contract_names(header, source, limits)
    records = split(lines.slice(1), separator, names, quoting=source.quoting)
    filled = records.filter(pl.col(ORIGINAL).str.strip_chars() != "")
    frame = _without_footer(filled) if source.footer else filled
    refuse_persons(frame, source)
    continued, blank, footers = (
        lines.height - 1 - records.height,
        records.height - filled.height,
        filled.height - frame.height,
    )
    physical = text.count("\n") + (not text.endswith("\n"))
    return Raw(frame, header, encoding, physical, 1, continued + blank + footers)


def _refuse_web_page(text: str) -> None:
    start = text[:500].lstrip().lower()
    if start.startswith(("<!doctype", "<html", "<?xml")) or "<html" in start:
        raise DeliveryRefused("web_page", "This is a web page, not a delivery", "Send the file itself")


def contract_names(header: tuple[str, ...], source: Source, limits: Limits) -> list[str]:
    """The header in the contract's names. Raises DeliveryRefused for a wrong one."""
    refuse_personal_columns(header, of_sites=source.name == "holders")
    if len(header) > limits.columns:
        raise DeliveryRefused(
            "too_many_columns", f"The header has {len(header)} columns", "Send the contract's columns"
        )
    names = [source.aliases.get(name.lower(), name.lower()) for name in header]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DeliveryRefused("duplicate_column", f"The header names {twice[0][:60]!r} twice", "Name every column once")
    required = [name for name in source.contract.column_names() if name not in source.contract.OPTIONAL]
    missing = [name for name in required if name not in names]
    if missing:
        raise DeliveryRefused(
            "missing_column",
            f"The header lacks {', '.join(missing)}; it reads {';'.join(header)[:200]!r}",
            f"Send the columns {';'.join(required)}, separated by {source.separator!r}",
        )
    return names


def _without_footer(frame: pl.DataFrame) -> pl.DataFrame:
    """Without the publisher's closing lines: words in the first column and nothing in the second."""
    first, second = (pl.col(name).fill_null("").str.strip_chars() for name in frame.columns[4:6])
    return frame.filter(~(first.str.contains(r"\s") & (second == "")) | pl.col(RAGGED) | pl.col(BROKEN))


def _parquet(content: bytes, source: Source, limits: Limits) -> Raw:
    frame, header = read_parquet(
        io.BytesIO(content), source, lambda header: contract_names(header, source, limits), limits
    )
    marked = frame.with_columns(pl.lit(False).alias(RAGGED), pl.lit(False).alias(BROKEN))
    numbered_rows = marked.with_row_index(LINE, offset=1).with_columns(pl.col(LINE).cast(pl.Int64))
    return Raw(numbered_rows, header, "parquet", None, 0, 0)
