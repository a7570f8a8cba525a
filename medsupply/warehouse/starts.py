"""Where run-outs started, kept as files beside the record: one a report day and moment known."""

from __future__ import annotations

from datetime import UTC, date, datetime

from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.storage.store import open_store

FOLDER, FORM = "forecast/country", "%Y%m%dT%H%M%S%f"


def start_name(as_of: date, known_at: datetime) -> str:
    return f"{FOLDER}/{as_of}.{known_at.astimezone(UTC):{FORM}}.npz"


def newest_start(wh: Warehouse, as_of: date, known_at: datetime) -> bytes | None:
    """The newest start of a report day known at a moment; None where there is none."""
    store = open_store(wh.settings.archive_url)
    last = start_name(as_of, known_at)
    names = [name for name in store.names(FOLDER) if name.startswith(f"{FOLDER}/{as_of}.") and name <= last]
    return store.get(max(names)) if names else None
