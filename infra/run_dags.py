"""Runs DAGs for real in this process, one after the other, on Airflow's metadata in the medsupply server.

``python infra/run_dags.py [--as-of D] [--known-at T] DAG...`` - what the demo and the tests use. The scheduler, when
there is one, runs the same files.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

DAGS = Path(__file__).resolve().parent.parent / "dags"


def environment() -> dict[str, str]:
    """What Airflow must know: its own database in the medsupply server, and these DAGs."""
    from medsupply.settings import Settings
    from medsupply.warehouse.database.urls import airflow_database_url

    settings = Settings.from_environ(os.environ)
    sync, async_ = airflow_database_url(settings)
    return {
        "AIRFLOW_HOME": str(settings.home / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": sync,
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": async_,
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
    }


def prepare() -> None:
    """Point this process at Airflow's own database and bring that to the newest version."""
    os.environ.update(environment())
    from airflow.utils.db import upgradedb

    upgradedb()


def run(names: list[str], params: dict[str, str]) -> dict[str, str]:
    """Run each DAG once; the state of each run."""
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(str(DAGS))
    if bag.import_errors:
        raise SystemExit(f"DAG files that do not import: {bag.import_errors}")
    states = {}
    for name in names:
        for task in bag.dags[name].tasks:
            task.retries = 0  # a scheduler tries again later; here a failure is to be seen at once
        done = bag.dags[name].test(logical_date=datetime.now(UTC), run_conf=params)
        states[name] = str(done.state)
    return states


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dags", nargs="*")
    parser.add_argument("--print-environment", action="store_true", help="for eval in a shell, then stop")
    parser.add_argument("--as-of", default="")
    parser.add_argument("--known-at", default="")
    parser.add_argument("--from", dest="from_", default="")
    parser.add_argument("--to", default="")
    given = parser.parse_args()
    if given.print_environment:
        print("\n".join(f"export {name}='{value}'" for name, value in environment().items()))
        return
    prepare()
    logging.getLogger("airflow").setLevel(logging.WARNING)
    params = {"as_of": given.as_of, "known_at": given.known_at, "from": given.from_, "to": given.to}
    states = run(given.dags, {name: value for name, value in params.items() if value})
    for name, state in states.items():
        print(f"{name}: {state}")
    sys.exit(any(state != "success" for state in states.values()))


if __name__ == "__main__":
    main()
