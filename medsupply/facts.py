"""What a picture is made from: everything known at ``known_at`` about report day ``as_of``.

``warehouse.facts`` fills it from the record and the reference tables; nothing in ``picture`` reads anything else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl


@dataclass(frozen=True)
class Facts:
    """Corrections, withdrawals and held snapshots are resolved already; nothing later than ``known_at`` is inside.

    reference
        By source name (all but stock and dispensing): the contract's columns and ``known_from``, ``known_to``
        (UTC; null: still in the newest list known). Every version known at ``known_at`` is a row.
    lists
        ``source``, ``received_at``: when each full list known at ``known_at`` came (order of the vintages).
    stock
        Rows of the snapshots that stand: the contract's columns, ``counted_on`` from 182 days before ``as_of``.
    snapshots
        ``holder_id``, ``counted_on``: the snapshots behind ``stock``, empty ones (nil row) too.
    gaps
        ``holder_id``, ``counted_on``, ``vnr``: packages with a quarantined row in that snapshot (``missing`` there).
    dispensing
        Rows that stand, nil rows (``vnr`` empty) too, from 83 days before ``as_of``.
    stock_between
        The same rows as ``stock``, of [first, last] alone: opens the files of these days only. None: as ``stock``.
    dispensing_between
        Rows that stand as in ``dispensing``, of [first, last], which may lie before it. None: as ``dispensing``.
    stamps
        ``holder_id``, ``counted_on``, ``stamp``: which delivery a snapshot is of, and how many of its rows had been
        released from quarantine: the same stamp, the same rows. None: not known.
    """

    as_of: date
    known_at: datetime
    reference: Mapping[str, pl.DataFrame]
    lists: pl.DataFrame
    stock: pl.LazyFrame
    snapshots: pl.DataFrame
    gaps: pl.DataFrame
    dispensing: pl.LazyFrame
    stock_between: Callable[[date, date], pl.LazyFrame] | None = None
    stamps: pl.DataFrame | None = None
    dispensing_between: Callable[[date, date], pl.LazyFrame] | None = None

    def stock_of(self, first: date, last: date) -> pl.LazyFrame:
        """``stock`` counted in [first, last]."""
        if self.stock_between is not None:
            return self.stock_between(first, last)
        return self.stock.filter(pl.col("counted_on").is_between(first, last))

    def dispensing_of(self, first: date, last: date) -> pl.LazyFrame:
        """Dispensing of [first, last]."""
        if self.dispensing_between is not None:
            return self.dispensing_between(first, last)
        return self.dispensing.filter(pl.col("day").is_between(first, last))

    def current(self, source: str) -> pl.DataFrame:
        """The rows of ``source`` that are in its newest list known."""
        return self.reference[source].filter(pl.col("known_to").is_null())
