"""Worker processes: one job over many series, the same results for any number of workers, no temporary file left.

What Stan writes goes to a folder of its own, which goes with the pool or the process. One that was killed leaves its
folder; the next to begin one takes it away. Who lives holds a lock in its folder.
"""

from __future__ import annotations

import atexit
import fcntl
import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from medsupply.errors import ForecastError

Item = TypeVar("Item")
Result = TypeVar("Result")
Progress = Callable[[int, int], None]
CHUNK = 25
FOLDER, BEGUN, HELD = "medsupply-forecast-", "medsupply-begun-", "held"
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
        with own_folder() as folder:
            context = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(folder,)) as executor:
                yield Pool(executor)
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def own_folder() -> Iterator[str]:
    """A temporary folder that goes at the end; those whose processes were killed go now."""
    _sweep()
    begun = Path(tempfile.mkdtemp(prefix=BEGUN))
    with (begun / HELD).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # It gets its name once it is locked: a folder of that name without a lock is nobody's.
        folder = begun.rename(begun.with_name(begun.name.replace(BEGUN, FOLDER)))
        try:
            yield str(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _sweep() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER}*"):
        try:
            with (folder / HELD).open() as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue  # its process lives, or it is another user's


_here = ExitStack()
_mine: list[int] = []


@contextmanager
def stan_imported() -> Iterator[None]:
    """Around the first import of Stan, which keeps to the temporary folder of that moment: one of the process's own."""
    if os.getpid() in _mine:
        yield
        return
    _mine.append(os.getpid())
    before, tempfile.tempdir = tempfile.tempdir, _here.enter_context(own_folder())
    atexit.register(clean, os.getpid())
    try:
        yield
    finally:
        tempfile.tempdir = before


def clean(owner: int | None = None) -> None:
    """Take this process's own folder away, at its end: nothing can be fitted in it afterwards. A fork leaves that of
    its parent, ``owner``, alone."""
    if owner in (None, os.getpid()):
        _here.close()


def _begin(folder: str) -> None:
    """In a worker: what Stan writes goes to the pool's folder, which the parent deletes."""
    os.environ["TMPDIR"] = folder
    tempfile.tempdir = folder
    _mine.append(os.getpid())


def _chunk(job: Callable[[Any, Item], Result], shared: Any, items: Sequence[Item]) -> list[Result]:
    return [job(shared, item) for item in items]
