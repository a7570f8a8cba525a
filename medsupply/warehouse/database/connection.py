"""The open warehouse: typed reads, transactions, and what a failure of the database means for a person."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import polars as pl
import sqlalchemy as sa

from medsupply.errors import WarehouseUnavailable
from medsupply.settings import Settings
from medsupply.tables.base import Table
from medsupply.warehouse.database import schema
from medsupply.warehouse.database.bulk import copy, ensure_partitions, replace, upsert
from medsupply.warehouse.database.engine import explained, make_engine
from medsupply.warehouse.database.reading import read_frame
from medsupply.warehouse.database.roles import OWNER, Role, role_of
from medsupply.warehouse.database.urls import role_url

__all__ = ["Warehouse", "copy", "ensure_partitions", "replace", "upsert"]

REOPENINGS = 4


class Warehouse:
    """A pool of connections to one database as one role."""

    def __init__(self, settings: Settings, engine: sa.Engine, role: str) -> None:
        self.settings = settings
        self.engine = engine
        self.role = role

    @classmethod
    def open(cls, settings: Settings, role: str = "owner") -> Warehouse:
        """The warehouse of ``settings`` as ``role``; starts the private server when it is needed and does not run.

        As owner it also brings schemas, views and grants up to date. Raises WarehouseError or WarehouseUnavailable.
        """
        found = role_of(role)
        for _ in range(REOPENINGS):
            try:
                return cls(settings, _opened(settings, found), found.name)
            except WarehouseUnavailable:
                if settings.database_url:
                    raise
            time.sleep(0.3)  # a private server that died this moment still takes connections and drops them
        return cls(settings, _opened(settings, found), found.name)

    def read(self, query: str, **params: Any) -> pl.DataFrame:
        """The rows of an SQL query with ``:name`` parameters (a list works with ``= any(:name)``).

        Types: Date, Datetime in UTC, Boolean, Int64, Float64, List, else String; on an empty result too.
        """
        with explained(asked=True), self.engine.connect() as connection:
            return read_frame(connection, query, params)

    def rows(self, table: Table, where: str = "true", **params: Any) -> pl.DataFrame:
        """Rows of ``table`` for which the SQL condition holds, in the declared types, sorted by key."""
        names = ", ".join(f'"{name}"' for name in table.columns)
        query = f'SELECT {names} FROM {table.schema}."{table.name}" WHERE {where}'  # noqa: S608
        found = table.conform(self.read(query, **params))
        return found.sort(table.key, nulls_last=True) if table.key else found

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """One transaction: all that is written in it is committed together, or nothing is."""
        with explained(), self.engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Give the connections back. The server goes on."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _opened(settings: Settings, role: Role) -> sa.Engine:
    with explained():
        engine = make_engine(role_url(settings, role.name))
        try:
            _greet(settings, engine, role)
        except BaseException:
            engine.dispose()
            raise
    return engine


def _greet(settings: Settings, engine: sa.Engine, role: Role) -> None:
    """The first connection: as owner it migrates, as another role it proves that address and password are right."""
    if role is OWNER:
        with engine.connect() as connection:
            done = schema.is_up_to_date(connection)
        if not done:
            from medsupply.warehouse.database.migrate import upgrade  # Alembic takes a while to import

            upgrade(settings, engine)
    else:
        engine.connect().close()
