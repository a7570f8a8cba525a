"""Rows leave quarantine when their reason is gone or a person decides; a hold ends likewise. Counts follow."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

import polars as pl
import sqlalchemy as sa

from medsupply.areas import COUNTY_CODES
from medsupply.sources.catalogue import SOURCES, Kind, Source
from medsupply.sources.checking import Checked
from medsupply.sources.parsing import parse_again
from medsupply.sources.reading import LINE
from medsupply.sources.reasons import REASONS
from medsupply.sources.rules import Known
from medsupply.tables.ops import QUARANTINE, SNAPSHOTS
from medsupply.warehouse import site_rows
from medsupply.warehouse.database import bulk
from medsupply.warehouse.database.reading import read_frame
from medsupply.warehouse.loading.parser_child import snapshots_of
from medsupply.warehouse.reference import refold
from medsupply.warehouse.storage import record
from medsupply.warehouse.storage.store import Store

SELF_RELEASING = tuple(code for code, reason in REASONS.items() if reason.releases_itself)
# The arrival of these lists can take the reason away.
UNLOCKS = ("holders", "package_map")


def known_codes(connection: sa.Connection) -> Known:
    """Holders and articles of all lists so far: a holder that has left still explains its old rows."""
    holders = read_frame(connection, "select distinct holder_id from core.holders", {})["holder_id"].to_list()
    articles = read_frame(connection, "select distinct article from core.package_map", {})["article"].to_list()
    return Known(holders=holders, articles=articles, counties=COUNTY_CODES)


def waits_for_codes(quarantined: pl.DataFrame) -> bool:
    """Whether any row waits for a code that may become known."""
    return quarantined.height > 0 and bool(quarantined["reason_code"].is_in(list(SELF_RELEASING)).any())


def may_pass(quarantined: pl.DataFrame, known: Known) -> bool:
    """Whether a row that waits for a code names one that is known now."""
    holder = pl.col("holder_id").is_in(list(known.holders)) & (pl.col("reason_code") == "unknown_holder")
    article = pl.col("vnr").is_in(list(known.articles)) & (pl.col("reason_code") == "unknown_article")
    return bool(quarantined.select((holder | article).any()).item())


def release_known(connection: sa.Connection, store: Store, *, at: datetime) -> int:
    """Release the rows whose holder, article or county has become known. Returns rows released.

    Lists make holders and articles known, a newer program counties.
    """
    query = """
        SELECT q.delivery_id FROM ops.quarantine q JOIN ops.deliveries d USING (delivery_id)
        WHERE q.released_at IS NULL AND d.withdrawn_at IS NULL AND (
            q.reason_code = 'unknown_holder' AND q.holder_id IN (SELECT holder_id FROM core.holders)
            OR q.reason_code = 'unknown_article' AND q.vnr IN (SELECT article FROM core.package_map)
            OR q.reason_code = 'unknown_county' AND q.county_code = any(:counties))
        GROUP BY q.delivery_id, d.received_at, d.sha256 ORDER BY d.received_at, d.sha256
    """
    ids = read_frame(connection, query, {"counties": list(COUNTY_CODES)})["delivery_id"].to_list()
    known = known_codes(connection) if ids else Known()
    return sum(release_rows(connection, store, one, known, at=at, by="service") for one in ids)


def release_rows(
    connection: sa.Connection,
    store: Store,
    delivery_id: str,
    known: Known,
    *,
    at: datetime,
    by: str,
    lines: Sequence[int] | None = None,
) -> int:
    """Check the waiting rows of a delivery again and release those that pass. Returns rows released.

    A row that repeats another one becomes a duplicate; a row that fails for another reason now waits for that one.
    """
    query = "select source, sha256, parts, received_at from ops.deliveries where delivery_id = :id"
    delivery = read_frame(connection, query, {"id": delivery_id}).row(0, named=True)
    source = SOURCES[delivery["source"]]
    waiting = _waiting(connection, delivery_id, lines)
    if not waiting.height:
        return 0
    again = parse_again(store.get(record.raw_name(source.name, delivery["sha256"])), source, known, waiting[LINE])
    _retell(connection, delivery_id, again, waiting)
    if lines:
        again = replace(again, accepted=_apart(connection, again.accepted, store, source, delivery_id))
    # Known from the release on, and never before the delivery itself.
    moment = max(at, delivery["received_at"])
    if again.accepted.height:
        record.write(store, source.name, delivery_id, int(delivery["parts"]), again.accepted, moment)
    _count(connection, delivery_id, again, waiting, moment, by)
    if not again.accepted.height:
        return again.duplicates.height
    if source.is_site:
        _add_snapshots(connection, source, delivery_id, again.accepted, moment)
    else:
        refold(connection, store, source)
    return again.accepted.height + again.duplicates.height


def holders_on_hold(connection: sa.Connection, holders: Collection[str]) -> set[str]:
    """Those of the holders of whose stock a snapshot is held."""
    if not holders:
        return set()
    query = (
        "select distinct holder_id from ops.snapshots where source = 'stock' and holder_id = any(:holders)"
        " and held and released_at is null"
    )
    return set(connection.scalars(sa.text(query), {"holders": sorted(holders)}))


def release_agreeing(connection: sa.Connection, store: Store, source: Source, delivery_id: str, at: datetime) -> None:
    """What is held is released when the next one agrees: not over 20 % from it in length."""
    if source.kind is Kind.SNAPSHOT:
        _release_agreeing_snapshots(connection, delivery_id, at)
    elif source.kind is Kind.FULL_LIST:
        _release_agreeing_lists(connection, store, source, delivery_id, at)


def _release_agreeing_snapshots(connection: sa.Connection, delivery_id: str, at: datetime) -> None:
    """A held snapshot and the next or the one before of its holder; both stand then, whichever came first."""
    agreeing = sa.text(
        """
        UPDATE ops.snapshots h SET released_at = :at
        FROM ops.snapshots n, ops.deliveries d
        WHERE h.source = 'stock' AND h.held AND h.released_at IS NULL AND n.source = 'stock'
          AND n.delivery_id = :id AND n.holder_id = h.holder_id AND n.day <> h.day
          AND d.delivery_id = h.delivery_id AND d.withdrawn_at IS NULL AND (n.held OR n.day > h.day)
          AND n.rows BETWEEN 0.8 * h.rows AND 1.25 * h.rows
        RETURNING h.delivery_id
        """
    )
    released = set(connection.execute(agreeing, {"at": at, "id": delivery_id}).scalars())
    if not released:
        return
    # The one that agrees stands too: it was held only because of the same fall.
    confirming = sa.text(
        """
        UPDATE ops.snapshots n SET released_at = :at
        FROM ops.snapshots h
        WHERE n.delivery_id = :id AND n.held AND n.released_at IS NULL AND h.source = 'stock' AND h.held
          AND h.holder_id = n.holder_id AND h.day <> n.day AND h.released_at = :at AND h.delivery_id = any(:released)
        """
    )
    connection.execute(confirming, {"at": at, "id": delivery_id, "released": sorted(released)})
    for one in sorted({*released, delivery_id}):
        _end_of_hold(connection, one, at)


def _release_agreeing_lists(
    connection: sa.Connection, store: Store, source: Source, delivery_id: str, at: datetime
) -> None:
    agreeing = sa.text(
        """
        UPDATE ops.deliveries h SET released_at = :at
        FROM ops.deliveries n
        WHERE h.source = :source AND h.held AND h.released_at IS NULL AND h.withdrawn_at IS NULL
          AND n.delivery_id = :id AND h.delivery_id <> n.delivery_id
          AND n.rows_accepted BETWEEN 0.8 * h.rows_accepted AND 1.25 * h.rows_accepted
        RETURNING h.delivery_id
        """
    )
    released = connection.execute(agreeing, {"at": at, "id": delivery_id, "source": source.name}).scalars().all()
    if not released:
        return
    own = "UPDATE ops.deliveries SET released_at = :at WHERE delivery_id = :id AND held AND released_at IS NULL"
    connection.execute(sa.text(own), {"at": at, "id": delivery_id})
    for one in [*released, delivery_id]:
        _end_of_hold(connection, one, at)
    refold(connection, store, source)


def release_hold(connection: sa.Connection, store: Store, delivery_id: str, *, at: datetime) -> int:
    """Release the held snapshots, or the held list, of a delivery by decision of a person."""
    snapshots = connection.execute(
        sa.text("UPDATE ops.snapshots SET released_at = :at WHERE delivery_id = :id AND held AND released_at IS NULL"),
        {"at": at, "id": delivery_id},
    ).rowcount
    query = (
        "UPDATE ops.deliveries SET released_at = :at WHERE delivery_id = :id AND held AND released_at IS NULL"
        " RETURNING source"
    )
    source = connection.execute(sa.text(query), {"at": at, "id": delivery_id}).scalar()
    if source is None:
        return int(snapshots)
    _end_of_hold(connection, delivery_id, at)
    if not SOURCES[source].is_site:
        refold(connection, store, SOURCES[source])
    return int(snapshots or 1)


def _end_of_hold(connection: sa.Connection, delivery_id: str, at: datetime) -> None:
    """The verdict of a delivery of which nothing is held any more."""
    query = sa.text(
        """
        UPDATE ops.deliveries d SET released_at = coalesce(released_at, :at),
            verdict = CASE WHEN rows_quarantined > 0 THEN 'partly' ELSE 'accepted' END,
            reason = CASE WHEN rows_quarantined > 0 THEN rows_quarantined || ' rows wait in quarantine' END
        WHERE delivery_id = :id AND verdict = 'held' AND NOT EXISTS (
            SELECT 1 FROM ops.snapshots s WHERE s.delivery_id = :id AND s.held AND s.released_at IS NULL)
        """
    )
    connection.execute(query, {"id": delivery_id, "at": at})


def _waiting(connection: sa.Connection, delivery_id: str, lines: Sequence[int] | None) -> pl.DataFrame:
    chosen = "and line = any(:lines)" if lines else "and reason_code = any(:codes)"
    query = (
        "select line, packs, reason_code from ops.quarantine"  # noqa: S608
        f" where delivery_id = :id and released_at is null {chosen} order by line"
    )
    params = {"id": delivery_id} | ({"lines": list(lines)} if lines else {"codes": list(SELF_RELEASING)})
    return read_frame(connection, query, params)


def _apart(
    connection: sa.Connection, rows: pl.DataFrame, store: Store, source: Source, delivery_id: str
) -> pl.DataFrame:
    """``rows`` without those whose key stands in the record of the delivery: of two rows a person may choose one."""
    key = list(source.row_key)
    standing = site_rows.of_delivery(connection, store, source.name, delivery_id).select(key).collect()
    return rows.join(standing, on=key, how="anti", nulls_equal=True)


def _retell(connection: sa.Connection, delivery_id: str, again: Checked, waiting: pl.DataFrame) -> None:
    """Rows that still wait, for another reason than before."""
    told = again.quarantined.join(waiting.select(LINE, before="reason_code"), on=LINE)
    changed = told.filter(pl.col("reason_code") != pl.col("before")).drop("before")
    if not changed.height:
        return
    source = delivery_id.rsplit("-", 1)[0]
    rows = changed.with_columns(pl.lit(delivery_id).alias("delivery_id"), pl.lit(source).alias("source"))
    bulk.upsert(connection, QUARANTINE, rows)


def _count(
    connection: sa.Connection, delivery_id: str, again: Checked, waiting: pl.DataFrame, at: datetime, by: str
) -> None:
    """Mark what left the quarantine, and move it in the delivery's counts."""
    released = pl.concat([again.accepted.select(LINE), again.duplicates.select(LINE)])
    if not released.height:
        return
    _mark(connection, delivery_id, released, at, by)
    packs = [
        float(waiting.join(part, on=LINE, how="semi")["packs"].sum()) for part in (again.accepted, again.duplicates)
    ]
    parts, n, m = int(again.accepted.height > 0), again.accepted.height, again.duplicates.height
    values = {"n": n, "m": m, "p": packs[0], "r": packs[1], "part": parts, "id": delivery_id}
    connection.execute(sa.text(_MOVED), values)


