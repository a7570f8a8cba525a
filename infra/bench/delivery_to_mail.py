"""From the last file of a full national day to the mails at the relay: the steps of the DAGs, one after the other.

    python infra/bench/delivery_to_mail.py [--nation DIR] [--work DIR] [--officials 60]

A simulated nation of full size (1,325 medicines, 830 pharmacies, 90 days); DIR of one that `medsupply simulate DIR
--preset national --days 90 --history-days 90` has made saves making it. All days but the last stand in the record, and
the demand forecast of the week is fitted, as on any day but Monday (its seconds are told apart). Then the clock starts:
the last day's files, one a sender, lie in the inbox -> inbox -> measure -> forecast -> judge -> evaluate -> digest ->
send, until the relay has taken every mail. Nothing was evaluated before, so that everything that is open opens at
once: more mails than any day of a real year has. Printed: seconds a step, and when mails of level severe were taken.
"""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from email.parser import BytesHeaderParser
from pathlib import Path

import polars as pl
import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session
from picture_speed import SITE_SOURCES, deliver

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "functional"))

from hostile_relay import Relay, running

from medsupply import flow
from medsupply.alerts import subscriptions
from medsupply.alerts.recipients import subscriptions_of
from medsupply.areas import AREAS
from medsupply.days import end_of_day
from medsupply.settings import Settings
from medsupply.simulate import simulate
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.database.server import down
from medsupply.warehouse.storage.store import open_store

DAYS = 90
SEVERE = "select round(extract(epoch from sent_at - :began))::float as s from alerts.outbox where level = 'severe'"
ROLES = ("fimea", "stm", "nesa", "thl")


def fill(wh: Warehouse, nation: Path, last: date) -> None:
    """Reference lists through the intake, each site day but the last into the record, the last one into the inbox."""
    for folder in sorted((nation / "inbox").iterdir()):
        if folder.name not in SITE_SOURCES:
            flow.load(wh, folder.name, sorted(folder.iterdir()), received_at=end_of_day(last) - timedelta(days=1))
    for source, (who, on) in SITE_SOURCES.items():
        for path in sorted((nation / "inbox" / source).glob("*.parquet")):
            for (day,), rows in pl.read_parquet(path).group_by(on, maintain_order=True):
                assert isinstance(day, date)
                if day < last:
                    store = open_store(wh.settings.archive_url)
                    deliver(wh, store, source, day, rows.with_row_index("line", offset=1))
                elif day == last:
                    write_files(wh.settings.inbox / source, rows, who)


def write_files(folder: Path, rows: pl.DataFrame, who: str) -> None:
    """One file a sender, as they come."""
    folder.mkdir(parents=True, exist_ok=True)
    for (sender,), part in rows.group_by(who, maintain_order=True):
        part.write_csv(folder / f"{sender}.csv", separator=";")


class Counting(Relay):
    """A relay that keeps the Message-IDs alone: thousands of parsed mails would slow the sender beside them."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        self.seen.add(str(BytesHeaderParser().parsebytes(envelope.content)["Message-ID"]))
        return "250 taken"


def officials(wh: Warehouse, number: int) -> None:
    counties = sorted(set(AREAS) - {"99"})
    for one in range(number):
        wanted = {"role": ROLES[one % 4]} if one % 2 else {"role": "county", "county": counties[one % len(counties)]}
        lines = subscriptions_of(f"o{one}@example.org", language=("fi", "sv", "en")[one % 3], **wanted)
        subscriptions.add(wh, lines, at=datetime.now(UTC), confirmed=True)


def timed(name: str, work: Callable[[], object]) -> float:
    """Seconds of a step, told at once."""
    wall, cpu = time.monotonic(), time.process_time()
    said = str(work())
    spent = time.monotonic() - wall
    print(f"{name}: {spent:.1f} s, {time.process_time() - cpu:.1f} s of CPU here, load {os.getloadavg()[0]:.1f}: "
          f"{said[:110]}", flush=True)  # fmt: skip
    return spent


def day_before(wh: Warehouse, last: date) -> None:
    """What stands before the clock starts: the picture and the forecasts of the day before."""
    day = last - timedelta(days=1)
    known = end_of_day(day) + timedelta(hours=4)
    timed("(before) measure", lambda: flow.measure(wh, day, known))
    timed("(before) demand of a new week", lambda: flow.forecast_demand(wh, day, known, workers=2))
    timed("(before) run-out", lambda: flow.forecast_run_out(wh, day, known))
    timed("(before) judge", lambda: flow.summary(flow.judge(wh, day, known)))


def the_day(wh: Warehouse, last: date) -> None:
    """The clock runs; each step is the call that a task of the DAGs makes."""
    known, relay = end_of_day(last) + timedelta(hours=4), Counting()
    began, wall = datetime.now(UTC), 0.0
    wall += timed("inbox", lambda: f"{len(flow.inbox(wh, None, received_at=known))} files")
    wall += timed("correct", lambda: flow.correct(wh, last, known))
    wall += timed("measure", lambda: flow.measure(wh, last, known))
    wall += timed("judge", lambda: flow.summary(flow.judge(wh, last, known)))
    wall += timed("forecast", lambda: flow.forecast(wh, last, known, workers=2))
    wall += timed("judge again", lambda: flow.summary(flow.judge(wh, last, known)))
    wall += timed("evaluate", lambda: flow.evaluate(wh, last, known))
    wall += timed("digest", lambda: flow.digest(wh, last, at=known))
    with running(relay) as url:
        wall += timed("send", lambda: flow.send(wh, clock=lambda: datetime.now(UTC), smtp_url=url))
    severe = wh.read(SEVERE, began=began)["s"]
    print(f"delivery complete -> every mail handed over: {wall:.0f} s; {len(relay.seen)} mails")
    print(f"{len(severe)} of level severe: median {severe.median()} s, 95 % within {severe.quantile(0.95)} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nation", type=Path)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--officials", type=int, default=60)
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    work = given.work or Path(tempfile.mkdtemp(prefix="medsupply-to-mail-"))
    work.chmod(0o711)
    nation = given.nation or work / "nation"
    if given.nation is None:
        simulate(nation, preset="national", days=DAYS, history_days=DAYS)
    last = date.fromisoformat(max(path.stem for path in (nation / "inbox/stock").glob("stock-2*"))[6:16])
    settings = Settings(home=work / "home", archive_url=str(work / "archive"))
    settings.home.mkdir(mode=0o711)
    try:
        with Warehouse.open(settings) as wh:
            print(
                f"{last}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {datetime.now(UTC):%H:%M}", flush=True
            )
            timed("(before) record", lambda: fill(wh, nation, last))
            officials(wh, given.officials)
            day_before(wh, last)
            the_day(wh, last)
    finally:
        down(settings)
        if given.work is None:
            shutil.rmtree(work)


if __name__ == "__main__":
    main()
