"""Ninety report days made again by Airflow, mapped and side by side: twice, and by command, the same pictures.

Not part of the quick tests (ninety tasks take minutes): it runs when MEDSUPPLY_SOAK is set (`make soak`).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import psycopg
import pytest
import sqlalchemy as sa

from medsupply import flow
from medsupply.settings import Settings
from medsupply.simulate import simulate
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.database.server import down

sys.path.insert(0, str(Path(__file__).resolve().parent))
from airflow_home import standalone

DAG, DAYS = "backfill_pictures", 90
READY_WITHIN, DONE_WITHIN = 420.0, 3600.0
# The most tasks that were at work at one moment: at the start of each, those begun and not ended.
_SIDE_BY_SIDE = """
    select max(n) from (
        select count(*) as n from task_instance a join task_instance b
            on b.start_date <= a.start_date and b.end_date > a.start_date and b.dag_id = a.dag_id
            and b.run_id = a.run_id and b.task_id = a.task_id
        where a.dag_id = %s and a.run_id = %s and a.task_id = 'measure' group by a.map_index) found
"""


@pytest.mark.skipif(not os.environ.get("MEDSUPPLY_SOAK"), reason="MEDSUPPLY_SOAK is not set")
def test_ninety_days_by_airflow_are_made_side_by_side_and_are_the_same_twice_and_by_command() -> None:
    home = Path(tempfile.mkdtemp(prefix="medsupply-backfill-"))
    home.chmod(0o711)
    settings = Settings(home=home, archive_url=str(home / "archive"))
    try:
        with Warehouse.open(settings) as wh:
            last, known_at = _load(wh, home)
            days = [last - timedelta(days=n) for n in range(DAYS)][::-1]
            asked = {"from": days[0].isoformat(), "to": last.isoformat(), "known_at": known_at.isoformat()}
            with standalone(home) as environment:
                _ready(environment)
                start = time.monotonic()
                first = _run(environment, "once", asked)
                print(f"{DAYS} days by Airflow: {time.monotonic() - start:.0f} s, {first} side by side")  # noqa: T201
                made = _pictures(wh)
                assert made.filter(stage="measured")["as_of"].to_list() == days
                assert made.filter(stage="judged")["as_of"].to_list() == days
                assert first > 1
                _run(environment, "twice", asked)
                assert _pictures(wh).equals(made)
            flow.backfill(wh, days, known_at, workers=1)
            assert _pictures(wh).equals(made)
            flow.measure(wh, days[40], known_at, always=True)
            again = _pictures(wh)
            assert again["content"].equals(made["content"]), "measured alone: the same to the hash"
    finally:
        down(settings)
        shutil.rmtree(home)


def _load(wh: Warehouse, home: Path) -> tuple[date, datetime]:
    nation = simulate(home / "nation", preset="small", seed=4)
    arrivals = nation.arrivals()
    for source, path, at in arrivals.select("source", "path", "received_at").iter_rows():
        flow.load(wh, source, [home / "nation" / path], received_at=at)
    return nation.last_day, max(arrivals["received_at"]) + timedelta(hours=1)


def _pictures(wh: Warehouse) -> pl.DataFrame:
    return wh.read("select stage, as_of, known_at, content from picture.pictures order by stage, as_of, known_at")


def _airflow(environment: Mapping[str, str], *command: str) -> None:
    done = subprocess.run(["airflow", *command], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout[-2000:], done.stderr[-2000:])


def _database(environment: Mapping[str, str]) -> psycopg.Connection[Any]:
    url = environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    return psycopg.connect(sa.make_url(url).set(drivername="postgresql").render_as_string(False), autocommit=True)


def _ready(environment: Mapping[str, str]) -> None:
    """Airflow has read the DAG, which stands paused until it is let go."""
    end = time.monotonic() + READY_WITHIN
    with _database(environment) as database:
        while not (
            database.execute("SELECT to_regclass('serialized_dag')").fetchone() != (None,)  # its tables come first
            and database.execute("SELECT 1 FROM serialized_dag WHERE dag_id = %s", (DAG,)).fetchone()
        ):
            assert time.monotonic() < end, "Airflow has not read the DAG"
            time.sleep(2)
    _airflow(environment, "dags", "unpause", "-y", DAG)


def _run(environment: Mapping[str, str], run_id: str, asked: Mapping[str, str]) -> int:
    """Start the DAG by its command and wait for its success; how many days were measured at one moment at most."""
    _airflow(environment, "dags", "trigger", DAG, "--run-id", run_id, "--conf", json.dumps(asked))
    end = time.monotonic() + DONE_WITHIN
    with _database(environment) as database:
        state = "SELECT state FROM dag_run WHERE dag_id = %s AND run_id = %s"
        while (found := database.execute(state, (DAG, run_id)).fetchone()) and found[0] not in ("success", "failed"):
            assert time.monotonic() < end, "The run has not ended"
            time.sleep(2)
        assert found == ("success",), found
        row = database.execute(_SIDE_BY_SIDE, (DAG, run_id)).fetchone()
    assert row is not None
    return int(row[0])
