"""Lines of a CSV file become fields: in one go where there are no quotes, record by record where there are.

A line with too many or too few fields stays a row, marked ragged; a quote that nothing closes spoils its own line only.
"""

from __future__ import annotations

import csv

import polars as pl

LINE, ORIGINAL, RAGGED, BROKEN = "line", "original", "ragged", "broken"
# A quoted field may hold line ends; one that goes on for longer is a quote that was never closed.
LONGEST_RECORD = 20
csv.field_size_limit(2**31 - 1)


def numbered(text: str) -> pl.DataFrame:
    """``line`` (1-based physical line) and ``original``; a final line end starts no line."""
    lines = pl.DataFrame({ORIGINAL: [text.removesuffix("\n")]}).select(pl.col(ORIGINAL).str.split("\n").explode())
    return lines.with_row_index(LINE, offset=1).with_columns(pl.col(LINE).cast(pl.Int64))


def split(lines: pl.DataFrame, separator: str, names: list[str], *, quoting: bool) -> pl.DataFrame:
    """``lines`` with ``ragged``, ``broken`` and one column of text per name, in order of lines."""
    if not quoting:
        return _plain(lines, separator, names)
    lines = _joined(lines, separator, len(names))
    has_quote = pl.col(ORIGINAL).str.contains('"', literal=True)
    quoted = lines.filter(has_quote)
    if not quoted.height:
        return _plain(lines, separator, names)
    parts = [_plain(lines.filter(~has_quote), separator, names), _quoted(quoted, separator, names)]
    return pl.concat(parts).sort(LINE)


def _plain(lines: pl.DataFrame, separator: str, names: list[str]) -> pl.DataFrame:
    fields = pl.col(ORIGINAL).str.split_exact(separator, len(names) - 1)
    ragged = pl.col(ORIGINAL).str.count_matches(separator, literal=True) != len(names) - 1
    marked = lines.with_columns(
        ragged.alias(RAGGED), pl.lit(False).alias(BROKEN), fields.struct.rename_fields(names).alias("fields")
    )
    return marked.unnest("fields")


def _quoted(lines: pl.DataFrame, separator: str, names: list[str]) -> pl.DataFrame:
    width = len(names)
    rows: list[tuple[object, ...]] = []
    for line, text in lines.iter_rows():
        fields = fields_of(text, separator)
        taken: list[str] | list[None] = fields if fields is not None and len(fields) == width else [None] * width
        rows.append((line, text, fields is not None and fields is not taken, fields is None, *taken))
    marks = {LINE: pl.Int64, ORIGINAL: pl.String, RAGGED: pl.Boolean, BROKEN: pl.Boolean}
    return pl.DataFrame(rows, schema=marks | dict.fromkeys(names, pl.String), orient="row")


def fields_of(text: str, separator: str) -> list[str] | None:
    """The fields of one record; None where its quotes are broken."""
    try:
        return next(csv.reader([text], delimiter=separator, strict=True))
    except csv.Error:
        return None


def _joined(lines: pl.DataFrame, separator: str, width: int) -> pl.DataFrame:
    """Lines of one record put together: from an open quote to the line that closes it and completes the record."""
    odd = lines.filter(pl.col(ORIGINAL).str.count_matches('"', literal=True) % 2 == 1)[LINE].to_list()
    if len(odd) < 2:
        return lines
    first = int(lines[LINE][0])
    whole: dict[int, str] = {}
    inside: list[int] = []
    position = 0
    while position < len(odd) - 1:
        begin, end = odd[position], odd[position + 1]
        text = "\n".join(lines[ORIGINAL][begin - first : end - first + 1]) if end - begin < LONGEST_RECORD else ""
        fields = fields_of(text, separator) if text else None
        if fields is not None and len(fields) == width:
            whole[begin] = text
            inside += range(begin + 1, end + 1)
            position += 1
        position += 1
    if not whole:
        return lines
    records = pl.DataFrame({LINE: list(whole), "record": list(whole.values())}, schema_overrides={LINE: pl.Int64})
    kept = lines.filter(~pl.col(LINE).is_in(inside)).join(records, on=LINE, how="left", maintain_order="left")
    return kept.select(LINE, pl.coalesce("record", ORIGINAL).alias(ORIGINAL))
