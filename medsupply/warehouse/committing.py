"""The one transaction of a delivery: its row, snapshots, quarantine, reference, releases; equations checked inside."""

from __future__ import annotations

import json
from collections import Counter

import polars as pl
import sqlalchemy as sa

from medsupply.errors import DeliveryRefused
from medsupply.sources.catalogue import Kind
from medsupply.sources.reading import LINE
from medsupply.tables.ops import DELIVERIES, QUARANTINE, SNAPSHOTS
from medsupply.warehouse import bulk, record, release
from medsupply.warehouse.connection import Warehouse
from medsupply.warehouse.deliveries import GROUPS, Delivery, Verdict, counts_of, insert, prove, row_of
from medsupply.warehouse.failpoints import reached
from medsupply.warehouse.holding import held_snapshots, list_is_held
from medsupply.warehouse.parser_child import Parsed
from medsupply.warehouse.preparing import Prepared, note_of
from medsupply.warehouse.reference import refold
from medsupply.warehouse.store import Store

WAITING = "{rows} rows wait in quarantine, the first is line {line}: {advice}"
HELD = "Over 20 % shorter than the one before, which stands until an operator releases this or the next one agrees"


def commit(wh: Warehouse, store: Store, prepared: Prepared, *, durable: bool = True) -> Verdict:
    """Store what was prepared. Not ``durable``: the caller waits for the disk before it moves the file."""
    delivery = prepared.delivery
    with wh.transaction() as connection:
        if not durable:
            connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
        _lock(connection, delivery)
        known = _known(connection, delivery)
        if known is not None:
            verdict = _again(connection, store, delivery, known)
        elif prepared.refusal is not None:
            verdict = _refuse(connection, delivery, prepared.refusal, prepared.archived)
        else:
            assert prepared.parsed is not None
            verdict = _store(connection, store, delivery, prepared.parsed, prepared.archived or 0)
    reached("committed")
    return verdict


def _lock(connection: sa.Connection, delivery: Delivery) -> None:
    """One writer at a time: a list that makes codes known and a delivery that waits for them do not miss each other."""
    connection.execute(sa.text("select pg_advisory_xact_lock(hashtext('deliveries'))"))


def _known(connection: sa.Connection, delivery: Delivery) -> dict[str, object] | None:
    columns = ", ".join(["delivery_id", "verdict", "reason", "file_identity", *(f"rows_{group}" for group in GROUPS)])
    query = f"select {columns} from ops.deliveries where delivery_id = :id"  # noqa: S608
    found = connection.execute(sa.text(query), {"id": delivery.delivery_id}).mappings().one_or_none()
    return dict(found) if found is not None else None


def _again(connection: sa.Connection, store: Store, delivery: Delivery, known: dict[str, object]) -> Verdict:
    """The same bytes again: nothing but one row that says so; nothing at all when only the move was missing."""
    source, name = delivery.source.name, delivery.name
    if delivery.identity is not None and known["file_identity"] == delivery.identity:
        return _as_stored(delivery, known)
    query = sa.text("select count(*) from ops.deliveries where duplicate_of = :id")
    number = int(connection.execute(query, {"id": known["delivery_id"]}).scalar_one()) + 1
    if delivery.identity is not None:
        moved = sa.text("select delivery_id from ops.deliveries where duplicate_of = :id and file_identity = :identity")
        same = connection.execute(moved, {"id": known["delivery_id"], "identity": delivery.identity}).scalar()
        if same is not None:
            return Verdict(str(same), source, name, "duplicate", reason="The same file was told to be one before")
    reason = f"The same bytes are stored already as {known['delivery_id']} ({known['verdict']})"
    verdict = Verdict(f"{delivery.delivery_id}-d{number}", source, name, "duplicate", reason=reason)
    row = row_of(delivery, verdict) | {"duplicate_of": known["delivery_id"], "reason_code": "duplicate"}
    insert(connection, DELIVERIES, [row])
    note = json.dumps(note_of(delivery) | {"kept": False, "code": "duplicate"}, sort_keys=True).encode()
    store.put(f"{record.raw_name(source, delivery.sha256)}.d{number}.json", note)
    return verdict


