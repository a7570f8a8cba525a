"""Is the service ready: the warehouse answers, and how old the newest picture, delivery and unsent mail are."""

from __future__ import annotations

from typing import Any

import polars as pl

from medsupply import __version__
from medsupply.dashboard import asking, data


def look() -> dict[str, Any]:
    """Version, newest report day, when it was known, newest delivery, oldest mail that waits."""
    found = asking.fresh(
        "SELECT (SELECT max(as_of) FROM picture.pictures WHERE stage = 'judged') AS as_of, "
        "(SELECT max(known_at) FROM picture.pictures WHERE stage = 'judged') AS known_at, "
        "(SELECT max(received_at) FROM ops.deliveries) AS newest_delivery"
    ).row(0, named=True)
    mails = data.notifications()
    queued = mails.filter(mails["status"] == "queued")
    waiting = queued.select(pl.max_horizontal("created_at", "requeued_at").min()).item() if queued.height else None
    return {"version": __version__, **found, "oldest_queued_mail": waiting}
