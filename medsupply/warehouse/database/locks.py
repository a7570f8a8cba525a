"""Locks between processes: one writer of deliveries and the record at a time; no migration under a mail in hand."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

import sqlalchemy as sa

from medsupply.errors import WarehouseError

# Senders share it while a mail is in hand, a migration has it alone.
SENDING = 7_246_002
_rebuilding: ContextVar[bool] = ContextVar("rebuilding", default=False)


def one_writer(connection: sa.Connection, *, durable: bool = True) -> None:
    """Wait until no other transaction writes deliveries or files of the record, until this one ends.

    A list that makes codes known and a delivery that waits for them do not miss each other, and a file of the record
    that no row names was left by a process that died. Not ``durable``: the commit does not wait for the disk.
    """
    wait = "on" if durable else "off"
    connection.execute(sa.text("select set_config('synchronous_commit', :wait, true)"), {"wait": wait})
    if not _rebuilding.get():
        connection.execute(sa.text("select pg_advisory_xact_lock_shared(hashtext('rebuild'))"))
        if connection.scalar(sa.text("select count(*) from alerts.beat where part = 'rebuild'")):
            raise WarehouseError(
                "The warehouse is half made: a rebuild was ended before it was done", "Run medsupply rebuild again"
            )
    connection.execute(sa.text("select pg_advisory_xact_lock(hashtext('deliveries'))"))


@contextlib.contextmanager
def only_rebuild(engine: sa.Engine) -> Iterator[None]:
    """Keep every other writer waiting: to whom half a warehouse would look like one in which its file is new."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("select pg_advisory_lock(hashtext('rebuild'))"))
        token = _rebuilding.set(True)
        try:
            yield
        finally:
            _rebuilding.reset(token)
            connection.execute(sa.text("select pg_advisory_unlock(hashtext('rebuild'))"))
