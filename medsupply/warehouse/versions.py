"""Reference as known over time: a pure fold over the deliveries of a source, in order of receipt.

The fold does not depend on the order of arrival, so a late list, a withdrawal or a rebuild give the same tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import polars as pl

KNOWN_FROM, KNOWN_TO, DELIVERY = "known_from", "known_to", "delivery_id"
MOMENT = pl.Datetime("us", "UTC")


def fold(deliveries: Sequence[tuple[datetime, pl.DataFrame]], key: Sequence[str], *, full_list: bool) -> pl.DataFrame:
    """Versions of rows over time.

    deliveries
        (received_at, rows) in order of (received_at, SHA-256); rows hold the contract's columns and ``delivery_id``.
    full_list
        A row that the next list lacks ends there; otherwise only a row with the same key ends an older one.

    Returns the rows with ``known_from`` and ``known_to`` (null: still so).
    """
    closed: list[pl.DataFrame] = []
    current: pl.DataFrame | None = None
    for received_at, rows in deliveries:
        stamped = rows.with_columns(pl.lit(received_at).cast(MOMENT).alias(KNOWN_FROM))
        if current is None:
            current = stamped
            continue
        content = [name for name in rows.columns if name != DELIVERY]
        kept = current.join(rows, on=content, how="semi", nulls_equal=True)
        changed = current.join(rows, on=content, how="anti", nulls_equal=True)
        if not full_list:
            untouched = changed.join(rows, on=list(key), how="anti", nulls_equal=True)
            changed = changed.join(rows, on=list(key), how="semi", nulls_equal=True)
            kept = pl.concat([kept, untouched])
        new = stamped.join(current, on=content, how="anti", nulls_equal=True)
        closed.append(changed.with_columns(pl.lit(received_at).cast(MOMENT).alias(KNOWN_TO)))
        current = pl.concat([kept, new])
    if current is None:
        raise ValueError("nothing to fold")
    open_rows = current.with_columns(pl.lit(None, dtype=MOMENT).alias(KNOWN_TO))
    # Two lists with the same moment of receipt: the first was never known alone.
    return pl.concat([*closed, open_rows]).filter(pl.col(KNOWN_TO).is_null() | (pl.col(KNOWN_TO) > pl.col(KNOWN_FROM)))
