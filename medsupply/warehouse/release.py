"""Rows leave quarantine when their reason is gone or a person decides; a hold ends likewise. Counts follow."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import polars as pl
import sqlalchemy as sa

from medsupply.sources.catalogue import SOURCES, Kind, Source
from medsupply.sources.checking import check
from medsupply.sources.reading import LINE, Raw, read
from medsupply.sources.reasons import REASONS
from medsupply.sources.rules import Known
from medsupply.sources.shaping import shaped
from medsupply.tables.ops import SNAPSHOTS
from medsupply.warehouse import bulk, record
from medsupply.warehouse.reading import read_frame
from medsupply.warehouse.reference import refold
from medsupply.warehouse.store import Store

SELF_RELEASING = tuple(code for code, reason in REASONS.items() if reason.releases_itself)
# The arrival of these lists can take the reason away.
UNLOCKS = {"holders": ("unknown_holder",), "package_map": ("unknown_article",)}


def release_known(connection: sa.Connection, store: Store, source: Source, *, at: datetime) -> int:
    """After a list that makes codes known: release the rows that waited for them. Returns rows released."""
    codes = UNLOCKS.get(source.name, ())
    if not codes:
        return 0
    waiting = read_frame(
        connection,
        "select distinct delivery_id from ops.quarantine where released_at is null and reason_code = any(:codes)"
        " order by delivery_id",
        {"codes": list(codes)},
    )
    known = _known(connection)
    ids = waiting["delivery_id"].to_list()
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
    """Check the waiting rows of a delivery again and release those that pass. Returns rows released."""
    query = "select source, sha256, file_name, parts from ops.deliveries where delivery_id = :id"
    delivery = read_frame(connection, query, {"id": delivery_id}).row(0, named=True)
    source = SOURCES[delivery["source"]]
    waiting = _waiting(connection, delivery_id, lines)
    data = store.get(record.raw_name(source.name, delivery["sha256"]))
    raw = shaped(read(data, delivery["file_name"], source), source)
    again = check(_only(raw, waiting["line"].to_list()), source, known)
    free = again.accepted
    if not free.height:
        return 0
    record.write(store, source.name, delivery_id, int(delivery["parts"]), free, at)
    _count(connection, delivery_id, free, waiting, at, by)
    if source.is_site:
        _add_snapshots(connection, source, delivery_id, free)
    else:
        refold(connection, store, source)
    return free.height


def release_agreeing(connection: sa.Connection, source: Source, delivery_id: str, at: datetime) -> None:
    """A held snapshot is released when the next one of its holder agrees: not over 20 % from it in length."""
    if source.kind is not Kind.SNAPSHOT:
        return
    agreeing = sa.text(
        """
        UPDATE ops.snapshots h SET released_at = :at
        FROM ops.snapshots n
        WHERE h.source = 'stock' AND h.held AND h.released_at IS NULL AND n.source = 'stock'
          AND n.delivery_id = :id AND n.holder_id = h.holder_id AND n.day > h.day
          AND n.rows BETWEEN 0.8 * h.rows AND 1.25 * h.rows
        """
    )
    connection.execute(agreeing, {"at": at, "id": delivery_id})
    # The next one that agrees stands too: it was held only because of the same fall.
    confirming = sa.text(
        """
        UPDATE ops.snapshots n SET released_at = :at
        FROM ops.snapshots h
        WHERE n.delivery_id = :id AND n.held AND n.released_at IS NULL AND h.source = 'stock' AND h.held
          AND h.holder_id = n.holder_id AND h.day < n.day AND h.released_at = :at
        """
    )
    connection.execute(confirming, {"at": at, "id": delivery_id})


def release_hold(connection: sa.Connection, store: Store, delivery_id: str, *, at: datetime) -> int:
    """Release the held snapshots, or the held list, of a delivery by decision of a person."""
    snapshots = connection.execute(
        sa.text("UPDATE ops.snapshots SET released_at = :at WHERE delivery_id = :id AND held AND released_at IS NULL"),
        {"at": at, "id": delivery_id},
    ).rowcount
    query = "UPDATE ops.deliveries SET released_at = :at WHERE delivery_id = :id AND held AND released_at IS NULL"
    lists = connection.execute(sa.text(query), {"at": at, "id": delivery_id}).rowcount
    if lists and not snapshots:
        source = connection.execute(
            sa.text("select source from ops.deliveries where delivery_id = :id"), {"id": delivery_id}
        ).scalar_one()
        refold(connection, store, SOURCES[source])
    return int(snapshots or lists)


def _known(connection: sa.Connection) -> Known:
    holders = read_frame(connection, "select distinct holder_id from core.holders", {})["holder_id"].to_list()
    articles = read_frame(connection, "select distinct article from core.package_map", {})["article"].to_list()
    return Known(holders=holders, articles=articles)


def _waiting(connection: sa.Connection, delivery_id: str, lines: Sequence[int] | None) -> pl.DataFrame:
    chosen = "and line = any(:lines)" if lines else "and reason_code = any(:codes)"
    query = f"select line, packs from ops.quarantine where delivery_id = :id and released_at is null {chosen}"  # noqa: S608
    params = {"id": delivery_id} | ({"lines": list(lines)} if lines else {"codes": list(SELF_RELEASING)})
    return read_frame(connection, query, params)


def _only(raw: Raw, lines: list[int]) -> Raw:
    from dataclasses import replace

    return replace(raw, frame=raw.frame.filter(pl.col(LINE).is_in(lines)))


def _count(
    connection: sa.Connection, delivery_id: str, free: pl.DataFrame, waiting: pl.DataFrame, at: datetime, by: str
) -> None:
    lines = free[LINE].to_list()
    packs = float(waiting.filter(pl.col("line").is_in(lines))["packs"].sum())
    connection.execute(
        sa.text(
            "update ops.quarantine set released_at = :at, released_by = :by"
            " where delivery_id = :id and line = any(:lines)"
        ),
        {"at": at, "by": by, "id": delivery_id, "lines": lines},
    )
    connection.execute(
        sa.text(
            """
            UPDATE ops.deliveries SET parts = parts + 1,
                rows_accepted = rows_accepted + :n, rows_quarantined = rows_quarantined - :n,
                packs_accepted = packs_accepted + :p, packs_quarantined = packs_quarantined - :p,
                verdict = CASE WHEN verdict = 'partly' AND rows_quarantined = :n THEN 'accepted' ELSE verdict END,
                reason = CASE WHEN verdict = 'partly' AND rows_quarantined = :n THEN NULL ELSE reason END
            WHERE delivery_id = :id
            """
        ),
        {"n": len(lines), "p": packs, "id": delivery_id},
    )


def _add_snapshots(connection: sa.Connection, source: Source, delivery_id: str, free: pl.DataFrame) -> None:
    """The released rows belong to snapshots of their holder and day, which may not have stood before."""
    holder, day = source.contract.primary_key()[:2]
    added = free.group_by(pl.col(holder).alias("holder_id"), pl.col(day).alias("day")).agg(
        (pl.col("vnr") != "").sum().cast(pl.Int64).alias("added")
    )
    query = "select holder_id, day, rows, held, released_at from ops.snapshots where delivery_id = :id"
    before = read_frame(connection, query, {"id": delivery_id})
    merged = added.join(before, on=["holder_id", "day"], how="left").with_columns(
        (pl.col("rows").fill_null(0) + pl.col("added")).alias("rows"), pl.col("held").fill_null(False)
    )
    rows = merged.with_columns(pl.lit(delivery_id).alias("delivery_id"), pl.lit(source.name).alias("source"))
    bulk.upsert(connection, SNAPSHOTS, rows)
