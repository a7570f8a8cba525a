"""Time the picture of a full national day, and the site-day aggregation beside DuckDB.

    python infra/bench/picture_speed.py [--work DIR] [--days 90] [--pharmacies 830] [--rounds 2]

Makes a simulated nation of 90 days (2.3 M stock and 0.28 M dispensing rows a day) twice: with all holders and with
every second one. Earlier days are put into the record directly, one delivery a day, as compaction leaves closed days;
reference lists go through the intake. Then one process each measures and judges the last day: wall and CPU seconds,
memory, rows read. Timings on a shared machine say little alone: read the ratios, all within one run.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import structlog

from medsupply import flow
from medsupply.days import end_of_day
from medsupply.picture.master import master
from medsupply.picture.sites import Sites
from medsupply.settings import Settings
from medsupply.simulate import simulate
from medsupply.tables.ops import DELIVERIES, SNAPSHOTS
from medsupply.warehouse.database import bulk
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.database.migrate import migrate
from medsupply.warehouse.facts import facts
from medsupply.warehouse.storage import record
from medsupply.warehouse.storage.store import open_store

SITE_SOURCES = {"stock": ("holder_id", "counted_on"), "dispensing": ("reporter_id", "day")}


def settings_of(home: Path) -> Settings:
    return Settings.from_environ({"MEDSUPPLY_HOME": str(home)})


def open_home(home: Path) -> Warehouse:
    return Warehouse.open(settings_of(home))


def fill(nation: Path, home: Path, keep_every: int) -> tuple[date, int]:
    """A warehouse with the nation inside; returns its last day and the site rows of it."""
    migrate(settings_of(home))
    wh = open_home(home)
    folders = sorted((nation / "inbox").iterdir())
    for folder in folders:
        if folder.name not in SITE_SOURCES:
            last = _last_day(nation)
            flow.load(wh, folder.name, sorted(folder.iterdir()), received_at=end_of_day(last))
    rows = [_record(wh, nation, source, keep_every) for source in SITE_SOURCES]
    wh.close()
    return _last_day(nation), sum(rows)


def _last_day(nation: Path) -> date:
    return date.fromisoformat(max(path.stem for path in (nation / "inbox/stock").glob("stock-2*"))[6:16])


def _record(wh: Warehouse, nation: Path, source: str, keep_every: int) -> int:
    """Rows of one site source, a delivery for each day; returns the rows of the last day."""
    store = open_store(wh.settings.archive_url)
    who, on = SITE_SOURCES[source]
    count = 0
    for path in sorted((nation / "inbox" / source).glob("*.parquet"), key=lambda one: one.stem[-10:]):
        frame = pl.read_parquet(path)
        ids = frame[who].unique().sort().gather_every(keep_every)
        for (day,), rows in frame.filter(pl.col(who).is_in(ids.implode())).group_by(on, maintain_order=True):
            assert isinstance(day, date)
            count = rows.height
            deliver(wh, store, source, day, rows.with_row_index("line", offset=1))
    return count


def deliver(wh: Warehouse, store: object, source: str, day: date, rows: pl.DataFrame) -> None:
    """Put a day of site rows into the record as one delivery, received three hours after the day."""
    who, on = SITE_SOURCES[source]
    delivery, at = f"{source}-{day:%Y%m%d}", end_of_day(day) + timedelta(hours=3)
    missing = [pl.lit(None).alias(name) for name in record.schema(source) if name not in rows.columns]
    record.write(store, source, delivery, 0, rows.with_columns(missing), at)  # type: ignore[arg-type]
    row = {"delivery_id": delivery, "source": source, "file_name": delivery, "sha256": delivery, "received_at": at}
    row |= {"verdict": "accepted", "parts": 1, "held": False, "day_from": day, "day_to": day}
    row |= {f"rows_{group}": rows.height * (group in ("received", "accepted")) for group in _GROUPS}
    row |= {f"packs_{group}": rows["packs"].sum() * (group in ("received", "accepted")) for group in _GROUPS}
    snapshots = rows.group_by(holder_id=who, day=on).agg(rows=(pl.col("vnr").fill_null("") != "").sum())
    named = {"delivery_id": pl.lit(delivery), "source": pl.lit(source), "held": pl.lit(False)}
    with wh.transaction() as connection:
        bulk.copy(connection, DELIVERIES, pl.DataFrame([row | {"bytes_received": 0}]))
        bulk.copy(connection, SNAPSHOTS, snapshots.with_columns(**named))


_GROUPS = ("received", "accepted", "quarantined", "duplicate")


def measured(home: Path, day: date) -> Mapping[str, float]:
    """Measure and judge in this process."""
    wh = open_home(home)
    start, known_at = time.perf_counter(), end_of_day(day) + timedelta(hours=6)
    flow.measure(wh, day, known_at, always=True)
    half = time.perf_counter()
    found = flow.judge(wh, day, known_at, always=True)
    end = time.perf_counter()
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "measure": half - start, "judge": end - half, "cpu": used.ru_utime + used.ru_stime,
        "memory_gb": peak_gb(), "situation_rows": found.height,
    }  # fmt: skip


def peak_gb() -> float:
    """The most memory this process had. What getrusage tells begins with the memory of the parent."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1e6