def _mark(connection: sa.Connection, delivery_id: str, released: pl.DataFrame, at: datetime, by: str) -> None:
    """Say of each line when it left the quarantine and by whom."""
    connection.exec_driver_sql("CREATE TEMPORARY TABLE leaving (line bigint PRIMARY KEY) ON COMMIT DROP")
    driver = connection.connection.driver_connection
    assert driver is not None
    with driver.cursor() as cursor, cursor.copy("COPY leaving FROM STDIN (FORMAT csv)") as stream:
        for chunk in bulk.csv_chunks(released):
            stream.write(chunk)
    connection.execute(
        sa.text(
            "update ops.quarantine q set released_at = :at, released_by = :by from leaving"
            " where q.delivery_id = :id and q.line = leaving.line"
        ),
        {"at": at, "by": by, "id": delivery_id},
    )
    connection.exec_driver_sql("DROP TABLE leaving")


_MOVED = """
    UPDATE ops.deliveries SET parts = parts + :part,
        rows_accepted = rows_accepted + :n, rows_duplicate = rows_duplicate + :m,
        rows_quarantined = rows_quarantined - :n - :m,
        packs_accepted = packs_accepted + :p, packs_duplicate = packs_duplicate + :r,
        packs_quarantined = packs_quarantined - :p - :r,
        verdict = CASE WHEN verdict = 'partly' AND rows_quarantined = :n + :m THEN 'accepted' ELSE verdict END,
        reason = CASE WHEN verdict = 'partly' AND rows_quarantined = :n + :m THEN NULL
            WHEN verdict = 'partly' THEN (rows_quarantined - :n - :m) || ' rows wait in quarantine'
            ELSE reason END
    WHERE delivery_id = :id
"""


def _add_snapshots(
    connection: sa.Connection, source: Source, delivery_id: str, free: pl.DataFrame, at: datetime
) -> None:
    """The released rows belong to snapshots of their holder and day; one that did not stand stands from now on."""
    added = snapshots_of(source, free).rename({"rows": "added"})
    query = "select holder_id, day, rows, held, released_at from ops.snapshots where delivery_id = :id"
    before = read_frame(connection, query, {"id": delivery_id})
    merged = added.join(before, on=["holder_id", "day"], how="left").with_columns(
        (pl.col("rows").fill_null(0) + pl.col("added")).alias("rows"),
        # A snapshot that was not there before counts from the release: see facts.
        pl.when(pl.col("rows").is_null()).then(pl.lit(at)).otherwise(pl.col("released_at")).alias("released_at"),
        pl.col("held").fill_null(False),
    )
    rows = merged.with_columns(pl.lit(delivery_id).alias("delivery_id"), pl.lit(source.name).alias("source"))
    bulk.upsert(connection, SNAPSHOTS, rows)
