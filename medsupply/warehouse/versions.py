"""Reference as known over time: a pure fold over the deliveries of a source, in order of receipt.

The fold does not depend on the order of arrival, so a late list, a withdrawal or a rebuild give the same tables.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

KNOWN_FROM, KNOWN_TO, DELIVERY = "known_from", "known_to", "delivery_id"
MOMENT = pl.Datetime("us", "UTC")


@dataclass(frozen=True)
class Listed:
    """One delivery, in order of (received_at, SHA-256): its rows with ``known_from``, and when it counted."""

    rows: pl.DataFrame
    counts_from: datetime
    counts_to: datetime | None = None

    def known(self, at: datetime) -> pl.DataFrame | None:
        """The rows that counted at a moment; None when the delivery did not."""
        if at < self.counts_from or (self.counts_to is not None and at >= self.counts_to):
            return None
        return self.rows.filter(pl.col(KNOWN_FROM) <= at).drop(KNOWN_FROM)


def timeline(
    deliveries: Sequence[Listed], key: Sequence[str], *, full_list: bool
) -> Iterator[tuple[datetime, pl.DataFrame]]:
    """What was known from each moment on at which anything changed: the whole list, or all rows of events."""
    moments: set[datetime] = set()
    for one in deliveries:
        moments |= {max(moment, one.counts_from) for moment in one.rows[KNOWN_FROM].unique()} | {one.counts_from}
        if one.counts_to is not None:
            moments.add(one.counts_to)
    for moment in sorted(moments):
        standing = [rows for one in deliveries if (rows := one.known(moment)) is not None]
        if not standing:
            yield moment, deliveries[0].rows.clear().drop(KNOWN_FROM)
        elif full_list:
            yield moment, standing[-1]
        else:
            yield moment, pl.concat(standing).unique(subset=list(key), keep="last", maintain_order=True)


def states(
    deliveries: Sequence[Listed], key: Sequence[str], *, full_list: bool
) -> tuple[list[tuple[datetime, pl.DataFrame]], bool]:
    """What ``fold`` takes, one of each moment, and whether each of it is a whole list.

    Events that only ever come in, in their order, need no whole state for each moment.
    """
    plain = all(
        one.counts_to is None and one.rows.filter(pl.col(KNOWN_FROM) > one.counts_from).is_empty() for one in deliveries
    )
    in_order = all(a.counts_from <= b.counts_from for a, b in itertools.pairwise(deliveries))
    if not full_list and plain and in_order:
        together = itertools.groupby(deliveries, key=lambda one: one.counts_from)
        return [(moment, last_of([one.rows for one in group], key)) for moment, group in together], False
    return list(timeline(deliveries, key, full_list=full_list)), True


def last_of(rows: Sequence[pl.DataFrame], key: Sequence[str]) -> pl.DataFrame:
    """Rows of events known at one moment, in order: the last of each key."""
    together = pl.concat(rows).drop(KNOWN_FROM)
    return together.unique(subset=list(key), keep="last", maintain_order=True)


def fold(
    deliveries: Sequence[tuple[datetime, pl.DataFrame]],
    key: Sequence[str],
    *,
    full_list: bool,
    current: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Versions of rows over time.

    deliveries
        (moment, rows) in order; rows hold the contract's columns and ``delivery_id``.
    full_list
        A row that the next list lacks ends there; otherwise only a row with the same key ends an older one.
    current
        What stood before the first of them, with its ``known_from``; None: nothing.

    Returns the rows with ``known_from`` and ``known_to`` (null: still so).
    """
    closed: list[pl.DataFrame] = []
    for moment, rows in deliveries:
        stamped = rows.with_columns(pl.lit(moment).cast(MOMENT).alias(KNOWN_FROM))
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
        closed.append(changed.with_columns(pl.lit(moment).cast(MOMENT).alias(KNOWN_TO)))
        current = pl.concat([kept, new])
    if current is None:
        raise ValueError("nothing to fold")
    open_rows = current.with_columns(pl.lit(None, dtype=MOMENT).alias(KNOWN_TO))
    # Two lists with the same moment of receipt: the first was never known alone.
    return pl.concat([*closed, open_rows]).filter(pl.col(KNOWN_TO).is_null() | (pl.col(KNOWN_TO) > pl.col(KNOWN_FROM)))
