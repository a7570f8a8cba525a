"""Engines whose first connection waits for the server, and what a failure of the database means for a person."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import psycopg
import sqlalchemy as sa
import sqlalchemy.exc
from psycopg import errors as pg

from medsupply.errors import InputError, WarehouseError, WarehouseUnavailable
from medsupply.warehouse.database.connecting import patient_connect

# A refused connection carries no code, only words.
_REFUSED = re.compile(r"password authentication|permission denied|does not exist|no pg_hba.conf entry|not permitted")

# Classes of SQLSTATE: data that does not fit, names and grammar, more than one statement at a time.
_FAULTS_OF_A_QUERY = ("22", "42", "0A", "25")


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
    if error.sqlstate is None and "permission denied for database" in str(error):
        return WarehouseError(
            "There is no warehouse here that this role may read yet",
            "Run medsupply migrate (or demo), or name yours in MEDSUPPLY_HOME or MEDSUPPLY_DATABASE_URL",
        )
    if error.sqlstate is None and _REFUSED.search(str(error)):
        return WarehouseError(
            f"The database refuses the sign-in: {said.rpartition('FATAL:')[2].strip()}",
            "Check MEDSUPPLY_DATABASE_URL and the files in MEDSUPPLY_HOME/secrets",
        )
    if isinstance(error, pg.LockNotAvailable):
        return WarehouseUnavailable(f"Another process is at work here: {said}", "Let it end, then run again")
    if isinstance(error, pg.QueryCanceled):
        return WarehouseError(f"The database stopped the query: {said}", "Ask for less, for instance fewer days")
    if asked and error.sqlstate and error.sqlstate[:2] in _FAULTS_OF_A_QUERY:
        return InputError(f"The query cannot be run: {said}", "See medsupply dictionary for views and columns")
    if error.sqlstate is None or isinstance(error, psycopg.OperationalError):
        return WarehouseUnavailable(f"The database cannot be reached: {said}", "Check that it runs, then run again")
    return None
