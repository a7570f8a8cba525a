"""The lock under which deliveries are stored, decided on, compacted and swept: one writer at a time."""

from __future__ import annotations

import sqlalchemy as sa


def one_writer(connection: sa.Connection, *, durable: bool = True) -> None:
    """Wait until no other transaction writes deliveries or files of the record, until this one ends.

    A list that makes codes known and a delivery that waits for them do not miss each other, and a file of the record
    that no row names was left by a process that died. Not ``durable``: the commit does not wait for the disk.
    """
    wait = "on" if durable else "off"
    query = "select set_config('synchronous_commit', :wait, true), pg_advisory_xact_lock(hashtext('deliveries'))"
    connection.execute(sa.text(query), {"wait": wait})
