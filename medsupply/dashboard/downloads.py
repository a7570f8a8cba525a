"""Tables as CSV files that a spreadsheet opens without harm: a text that would be a formula is only a text."""

from __future__ import annotations

import polars as pl

FORMULA = r"^[\t\r ]*[=+\-@]"


def csv(frame: pl.DataFrame) -> bytes:
    """``frame`` as CSV (``;``, UTF-8 with BOM, decimal point); a formula gets an apostrophe before it."""
    lists = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.List)]
    flat = frame.with_columns(pl.col(name).cast(pl.List(pl.String)).list.join(", ").replace("", None) for name in lists)
    texts = [name for name, dtype in flat.schema.items() if dtype == pl.String]
    safe = flat.with_columns(
        pl.when(pl.col(name).str.contains(FORMULA)).then("'" + pl.col(name)).otherwise(pl.col(name)).alias(name)
        for name in texts
    )
    return b"\xef\xbb\xbf" + safe.write_csv(separator=";").encode()
