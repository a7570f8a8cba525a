"""Airflow as it runs in service: scheduler, DAG processor and API of a home of its own, started and stopped whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "functional"))


@contextmanager
def standalone(home: Path, **more: str) -> Iterator[Mapping[str, str]]:
    """``airflow standalone`` with the service's DAGs, in a process group of its own; stopped whole at the end.

    ``more``: settings of the environment beside those of ``home``. Yields the environment for Airflow's commands.
    """
    given = _environment(home, more)
    with (home / "airflow.log").open("wb") as log:
        started = subprocess.Popen(
            ["airflow", "standalone"], env=given, stdout=log, stderr=log, start_new_session=True, cwd=home
        )
    try:
        yield given
    except BaseException:
        print((home / "airflow.log").read_text(errors="replace")[-6000:])  # noqa: T201
        raise
    finally:
        os.killpg(started.pid, signal.SIGTERM)
        time.sleep(5)
        with suppress(ProcessLookupError):  # all of it has gone already
            os.killpg(started.pid, signal.SIGKILL)
        started.wait()


def _environment(home: Path, more: Mapping[str, str]) -> dict[str, str]:
    from hostile_relay import free_port

    given = {**os.environ, "MEDSUPPLY_HOME": str(home), **more}
    given["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    asked = [sys.executable, str(ROOT / "infra" / "run_dags.py"), "--print-environment"]
    lines = subprocess.run(asked, env=given, capture_output=True, text=True, check=True).stdout.splitlines()
    told = dict(line.removeprefix("export ").split("=", 1) for line in lines if line.startswith("export "))
    given |= {name: value.strip("'") for name, value in told.items()}
    given["AIRFLOW__API__PORT"] = str(free_port())
    given["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] = f"http://localhost:{given['AIRFLOW__API__PORT']}/execution/"
    return given
