"""Site rows as a file, for a person with a purpose: each export stands in the audit before its first byte is written.

The state reserve and counts of dispensings are never inside. See docs/decisions/0040-site-rows.md.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import polars as pl

from medsupply.errors import InputError
from medsupply.sources.catalogue import SOURCES
from medsupply.warehouse import site_rows
from medsupply.warehouse.database.audit import audit
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.storage import record
from medsupply.warehouse.storage.compaction import SITE_SOURCES
from medsupply.warehouse.storage.store import PART

# What one file may span: memory grows with its rows, and a purpose that needs more says so month by month.
LONGEST = timedelta(days=31)
# Counts of persons' visits: those of one site and day are nearly all below the k of disclosure.
LEFT_OUT = ("dispensings",)
# Any version of the list that ever called a holder a state reserve hides it.
_STATE_RESERVE = "SELECT DISTINCT holder_id FROM core.holders WHERE holder_type = 'state_reserve'"


def export_site_rows(
    wh: Warehouse, source: str, first: date, last: date, out: Path, *, known_at: datetime, who: str, why: str,
    at: datetime,
) -> int:  # fmt: skip
    """Write the rows of ``source`` that stand in [first, last] as known at ``known_at``; returns how many.

    Sorted by the key of the source; nil rows left out. Raises InputError for what is asked, or where it cannot be put.
    """
    _check(source, first, last, out, who, why)
    rows = _rows(wh, source, first, last, known_at)
    with wh.transaction() as connection:
        subject = f"{source} {first} to {last} as known at {known_at.isoformat()} in {out.name}"
        audit(connection, at, "export_site_rows", subject, who.strip(), why.strip())
    part = out.with_name(f".{out.name}.{uuid4().hex}{PART}")
    try:
        rows.sink_parquet(part, compression="zstd", engine="streaming")
        part.replace(out)
    except OSError as error:
        raise InputError(f"{out} cannot be written ({error})", "Choose another file") from error
    finally:
        part.unlink(missing_ok=True)
    return int(pl.scan_parquet(out).select(pl.len()).collect().item())


def _check(source: str, first: date, last: date, out: Path, who: str, why: str) -> None:
    if source not in SITE_SOURCES:
        raise InputError(f"{source!r} has no site rows", f"Use one of {', '.join(SITE_SOURCES)}")
    if not who.strip() or not why.strip():
        raise InputError("Site rows leave only with a name and a purpose", "Say who takes them and what for")
    if not timedelta(0) <= last - first < LONGEST:
        raise InputError(f"{first} to {last} is no span", f"Choose 1 to {LONGEST.days} days, the first one first")
    if out.suffix != ".parquet" or not out.parent.is_dir():
        raise InputError(f"{out} cannot be written", "Name a file that ends with .parquet, in a folder that exists")


def _rows(wh: Warehouse, source: str, first: date, last: date, known_at: datetime) -> pl.LazyFrame:
    """The rows to write, lazily: site and day first, as the key of the source has them."""
    hidden = wh.read(_STATE_RESERVE)["holder_id"]
    rows = _standing(wh, source, first, last, known_at)
    holder = SOURCES[source].contract.primary_key()[0]
    shown = rows.filter(pl.col("vnr") != "", ~pl.col(holder).is_in(hidden.implode())).drop(LEFT_OUT, strict=False)
    order = [record.day_column(source), *SOURCES[source].row_key]
    return shown.sort(list(dict.fromkeys(order)), nulls_last=True)


def _standing(wh: Warehouse, source: str, first: date, last: date, known_at: datetime) -> pl.LazyFrame:
    if source == "dispensing":
        return site_rows.dispensing(wh, first, last, known_at)
    found = site_rows.snapshots(wh, source, first, last, known_at)
    index = site_rows.index(wh, source, first, last, known_at)
    return site_rows.StockRows(index, found, site_rows.standing(found)).between(first, last)
