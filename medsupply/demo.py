"""The demo: from nothing to pictures, mails and a dashboard, on a simulated nation or on the published files.

It calls ``flow`` as the command line and the DAGs do. A second run stores nothing new: deliveries are known by their
hash, pictures by their content, mails by their key.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from medsupply import desk, flow, published
from medsupply.alerts.sink import sink
from medsupply.days import end_of_day
from medsupply.errors import InputError, MedsupplyError
from medsupply.forecast.workers import clean
from medsupply.settings import Settings
from medsupply.simulate import simulate
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.loading.parser import close_shared

Tell = Callable[[str], None]
ROOT = Path(__file__).resolve().parent.parent
SEED, PRESET = 1, "demo"
# Days with a picture before the last one, so that there is something to compare with and alerts have a past.
PICTURE_DAYS = 4
SUBSCRIBERS: tuple[dict[str, Any], ...] = (
    {"address": "paivystys@fimea.example", "role": "fimea", "language": "fi"},
    {"address": "beredskap@stm.example", "role": "stm", "language": "sv"},
    {"address": "duty@nesa.example", "role": "nesa", "language": "en"},
    {"address": "valmius@pohjoinen.example", "role": "yta", "county": "Y5", "language": "fi"},
    {"address": "varautuminen@lappi.example", "role": "county", "county": "21", "language": "fi"},
)


class Steps:
    """Tells each step with the seconds since the start."""

    def __init__(self, tell: Tell) -> None:
        self.tell, self.start = tell, time.monotonic()

    def __call__(self, text: str) -> None:
        self.tell(f"[{time.monotonic() - self.start:5.1f} s] {text}")


def simulated(wh: Warehouse, *, tell: Tell) -> None:
    """Simulate a small nation, live its last days, run the last one through Airflow, hand the mails over."""
    step = Steps(tell)
    folder = wh.settings.home / "nation"
    step(f"simulating a nation (preset {PRESET}, seed {SEED}) in {folder}")
    manifest = simulate(folder, preset=PRESET, family="a", seed=SEED)
    last = manifest.last_day
    arrivals = manifest.arrivals()
    days = [last - timedelta(days=n) for n in range(PICTURE_DAYS, -1, -1)]
    step(f"loading {arrivals.height} deliveries of {manifest.medicines} medicines up to {days[0]}")
    _load(wh, folder, arrivals, until=known_on(days[0]), since=None)
    step("loaded; the days begin")
    desk.subscribe_all(wh, SUBSCRIBERS, at=known_on(days[0]))
    mails = wh.settings.home / "mails"
    with sink(mails) as relay:
        for before, day in zip([None, *days], days[:-1], strict=False):
            _load(wh, folder, arrivals, until=known_on(day), since=known_on(before) if before else None)
            done = flow.run(wh, day, known_on(day), folder=None, workers=wh.settings.workers)
            flow.digest(wh, day, at=known_on(day))
            step(f"{day}: {done.summary}; {flow.send(wh, clock=_now, drain=True, smtp_url=relay)}")
        _stage(wh, folder, arrivals, since=known_on(days[-2]), until=known_on(last))
        _airflow(wh, last, known_on(last), relay, step)
        flow.send(wh, clock=_now, drain=True, smtp_url=relay)
    step(f"{len(list(mails.glob('*.eml')))} mails lie in {mails}")
    step(f"the picture of {last}: {flow.summary(flow.situation(wh, last, known_on(last)))}")


def real(wh: Warehouse, folder: Path, *, tell: Tell) -> None:
    """Load the published files as they are and make the two pictures that they allow."""
    step = Steps(tell)
    for one, path in published.files_in(folder):
        if desk.is_loaded(wh, one.source, path):
            continue
        for verdict in flow.load(wh, one.source, [path], received_at=one.received_at, sender="published"):
            step(str(verdict))
    for as_of, known in published.PICTURES:
        done = flow.run(wh, as_of, end_of_day(known), folder=None, workers=wh.settings.workers)
        step(f"{as_of} as known on {known}: {done.summary}")
    step("stock is not published: it is unknown in these pictures, never zero")


def known_on(day: date) -> datetime:
    """The moment at which the picture of ``day`` is made in the demo: the next morning at six in Helsinki."""
    return end_of_day(day) + timedelta(hours=6, microseconds=1)


def _load(wh: Warehouse, folder: Path, arrivals: pl.DataFrame, *, until: datetime, since: datetime | None) -> None:
    """Load what arrived in (since, until], each file with its own moment of receipt."""
    for source, path, received_at in _between(arrivals, since, until).iter_rows():
        if not desk.is_loaded(wh, source, folder / path, received_at):
            flow.load(wh, source, [folder / path], received_at=received_at)


def _stage(wh: Warehouse, folder: Path, arrivals: pl.DataFrame, *, since: datetime, until: datetime) -> None:
    """Put the last day's files into the inbox, where the DAG finds them; what is loaded already stays away."""
    for source, path, received_at in _between(arrivals, since, until).iter_rows():
        if not desk.is_loaded(wh, source, folder / path, received_at):
            target = wh.settings.inbox / source / Path(path).name
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(f".{target.name}.part")
            part.write_bytes((folder / path).read_bytes())
            part.replace(target)


def _between(arrivals: pl.DataFrame, since: datetime | None, until: datetime) -> pl.DataFrame:
    after = pl.lit(True) if since is None else pl.col("received_at") > since
    kept = arrivals.filter(after & (pl.col("received_at") <= until))
    return kept.select("source", "path", "received_at")


def _airflow(wh: Warehouse, day: date, known_at: datetime, relay: str, step: Steps) -> None:
    """Run the last day's DAGs in a process of their own, with this warehouse as theirs."""
    runner = ROOT / "infra" / "run_dags.py"
    if not runner.exists():
        raise InputError("The DAGs are not beside the package", "Run the demo from a checkout")
    names = ["load_sources", "update_picture", "update_forecasts", "send_alerts"]
    step(f"{day} by Airflow: {', '.join(names)}")
    environment = {**os.environ, "MEDSUPPLY_HOME": str(wh.settings.home), "MEDSUPPLY_SMTP_URL": relay}
    arguments = ["--as-of", day.isoformat(), "--known-at", known_at.isoformat()]
    done = subprocess.run(
        [sys.executable, str(runner), *arguments, *names],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise MedsupplyError(f"A DAG did not succeed: {done.stdout[-500:]} {done.stderr[-1500:]}", "See the log above")
    for line in done.stdout.splitlines():
        if line.endswith(": success"):
            step(f"  DAG {line}")


def _now() -> datetime:
    return datetime.now(UTC)


def serve(settings: Settings, port: int, *, host: str = "127.0.0.1", tell: Tell) -> None:
    """Serve the dashboard in the foreground until it is stopped, in the place of this process: what a demo has read
    and forecast is let go, and Ctrl-C stops the one process that there is."""
    page = ROOT / "app.py"
    if not page.exists():
        raise InputError("app.py is not beside the package", "Serve the dashboard from a checkout")
    tell(f"The dashboard is at http://{host}:{port} (stop it with Ctrl-C)")
    environment = {**os.environ, "MEDSUPPLY_HOME": str(settings.home)}
    command = [sys.executable, "-m", "medsupply.dashboard.serving", "run", str(page)]
    options = ["--server.port", str(port), "--server.address", host, "--server.headless", "true"]
    close_shared()
    clean()
    sys.stdout.flush()
    sys.stderr.flush()
    os.chdir(ROOT)
    os.execve(sys.executable, [*command, *options], environment)
