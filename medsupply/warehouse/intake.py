"""Deliveries, each in one transaction: hash, parse, archive, record, then commit with its equations checked.

Run again after a kill at any point, the same deliveries give the same warehouse: names follow from the hash, files of
a delivery that was not committed are overwritten or swept. Several deliveries are prepared while one is committed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
import structlog

from medsupply.errors import InputError
from medsupply.sources.rules import Known
from medsupply.warehouse import release
from medsupply.warehouse.committing import commit
from medsupply.warehouse.connection import Warehouse
from medsupply.warehouse.deliveries import Verdict
from medsupply.warehouse.preparing import InFlight, Prepared, prepare, received
from medsupply.warehouse.store import Store, open_store

__all__ = ["Item", "Progress", "Verdict", "identity", "known_codes", "load", "load_each", "load_one", "settle"]

log = structlog.get_logger()
Progress = Callable[[int, int, str], None]
AHEAD, THREADS = 8, 4


@dataclass(frozen=True)
class Item:
    """A file to be loaded."""

    source: str
    path: Path
    identity: str | None = None


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
    items = [Item(source, path) for path in paths]
    verdicts = []
    for number, (_, verdict) in enumerate(load_each(wh, items, received_at=received_at, sender=sender), start=1):
        verdicts.append(verdict)
        if progress:
            progress(number, len(paths), paths[number - 1].name)
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
    store = open_store(wh.settings.archive_url)
    delivery = received(source, path, received_at, sender, identity)
    return _told(commit(wh, store, prepare(wh, store, delivery, known_codes(wh), InFlight())))


def load_each(
    wh: Warehouse, items: Sequence[Item], *, received_at: datetime, sender: str | None = None, durable: bool = True
) -> Iterator[tuple[Item, Verdict]]:
    """Check and store files in their order; while one is committed, the next ones are prepared.

    Not ``durable``: each transaction is whole, but on the disk only after ``settle``. A file of the inbox that is gone
    or still grows is passed over.
    """
    store, in_flight = open_store(wh.settings.archive_url), InFlight()
    with ThreadPoolExecutor(max_workers=THREADS) as threads:
        for run in _runs(items):
            known = known_codes(wh)

            def prepared(item: Item, known: Known = known) -> Prepared | None:
                return _prepared(wh, store, item, received_at, sender, known, in_flight)

            for item, ready in _ahead(threads, run, prepared):
                if ready is not None:
                    yield item, _told(commit(wh, store, ready, durable=durable))


def _ahead(
    threads: ThreadPoolExecutor, items: Sequence[Item], prepared: Callable[[Item], Prepared | None]
) -> Iterator[tuple[Item, Prepared | None]]:
    """The items in their order, each when it is ready, while the next ones are worked on."""
    jobs: deque[tuple[Item, Future[Prepared | None]]] = deque()
    waiting = deque(items)
    try:
        while waiting or jobs:
            while waiting and len(jobs) < AHEAD:
                item = waiting.popleft()
                jobs.append((item, threads.submit(prepared, item)))
            item, job = jobs.popleft()
            yield item, job.result()
    finally:
        for _, job in jobs:
            job.cancel()


def settle(wh: Warehouse) -> None:
    """Wait until all that was committed is on the disk: a durable commit carries those before it."""
    with wh.transaction() as connection:
        connection.execute(sa.text("select pg_current_xact_id()"))


def known_codes(wh: Warehouse) -> Known:
    """Holders and articles of all lists so far: a holder that has left still explains its old rows."""
    with wh.engine.connect() as connection:
        return release.known_codes(connection)


def _prepared(
    wh: Warehouse,
    store: Store,
    item: Item,
    received_at: datetime,
    sender: str | None,
    known: Known,
    in_flight: InFlight,
) -> Prepared | None:
    try:
        delivery = received(item.source, item.path, received_at, sender, item.identity)
        if item.identity is not None and identity(item.path) != item.identity:
            log.info("still growing", file=item.path.name)
            return None
    except (InputError, FileNotFoundError):
        if item.identity is not None and not item.path.exists():
            return None  # another loader was faster
        raise
    return prepare(wh, store, delivery, known, in_flight)


def identity(path: Path) -> str:
    """What makes this very file known again: device, inode, time and size, not its name."""
    found = path.stat()
    return f"{found.st_dev}:{found.st_ino}:{found.st_mtime_ns}:{found.st_size}"


def _told(verdict: Verdict) -> Verdict:
    log.info("delivery", delivery_id=verdict.delivery_id, verdict=verdict.verdict, rows=verdict.rows_received,
             reason=verdict.reason)  # fmt: skip
    return verdict


def _runs(items: Sequence[Item]) -> Iterator[list[Item]]:
    """Parts within which nothing makes codes known that a later one needs."""
    run: list[Item] = []
    for item in items:
        if item.source in release.UNLOCKS:
            if run:
                yield run
            run = []
            yield [item]
        else:
            run.append(item)
    if run:
        yield run
