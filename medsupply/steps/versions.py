"""Versions of one report day's picture: which late files ask for a new one, and what the new one says differently."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import polars as pl

from medsupply.days import CARRIED_OPEN_DAYS, open_days_between
from medsupply.picture.changes import corrections
from medsupply.tables.picture import CORRECTIONS, MEASURED, SITUATION
from medsupply.warehouse import pictures
from medsupply.warehouse.database.connection import Warehouse

LOOKED_BACK_DAYS, CARRIED_AT_MOST_DAYS = 14, 10
# Report days with a picture, and days of snapshots in it that came, stood or fell only after it was made. A snapshot
# that a later one of the same holder had replaced by the report day is not in it.
_LATER = """
    WITH made AS (
        SELECT as_of, max(known_at) AS known_at FROM picture.pictures
        WHERE stage = 'judged' AND as_of >= :first AND as_of < :as_of AND known_at <= :known_at GROUP BY as_of),
    released AS (
        SELECT delivery_id, max(released_at) AS at FROM ops.quarantine
        WHERE released_at <= :known_at GROUP BY delivery_id)
    SELECT DISTINCT m.as_of, s.day
    FROM made m JOIN ops.snapshots s ON s.day BETWEEN m.as_of - :carried AND m.as_of
    JOIN ops.deliveries d USING (delivery_id) LEFT JOIN released r USING (delivery_id)
    WHERE d.received_at <= :known_at AND (s.day = m.as_of OR (s.source = 'stock' AND NOT EXISTS (
        SELECT FROM ops.snapshots n JOIN ops.deliveries o USING (delivery_id)
        WHERE n.source = 'stock' AND n.holder_id = s.holder_id AND n.day > s.day AND n.day <= m.as_of
          AND o.received_at <= m.known_at AND o.withdrawn_at IS NULL AND NOT n.held)))
      AND (d.received_at > m.known_at OR r.at > m.known_at
           OR (d.withdrawn_at > m.known_at AND d.withdrawn_at <= :known_at)
           OR (s.released_at > m.known_at AND s.released_at <= :known_at))
    ORDER BY m.as_of, s.day
"""


def corrected_days(wh: Warehouse, as_of: date, known_at: datetime) -> list[date]:
    """Report days of the two weeks before ``as_of`` whose picture holds snapshots, or dispensing of the day itself,
    that came, were released or were withdrawn after it was made."""
    first = as_of - timedelta(days=LOOKED_BACK_DAYS)
    found = wh.read(_LATER, first=first, as_of=as_of, known_at=known_at, carried=CARRIED_AT_MOST_DAYS)
    pairs = found.iter_rows()
    return sorted({day for day, counted_on in pairs if open_days_between(counted_on, day) <= CARRIED_OPEN_DAYS})


def store_corrections(wh: Warehouse, as_of: date, known_at: datetime) -> None:
    """What the version known at ``known_at`` says differently from the version of the same day before it."""
    before = pictures.version(wh, "judged", as_of, known_at - timedelta(microseconds=1))
    if before is None:
        return
    now, then = (_with_holders(wh, as_of, moment) for moment in (known_at, before))
    pictures.store(wh, "corrections", as_of, known_at, {CORRECTIONS: corrections(now, then)}, always=True)


def _with_holders(wh: Warehouse, as_of: date, moment: datetime) -> pl.DataFrame:
    """The situation of a version and the holders heard of in each row."""
    key = ["county_code", "medicine_id"]
    rows = pictures.stored(wh, SITUATION, "judged", as_of, moment)
    heard = pictures.stored(wh, MEASURED, "measured", as_of, moment).select(*key, "holders_heard")
    return rows.join(heard, on=key, how="left", maintain_order="left")