def _refuse(connection: sa.Connection, delivery: Delivery, refusal: DeliveryRefused, archived: int | None) -> Verdict:
    """A refused delivery leaves its hash and the reason; its bytes too, unless they may be personal."""
    verdict = Verdict(delivery.delivery_id, delivery.source.name, delivery.name, "refused", reason=str(refusal))
    row = row_of(delivery, verdict) | {"reason_code": refusal.code, "bytes_archived": archived}
    insert(connection, DELIVERIES, [row])
    return verdict


def _store(connection: sa.Connection, store: Store, delivery: Delivery, parsed: Parsed, archived: int) -> Verdict:
    source = delivery.source
    snapshots = _snapshots(connection, delivery, parsed)
    held = (
        any(one["held"] for one in snapshots)
        if source.is_site
        else list_is_held(connection, source, parsed.taken.rows, parsed.scopes, delivery.received_at)
    )
    verdict = _verdict(delivery, parsed, held)
    row = row_of(delivery, verdict) | counts_of(delivery, parsed, archived) | {"held": held, "parts": 1}
    prove(row, parsed.record_rows)
    reached("counted")
    insert(connection, DELIVERIES, [row])
    insert(connection, SNAPSHOTS, snapshots)
    if parsed.quarantined.height:
        named = (pl.lit(delivery.delivery_id).alias("delivery_id"), pl.lit(source.name).alias("source"))
        bulk.copy(connection, QUARANTINE, parsed.quarantined.with_columns(*named))
    if not source.is_site:
        refold(connection, store, source, only=list(parsed.scopes) if parsed.scopes is not None else None)
    reached("merged")
    if source.kind in (Kind.SNAPSHOT, Kind.FULL_LIST):
        release.release_agreeing(connection, store, source, delivery.delivery_id, delivery.received_at)
    release.release_known(connection, store, source, at=delivery.received_at)
    return _after_releases(connection, store, delivery, parsed, verdict)


def _after_releases(
    connection: sa.Connection, store: Store, delivery: Delivery, parsed: Parsed, verdict: Verdict
) -> Verdict:
    """What waits for codes that have become known while the file was parsed is looked at again."""
    if release.waits_for_codes(parsed.quarantined):
        known = release.known_codes(connection)
        if release.may_pass(parsed.quarantined, known):
            at = delivery.received_at
            release.release_rows(connection, store, delivery.delivery_id, known, at=at, by="service")
    elif verdict.verdict != "held":
        return verdict
    now = _known(connection, delivery)
    assert now is not None
    return _as_stored(delivery, now)


def _as_stored(delivery: Delivery, row: dict[str, object]) -> Verdict:
    reason = str(row["reason"]) if row["reason"] else None
    received, accepted, quarantined, duplicate = (int(str(row[f"rows_{group}"])) for group in GROUPS)
    return Verdict(
        delivery.delivery_id,
        delivery.source.name,
        delivery.name,
        str(row["verdict"]),
        received,
        accepted,
        quarantined,
        duplicate,
        reason,
    )


def _snapshots(connection: sa.Connection, delivery: Delivery, parsed: Parsed) -> list[dict[str, object]]:
    """The snapshots of the delivery, and whether they are held."""
    if parsed.snapshots is None:
        return []
    named = {"delivery_id": delivery.delivery_id, "source": delivery.source.name}
    rows = [row | named for row in parsed.snapshots.iter_rows(named=True)]
    if delivery.source.kind is not Kind.SNAPSHOT:
        return [row | {"held": False} for row in rows]
    # A row in quarantine was sent: the snapshot is no shorter for it.
    waiting: Counter[object] = Counter(parsed.quarantined.select("holder_id", "day").iter_rows())
    sent = {key: row["rows"] + waiting[key] for row in rows if (key := (row["holder_id"], row["day"]))}
    held = held_snapshots(connection, sent, delivery.received_at)
    return [row | {"held": (row["holder_id"], row["day"]) in held} for row in rows]


def _verdict(delivery: Delivery, parsed: Parsed, held: bool) -> Verdict:
    word, reason = "accepted", None
    if parsed.waiting.rows:
        word = "partly"
        first = parsed.quarantined.row(0, named=True)
        reason = (
            f"{parsed.waiting.rows} rows wait in quarantine, the first is line {first[LINE]}: {first['what_to_do']}"
        )
    if held:
        word, reason = "held", HELD
    rows = (parsed.received.rows, parsed.taken.rows, parsed.waiting.rows, parsed.duplicate.rows)
    return Verdict(delivery.delivery_id, delivery.source.name, delivery.name, word, *rows, reason=reason)
