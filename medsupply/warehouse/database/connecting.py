"""Connections to a server that may be starting or recovering, and those of the private server's superuser."""

from __future__ import annotations

import re
import time

import psycopg

from medsupply.errors import WarehouseError, WarehouseUnavailable
from medsupply.warehouse.database.places import PORT, Places
from medsupply.warehouse.database.secrets import FOLDER, read_secret

ADMIN = "medsupply_admin"
START_SECONDS = 60.0

# What a server says that will take connections soon.
_RECOVERING = re.compile(r"is starting up|not yet accepting connections|in recovery mode")


def admin_connection(places: Places, database: str = "postgres") -> psycopg.Connection:
    """A connection as the superuser of the private server, each statement its own transaction."""
    password = read_secret(places.home, ADMIN)
    if password is None:
        raise WarehouseError(
            f"The password of {ADMIN} is missing from {places.home / FOLDER}", "Restore that folder from the backup"
        )
    return patient_connect(
        host=str(places.socket), port=PORT, user=ADMIN, password=password, dbname=database, autocommit=True
    )


def patient_connect(*, autocommit: bool = False, **parameters: str | int) -> psycopg.Connection:
    """Connect, waiting while the server starts or recovers. Raises WarehouseUnavailable when that takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            return psycopg.connect(**parameters, autocommit=autocommit)  # type: ignore[arg-type]
        except psycopg.OperationalError as error:
            if not _RECOVERING.search(str(error)):
                raise
            if time.monotonic() > deadline:
                raise WarehouseUnavailable(
                    f"The database is still recovering after {START_SECONDS:.0f} s", "Wait and run again"
                ) from error
        time.sleep(0.1)
