"""The reference tables of ``core``: folded from the record, inside the transaction of the load that changes them."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import sqlalchemy as sa

from medsupply.sources.catalogue import Kind, Source
from medsupply.tables.core import CORE
from medsupply.warehouse.database import bulk
from medsupply.warehouse.database.reading import read_frame
from medsupply.warehouse.storage import record
from medsupply.warehouse.storage.store import Store
from medsupply.warehouse.versions import DELIVERY, KNOWN_FROM, Listed, fold, states

_COUNTED = """
    SELECT delivery_id, parts, greatest(received_at, CASE WHEN held THEN released_at END) AS counts_from, withdrawn_at
    FROM ops.deliveries
    WHERE source = :source AND verdict IN ('accepted', 'partly', 'held')
      AND (NOT held OR released_at IS NOT NULL) AND parts > 0
    ORDER BY received_at, sha256
"""


def refold(connection: sa.Connection, store: Store, source: Source, *, only: Sequence[object] | None = None) -> int:
    """Make the table of ``source`` again from its deliveries; returns the rows written.

    ``only``: values of the scope column to which the change is limited. A released list counts from its release on,
    rows released from quarantine from theirs, a withdrawn delivery until its withdrawal.
    """
    table = CORE[source.name]
    touched = sa.true() if only is None else table.sql.c[source.scope[0]].in_(list(only))
    if only is not None and not len(only):
        return 0
    counted = read_frame(connection, _COUNTED, {"source": source.name})
    connection.execute(sa.delete(table.sql).where(touched))
    if not counted.height:
        return 0
    lazy = record.scan(store, source.name, counted.select("delivery_id", "parts").iter_rows())
    if only is not None:
        lazy = lazy.filter(pl.col(source.scope[0]).is_in(list(only)))
    rows = lazy.collect()
    scopes = [rows] if not source.scope else rows.partition_by(source.scope, maintain_order=True)
    folded = [_folded(scope, counted, source) for scope in scopes if scope.height]
    if not folded and source.kind is Kind.FULL_LIST:
        return 0
    return bulk.copy(connection, table, pl.concat(folded)) if folded else 0


def _folded(rows: pl.DataFrame, counted: pl.DataFrame, source: Source) -> pl.DataFrame:
    columns = [*source.contract.column_names(), DELIVERY, KNOWN_FROM]
    by_delivery = rows.select(columns).partition_by(DELIVERY, as_dict=True)
    listed = []
    for one in counted.iter_rows(named=True):
        mine = by_delivery.get((one[DELIVERY],))
        if mine is None and (source.kind is not Kind.FULL_LIST or source.scope):
            continue  # it says nothing of this scope
        empty = rows.select(columns).clear()
        listed.append(Listed(mine if mine is not None else empty, one["counts_from"], one["withdrawn_at"]))
    key, full_list = list(source.row_key), source.kind is Kind.FULL_LIST
    moments, whole = states(listed, key, full_list=full_list)
    return fold(moments, key, full_list=whole)
