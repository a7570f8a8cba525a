"""Claims of senders: one on the reader of a mail, none by a program that the schema is not of. An edge.

A claim is a session advisory lock, free when its holder dies. Beside it stands the lock that a migration asks for
alone. It waits for mails in hand, and a sender of the older program claims nothing after it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import sqlalchemy as sa

from medsupply.errors import WarehouseError, WarehouseUnavailable
from medsupply.warehouse.database import schema
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.database.locks import SENDING

_CLAIM = """
    SELECT pg_try_advisory_lock(hashtextextended(lower(recipient), 7)) FROM alerts.outbox WHERE message_id = :id
"""


@dataclass(frozen=True)
class Claims:
    """What one run of the sender claims. ``version``: the schema that its code declares."""

    wh: Warehouse
    version: str = field(default_factory=schema.fingerprint)

    def look(self) -> None:
        """Raise WarehouseError where the schema is another program's: what it claims, we might claim too."""
        with self.wh.engine.connect() as connection:
            self._same(connection)

    @contextmanager
    def claimed(self, message_id: str) -> Iterator[sa.Connection | None]:
        """A connection that holds the claim on the reader of a message, or None when another sender has it.

        Raises as ``look``, and WarehouseUnavailable while a migration runs or waits.
        """
        with self.wh.engine.connect() as connection:
            try:
                yield connection if self._claim(connection, message_id) else None
            finally:
                connection.rollback()
                connection.exec_driver_sql("select pg_advisory_unlock_all()")
                connection.commit()

    def _claim(self, connection: sa.Connection, message_id: str) -> bool:
        if not connection.scalar(sa.text("select pg_try_advisory_lock_shared(:key)"), {"key": SENDING}):
            raise WarehouseUnavailable(
                "The database is being migrated", "Mails stay queued; send again when it is done"
            )
        self._same(connection)  # after the lock: nothing changes the schema while it is held
        mine = connection.execute(sa.text(_CLAIM), {"id": message_id}).scalar()
        connection.commit()
        return bool(mine)

    def _same(self, connection: sa.Connection) -> None:
        if schema.state(connection) != self.version:
            raise WarehouseError(
                "The database is older or newer than this program",
                "Mails stay queued; end what still runs the older medsupply, then run medsupply migrate of the newer",
            )
