"""Bulk writing: COPY fed with CSV that polars writes, in chunks. Missing is never the empty string."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Any
from uuid import uuid4

import polars as pl
import psycopg
import sqlalchemy as sa

from medsupply.tables.base import Table

CHUNK_ROWS = 50_000


def copy(connection: sa.Connection, table: Table, frame: pl.DataFrame) -> int:
    """Append ``frame`` to ``table``; returns the rows written. A column that the frame lacks becomes null.

    Raises polars' InvalidOperationError when a value does not fit the declared type.
    """
    rows = table.conform(frame)
    if table.partition_by_month:
        ensure_partitions(connection, table, rows[table.partition_by_month])
    return _copy_into(connection, _quoted(connection, table.sql), rows)


def replace(connection: sa.Connection, table: Table, frame: pl.DataFrame, **match: Any) -> int:
    """Put ``frame`` in the place of the rows whose columns equal ``match`` (None: is null; a list: any of it)."""
    connection.execute(sa.delete(table.sql).where(*_matching(table, match)))
    return copy(connection, table, frame)


def upsert(connection: sa.Connection, table: Table, frame: pl.DataFrame) -> int:
    """Insert ``frame``, or update the rows whose key is there; returns the rows given."""
    rows = table.conform(frame)
    if table.partition_by_month:
        ensure_partitions(connection, table, rows[table.partition_by_month])
    target, staging = _quoted(connection, table.sql), f"staging_{uuid4().hex[:12]}"
    connection.exec_driver_sql(f"CREATE TEMPORARY TABLE {staging} (LIKE {target}) ON COMMIT DROP")
    _copy_into(connection, staging, rows)
    connection.exec_driver_sql(_merge(connection, table, target, staging))
    connection.exec_driver_sql(f"DROP TABLE {staging}")
    return rows.height


def ensure_partitions(connection: sa.Connection, table: Table, days: pl.Series) -> None:
    """Make the monthly partitions that ``days`` (dates or moments) need and that are not there yet."""
    months = days.drop_nulls().cast(pl.Date).dt.truncate("1mo").unique().sort().to_list()
    statement = sa.text("SELECT ops.ensure_partition(CAST(:parent AS regclass), :month)")
    for month in months:
        connection.execute(statement, {"parent": _quoted(connection, table.sql), "month": month})


def _matching(table: Table, match: dict[str, Any]) -> Iterator[sa.ColumnElement[bool]]:
    if not match:
        raise ValueError(f"replace on {table.full_name} names no columns: it would empty the table")
    for name, value in match.items():
        column = table.sql.c[name]
        if value is None:
            yield column.is_(None)
        elif isinstance(value, list | tuple | set | frozenset | pl.Series):
            yield column.in_(list(value))
        else:
            yield column == value


def _merge(connection: sa.Connection, table: Table, target: str, staging: str) -> str:
    quote = connection.dialect.identifier_preparer.quote
    key = ", ".join(map(quote, table.key))
    names = ", ".join(map(quote, table.columns))
    others = [quote(name) for name in table.columns if name not in table.key]
    update = ", ".join(f"{name} = EXCLUDED.{name}" for name in others)
    action = f"DO UPDATE SET {update}" if others else "DO NOTHING"
    return f"INSERT INTO {target} ({names}) SELECT {names} FROM {staging} ON CONFLICT ({key}) {action}"  # noqa: S608


def _quoted(connection: sa.Connection, table: sa.Table) -> str:
    return connection.dialect.identifier_preparer.format_table(table)


def _copy_into(connection: sa.Connection, target: str, rows: pl.DataFrame) -> int:
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    names = ", ".join(connection.dialect.identifier_preparer.quote(name) for name in rows.columns)
    with driver.cursor() as cursor, cursor.copy(f"COPY {target} ({names}) FROM STDIN (FORMAT csv)") as stream:
        for chunk in csv_chunks(rows):
            stream.write(chunk)
    return rows.height


def csv_chunks(rows: pl.DataFrame) -> Iterable[bytes]:
    """CSV that PostgreSQL reads back the same: null is an empty field, text is always quoted, lists are arrays."""
    lists = [name for name, dtype in rows.schema.items() if isinstance(dtype, pl.List)]
    encoded = rows.with_columns(_array_literal(name).alias(name) for name in lists)
    for part in encoded.iter_slices(CHUNK_ROWS):
        buffer = io.BytesIO()
        part.write_csv(buffer, include_header=False, quote_style="non_numeric")
        yield buffer.getvalue()


def _array_literal(name: str) -> pl.Expr:
    item = pl.element().cast(pl.String)
    escaped = item.str.replace_all("\\", "\\\\", literal=True).str.replace_all('"', '\\"', literal=True)
    quoted = pl.when(item.is_null()).then(pl.lit("NULL")).otherwise(pl.format('"{}"', escaped))
    return pl.concat_str(pl.lit("{"), pl.col(name).list.eval(quoted).list.join(","), pl.lit("}"))
