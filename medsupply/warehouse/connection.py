"""The open warehouse: typed reads, transactions, and what a failure of the database means for a person."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import polars as pl
import psycopg
import sqlalchemy as sa
import sqlalchemy.exc
from psycopg import errors as pg

from medsupply.errors import InputError, WarehouseError, WarehouseUnavailable
from medsupply.settings import Settings
from medsupply.tables.base import Table
from medsupply.warehouse import schema
from medsupply.warehouse.bulk import copy, ensure_partitions, replace, upsert
from medsupply.warehouse.reading import read_frame
from medsupply.warehouse.roles import OWNER, Role, role_of, role_url

__all__ = ["Warehouse", "copy", "ensure_partitions", "replace", "upsert"]

REOPENINGS = 4
# A refused connection carries no code, only words.
_REFUSED = re.compile(r"password authentication|permission denied|does not exist|no pg_hba.conf entry|not permitted")

# Classes of SQLSTATE: data that does not fit, names and grammar, more than one statement at a time.
_FAULTS_OF_A_QUERY = ("22", "42", "0A", "25")


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
            from medsupply.warehouse.migrate import upgrade  # Alembic takes a while to import

            upgrade(settings, engine)
    else:
        engine.connect().close()


def make_engine(url: str) -> sa.Engine:
    """An engine whose sessions speak UTC and whose first connection waits while the server recovers."""
    engine = sa.create_engine(
        url,
        connect_args={"options": "-c timezone=UTC", "application_name": "medsupply", "connect_timeout": 60},
        pool_size=5,
        pool_pre_ping=True,
    )

    @sa.event.listens_for(engine, "do_connect")
    def patient(_: Any, __: Any, arguments: list[Any], parameters: dict[str, Any]) -> Any:
        from medsupply.warehouse.server import patient_connect

        return patient_connect(*arguments, **parameters)

    return engine


@contextlib.contextmanager
def explained(*, asked: bool = False) -> Iterator[None]:
    """Turn what the driver says into a sentence and an instruction; faults of our own SQL pass as they are.

    ``asked``: the SQL may be a person's, so its faults are explained too.
    """
    try:
        yield
    except sqlalchemy.exc.DBAPIError as error:
        if isinstance(error.orig, psycopg.Error) and (meaning := _meaning(error.orig, asked)):
            raise meaning from error
        raise
    except psycopg.Error as error:
        if meaning := _meaning(error, asked):
            raise meaning from error
        raise


def _meaning(error: psycopg.Error, asked: bool) -> Exception | None:
    said = (str(error).strip().splitlines() or [type(error).__name__])[0]
    if isinstance(error, pg.DiskFull):
        return WarehouseError("The disk of the database is full", "Free space on it; nothing half-written was kept")
    if isinstance(error, pg.InsufficientPrivilege | pg.ReadOnlySqlTransaction):
        advice = "Use a role that may; analysts read the views of analyst"
        return WarehouseError(f"This role may not do that: {said}", advice)
    if error.sqlstate is None and _REFUSED.search(str(error)):
        return WarehouseError(
            f"The database refuses the sign-in: {said.rpartition('FATAL:')[2].strip()}",
            "Check MEDSUPPLY_DATABASE_URL and the files in MEDSUPPLY_HOME/secrets",
        )
    if isinstance(error, pg.QueryCanceled):
        return WarehouseError(f"The database stopped the query: {said}", "Ask for less, for instance fewer days")
    if asked and error.sqlstate and error.sqlstate[:2] in _FAULTS_OF_A_QUERY:
        return InputError(f"The query cannot be run: {said}", "See medsupply dictionary for views and columns")
    if error.sqlstate is None or isinstance(error, psycopg.OperationalError):
        return WarehouseUnavailable(f"The database cannot be reached: {said}", "Check that it runs, then run again")
    return None
