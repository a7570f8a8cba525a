"""Withdraw a delivery, release what waits, make the warehouse again from the archive. Each is an event with a trace."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from medsupply.errors import DeliveryRefused, InputError
from medsupply.sources.catalogue import SOURCES
from medsupply.sources.unpacking import NO_LIMITS
from medsupply.tables.core import CORE
from medsupply.tables.deliveries import REFERENCE
from medsupply.tables.ops import COMPACTED_DAYS, COMPACTED_PARTS, DELIVERIES, QUARANTINE, SNAPSHOTS
from medsupply.warehouse.database.audit import audit
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.database.locks import one_writer, only_rebuild
from medsupply.warehouse.loading.committing import commit
from medsupply.warehouse.loading.deliveries import Delivery
from medsupply.warehouse.loading.events import FOLDER, keep
from medsupply.warehouse.loading.preparing import InFlight, Prepared, prepare
from medsupply.warehouse.loading.release import known_codes, release_hold, release_rows
from medsupply.warehouse.reference import refold
from medsupply.warehouse.retention import forget_again
from medsupply.warehouse.storage import record
from medsupply.warehouse.storage.store import Store, open_store

Progress = Callable[[int, int, str], None]
# Until it is done nobody else may write: what is not here yet would be taken for new.
_BEGUN = "insert into alerts.beat (part, at) values ('rebuild', now()) on conflict (part) do update set at = now()"
# Refused, though kept, for limits of that day: a rebuild under other limits comes to the same verdict.
LIMITED = ("too_many_rows", "too_many_columns")


def withdraw(wh: Warehouse, delivery_id: str, *, author: str, reason: str, at: datetime) -> None:
    """From ``at`` on the delivery's rows do not count; pictures known before keep them."""
    event = {"action": "withdraw", "delivery_id": delivery_id, "author": author, "reason": reason, "at": at.isoformat()}
    _source_of(wh, delivery_id)
    with wh.transaction() as connection:
        one_writer(connection)
        _withdrawn(wh, connection, delivery_id, at)
        audit(connection, at, "withdraw", delivery_id, author, reason)
        keep(wh, event)


def _withdrawn(wh: Warehouse, connection: sa.Connection, delivery_id: str, at: datetime) -> None:
    query = sa.text(
        "update ops.deliveries set withdrawn_at = :at where delivery_id = :id and withdrawn_at is null returning source"
    )
    source = connection.execute(query, {"at": at, "id": delivery_id}).scalar()
    if source is None:
        raise InputError(f"{delivery_id} is withdrawn already", "Nothing is left to do")
    if not SOURCES[source].is_site:
        refold(connection, open_store(wh.settings.archive_url), SOURCES[source])


def release(
    wh: Warehouse, delivery_id: str, *, lines: Sequence[int] | None, author: str, reason: str, at: datetime
) -> int:
    """Release held snapshots or a held list, and rows of the quarantine whose reason is gone; returns how many."""
    event = {"action": "release", "delivery_id": delivery_id, "author": author, "reason": reason, "at": at.isoformat()}
    _source_of(wh, delivery_id)
    with wh.transaction() as connection:
        one_writer(connection)
        done = _released(wh, connection, delivery_id, lines, author, at)
        if done:
            audit(connection, at, "release", delivery_id, author, reason)
            keep(wh, event | {"lines": list(lines) if lines else None})
    return done


def _released(
    wh: Warehouse, connection: sa.Connection, delivery_id: str, lines: Sequence[int] | None, author: str, at: datetime
) -> int:
    store = open_store(wh.settings.archive_url)
    done = 0 if lines else release_hold(connection, store, delivery_id, at=at)
    return done + release_rows(connection, store, delivery_id, known_codes(connection), at=at, by=author, lines=lines)


def rebuild(wh: Warehouse, *, progress: Progress | None = None) -> int:
    """Empty deliveries, record and reference, and load every archived file again as it was received.

    Decisions of persons (withdrawals, releases) are taken again at their moments. Who loads meanwhile waits.
    Returns the deliveries read.
    """
    with only_rebuild(wh.engine):
        return _rebuilt(wh, progress)


