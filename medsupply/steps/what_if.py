"""Keep where a run-out started, so that what-ifs go on from there, and find it again."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl

from medsupply.errors import InputError
from medsupply.facts import Facts
from medsupply.forecast.keeping import packed, unpacked
from medsupply.forecast.national import Country, only
from medsupply.forecast.scenario import Start
from medsupply.picture.master import Master
from medsupply.steps.packages import holder_units
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.starts import newest_start, start_name
from medsupply.warehouse.storage.store import open_store


def keep_start(wh: Warehouse, facts: Facts, master: Master, country: Country) -> None:
    """Store the start of the critical medicines of a report day; the same day known at the same moment replaces it."""
    critical = master.medicines.filter(pl.col("critical"))["medicine_id"]
    kept = only(country, critical.to_list())
    if not kept.names:
        return
    holders = holder_units(facts, master, pl.Series(kept.names))
    name = start_name(facts.as_of, facts.known_at)
    open_store(wh.settings.archive_url).put(name, packed(Start(kept, holders)))


def stored_start(wh: Warehouse, as_of: date, known_at: datetime) -> Start:
    """The newest start of a report day known at a moment. Raises InputError where there is none."""
    found = newest_start(wh, as_of, known_at)
    start = unpacked(found) if found is not None else None
    if start is None:
        raise InputError(
            f"There is no run-out of {as_of} known at {known_at}", f"Make one: medsupply forecast --as-of {as_of}"
        )
    return start
