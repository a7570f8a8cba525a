"""How long alerts take at full scale: a picture of all families and areas evaluated, its mails written and handed over.

    .venv/bin/python infra/bench/alert_speed.py [--families 1500] [--changed 40] [--officials 60]

Prints seconds of evaluating a first and a next day, a third with a corrected one, and of handing every mail to a relay
on this machine. With what the day's picture and forecast take (see their benches) that is "delivery complete -> mail
handed over".
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "functional"))

from alerts_pictures import GONE, SHORT, day, moment, put, row
from hostile_relay import Relay, running

from medsupply.alerts import sender, store, subscriptions
from medsupply.alerts.recipients import subscriptions_of
from medsupply.areas import AREAS
from medsupply.rules import load_rules
from medsupply.settings import Settings
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.database.server import down


def nation(families: int, changed: int) -> list[dict[str, object]]:
    """Every family in every area; the first ``changed`` are short in the country and gone in one county."""
    rows = []
    for number in range(families):
        for area in AREAS:
            bad = SHORT if number < changed and area == "99" else GONE if number < changed and area == "21" else {}
            rows.append(row(f"S{number:04d}", area, **bad))
    return rows


def measure(wh: Warehouse, families: int, changed: int, officials: int) -> None:
    roles = ["fimea", "stm", "nesa"]
    for number in range(officials):
        wanted = {"role": roles[number % 3]} if number % 2 else {"role": "county", "county": "21"}
        lines = subscriptions_of(f"o{number}@example.org", language="fi", **wanted)
        subscriptions.add(wh, lines, at=moment(0), confirmed=True)
    for number, bad in enumerate((0, changed, changed)):
        put(wh, number, nation(families, bad))
        if number == 2:  # late files have changed the first day
            put(wh, 0, nation(families, changed // 2), known_at=moment(2))
        began = time.monotonic()
        told = store.evaluate(wh, day(number), moment(number), load_rules())
        print(f"day {number}: {families * len(AREAS)} rows evaluated in {time.monotonic() - began:.1f} s: {told}")
    relay = Relay()
    with running(relay) as url:
        began = time.monotonic()
        done = sender.send(wh, clock=lambda: datetime.now(UTC), drain=True, smtp_url=url)
    print(f"{done} in {time.monotonic() - began:.1f} s; {len(set(relay.ids))} at the relay")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--families", type=int, default=1500)
    parser.add_argument("--changed", type=int, default=40)
    parser.add_argument("--officials", type=int, default=60)
    asked = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="medsupply-bench-"))
    home.chmod(0o711)
    settings = Settings(home=home, archive_url=str(home / "archive"))
    try:
        with Warehouse.open(settings) as wh:
            measure(wh, asked.families, asked.changed, asked.officials)
    finally:
        down(settings)
        shutil.rmtree(home)


if __name__ == "__main__":
    main()
