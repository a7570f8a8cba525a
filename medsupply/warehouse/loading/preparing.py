"""What can be done for a delivery before its transaction: hash and parse; and the files that it will leave."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from medsupply.errors import DeliveryRefused, InputError
from medsupply.settings import Settings
from medsupply.sources.catalogue import SOURCES
from medsupply.sources.rules import Known
from medsupply.sources.unpacking import Limits
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.database.engine import explained
from medsupply.warehouse.loading.deliveries import NOT_KEPT, Delivery, told_name
from medsupply.warehouse.loading.failpoints import reached
from medsupply.warehouse.loading.large import SMALL_MEMORY, alone, is_large
from medsupply.warehouse.loading.parser import shared_parser
from medsupply.warehouse.loading.parser_child import Job, Parsed
from medsupply.warehouse.storage import record
from medsupply.warehouse.storage.store import Store

CHUNK = 1 << 22


@dataclass(frozen=True)
class Prepared:
    """A delivery ready to be committed: parsed, refused, or known already (neither)."""

    delivery: Delivery
    parsed: Parsed | None = None
    refusal: DeliveryRefused | None = None

    @property
    def archived(self) -> int | None:
        """The bytes that the archive keeps of it; None: they are, or may be, personal."""
        kept = self.refusal is None or self.refusal.code not in NOT_KEPT
        return len(self.delivery.data) if kept else None


class InFlight:
    """Hashes of deliveries on their way to a commit, so that the same bytes are not prepared twice at once."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._lock = threading.Lock()

    def enter(self, delivery_id: str) -> bool:
        """Whether this is the first of them."""
        with self._lock:
            if delivery_id in self._ids:
                return False
            self._ids.add(delivery_id)
            return True


def limits_of(settings: Settings) -> Limits:
    """What one delivery may be at most."""
    return Limits(
        bytes_received=settings.max_file_bytes,
        bytes_unpacked=settings.max_unpacked_bytes,
        rows=settings.max_rows,
        columns=settings.max_columns,
    )


def received(
    source: str, path: Path, received_at: datetime, sender: str | None, identity: str | None, limits: Limits
) -> Delivery:
    """The bytes of a file and their hash. A file that is too large is hashed and not held. Raises InputError."""
    if source not in SOURCES:
        raise InputError(f"{source!r} is no source", f"Use one of {', '.join(SOURCES)}")
    digest, kept, size = hashlib.sha256(), bytearray(), 0
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
                size += len(chunk)
                if size <= limits.bytes_received:
                    kept += chunk
                else:
                    kept.clear()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})", "Check the path and its permissions") from error
    return Delivery(
        SOURCES[source], told_name(path.name), bytes(kept), size, digest.hexdigest(), received_at, sender, identity
    )


def known_ids(wh: Warehouse, deliveries: Iterable[Delivery]) -> set[str]:
    """Those of the deliveries whose bytes were decided on already."""
    query = sa.text("select delivery_id from ops.deliveries where delivery_id = any(:ids)")
    with explained(), wh.engine.connect() as connection:
        return set(connection.scalars(query, {"ids": [one.delivery_id for one in deliveries]}))


def prepare(
    wh: Warehouse, delivery: Delivery, codes: Known, in_flight: InFlight, limits: Limits | None = None
) -> Prepared:
    """Parse. Nothing is written: what is, or may be, personal leaves no trace on the disk.

    ``limits``: other ones than the settings', for bytes that were taken once.
    """
    settings = wh.settings
    limits = limits or limits_of(settings)
    reached("received")
    if not in_flight.enter(delivery.delivery_id):
        return Prepared(delivery)
    try:
        if delivery.size > limits.bytes_received:
            raise DeliveryRefused(
                "too_large",
                f"The file has {delivery.size} bytes, more than {limits.bytes_received}",
                "Send it in parts",
            )
        job = Job(delivery.source.name, delivery.delivery_id, delivery.received_at, codes, limits)
        parsed = _parsed(settings, job, delivery.data)
    except DeliveryRefused as refusal:
        return Prepared(delivery, refusal=refusal)
    reached("parsed")
    return Prepared(delivery, parsed)


def _parsed(settings: Settings, job: Job, data: bytes) -> Parsed:
    """A small file beside others; a large one, or one that turns out to be, when no other is read."""
    parser = shared_parser(settings.workers or 2, settings.parser_memory_bytes, settings.parser_seconds)
    if not is_large(data):
        with contextlib.suppress(MemoryError):
            return parser.parse(job, data, most=min(SMALL_MEMORY, settings.parser_memory_bytes))
    with alone(settings.home):
        return parser.parse(job, data)


def keep(store: Store, group: Iterable[Prepared]) -> None:
    """Put the bytes as they came and what a rebuild needs to know beside them, then the record, on the disk."""
    raw: dict[str, bytes] = {}
    rows: dict[str, bytes] = {}
    for one in group:
        delivery, name = one.delivery, record.raw_name(one.delivery.source.name, one.delivery.sha256)
        if one.archived is not None:
            raw[name] = delivery.data
        raw[f"{name}.json"] = _note(one)
        if one.parsed is not None:
            rows[record.part_name(delivery.source.name, delivery.delivery_id, 0)] = one.parsed.record
    store.put_all(raw)
    reached("archived")
    store.put_all(rows)
    reached("staged")


def _note(one: Prepared) -> bytes:
    note = note_of(one.delivery) | {"kept": one.archived is not None}
    if one.refusal is not None:
        told = one.refusal
        note |= {"code": told.code, "why": told.reason, "instruction": told.instruction}
    return json.dumps(note, sort_keys=True).encode()


def note_of(delivery: Delivery) -> dict[str, object]:
    """What a rebuild needs to know of a delivery beside its bytes."""
    return {
        "source": delivery.source.name,
        "sha256": delivery.sha256,
        "size": delivery.size,
        "file_name": delivery.name,
        "received_at": delivery.received_at.isoformat(),
        "sender": delivery.sender,
        "identity": delivery.identity,
    }
