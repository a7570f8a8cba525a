"""Time one full national day: python infra/bench/national_day.py [share of the rows, default 1].

Files -> checked, stored, on the disk; as 857 + 854 files through the inbox, and as one file per source; each beside a
bare polars read and write of the same files in the same run. Memory is that of all processes of the load together.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import psutil
from nation_files import Nation, write_day, write_holders

from medsupply import flow
from medsupply.settings import Settings
from medsupply.warehouse.database import server
from medsupply.warehouse.database.connection import Warehouse

DAY = date(2026, 3, 2)
AT = datetime(2026, 3, 3, 4, tzinfo=UTC)


class Watch:
    """The most memory (bytes, shared pages once) that this process and its children used while it ran."""

    def __init__(self) -> None:
        self.most, self._on = 0, True
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._on = False
        self._thread.join()

    def _look(self) -> None:
        me = psutil.Process()
        while self._on:
            used = 0
            for process in (me, *me.children(recursive=True)):
                try:
                    used += process.memory_info().rss
                except psutil.Error:
                    continue
            self.most = max(self.most, used)
            time.sleep(0.2)


@contextmanager
def own_warehouse() -> Iterator[Warehouse]:
    """A private server in a folder of its own, gone afterwards."""
    home = Path(tempfile.mkdtemp(prefix="medsupply-bench-"))
    home.chmod(0o711)
    settings = Settings(home=home, archive_url=str(home / "archive"))
    try:
        with Warehouse.open(settings) as warehouse:
            yield warehouse
    finally:
        server.down(settings)
        shutil.rmtree(home)


def bare(files: list[tuple[str, Path]], out: Path) -> float:
    """Seconds that polars alone needs to read and write the same files."""
    out.mkdir()
    start = time.monotonic()
    for _, path in files:
        pl.read_csv(path, separator=";").write_parquet(out / f"{path.stem}.parquet")
    spent = time.monotonic() - start
    shutil.rmtree(out)
    return spent


def timed(nation: Nation, *, one_file: bool) -> str:
    with own_warehouse() as wh:
        folder = wh.settings.home / "inbox"
        flow.load(wh, "holders", [write_holders(nation, wh.settings.home / "lists")], received_at=AT)
        files = write_day(nation, DAY, folder, one_file=one_file)
        plain = bare(files, wh.settings.home / "bare")
        with Watch() as watch:
            start = time.monotonic()
            verdicts = flow.inbox(wh, folder, received_at=AT)
            spent = time.monotonic() - start
    rows = sum(one.rows_accepted for one in verdicts)
    assert {one.verdict for one in verdicts} == {"accepted"} and len(verdicts) == len(files)
    return (
        f"{rows} rows in {len(files)} files: stored in {spent:.1f} s with {watch.most / 1e9:.2f} GB;"
        f" bare polars {plain:.1f} s ({spent / plain:.1f} times)"
    )


def main() -> None:
    nation = Nation(share=float(sys.argv[1]) if len(sys.argv) > 1 else 1.0)
    for one_file in (False, True):
        print(f"load {psutil.getloadavg()[0]:.1f}: {timed(nation, one_file=one_file)}", flush=True)


if __name__ == "__main__":
    main()