def apart(home: Path, day: date) -> dict[str, float]:
    """The same in a process of its own, so that its memory is its own."""
    command = [sys.executable, __file__, "--one", str(home), str(day)]
    told = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(told.stdout.splitlines()[-1])
    return found


def in_turn(ours: Callable[[], object], theirs: Callable[[], object], rounds: int = 15) -> tuple[float, ...]:
    """Both by turns: median seconds on the clock and of the processors of ours, and of theirs."""
    spent: list[list[float]] = [[], [], [], []]
    for number in range(rounds + 1):
        for place, work in ((0, ours), (2, theirs)):
            clock, cpu = time.perf_counter(), time.process_time()
            work()
            if number:  # the first round warms both up
                spent[place].append(time.perf_counter() - clock)
                spent[place + 1].append(time.process_time() - cpu)
    return tuple(statistics.median(one) for one in spent)


def beside_duckdb(home: Path, day: date) -> tuple[tuple[float, ...], float]:
    """The site day (usable units of holder x medicine) in polars and in DuckDB by turns, same file, same threads; and
    the largest relative difference of the two results."""
    wh = open_home(home)
    known = facts(wh, day, end_of_day(day) + timedelta(hours=6))
    whole = master(known)
    holders = known.current("holders").with_columns(pl.col("holder_type").cast(pl.String))
    sites = Sites(known, holders, whole, ())
    path = open_store(wh.settings.archive_url).location(record.part_name("stock", f"stock-{day:%Y%m%d}", 0))
    connection = duckdb.connect()
    connection.execute(f"set threads = {os.cpu_count()}")
    units = whole.packages.select("vnr", "medicine_id", "units_per_pack").drop_nulls()
    connection.register("units", units.to_arrow())
    connection.register("holders", holders.select("holder_id").to_arrow())
    query = f"""
        select holder_id, medicine_id, sum((packs - coalesce(reserve_packs, 0)) * units_per_pack) as units
        from '{path}' join units using (vnr) join holders using (holder_id)
        where expires_on is null or expires_on > counted_on group by all"""  # noqa: S608

    def ours() -> pl.DataFrame:
        packs = sites.usable_packs(day)
        return pl.DataFrame(sites.grains.units(packs), schema=sites.medicine_axis.ids.to_list())

    theirs = connection.sql(query).pl()
    wide = ours().with_columns(sites.holder_axis.ids.alias("holder_id"))
    mine = wide.unpivot(index="holder_id", variable_name="medicine_id", value_name="mine")
    joined = theirs.join(mine, on=["holder_id", "medicine_id"], how="left")
    apart = (joined["units"] - joined["mine"].fill_null(-1)).abs() / joined["units"].clip(lower_bound=1)
    return in_turn(ours, lambda: connection.sql(query).fetchnumpy()), float(apart.max())  # type: ignore[arg-type]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=None)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--pharmacies", type=int, default=830)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--one", nargs=2)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measured(Path(given.one[0]), date.fromisoformat(given.one[1]))))
        return
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    work = given.work or Path(tempfile.mkdtemp(prefix="picture-speed-"))
    simulate(work / "nation", preset="national", days=given.days, history_days=given.days, pharmacies=given.pharmacies)
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores, {datetime.now(UTC):%Y-%m-%d %H:%M}", flush=True)
    rates = []
    for name, every in (("half", 2), ("whole", 1)):
        home = work / name
        day, rows = fill(work / "nation", home, every) if not home.exists() else _stands(work, name)
        (work / f"{name}.json").write_text(json.dumps([str(day), rows]))
        for old in (home / "cache" / "weeks").glob("*.parquet"):
            old.unlink()
        runs = {"no week kept": apart(home, day)}
        runs |= {f"weeks kept, run {number + 1}": apart(home, day) for number in range(given.rounds)}
        for told, run in runs.items():
            print(f"{name}, {rows} site rows of the day, {told}: " + _figures(run), flush=True)
        least = min(runs.values(), key=lambda run: run["cpu"])
        rates.append(rows / least["cpu"])
    print(f"rows a CPU second, whole / half: {rates[1] / rates[0]:.2f} (1 = linear)")
    (ours, ours_cpu, theirs, theirs_cpu), difference = beside_duckdb(work / "whole", day)
    print(
        f"site day, medians of rounds by turns: polars {ours:.3f} s ({ours_cpu:.3f} CPU), DuckDB {theirs:.3f} s "
        f"({theirs_cpu:.3f} CPU), ratio {ours / theirs:.2f} ({ours_cpu / theirs_cpu:.2f} CPU), differs {difference:.0e}"
    )


def _figures(run: Mapping[str, float]) -> str:
    return ", ".join(f"{key} {value:.2f}" for key, value in run.items())


def _stands(work: Path, name: str) -> tuple[date, int]:
    day, rows = json.loads((work / f"{name}.json").read_text())
    return date.fromisoformat(day), rows


if __name__ == "__main__":
    main()
