"""The one transaction of a delivery: its row, snapshots, quarantine, reference, releases; equations checked inside."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl
import sqlalchemy as sa

from medsupply.errors import DeliveryRefused
from medsupply.sources.catalogue import Kind
from medsupply.sources.reading import LINE
from medsupply.tables.ops import DELIVERIES, QUARANTINE, SNAPSHOTS
from medsupply.warehouse.database import bulk
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.database.locks import one_writer
from medsupply.warehouse.loading import release
from medsupply.warehouse.loading.deliveries import GROUPS, Delivery, Verdict, counts_of, insert, prove, row_of
from medsupply.warehouse.loading.failpoints import reached
from medsupply.warehouse.loading.holding import Snapshot, held_snapshots, list_is_held
from medsupply.warehouse.loading.parser_child import Parsed
from medsupply.warehouse.loading.preparing import Prepared, keep, note_of
from medsupply.warehouse.newest import add
from medsupply.warehouse.storage import record
from medsupply.warehouse.storage.store import Store

HELD = "Over 20 % shorter than the one before, which stands until an operator releases this or the next one agrees"


def commit(wh: Warehouse, store: Store, prepared: Prepared, *, durable: bool = True) -> Verdict:
    """Store what was prepared. Not ``durable``: the caller waits for the disk before it moves the file."""
    return commit_all(wh, store, [prepared], durable=durable)[0]


def commit_all(wh: Warehouse, store: Store, group: Sequence[Prepared], *, durable: bool = True) -> list[Verdict]:
    """Store several deliveries in their order, in one transaction: all of them or none.

    The files are written under the lock too: two loaders with the same bytes do not write over each other.
    """
    with wh.transaction() as connection:
        one_writer(connection, durable=durable)
        verdicts = [verdict for part in _parts(group) for verdict in _stored(connection, store, part)]
    reached("committed")
    return verdicts


def _parts(group: Sequence[Prepared]) -> Iterator[list[Prepared]]:
    """Consecutive deliveries of site rows whose holders differ, or of events, to be stored together; others alone."""
    part: list[Prepared] = []
    holders: set[tuple[str, str]] = set()
    for one in group:
        mine = _holders(one)
        if part and (mine is None or mine & holders or one.delivery.received_at != part[0].delivery.received_at):
            yield part
            part, holders = [], set()
        if mine is None:
            yield [one]
        else:
            part.append(one)
            holders |= mine
    if part:
        yield part


def _holders(one: Prepared) -> set[tuple[str, str]] | None:
    """Source and holder of every snapshot in a delivery of site rows, events by themselves; None for any other."""
    if one.parsed is not None and one.delivery.source.kind is Kind.EVENTS:
        return {(one.delivery.source.name, one.delivery.delivery_id)}
    if one.parsed is None or one.parsed.snapshots is None:
        return None
    return {(one.delivery.source.name, holder) for holder in one.parsed.snapshots["holder_id"]}


def _stored(connection: sa.Connection, store: Store, part: list[Prepared]) -> list[Verdict]:
    known = _known(connection, [one.delivery for one in part])
    fresh = [one for one in part if one.delivery.delivery_id not in known]
    keep(store, fresh)
    written = {one.delivery_id: one for one in _store(connection, store, fresh)}
    return [
        written.get(one.delivery.delivery_id)
        or _again(connection, store, one.delivery, known[one.delivery.delivery_id])
        for one in part
    ]


def _store(connection: sa.Connection, store: Store, fresh: list[Prepared]) -> list[Verdict]:
    if len(fresh) == 1 and fresh[0].refusal is not None:
        return [_refuse(connection, fresh[0], fresh[0].refusal)]
    return _accept(connection, store, fresh) if fresh else []


def _known(connection: sa.Connection, deliveries: Sequence[Delivery]) -> dict[str, dict[str, object]]:
    columns = ", ".join(["delivery_id", "verdict", "reason", "file_identity", *(f"rows_{group}" for group in GROUPS)])
    query = sa.text(f"select {columns} from ops.deliveries where delivery_id = any(:ids)")  # noqa: S608
    found = connection.execute(query, {"ids": [one.delivery_id for one in deliveries]}).mappings()
    return {str(row["delivery_id"]): dict(row) for row in found}


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


def _refuse(connection: sa.Connection, one: Prepared, refusal: DeliveryRefused) -> Verdict:
    """A refused delivery leaves its hash and the reason; its bytes too, unless they may be personal."""
    delivery = one.delivery
    verdict = Verdict(delivery.delivery_id, delivery.source.name, delivery.name, "refused", reason=str(refusal))
    row = row_of(delivery, verdict) | {"reason_code": refusal.code, "bytes_archived": one.archived}
    insert(connection, DELIVERIES, [row])
    return verdict


@dataclass(frozen=True)
class _Ready:
    """A delivery with the rows that are about to be stored."""

    delivery: Delivery
    parsed: Parsed
    snapshots: list[dict[str, object]]
    verdict: Verdict
    row: dict[str, object]


def _accept(connection: sa.Connection, store: Store, fresh: list[Prepared]) -> list[Verdict]:
    """Write the rows of deliveries that were parsed, their equations checked, then what follows from them."""
    held = _held_snapshots(connection, fresh)
    ready = [_ready(connection, one, one.parsed, held) for one in fresh if one.parsed is not None]
    reached("counted")
    insert(connection, DELIVERIES, [one.row for one in ready])
    insert(connection, SNAPSHOTS, [row for one in ready for row in one.snapshots])
    waiting = [one.parsed.quarantined.with_columns(**_named(one)) for one in ready if one.parsed.waiting.rows]
    if waiting:
        bulk.copy(connection, QUARANTINE, pl.concat(waiting))
    _listed(connection, store, [one for one in ready if not one.delivery.source.is_site and not one.row["held"]])
    reached("merged")
    return _released(connection, store, ready)


def _listed(connection: sa.Connection, store: Store, ready: list[_Ready]) -> None:
    """Bring the tables of reference and events up to date; what is held changes nothing yet."""
    for _, group in itertools.groupby(ready, key=lambda one: one.delivery.source.name):
        mine = list(group)
        delivery, scopes = mine[0].delivery, mine[0].parsed.scopes
        ids = [one.delivery.delivery_id for one in mine]
        only = list(scopes) if scopes is not None else None
        add(connection, store, delivery.source, ids, delivery.received_at, only=only)


def _named(one: _Ready) -> dict[str, pl.Expr]:
    return {"delivery_id": pl.lit(one.delivery.delivery_id), "source": pl.lit(one.delivery.source.name)}


def _ready(connection: sa.Connection, one: Prepared, parsed: Parsed, held: set[Snapshot]) -> _Ready:
    delivery, source = one.delivery, one.delivery.source
    named = {"delivery_id": delivery.delivery_id, "source": source.name}
    found = parsed.snapshots.iter_rows(named=True) if parsed.snapshots is not None else iter(())
    short = held if source.kind is Kind.SNAPSHOT else set()
    snapshots = [row | named | {"held": (row["holder_id"], row["day"]) in short} for row in found]
    is_held = (
        any(row["held"] for row in snapshots)
        if source.is_site
        else list_is_held(connection, source, parsed.taken.rows, parsed.scopes, delivery.received_at)
    )
    verdict = _verdict(delivery, parsed, is_held)
    row = row_of(delivery, verdict) | counts_of(delivery, parsed, one.archived or 0) | {"held": is_held, "parts": 1}
    prove(row, parsed.record_rows)
    return _Ready(delivery, parsed, snapshots, verdict, row)


def _held_snapshots(connection: sa.Connection, fresh: list[Prepared]) -> set[Snapshot]:
    """The snapshots of the deliveries that are held."""
    sent: dict[Snapshot, int] = {}
    for one in fresh:
        if one.delivery.source.kind is Kind.SNAPSHOT and one.parsed is not None and one.parsed.snapshots is not None:
            # A row in quarantine was sent: the snapshot is no shorter for it.
            waiting: Counter[object] = Counter(one.parsed.quarantined.select("holder_id", "day").iter_rows())
            for holder, day, rows in one.parsed.snapshots.select("holder_id", "day", "rows").iter_rows():
                sent[holder, day] = rows + waiting[holder, day]
    return held_snapshots(connection, sent, fresh[0].delivery.received_at)


def _released(connection: sa.Connection, store: Store, ready: list[_Ready]) -> list[Verdict]:
    """What the deliveries release: what was held until the next one agrees, and what waited for their codes."""
    holders = {str(row["holder_id"]) for one in ready for row in one.snapshots if row["source"] == "stock"}
    holding = release.holders_on_hold(connection, holders)
    verdicts = []
    for one in ready:
        delivery, source = one.delivery, one.delivery.source
        mine = {str(row["holder_id"]) for row in one.snapshots}
        if source.kind is Kind.FULL_LIST or (source.kind is Kind.SNAPSHOT and mine & holding):
            release.release_agreeing(connection, store, source, delivery.delivery_id, delivery.received_at)
        if source.name in release.UNLOCKS:
            release.release_known(connection, store, at=delivery.received_at)
        verdicts.append(_after_releases(connection, store, one))
    return verdicts


def _after_releases(connection: sa.Connection, store: Store, one: _Ready) -> Verdict:
    """What waits for codes that have become known while the file was parsed is looked at again."""
    delivery, quarantined = one.delivery, one.parsed.quarantined
    if release.waits_for_codes(quarantined):
        known = release.known_codes(connection)
        if release.may_pass(quarantined, known):
            at = delivery.received_at
            release.release_rows(connection, store, delivery.delivery_id, known, at=at, by="service")
    elif one.verdict.verdict != "held":
        return one.verdict
    return _as_stored(delivery, _known(connection, [delivery])[delivery.delivery_id])


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
