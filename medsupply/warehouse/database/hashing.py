"""One hash over what analysts see, to prove that two ways led to the same warehouse.

Per view: its rows as text, sorted, without what depends on the clock. Sorting and streaming are the server's and
COPY's work, so that a view of any length takes no memory here.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import sqlalchemy as sa
from psycopg import sql

from medsupply.tables.catalogue import VIEWS
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.database.engine import explained
from medsupply.warehouse.database.schema import driver_of

# Moments say when something was done, not what: every column of that type is left out, and these besides.
WALL_CLOCK = frozenset({"attempts"})
# The same bytes again leave one row more and nothing else.
CONDITIONS = {"deliveries": "verdict <> 'duplicate'"}
# Twelve digits: sums of floats in another order differ in the last ones.
_WRITTEN = {"double precision": "to_char({}, '9.99999999999EEEE')", "real": "to_char({}, '9.99999EEEE')"}
_COLUMNS = """
    SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
    WHERE attrelid = to_regclass(:view) AND attnum > 0 ORDER BY attname COLLATE "C"
"""


@dataclass(frozen=True)
class WarehouseHash:
    """``views``: view -> SHA-256 of its rows; ``total``: over all of them."""

    views: dict[str, str]

    @property
    def total(self) -> str:
        return hashlib.sha256("\n".join(f"{name} {digest}" for name, digest in self.views.items()).encode()).hexdigest()


def warehouse_hash(warehouse: Warehouse) -> WarehouseHash:
    """The hash of every analyst view, by name."""
    with explained(), warehouse.engine.connect() as connection:
        return WarehouseHash({name: view_hash(connection, name) for name in sorted(view.name for view in VIEWS)})


def row_counts(warehouse: Warehouse) -> dict[str, int]:
    """View -> number of rows."""
    with explained(), warehouse.engine.connect() as connection:
        names = sorted(view.name for view in VIEWS)
        query = 'SELECT count(*) FROM analyst."{}"'
        return {name: int(connection.scalar(sa.text(query.format(name))) or 0) for name in names}


def view_hash(connection: sa.Connection, name: str) -> str:
    """SHA-256 of the rows of ``analyst.name``, whatever their order."""
    columns = connection.execute(sa.text(_COLUMNS), {"view": f"analyst.{name}"}).all()
    kept = [(c, kind) for c, kind in columns if not kind.startswith("timestamp") and c not in WALL_CLOCK]
    written = [sql.SQL(_WRITTEN.get(kind, "{}")).format(sql.Identifier(column)) for column, kind in kept]
    # Versions that differ in known_at only are one: making a picture again from the same facts adds nothing.
    distinct = sql.SQL("DISTINCT" if len(kept) < len(columns) else "")
    query = sql.SQL("COPY (SELECT {} (ROW({})::text) COLLATE {} AS row FROM analyst.{} WHERE {} ORDER BY 1) TO STDOUT")
    condition = sql.SQL(CONDITIONS.get(name, "true"))
    place = sql.Identifier(name)
    digest = hashlib.sha256(" ".join(column for column, _ in kept).encode())
    statement = query.format(distinct, sql.SQL(", ").join(written), sql.Identifier("C"), place, condition)
    with driver_of(connection).cursor() as cursor, cursor.copy(statement) as stream:
        for chunk in stream:
            digest.update(chunk)
    return digest.hexdigest()
