"""Deliveries, each whole in one transaction: hash, parse, archive, record, then commit with its equations checked.

Run again after a kill at any point, the same deliveries give the same warehouse: names follow from the hash, files of
a delivery that was not committed are overwritten or swept. Small deliveries share a transaction: all of them or none.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa
import structlog

from medsupply.errors import InputError
from medsupply.sources.rules import Known
from medsupply.sources.unpacking import Limits
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.database.locks import one_writer
from medsupply.warehouse.loading import release
from medsupply.warehouse.loading.committing import commit, commit_all
from medsupply.warehouse.loading.deliveries import Delivery, Verdict
from medsupply.warehouse.loading.preparing import InFlight, Prepared, known_ids, limits_of, prepare, received
from medsupply.warehouse.storage.store import Store, open_store

__all__ = ["Item", "Progress", "Verdict", "identity", "known_codes", "load", "load_each", "settle"]

log = structlog.get_logger()
Progress = Callable[[int, int, str], None]
THREADS, GROUP_FILES, GROUP_BYTES = 4, 32, 64_000_000
S = TypeVar("S")
T = TypeVar("T")


@dataclass(frozen=True)
class Item:
    """A file to be loaded."""

    source: str
    path: Path
    identity: str | None = None


Jobs = list[tuple[Item, Future[T | None]]]


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


def load_each(
    wh: Warehouse, items: Sequence[Item], *, received_at: datetime, sender: str | None = None, durable: bool = True
) -> Iterator[tuple[Item, Verdict]]:
    """Check and store files in their order; while some are committed together, the next ones are prepared.

    Not ``durable``: each transaction is whole, but on the disk only after ``settle``. A file of the inbox that is gone
    or still grows is passed over.
    """
    store, in_flight, limits = open_store(wh.settings.archive_url), InFlight(), limits_of(wh.settings)
    _release_waiting(wh, store, received_at)
    threads = ThreadPoolExecutor(max_workers=THREADS)
    try:
        for run in _runs(items):
            codes = known_codes(wh)

            def hashed(group: list[Item]) -> Jobs[Delivery]:
                return [(item, threads.submit(_received, item, received_at, sender, limits)) for item in group]

            def parsed(group: Jobs[Delivery], codes: Known = codes) -> Jobs[Prepared]:
                return _parsing(wh, threads, group, codes, in_flight)

            for group in _ahead(_ahead(_groups(run), hashed), parsed):
                yield from _committed(wh, store, group, durable=durable)
    finally:
        threads.shutdown(cancel_futures=True)


def _groups(items: Sequence[Item]) -> Iterator[list[Item]]:
    """Files that are committed together: not many, and not much in memory at a time."""
    group: list[Item] = []
    size = 0
    for item in items:
        mine = item.path.stat().st_size if item.path.is_file() else 0
        if group and (len(group) == GROUP_FILES or size + mine > GROUP_BYTES):
            yield group
            group, size = [], 0
        group.append(item)
        size += mine
    if group:
        yield group


def _ahead(things: Iterable[S], start: Callable[[S], T]) -> Iterator[T]:
    """What ``start`` makes of each, one more begun than is given out."""
    begun: list[T] = []
    for thing in things:
        begun.append(start(thing))
        if len(begun) > 1:
            yield begun.pop(0)
    yield from begun


def _parsing(
    wh: Warehouse, threads: ThreadPoolExecutor, group: Jobs[Delivery], codes: Known, in_flight: InFlight
) -> Jobs[Prepared]:
    """Begin to parse the files whose bytes are new; what went wrong is told where the file's turn comes."""
    good = {item: job.result() for item, job in group if job.exception() is None}
    known = known_ids(wh, [one for one in good.values() if one is not None])
    jobs: Jobs[Prepared] = []
    for item, job in group:
        delivery = good.get(item)
        if delivery is not None and delivery.delivery_id not in known:
            jobs.append((item, threads.submit(prepare, wh, delivery, codes, in_flight)))
        else:
            jobs.append((item, threads.submit(_as_known, job)))
    return jobs


def _as_known(job: Future[Delivery | None]) -> Prepared | None:
    delivery = job.result()
    return Prepared(delivery) if delivery is not None else None


def _committed(wh: Warehouse, store: Store, group: Jobs[Prepared], *, durable: bool) -> Iterator[tuple[Item, Verdict]]:
    """Commit what is ready, in order; a file that cannot be read stops the load after those before it."""
    ready = [
        (item, one)
        for item, job in itertools.takewhile(lambda job: job[1].exception() is None, group)
        if (one := job.result()) is not None
    ]
    items = [item for item, _ in ready]
    yield from zip(items, _verdicts(wh, store, [one for _, one in ready], durable=durable), strict=True)
    for _, job in group:
        job.result()


def _verdicts(wh: Warehouse, store: Store, ready: list[Prepared], *, durable: bool) -> Iterator[Verdict]:
    """Together; when that fails, one by one, so that a delivery that cannot be stored stops none before it."""
    if not ready:
        return
    try:
        verdicts = commit_all(wh, store, ready, durable=durable)
    except Exception as error:
        if len(ready) == 1:
            raise
        log.warning("not stored together, now one by one", deliveries=len(ready), error=repr(error))
        for one in ready:
            yield _told(commit(wh, store, one, durable=durable))
    else:
        yield from map(_told, verdicts)


def _release_waiting(wh: Warehouse, store: Store, at: datetime) -> None:
    """Release what waits for a code that has become known without a list: a county of a newer program."""
    with wh.transaction() as connection:
        one_writer(connection)
        release.release_known(connection, store, at=at)


def settle(wh: Warehouse) -> None:
    """Wait until all that was committed is on the disk: a durable commit carries those before it."""
    with wh.transaction() as connection:
        connection.execute(sa.text("select pg_current_xact_id()"))


def known_codes(wh: Warehouse) -> Known:
    """Holders and articles of all lists so far: a holder that has left still explains its old rows."""
    with wh.engine.connect() as connection:
        return release.known_codes(connection)


def _received(item: Item, received_at: datetime, sender: str | None, limits: Limits) -> Delivery | None:
    try:
        delivery = received(item.source, item.path, received_at, sender, item.identity, limits)
        if item.identity is not None and identity(item.path) != item.identity:
            log.info("still growing", file=item.path.name)
            return None
    except (InputError, FileNotFoundError) as error:
        if item.identity is None:
            raise
        if item.path.exists():
            # One file that cannot be read must not keep the others waiting.
            log.error("cannot be read, it waits", file=str(item.path), error=str(error))
        return None  # gone: another loader was faster
    return delivery


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
