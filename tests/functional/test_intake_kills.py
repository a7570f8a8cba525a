"""Kill -9 at random moments of a load, and run it again until it ends: the same warehouse as without, to the hash.

Every second nation has its night too: after the load closed days are compacted, files swept, old texts let go.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from judge import Writer, articles_file, holders_file
from judge_plans import PLANS

from medsupply.settings import Settings
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.database.hashing import warehouse_hash
from medsupply.warehouse.loading import inbox, proof, undo
from medsupply.warehouse.storage import compaction
from medsupply.warehouse.storage.store import open_store

# Rounds of each nation; `make soak` has two hundred in all, and parses in child processes as the service does.
ROUNDS = 10
SOAK = bool(os.environ.get("MEDSUPPLY_SOAK"))
NATIONS = 20 if SOAK else 2
# Forks a loader for each line of its input: a process of its own that need not import everything again.
LOADERS = """
import json, os, sys
import structlog
from datetime import UTC, date, datetime
from pathlib import Path
from medsupply.errors import DeliveryRefused
from medsupply.settings import Settings
from medsupply.warehouse import retention
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.loading import inbox, parser_child, preparing
from medsupply.warehouse.storage import compaction

structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))

class Here:
    def parse(self, job, data, most=None):
        answer = parser_child.answer(job, data)
        if isinstance(answer, parser_child.Refusal):
            raise DeliveryRefused(answer.code, answer.reason, answer.instruction)
        return answer

if sys.argv[1] == "here":
    preparing.shared_parser = lambda *limits: Here()
for line in sys.stdin:
    home, url, archive, folder, night = json.loads(line)
    pid = os.fork()
    if pid == 0:
        with Warehouse.open(Settings(home=Path(home), database_url=url, archive_url=archive, workers=1)) as warehouse:
            print("ready", os.getpid(), flush=True)
            inbox.take(warehouse, Path(folder), received_at=datetime(2026, 5, 1, tzinfo=UTC))
            if night:
                compaction.compact(warehouse, last=date(2026, 12, 31), at=datetime(2026, 5, 2, tzinfo=UTC))
                compaction.sweep(warehouse, at=datetime(2026, 5, 3, tzinfo=UTC))
                retention.retain(warehouse, at=datetime(2028, 5, 1, tzinfo=UTC))
        sys.stdout.flush()
        os._exit(0)
    print("ended", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


@dataclass
class Ended:
    """How a loader ended: its exit code, and the seconds from its being ready."""

    code: int
    seconds: float


class Loaders:
    """Starts loaders, and kills them."""

    def __init__(self) -> None:
        command = [sys.executable, "-c", LOADERS, "children" if SOAK else "here"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdin and self.process.stdout
        self.asked, self.told = self.process.stdin, self.process.stdout

    def _said(self, word: str) -> int:
        line = self.told.readline().split()
        assert line[0].decode() == word, line
        return int(line[1])

    def load(self, settings: Settings, folder: Path, after: float | None, *, night: bool = False) -> Ended:
        """Run a loader, and kill it so many seconds after it is ready; None: let it end."""
        arguments = [str(settings.home), settings.database_url, settings.archive_url, str(folder), night]
        self.asked.write(json.dumps(arguments).encode() + b"\n")
        self.asked.flush()
        pid = self._said("ready")
        start = time.monotonic()
        if after is not None and not select.select([self.told], [], [], after)[0]:
            with contextlib.suppress(ProcessLookupError):  # it ended in this very moment
                os.kill(pid, signal.SIGKILL)
        return Ended(self._said("ended"), time.monotonic() - start)

    def close(self) -> None:
        self.asked.close()
        self.process.wait(60)
        self.told.close()


@pytest.fixture(scope="module")
def loaders() -> Iterator[Loaders]:
    started = Loaders()
    yield started
    started.close()


def filled(folder: Path, seed: int) -> int:
    """A nation's deliveries in an inbox; returns how many."""
    writer = Writer(seed, PLANS)
    made = [holders_file(writer, writer.known), articles_file(writer, writer.articles)]
    made += [writer.delivery(source, 20) for source in PLANS for _ in range(3 if source in ("stock", "supply") else 1)]
    for one in made:
        (folder / one.source).mkdir(parents=True, exist_ok=True)
        (folder / one.source / one.name).write_bytes(one.data)
    return len(made)


def killed_until_it_ends(
    loaders: Loaders, settings: Settings, folder: Path, whole: float, chance: random.Random, *, night: bool
) -> None:
    """Kill the loader at random moments; at last it ends by itself."""
    kills = 0
    while kills < ROUNDS:
        ended = loaders.load(settings, folder, chance.uniform(0.0, whole), night=night)
        if ended.code == 0:
            # All is loaded: the next kills meet a load that finds nothing new but its own files, put back.
            for path in folder.glob("*/.done/*"):
                path.rename(path.parent.parent / path.name)
            continue
        assert ended.code == -signal.SIGKILL
        kills += 1
    assert loaders.load(settings, folder, None, night=night).code == 0


@pytest.mark.parametrize("nation", range(NATIONS))
def test_killed_at_random_and_run_again_it_is_the_same_warehouse(
    loaders: Loaders, fresh_settings: Settings, other_settings: Settings, tmp_path: Path, nation: int
) -> None:
    plain, folder = tmp_path / "plain", tmp_path / "inbox"
    number = filled(plain, nation) and filled(folder, nation)
    night = nation % 2 == 1
    whole = loaders.load(other_settings, plain, None, night=night)
    assert whole.code == 0
    killed_until_it_ends(loaders, fresh_settings, folder, whole.seconds, random.Random(nation), night=night)
    with Warehouse.open(other_settings) as wanted, Warehouse.open(fresh_settings) as found:
        assert warehouse_hash(found).views == warehouse_hash(wanted).views
        rows = found.read("select verdict, equations_hold from analyst.deliveries")
        assert rows.height == number and rows["equations_hold"].all()
        assert set(rows["verdict"]) <= {"accepted", "partly"}
        assert inbox.waiting(folder) == []
        stores = [open_store(one.settings.archive_url) for one in (found, wanted)]
        compaction.sweep(found, at=datetime(2026, 5, 4, tzinfo=UTC))
        files = [{name for folder in ("raw", "record", "events") for name in one.names(folder)} for one in stores]
        assert files[0] == files[1] and proof.broken(found).is_empty()
        if nation in (0, 1):
            undo.rebuild(found)
        assert warehouse_hash(found).views == warehouse_hash(wanted).views
