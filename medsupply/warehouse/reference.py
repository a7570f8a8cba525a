"""The reference tables of ``core``: folded from the record, inside the transaction of the load that changes them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import polars as pl
import sqlalchemy as sa

from medsupply.sources.catalogue import Kind, Source
from medsupply.tables.core import CORE
from medsupply.warehouse import bulk, record
from medsupply.warehouse.reading import read_frame
from medsupply.warehouse.store import Store
from medsupply.warehouse.versions import fold

_VALID = """
    SELECT delivery_id, parts, received_at, sha256 FROM ops.deliveries
    WHERE source = :source AND verdict IN ('accepted', 'partly', 'held') AND withdrawn_at IS NULL
      AND (NOT held OR released_at IS NOT NULL) AND parts > 0
    ORDER BY received_at, sha256
"""


def refold(connection: sa.Connection, store: Store, source: Source, *, only: Sequence[object] | None = None) -> int:
    """Make the table of ``source`` again from its valid deliveries; returns the rows written.

    ``only``: values of the scope column to which the change is limited. A released list counts from its release on;
    rows released from quarantine from theirs.
    """
    table = CORE[source.name]
    valid = read_frame(connection, _VALID, {"source": source.name})
    touched = sa.true() if only is None else table.sql.c[source.scope[0]].in_(list(only))
    connection.execute(sa.delete(table.sql).where(touched))
    if not valid.height:
        return 0
    lazy = record.scan(store, source.name, valid.select("delivery_id", "parts").iter_rows())
    if only is not None:
        lazy = lazy.filter(pl.col(source.scope[0]).is_in(list(only)))
    rows = lazy.collect()
    order = {row["delivery_id"]: number for number, row in enumerate(valid.iter_rows(named=True))}
    content = [*source.contract.column_names(), "delivery_id"]
    scopes = [rows] if not source.scope else rows.partition_by(source.scope, maintain_order=True)
    folded = [
        fold(_in_order(scope, order, content), list(source.row_key), full_list=source.kind is Kind.FULL_LIST)
        for scope in scopes
    ]
    return bulk.copy(connection, table, pl.concat(folded)) if folded else 0


def _in_order(rows: pl.DataFrame, order: dict[str, int], content: list[str]) -> list[tuple[datetime, pl.DataFrame]]:
    """(known_from, rows so far known of the delivery) in order of knowledge.

    A part released later brings the whole delivery again at that moment, with the released rows inside.
    """
    found: list[tuple[datetime, int, pl.DataFrame]] = []
    for delivery_id, number in order.items():
        mine = rows.filter(pl.col("delivery_id") == delivery_id)
        for moment in mine["known_from"].unique().sort().to_list():
            found.append((moment, number, mine.filter(pl.col("known_from") <= moment).select(content)))
    return [(moment, frame) for moment, _, frame in sorted(found, key=lambda one: (one[0], one[1]))]
