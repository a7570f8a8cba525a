"""The memory of two loaders that are given a national file each at the same time: python infra/bench/two_large.py."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import timedelta

import psutil
from nation_files import Nation, write_day, write_holders
from national_day import AT, DAY, Watch, own_warehouse

from medsupply import flow

LOAD = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from medsupply import flow
from medsupply.settings import Settings
from medsupply.warehouse.database.connection import Warehouse
home = Path(sys.argv[1])
with Warehouse.open(Settings(home=home, archive_url=str(home / "archive"))) as wh:
    flow.load(wh, "stock", [Path(sys.argv[2])], received_at=datetime(2026, 3, 5, tzinfo=UTC))
"""


def main() -> None:
    nation = Nation(share=float(sys.argv[1]) if len(sys.argv) > 1 else 1.0)
    with own_warehouse() as wh:
        home = wh.settings.home
        flow.load(wh, "holders", [write_holders(nation, home / "lists")], received_at=AT)
        days = [DAY, DAY + timedelta(days=1)]
        files = [write_day(nation, day, home / f"{day}", one_file=True)[0][1] for day in days]
        with Watch() as watch:
            start = time.monotonic()
            both = [subprocess.Popen([sys.executable, "-c", LOAD, str(home), str(path)]) for path in files]
            codes = [one.wait() for one in both]
            spent = time.monotonic() - start
        found = wh.read("select verdict, rows_accepted from ops.deliveries where source = 'stock'")
    assert codes == [0, 0] and set(found["verdict"]) == {"accepted"} and found.height == len(files)
    told = f"{found['rows_accepted'].sum()} rows in two files of two loaders at once"
    print(f"load {psutil.getloadavg()[0]:.1f}: {told}: {spent:.1f} s with {watch.most / 1e9:.2f} GB")


if __name__ == "__main__":
    main()
