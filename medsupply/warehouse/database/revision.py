"""Words for revisions: a table is its columns (name, type, may be null), key, indexes and the day its months go by.

Comments are no part of a revision: they are set from the declarations after every migration.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from alembic import op

Columns = tuple[tuple[str, Any, bool], ...]


def create_table(
    full_name: str,
    columns: Columns,
    key: tuple[str, ...] = (),
    indexes: Iterable[tuple[str, ...]] = (),
    months_of: str | None = None,
) -> None:
    """Create ``schema.name``; partitioned by month of ``months_of`` where that is given."""
    schema, name = full_name.split(".")
    options: dict[str, Any] = {"postgresql_partition_by": f"RANGE ({months_of})"} if months_of else {}
    made = [sa.Column(column, kind, nullable=nullable) for column, kind, nullable in columns]
    constraints = [sa.PrimaryKeyConstraint(*key)] if key else []
    op.create_table(name, *made, *constraints, schema=schema, **options)
    for names in indexes:
        op.create_index(f"ix_{name}_{'_'.join(names)}", name, list(names), schema=schema)


def drop_tables(*full_names: str) -> None:
    """Drop tables with their data and partitions."""
    for full_name in full_names:
        schema, name = full_name.split(".")
        op.drop_table(name, schema=schema)
