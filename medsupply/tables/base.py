"""How a table or a view is declared, and what is derived from a declaration.

A table is a dataframely schema (columns with type, key, nullability, bounds, description, unit) inside a
:class:`Table`, which adds the place in the warehouse and what the rows mean. A view is SQL with a description
for each of its columns. The SQLAlchemy table, comments, empty frames and the data dictionary come from them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import dataframely as dy
import polars as pl
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

METADATA = sa.MetaData()
UTC = "UTC"


def text(description: str, **options: Any) -> dy.String:
    """A text column."""
    return dy.String(description=description, **options)


def number(description: str, unit: str, **options: Any) -> dy.Float64:
    """A measured number; ``unit`` is part of its meaning (packs, units, days, share 0-1)."""
    return dy.Float64(description=description, metadata={"unit": unit}, **options)


def count(description: str, unit: str = "rows", **options: Any) -> dy.Int64:
    """A whole number of ``unit``."""
    return dy.Int64(description=description, metadata={"unit": unit}, **options)


def day(description: str, **options: Any) -> dy.Date:
    """A calendar day, Europe/Helsinki."""
    return dy.Date(description=description, **options)


def moment(description: str, **options: Any) -> dy.Datetime:
    """A moment in UTC."""
    return dy.Datetime(time_zone=UTC, time_unit="us", description=description, **options)


def flag(description: str, **options: Any) -> dy.Bool:
    """True or false."""
    return dy.Bool(description=description, **options)


def texts(description: str, **options: Any) -> dy.List:
    """A list of texts."""
    return dy.List(dy.String(), description=description, **options)


@dataclass(frozen=True)
class Table:
    """One table of the warehouse: ``schema``.``name`` with the columns of ``frame``."""

    schema: str
    name: str
    frame: type[dy.Schema]
    description: str
    classification: str = "internal"
    partition_by_month: str | None = None
    indexes: tuple[tuple[str, ...], ...] = ()
    sql: sa.Table = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sql", _sql_table(self))

    @property
    def full_name(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def columns(self) -> list[str]:
        return self.frame.column_names()

    @property
    def key(self) -> list[str]:
        return self.frame.primary_key()

    def dtypes(self) -> dict[str, pl.DataType]:
        return {name: column.dtype for name, column in self.frame.columns().items()}

    def empty(self) -> pl.DataFrame:
        """A frame of this table without rows."""
        return pl.DataFrame(schema=self.dtypes())

    def conform(self, frame: pl.DataFrame) -> pl.DataFrame:
        """``frame`` with exactly this table's columns and types; a column it lacks is null. Raises on a bad cast."""
        present = set(frame.columns)
        return frame.select(
            pl.col(name).cast(dtype) if name in present else pl.lit(None, dtype=dtype).alias(name)
            for name, dtype in self.dtypes().items()
        )


@dataclass(frozen=True)
class View:
    """One view of the ``analyst`` schema: its query, what a row is, what each column means.

    A column whose meaning stands in a table already is not described twice: ``tables`` names where to look.
    """

    name: str
    query: str
    description: str
    columns: Mapping[str, str] = field(default_factory=dict)
    tables: tuple[Table, ...] = ()

    def comments(self) -> dict[str, str]:
        """Column name -> description, own words first, then the tables' in order."""
        found: dict[str, str] = {}
        for table in reversed(self.tables):
            found |= {name: described(column) for name, column in table.frame.columns().items()}
        return found | dict(self.columns)


def described(column: dy.Column) -> str:
    """A column's description with its unit."""
    unit = (column.metadata or {}).get("unit")
    return f"{column.description} [{unit}]" if unit else str(column.description or "")


def _sql_table(table: Table) -> sa.Table:
    columns: Iterable[sa.Column[Any]] = table.frame.to_sqlalchemy_columns(postgresql.dialect())  # type: ignore[no-untyped-call]
    described_columns = []
    for column in columns:
        column.comment = described(table.frame.columns()[column.name])
        described_columns.append(column)
    indexes = [sa.Index(f"ix_{table.name}_{'_'.join(names)}", *names) for names in table.indexes]
    options: dict[str, Any] = {}
    if table.partition_by_month:
        options["postgresql_partition_by"] = f"RANGE ({table.partition_by_month})"
    return sa.Table(
        table.name,
        METADATA,
        *described_columns,
        *indexes,
        schema=table.schema,
        comment=table.description,
        **options,
    )
