"""Parsing in child processes with limits of memory and time: whatever a file does to the parser, the service goes on.

A child is used for many deliveries and replaced when it dies. A delivery that kills its child twice is refused.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import structlog

from medsupply.errors import DeliveryRefused
from medsupply.sources.personal import refuse_personal_bytes
from medsupply.sources.unpacking import as_far_as_possible
from medsupply.warehouse.loading.parser_child import Job, Parsed, Refusal

log = structlog.get_logger()
# Memory that a child may really use, watched from here; what it may reserve is far more, since allocators reserve much.
MEMORY = 3_500_000_000
RESERVED_TIMES = 4
# An allocator gives back little: a child that has grown so far ends, and its memory with it.
GROWN = 600_000_000
GLANCE = 0.1
SECONDS, SECONDS_PER_MEGABYTE = 60.0, 1.0
TRIES = 2
RUN = "import sys; from medsupply.warehouse.loading.parser_child import main; main(int(sys.argv[1]), int(sys.argv[2]))"


class _Child:
    """One parsing process."""

    def __init__(self, memory: int) -> None:
        self.memory = memory
        ours, theirs = socket.socketpair()
        root = Path(__file__).resolve().parent.parent.parent
        path = os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-c", RUN, str(theirs.fileno()), str(RESERVED_TIMES * memory)],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": path},
            )
        self.connection = Connection(ours.detach())

    def ask(self, job: Job, data: bytes, seconds: float, most: int | None = None) -> Parsed | Refusal:
        """Raises EOFError or OSError when the child died, TimeoutError or MemoryError when it takes too much."""
        self.connection.send(job)
        self.connection.send_bytes(data)
        until = time.monotonic() + seconds
        while not self.connection.poll(GLANCE):
            if time.monotonic() > until:
                raise TimeoutError
            if self._used() > (most or self.memory):
                raise MemoryError
        answer: Parsed | Refusal = self.connection.recv()
        return answer

    def _used(self) -> int:
        try:
            return int(psutil.Process(self.process.pid).memory_info().rss)
        except psutil.Error as error:
            raise EOFError from error

    def unless_grown(self) -> _Child | None:
        """This child, or nothing when it held so much memory that it was ended, or has died since it answered."""
        with contextlib.suppress(EOFError):
            if self._used() < GROWN:
                return self
        self.end()
        return None

    def end(self) -> None:
        self.connection.close()
        self.process.kill()
        self.process.wait()


class Parser:
    """A few parsing processes, started when they are needed; threads may share it."""

    def __init__(self, children: int, memory: int = MEMORY, seconds: float = SECONDS) -> None:
        self.memory, self.seconds = memory, seconds
        self._idle: queue.LifoQueue[_Child | None] = queue.LifoQueue()
        for _ in range(children):
            self._idle.put(None)

    def parse(self, job: Job, data: bytes, most: int | None = None) -> Parsed:
        """What the delivery holds. Raises DeliveryRefused for one that cannot be read, or not within the limits.

        ``most``: bytes of memory after which it is given up with a MemoryError, below the limit.
        """
        for attempt in range(1, TRIES + 1):
            child = self._idle.get()
            try:
                child = child if child is not None and child.process.poll() is None else _Child(self.memory)
                answer = child.ask(job, data, self.seconds + SECONDS_PER_MEGABYTE * len(data) / 1e6, most)
            except (EOFError, OSError, MemoryError) as error:
                log.warning("parser died", delivery_id=job.delivery_id, attempt=attempt, error=type(error).__name__)
                if child is not None:
                    child.end()
                child = None
                if most is not None and isinstance(error, MemoryError):
                    raise
                continue
            else:
                child = child.unless_grown()
            finally:
                self._idle.put(child)
            if isinstance(answer, Refusal):
                raise DeliveryRefused(answer.code, answer.reason, answer.instruction)
            return answer
        refuse_personal_bytes(as_far_as_possible(data))
        raise DeliveryRefused(
            "parser_failed",
            "The file could not be read within the limits of memory and time; nothing of it was kept",
            "Check the export, or send it in parts",
        )

    def close(self) -> None:
        """End the processes; the next parse starts new ones."""
        for _ in range(self._idle.qsize()):
            child = self._idle.get()
            if child is not None:
                child.end()
            self._idle.put(None)


def close_shared() -> None:
    """End the parsing processes of this process; the next parse starts new ones."""
    for key, parser in list(_shared.items()):
        if key[0] == os.getpid():
            parser.close()


_shared: dict[tuple[int, int, int, float], Parser] = {}
_lock = threading.Lock()


def shared_parser(children: int, memory: int = MEMORY, seconds: float = SECONDS) -> Parser:
    """The parser of this process with these limits."""
    with _lock:
        owner = (os.getpid(), children, memory, seconds)
        if owner not in _shared:
            # After a fork the children belong to the parent; those of other limits end with this process.
            for key in [key for key in _shared if key[0] != owner[0]]:
                del _shared[key]
            _shared[owner] = Parser(children, memory, seconds)
            atexit.register(_shared[owner].close)
        return _shared[owner]
