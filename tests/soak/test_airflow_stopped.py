"""Airflow itself is started, sends the alerts, and is stopped: the watchdog notices within its limit, by its own mail.

Not part of the quick tests (starting Airflow takes minutes): it runs when MEDSUPPLY_SOAK is set (`make soak`).
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from medsupply.alerts import watchdog
from medsupply.alerts.store import signs
from medsupply.settings import Settings
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.database.server import down

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "functional"))
STARTS_WITHIN = 420.0


@pytest.mark.skipif(not os.environ.get("MEDSUPPLY_SOAK"), reason="MEDSUPPLY_SOAK is not set")
def test_airflow_that_is_stopped_is_noticed_within_twenty_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    from hostile_relay import Relay, running

    monkeypatch.setitem(signs.LIMITS, "clock", timedelta(days=1))  # the minutes after the stop are not waited for
    home = Path(tempfile.mkdtemp(prefix="medsupply-airflow-"))
    home.chmod(0o711)
    relay = Relay()
    try:
        with running(relay) as url:
            settings = Settings(
                home=home, archive_url=str(home / "archive"), smtp_url=url, operator_mail="o@example.org"
            )
            with Warehouse.open(settings) as wh, _airflow(home, url):
                beat = _first_beat(wh)
            codes = {one.code for one in watchdog.watch(settings, at=beat + timedelta(minutes=19))}
            assert "sender" not in codes and "sender_ever" not in codes
            found = watchdog.watch(settings, at=beat + timedelta(minutes=21))
            assert [one for one in found if one.code == "sender"], found
            with Warehouse.open(settings) as wh:
                assert _beat(wh) == beat, "Airflow is stopped"
        said = relay.taken[-1].get_body(("plain",)).get_content()  # type: ignore[union-attr]
        assert "Lähetysohjelma ei ole käynyt" in said
    finally:
        down(Settings(home=home))
        shutil.rmtree(home)


@contextmanager
def _airflow(home: Path, url: str) -> Iterator[None]:
    """``airflow standalone`` with the service's DAGs, in a process group of its own; stopped whole at the end."""
    given = {**os.environ, "MEDSUPPLY_HOME": str(home), "MEDSUPPLY_SMTP_URL": url,
             "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
             "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False", "AIRFLOW__API__PORT": "0"}  # fmt: skip
    asked = [sys.executable, str(ROOT / "infra" / "run_dags.py"), "--print-environment"]
    lines = subprocess.run(asked, env=given, capture_output=True, text=True, check=True).stdout.splitlines()
    told = dict(line.removeprefix("export ").split("=", 1) for line in lines if line.startswith("export "))
    given |= {name: value.strip("'") for name, value in told.items()}
    from hostile_relay import free_port

    given["AIRFLOW__API__PORT"] = str(free_port())
    given["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] = f"http://localhost:{given['AIRFLOW__API__PORT']}/execution/"
    with (home / "airflow.log").open("wb") as log:
        started = subprocess.Popen(
            ["airflow", "standalone"], env=given, stdout=log, stderr=log, start_new_session=True, cwd=home
        )
    try:
        yield
    except BaseException:
        print((home / "airflow.log").read_text(errors="replace")[-6000:])  # noqa: T201
        raise
    finally:
        os.killpg(started.pid, signal.SIGTERM)
        time.sleep(5)
        with suppress(ProcessLookupError):  # all of it has gone already
            os.killpg(started.pid, signal.SIGKILL)
        started.wait()


def _first_beat(wh: Warehouse) -> datetime:
    """When Airflow's own schedule has run the sender for the first time."""
    end = time.monotonic() + STARTS_WITHIN
    while (found := _beat(wh)) is None:
        assert time.monotonic() < end, "Airflow has not run the sender"
        time.sleep(2)
    time.sleep(10)
    assert found <= datetime.now(UTC)
    return _beat(wh) or found


def _beat(wh: Warehouse) -> datetime | None:
    found = wh.read("select at from alerts.beat where part = 'sender'")["at"].to_list()
    return found[0] if found else None