def _rebuilt(wh: Warehouse, progress: Progress | None) -> int:
    store = open_store(wh.settings.archive_url)
    notes = [json.loads(store.get(name)) for name in store.names("raw") if name.endswith(".json")]
    events = _effective([json.loads(store.get(name)) for name in store.names(FOLDER)])
    with wh.transaction() as connection:
        one_writer(connection)
        for table in (DELIVERIES, SNAPSHOTS, QUARANTINE, COMPACTED_DAYS, COMPACTED_PARTS, *CORE.values()):
            connection.execute(sa.delete(table.sql))
        connection.execute(sa.text(_BEGUN))
    steps = sorted([*notes, *events], key=_order)
    for number, step in enumerate(steps, start=1):
        if "action" in step:
            _decide_again(wh, step)
        else:
            _load_again(wh, store, step)
        if progress:
            progress(number, len(steps), str(step.get("file_name") or step["action"]))
    with wh.transaction() as connection:
        connection.execute(sa.text("delete from alerts.beat where part = 'rebuild'"))
    return len(notes)


def _effective(events: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The decisions without withdrawals that did not get through: a delivery is withdrawn once, by the last of them."""
    last = {event["delivery_id"]: event for event in sorted(events, key=_order) if event["action"] == "withdraw"}
    return [event for event in events if event["action"] != "withdraw" or event is last[event["delivery_id"]]]


def _order(step: Mapping[str, Any]) -> tuple[str, bool, int, str, bool, str]:
    """In order of time; at one moment as the inbox would: reference first, the first copy before its duplicates."""
    moment = datetime.fromisoformat(str(step.get("received_at") or step["at"])).astimezone(UTC).isoformat()
    if "action" in step:
        return moment, True, len(SOURCES), "", True, str(step.get("delivery_id", ""))
    order = (*REFERENCE, *(name for name in SOURCES if name not in REFERENCE))
    duplicate = step.get("code") == "duplicate"
    return moment, False, order.index(str(step["source"])), str(step["file_name"]), duplicate, str(step["sha256"])


def _decide_again(wh: Warehouse, event: Mapping[str, Any]) -> None:
    at = datetime.fromisoformat(event["at"])
    with wh.transaction() as connection:
        one_writer(connection)
        if event["action"] == "retain":
            forget_again(connection, event)
        elif event["action"] == "withdraw":
            _withdrawn(wh, connection, event["delivery_id"], at)
        else:
            _released(wh, connection, event["delivery_id"], event["lines"], event["author"], at)


def _load_again(wh: Warehouse, store: Store, note: Mapping[str, Any]) -> None:
    """One delivery from its note; the bytes of one that was refused for personal data are gone, its trace is not."""
    name = record.raw_name(note["source"], note["sha256"])
    data = store.get(name) if note["kept"] else b""
    delivery = Delivery(
        SOURCES[note["source"]], note["file_name"], data, note["size"], note["sha256"],
        datetime.fromisoformat(note["received_at"]), note["sender"], note["identity"],
    )  # fmt: skip
    if note.get("code") == "duplicate":
        commit(wh, store, Prepared(delivery))
    elif note["kept"] and note.get("code") not in LIMITED:
        with wh.engine.connect() as connection:
            known = known_codes(connection)
        commit(wh, store, prepare(wh, delivery, known, InFlight(), NO_LIMITS))
    else:
        refusal = DeliveryRefused(note["code"], note["why"], note["instruction"])
        commit(wh, store, Prepared(delivery, refusal=refusal))


def _source_of(wh: Warehouse, delivery_id: str) -> str:
    found = wh.read("select source from ops.deliveries where delivery_id = :id", id=delivery_id)
    if not found.height:
        raise InputError(f"There is no delivery {delivery_id!r}", "See analyst.deliveries for their names")
    return str(found.item())
