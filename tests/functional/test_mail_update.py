"""Senders while the database is updated: what is in hand is handed over, an older program claims nothing after it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from hostile_relay import Relay, running
from test_mail_sender import NOW, Clock, fill, send

from medsupply.alerts import sender
from medsupply.alerts.store.claims import Claims
from medsupply.errors import WarehouseError, WarehouseUnavailable
from medsupply.warehouse.database import migrate, schema
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.database.locks import SENDING

OTHER = "older or newer than this program"


def migrated_by_another(wh: Warehouse) -> None:
    with wh.transaction() as connection:
        connection.exec_driver_sql("COMMENT ON SCHEMA analyst IS 'Views. State: of another program'")


def tried(wh: Warehouse) -> list[tuple[str, int]]:
    return wh.read("select status, attempts from alerts.outbox order by attempts").rows()


@contextmanager
def locked(wh: Warehouse, kind: str) -> Iterator[None]:
    with wh.engine.begin() as connection:
        connection.execute(sa.text(f"select pg_advisory_xact_lock{kind}(:key)"), {"key": SENDING})
        yield


@pytest.mark.parametrize("drain", [False, True])
def test_a_sender_that_the_schema_is_not_of_claims_nothing(warehouse: Warehouse, drain: bool) -> None:
    fill(warehouse, "a@example.org")
    migrated_by_another(warehouse)
    with running(Relay()) as url, pytest.raises(WarehouseError, match=OTHER) as told:
        send(warehouse, url, Clock(NOW), drain=drain)
    assert told.value.exit_code == 3 and tried(warehouse) == [("queued", 0)]
    assert warehouse.read("select count(*) as n from alerts.beat where part = 'sender'").item() == 0
    Warehouse.open(warehouse.settings).close()  # as owner: it brings the schema up to date
    with running(Relay()) as url:
        assert send(warehouse, url, Clock(NOW)).sent == 1


def test_a_sender_stops_at_the_next_mail_once_another_program_has_migrated(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(warehouse, "a@example.org", "b@example.org", "c@example.org")
    hand_over = sender._try_one

    def meanwhile(*args: Any) -> Any:
        migrated_by_another(warehouse)
        return hand_over(*args)

    monkeypatch.setattr(sender, "_try_one", meanwhile)
    with running(Relay()) as url, pytest.raises(WarehouseError, match=OTHER):
        send(warehouse, url, Clock(NOW))
    assert tried(warehouse) == [("queued", 0), ("queued", 0), ("sent", 1)], "what was in hand is marked"


def test_a_migration_waits_for_mails_in_hand(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    (mail,) = fill(warehouse, "a@example.org")
    monkeypatch.setattr(migrate, "LOCK_TIMEOUT", "100ms")
    with (
        Claims(warehouse).claimed(mail) as held,
        pytest.raises(WarehouseUnavailable, match=r"Another process.*lock timeout"),
    ):
        assert held is not None
        migrate.migrate(warehouse.settings)
    assert migrate.migrate(warehouse.settings) == migrate.head()


def test_while_a_migration_runs_nothing_is_claimed(warehouse: Warehouse) -> None:
    fill(warehouse, "a@example.org")
    with running(Relay()) as url:
        with locked(warehouse, ""), pytest.raises(WarehouseUnavailable, match="being migrated"):
            send(warehouse, url, Clock(NOW))
        assert tried(warehouse) == [("queued", 0)]
        with locked(warehouse, "_shared"):
            assert send(warehouse, url, Clock(NOW)).sent == 1, "senders do not keep each other out"


def test_another_way_to_claim_is_another_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    before = schema.fingerprint()
    monkeypatch.setattr(schema, "CLAIM", "mail")
    assert schema.fingerprint() != before
