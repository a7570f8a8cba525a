"""Decisions kept in the archive beside what was received, so that a rebuild takes them again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.storage.store import open_store

FOLDER = "events"


def keep(wh: Warehouse, event: Mapping[str, object]) -> None:
    """Keep an event: ``action``, ``at`` and what it needs. The same event again is the same file."""
    data = json.dumps(event, sort_keys=True).encode()
    name = f"{FOLDER}/{event['at']}-{event['action']}-{hashlib.sha256(data).hexdigest()[:12]}.json"
    open_store(wh.settings.archive_url).put(name, data)
