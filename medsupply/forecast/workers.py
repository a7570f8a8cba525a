"""Worker processes: one job over many series, the same results for any number of workers, no temporary file left."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from medsupply.errors import ForecastError

Item = TypeVar("Item")
Result = TypeVar("Result")
Progress = Callable[[int, int], None]
CHUNK = 25
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "POLARS_MAX_THREADS")


class Pool:
    """Up to ``workers`` processes; with 0 the work is done here, which suits few series."""

    def __init__(self, executor: ProcessPoolExecutor | None) -> None:
        self._executor = executor

    def map(
        self, job: Callable[[Any, Item], Result], shared: Any, items: Sequence[Item], progress: Progress | None = None
    ) -> list[Result]:
        """``[job(shared, item) for item in items]``, in order. Raises ForecastError when a worker dies."""
        chunks = [items[at : at + CHUNK] for at in range(0, len(items), CHUNK)]
        work = partial(_chunk, job, shared)
        done: list[Result] = []
        source = self._executor.map(work, chunks) if self._executor else map(work, chunks)
        try:
            for part in source:
                done.extend(part)
                if progress:
                    progress(len(done), len(items))
        except BrokenProcessPool as error:
            raise ForecastError(f"A worker process ended early ({error})", "Run again with fewer workers") from error
        return done


@contextmanager
def pool(workers: int) -> Iterator[Pool]:
    """Processes that start clean (spawn), each with one thread and a temporary folder that goes with the pool."""
    if workers < 1:
        yield Pool(None)
        return
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        with tempfile.TemporaryDirectory(prefix="medsupply-forecast-") as folder:
            context = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(folder,)) as executor:
                yield Pool(executor)
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _begin(folder: str) -> None:
    """In a worker: what Stan writes goes to the pool's folder, which the parent deletes."""
    os.environ["TMPDIR"] = folder
    tempfile.tempdir = folder


def _chunk(job: Callable[[Any, Item], Result], shared: Any, items: Sequence[Item]) -> list[Result]:
    return [job(shared, item) for item in items]
