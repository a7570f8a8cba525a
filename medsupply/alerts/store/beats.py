"""Beats: when a part of the service last did its work. The watchdog reads them."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from medsupply.tables.alerts import BEAT
from medsupply.warehouse.database import bulk
from medsupply.warehouse.database.connection import Warehouse


def beat(wh: Warehouse, part: str, at: datetime) -> None:
    """Note that ``part`` is alive."""
    with wh.transaction() as connection:
        bulk.upsert(connection, BEAT, pl.DataFrame([{"part": part, "at": at}], schema=BEAT.dtypes()))
