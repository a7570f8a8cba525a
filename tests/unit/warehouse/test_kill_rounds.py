"""Rounds of kill -9 on server and writers: what was committed stays, nothing is there by half, the next one gets in."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from medsupply.settings import Settings
from medsupply.warehouse.database import server
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.database.places import find_places
from medsupply.warehouse.database.processes import postmaster

ROUNDS = 2
ROWS = 20_000
WRITER = textwrap.dedent(f"""
    import sys
    from pathlib import Path
    from medsupply.settings import Settings
    from medsupply.warehouse.database.connection import Warehouse
    warehouse = Warehouse.open(Settings(home=Path(sys.argv[1])))
    for batch in range(int(sys.argv[2]), int(sys.argv[2]) + 30):
        with warehouse.transaction() as connection:
            connection.exec_driver_sql(
                f"INSERT INTO core.rounds SELECT {{batch}}, g FROM generate_series(1, {ROWS}) g"
            )
        print(batch, flush=True)
""")


@pytest.fixture
def own() -> Iterator[Settings]:
    home = Path(tempfile.mkdtemp(prefix="medsupply-rounds-"))
    home.chmod(0o711)
    try:
        yield Settings(home=home)
    finally:
        server.down(Settings(home=home))
        shutil.rmtree(home)


def one_round(own: Settings, number: int, chance: random.Random) -> list[int]:
    """Two writers, a kill of the server and perhaps of one writer; the batches that were said to be committed."""
    starts = [number * 1000, number * 1000 + 500]
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(own.home), str(start)], stdout=subprocess.PIPE, text=True)
        for start in starts
    ]
    time.sleep(chance.uniform(0.8, 2.0))
    running = postmaster(find_places(own.home))
    if running:
        os.kill(running, signal.SIGKILL)
    if chance.random() < 0.5:
        writers[0].kill()
    Warehouse.open(own).close()
    said = "".join(writer.communicate(timeout=120)[0] for writer in writers)
    return [int(word) for word in said.split() if word.isdigit()]


def test_rounds_of_kill_9(own: Settings) -> None:
    chance = random.Random(11)
    with Warehouse.open(own) as warehouse, warehouse.transaction() as connection:
        connection.exec_driver_sql("CREATE TABLE core.rounds (batch int, g int)")
    said = [batch for number in range(ROUNDS) for batch in one_round(own, number, chance)]
    with Warehouse.open(own) as warehouse:
        found = warehouse.read("SELECT batch, count(*) AS n FROM core.rounds GROUP BY batch")
    assert said, "no writer committed anything: the rounds prove nothing"
    assert set(said) <= set(found["batch"])
    assert found["n"].unique().to_list() == [ROWS]
