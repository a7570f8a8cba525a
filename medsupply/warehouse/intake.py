"""One delivery, one transaction: archive the bytes, check, split, write the record, count, commit.

Run again after a kill at any point, the same delivery gives the same warehouse: names follow from the hash, Parquet
of a delivery that was not committed is overwritten or swept.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

import polars as pl
import sqlalchemy as sa
import structlog

from medsupply.errors import DeliveryRefused, InputError
from medsupply.sources.catalogue import SOURCES, Kind, Source
from medsupply.sources.checking import Checked, check
from medsupply.sources.personal import refuse_personal
from medsupply.sources.reading import LINE, Raw, read
from medsupply.sources.rules import Known
from medsupply.sources.shaping import shaped
from medsupply.tables.ops import DELIVERIES, QUARANTINE, SNAPSHOTS
from medsupply.warehouse import bulk, record, release
from medsupply.warehouse.connection import Warehouse
from medsupply.warehouse.failpoints import reached
from medsupply.warehouse.holding import held_snapshots, list_is_held
from medsupply.warehouse.reference import refold
from medsupply.warehouse.store import Store, open_store

log = structlog.get_logger()
Progress = Callable[[int, int, str], None]
TOLERANCE = 1e-6
GROUPS = ("received", "accepted", "quarantined", "duplicate")


@dataclass(frozen=True)
class Verdict:
    """What became of one delivery."""

    delivery_id: str
    source: str
    file_name: str
    verdict: str
    rows_received: int = 0
    rows_accepted: int = 0
    rows_quarantined: int = 0
    rows_duplicate: int = 0
    reason: str | None = None

    def __str__(self) -> str:
        counts = (
            f"{self.rows_received} rows = {self.rows_accepted} accepted + {self.rows_quarantined} quarantined"
            f" + {self.rows_duplicate} duplicate"
        )
        told = f"{self.source} {self.file_name}: {self.verdict}"
        if self.verdict not in ("refused", "duplicate"):
            told += f", {counts}"
        return f"{told}. {self.reason}" if self.reason else told


@dataclass(frozen=True)
class _Delivery:
    """What is known of a delivery before its rows are."""

    source: Source
    name: str
    data: bytes = field(repr=False)
    sha256: str
    received_at: datetime
    sender: str | None = None
    identity: str | None = None

    @property
    def delivery_id(self) -> str:
        return f"{self.source.name}-{self.sha256[:12]}"


def load(
    wh: Warehouse,
    source: str,
    paths: Sequence[Path],
    *,
    received_at: datetime,
    sender: str | None = None,
    progress: Progress | None = None,
) -> list[Verdict]:
    """Check and store the given files of one source, one transaction each. Raises InputError for a path."""
    verdicts = []
    for number, path in enumerate(paths, start=1):
        verdicts.append(load_one(wh, source, path, received_at=received_at, sender=sender))
        if progress:
            progress(number, len(paths), path.name)
    return verdicts


def load_one(
    wh: Warehouse,
    source: str,
    path: Path,
    *,
    received_at: datetime,
    sender: str | None = None,
    identity: str | None = None,
) -> Verdict:
    """Check and store one file. ``identity`` names the file in the inbox, to know it again after a kill."""
    delivery = _received(source, path, received_at, sender, identity)
    reached("received")
    with structlog.contextvars.bound_contextvars(delivery_id=delivery.delivery_id):
        known = _known_delivery(wh, delivery)
        if known is not None:
            return _again(wh, delivery, known)
        verdict = _first_time(wh, delivery)
        log.info("delivery", verdict=verdict.verdict, rows=verdict.rows_received, reason=verdict.reason)
    return verdict


def _received(source: str, path: Path, received_at: datetime, sender: str | None, identity: str | None) -> _Delivery:
    if source not in SOURCES:
        raise InputError(f"{source!r} is no source", f"Use one of {', '.join(SOURCES)}")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})", "Check the path and its permissions") from error
    digest = hashlib.sha256(data).hexdigest()
    return _Delivery(SOURCES[source], path.name, data, digest, received_at, sender, identity)


def _known_delivery(wh: Warehouse, delivery: _Delivery) -> dict[str, object] | None:
    found = wh.read(
        "select delivery_id, verdict, reason, file_identity, rows_received, rows_accepted, rows_quarantined,"
        " rows_duplicate from ops.deliveries"
        " where source = :source and sha256 = :sha and verdict <> 'duplicate'",
        source=delivery.source.name,
        sha=delivery.sha256,
    )
    return found.row(0, named=True) if found.height else None


def _again(wh: Warehouse, delivery: _Delivery, known: dict[str, object]) -> Verdict:
    """The same bytes again: nothing but one row that says so; nothing at all when only the move was missing."""
    if delivery.identity is not None and known["file_identity"] == delivery.identity:
        received, accepted, quarantined, duplicate = (int(str(known[f"rows_{group}"])) for group in GROUPS)
        return Verdict(
            delivery.delivery_id,
            delivery.source.name,
            delivery.name,
            str(known["verdict"]),
            received,
            accepted,
            quarantined,
            duplicate,
            str(known["reason"]) if known["reason"] else None,
        )
    with wh.transaction() as connection:
        _lock(connection, delivery)
        query = sa.text("select count(*) from ops.deliveries where duplicate_of = :id")
        number = int(connection.execute(query, {"id": known["delivery_id"]}).scalar_one()) + 1
        reason = f"The same bytes are stored already as {known['delivery_id']} ({known['verdict']})"
        verdict = Verdict(
            f"{delivery.delivery_id}-d{number}", delivery.source.name, delivery.name, "duplicate", reason=reason
        )
        row = _row(delivery, verdict) | {"duplicate_of": known["delivery_id"], "reason_code": "duplicate"}
        bulk.copy(connection, DELIVERIES, _frame(row))
    return verdict


def _first_time(wh: Warehouse, delivery: _Delivery) -> Verdict:
    store = open_store(wh.settings.archive_url)
    known = known_codes(wh)
    try:
        raw = shaped(read(delivery.data, delivery.name, delivery.source), delivery.source)
        refuse_personal(raw)
    except DeliveryRefused as refusal:
        return _refuse(wh, store, delivery, refusal)
    _archive(store, delivery)
    reached("parsed")
    checked = check(raw, delivery.source, known)
    record.write(store, delivery.source.name, delivery.delivery_id, 0, checked.accepted, delivery.received_at)
    reached("staged")
    return _commit(wh, store, delivery, raw, checked)


def _archive(store: Store, delivery: _Delivery) -> None:
    """Keep the bytes as they came, before anything is made of them; never the bytes of a personal delivery."""
    name = record.raw_name(delivery.source.name, delivery.sha256)
    store.put(name, delivery.data)
    # What a rebuild needs to know beside the bytes.
    note = {
        "source": delivery.source.name,
        "sha256": delivery.sha256,
        "file_name": delivery.name,
        "received_at": delivery.received_at.isoformat(),
        "sender": delivery.sender,
        "identity": delivery.identity,
    }
    store.put(f"{name}.json", json.dumps(note, sort_keys=True).encode())
    reached("archived")


def known_codes(wh: Warehouse) -> Known:
    """Holders and articles of all lists so far: a holder that has left still explains its old rows."""
    holders = wh.read("select distinct holder_id from core.holders")["holder_id"].to_list()
    articles = wh.read("select distinct article from core.package_map")["article"].to_list()
    return Known(holders=holders, articles=articles)


def _commit(wh: Warehouse, store: Store, delivery: _Delivery, raw: Raw, checked: Checked) -> Verdict:
    """Everything that the delivery changes, in one transaction, with the equations checked inside."""
    with wh.transaction() as connection:
        _lock(connection, delivery)
        if _committed_meanwhile(connection, delivery):
            return Verdict(delivery.delivery_id, delivery.source.name, delivery.name, "duplicate",
                           reason="Another loader stored it at the same moment")  # fmt: skip
        snapshots = _snapshots(connection, delivery, checked)
        held = (
            bool(snapshots["held"].any())
            if delivery.source.is_site
            else list_is_held(
                connection, delivery.source, delivery.delivery_id, checked.taken.rows, delivery.received_at
            )
        )
        verdict = _verdict(delivery, checked, held)
        row = _row(delivery, verdict) | _counts(delivery, raw, checked) | {"held": held, "parts": 1}
        _prove(row)
        reached("counted")
        bulk.copy(connection, DELIVERIES, _frame(row))
        bulk.copy(connection, SNAPSHOTS, snapshots)
        bulk.copy(
            connection,
            QUARANTINE,
            checked.quarantined.with_columns(
                pl.lit(delivery.delivery_id).alias("delivery_id"), pl.lit(delivery.source.name).alias("source")
            ),
        )
        if not delivery.source.is_site:
            refold(connection, store, delivery.source, only=_scopes(delivery.source, checked))
        reached("merged")
        release.release_agreeing(connection, delivery.source, delivery.delivery_id, delivery.received_at)
        release.release_known(connection, store, delivery.source, at=delivery.received_at)
    reached("committed")
    return verdict


def _lock(connection: sa.Connection, delivery: _Delivery) -> None:
    """One writer per source: two loaders at once take turns."""
    query = sa.text("select pg_advisory_xact_lock(hashtext(:what))")
    connection.execute(query, {"what": f"deliveries of {delivery.source.name}"})


def _committed_meanwhile(connection: sa.Connection, delivery: _Delivery) -> bool:
    query = sa.text("select count(*) from ops.deliveries where delivery_id = :id")
    return bool(connection.execute(query, {"id": delivery.delivery_id}).scalar_one())


def _snapshots(connection: sa.Connection, delivery: _Delivery, checked: Checked) -> pl.DataFrame:
    """Holder and day of each snapshot (or reporter and day), with its rows and whether it is held."""
    if not delivery.source.is_site:
        return SNAPSHOTS.empty()
    holder, day = delivery.source.contract.primary_key()[:2]
    grouped = checked.accepted.group_by(pl.col(holder).alias("holder_id"), pl.col(day).alias("day")).agg(
        (pl.col("vnr") != "").sum().cast(pl.Int64).alias("rows")
    )
    found = grouped.sort("holder_id", "day").with_columns(
        pl.lit(delivery.delivery_id).alias("delivery_id"), pl.lit(delivery.source.name).alias("source")
    )
    if delivery.source.kind is not Kind.SNAPSHOT:
        return found.with_columns(pl.lit(False).alias("held"))
    return held_snapshots(connection, found, delivery.received_at)


def _scopes(source: Source, checked: Checked) -> list[object] | None:
    """The parts of a scoped list that this delivery speaks of."""
    return checked.accepted[source.scope[0]].unique().to_list() if source.scope else None


def _verdict(delivery: _Delivery, checked: Checked, held: bool) -> Verdict:
    word, reason = "accepted", None
    if checked.waiting.rows:
        word = "partly"
        first = checked.quarantined.row(0, named=True)
        reason = (
            f"{checked.waiting.rows} rows wait in quarantine, the first is line {first[LINE]}: {first['what_to_do']}"
        )
    if held:
        word = "held"
        reason = (
            "Over 20 % shorter than the one before, which stands until an operator releases this or the next agrees"
        )
    return Verdict(
        delivery.delivery_id,
        delivery.source.name,
        delivery.name,
        word,
        checked.received.rows,
        checked.taken.rows,
        checked.waiting.rows,
        checked.duplicate.rows,
        reason,
    )


def _refuse(wh: Warehouse, store: Store, delivery: _Delivery, refusal: DeliveryRefused) -> Verdict:
    """A refused delivery leaves its hash and the reason; its bytes too, unless they may be personal."""
    personal = refusal.code.startswith("personal")
    if not personal:
        _archive(store, delivery)
    verdict = Verdict(delivery.delivery_id, delivery.source.name, delivery.name, "refused", reason=str(refusal))
    row = _row(delivery, verdict) | {
        "reason_code": refusal.code,
        "bytes_archived": None if personal else len(delivery.data),
    }
    with wh.transaction() as connection:
        _lock(connection, delivery)
        if not _committed_meanwhile(connection, delivery):
            bulk.copy(connection, DELIVERIES, _frame(row))
    return verdict


def _row(delivery: _Delivery, verdict: Verdict) -> dict[str, object]:
    counts = {f"rows_{group}": getattr(verdict, f"rows_{group}") for group in GROUPS}
    return {
        "delivery_id": verdict.delivery_id,
        "source": delivery.source.name,
        "file_name": delivery.name,
        "sha256": delivery.sha256,
        "sender": delivery.sender,
        "received_at": delivery.received_at,
        "verdict": verdict.verdict,
        "reason": verdict.reason,
        "bytes_received": len(delivery.data),
        "file_identity": delivery.identity,
        "held": False,
        "parts": 0,
        **{f"packs_{group}": 0.0 for group in GROUPS},
        **counts,
    }


def _counts(delivery: _Delivery, raw: Raw, checked: Checked) -> dict[str, object]:
    day_from, day_to = _days(delivery.source, checked)
    return {
        "packs_received": checked.received.packs,
        "packs_accepted": checked.taken.packs,
        "packs_quarantined": checked.waiting.packs,
        "packs_duplicate": checked.duplicate.packs,
        "bytes_archived": len(delivery.data),
        "lines_physical": raw.lines_physical,
        "lines_header": raw.lines_header,
        "lines_blank": raw.lines_blank,
        "encoding": raw.encoding,
        "warnings": checked.warnings or None,
        "day_from": day_from,
        "day_to": day_to,
    }


def _days(source: Source, checked: Checked) -> tuple[date | None, date | None]:
    if not source.is_site or not checked.accepted.height:
        return None, None
    days = checked.accepted[source.contract.primary_key()[1]]
    first, last = days.min(), days.max()
    assert isinstance(first, date) and isinstance(last, date)
    return first, last


def _prove(row: dict[str, object]) -> None:
    """The equations of the design; a false one stops the transaction, so that nothing wrong is stored."""
    rows = [int(str(row[f"rows_{group}"])) for group in GROUPS]
    packs = [float(str(row[f"packs_{group}"])) for group in GROUPS]
    if rows[0] != sum(rows[1:]) or abs(packs[0] - sum(packs[1:])) > TOLERANCE * (1 + abs(packs[0])):
        raise AssertionError(f"rows or packs of {row['delivery_id']} do not add up: {rows}, {packs}")
    if row["bytes_archived"] != row["bytes_received"]:
        raise AssertionError(f"{row['delivery_id']}: bytes archived are not the bytes received")
    lines = row["lines_physical"]
    if lines is not None and lines != int(str(row["lines_header"])) + int(str(row["lines_blank"])) + rows[0]:
        raise AssertionError(f"{row['delivery_id']}: lines do not add up")


def _frame(row: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame([{name: row.get(name) for name in DELIVERIES.columns}], schema=DELIVERIES.dtypes())
