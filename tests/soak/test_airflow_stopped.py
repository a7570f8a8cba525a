"""Airflow itself is started, sends the alerts, and is stopped: the watchdog notices within its limit, by its own mail.

Not part of the quick tests (starting Airflow takes minutes): it runs when MEDSUPPLY_SOAK is set (`make soak`).
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from medsupply.alerts import watchdog
from medsupply.alerts.store import signs
from medsupply.settings import Settings
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.database.server import down

sys.path.insert(0, str(Path(__file__).resolve().parent))
from airflow_home import standalone

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
            given = {"MEDSUPPLY_SMTP_URL": url, "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False"}
            with Warehouse.open(settings) as wh, standalone(home, **given):
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
