"""Write docs/morning.md: how many rows stand at each level on 30 mornings of the simulated nation at full size.

    python infra/morning.py [--work DIR] [--mornings 30] [--most 30] [--medicines N] [--pharmacies N]

Lists go through the intake; rows of sites (2.6 M a day) are put into the record directly, one delivery a day, as the
bench of the picture does. Every morning goes through measure, forecast, judge and evaluate, as in the service.
Afterwards the largest wholesaler is silent for six days before the last morning, and that picture is made again.
What stands in DIR is kept: an interrupted run goes on. With ``--most`` it makes so many mornings and ends, with
``--page`` it writes the page of those that stand.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import time
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import sqlalchemy as sa
import structlog

from medsupply import desk, flow
from medsupply.areas import COUNTRY, COUNTY_CODES
from medsupply.days import end_of_day
from medsupply.settings import Settings
from medsupply.simulate import simulate
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.database.migrate import migrate
from medsupply.warehouse.storage.store import open_store

sys.path.insert(0, str(Path(__file__).resolve().parent / "bench"))
from picture_speed import SITE_SOURCES, deliver

PAGE = Path(__file__).resolve().parents[1] / "docs" / "morning.md"
LEVELS = ("severe", "elevated", "watch", "normal", "unknown", "no level")
SILENT_DAYS = 6
LIST_LINES = 300

REMARKS = """## How to read this

Levels are exact by the definitions. A reader of the country sees the country's list and one line for each family
that is worse in some county than in the country; counties that share a national shortage are no lines of their
own. A reader of a county sees the rows of that county. Why: [decision
0005](decisions/0005-country-first-areas-where-they-differ.md).

Nearly every medicine of the simulated nation is critical; the Union list has about 300 lines, of which 142 have a
package on the market here. The second table says what the page would show of 300 families: tens. Of marketed
packages 8 % are under a notice in force in this nation, 5 % of the real list of substitutable packages on 17.11.2022.

**Scale decides what counties look like.** An [earlier run](morning-small.md) with 46 pharmacies, two a county, had
a median of 119 severe rows of 1,081 in counties, about one in nine. With all 830 pharmacies it is about one in
seventy: stock that lies in 36 places of a county does not run out by one that is empty. A county's own page is still
long here, since it has 1,200 critical families.

**A silent wholesaler.** An early run found five of 27 elevated families fall when the largest wholesaler went silent:
the simulation left it at its last count, days old. Paths now begin between the stock of those heard of and as much with
what the silent one usually keeps. The country hardly moves, and a third of its families are marked `partial`. Counties
are fed by what wholesalers have on the same paths. They move by watch rows (291 to 897), some 27 families in each
county: those whose wholesale stock lies mostly with the silent one, of which some paths begin with nothing.

**Counties follow the wholesalers.** An earlier run of this page had a median of 745 elevated and 4,102 watch rows of
counties: a notice stopped what counties got, though wholesalers had stock. Areas are now fed by what wholesalers have
on the same path ([decision 0020](decisions/0020-run-out-by-package.md)). At two weeks they are still told too often: on
a nation of 120 medicines in more trouble than this one .018 was told where .005 came, at four weeks .040 and .027
(`infra/bench/county_run_out.py`; one nation and two mornings, so events are not independent). The service sets this
right by its own past once it has half a year of it, which no nation here has.
"""


def known_on(day: date) -> datetime:
    return end_of_day(day) + timedelta(hours=6, microseconds=1)


def record_sites(wh: Warehouse, nation: Path) -> None:
    """The rows of all sites into the record, a delivery for each day; days that stand there are left alone."""
    store = open_store(wh.settings.archive_url)
    for source, (_, on) in SITE_SOURCES.items():
        there = set(wh.read("select day_from from ops.deliveries where source = :source", source=source)["day_from"])
        for path in sorted((nation / "inbox" / source).glob("*.parquet"), key=lambda one: one.stem[-10:]):
            for (day,), rows in pl.read_parquet(path).group_by(on, maintain_order=True):
                assert isinstance(day, date)
                if day not in there:
                    deliver(wh, store, source, day, rows.with_row_index("line", offset=1))


def load(wh: Warehouse, nation: Path, arrivals: pl.DataFrame, since: datetime | None, until: datetime) -> None:
    chosen = arrivals.filter(~pl.col("source").is_in(list(SITE_SOURCES)), pl.col("received_at") <= until)
    if since is not None:
        chosen = chosen.filter(pl.col("received_at") > since)
    for source, path, received_at in chosen.select("source", "path", "received_at").iter_rows():
        if not desk.is_loaded(wh, source, nation / path, received_at):
            flow.load(wh, source, [nation / path], received_at=received_at)


def made(wh: Warehouse, days: list[date]) -> list[date]:
    """Those of ``days`` that have a picture."""
    there = set(wh.read("select distinct as_of from picture.pictures where stage = 'judged'")["as_of"])
    return [day for day in days if day in there]


def mornings(wh: Warehouse, nation: Path, arrivals: pl.DataFrame, days: list[date], most: int) -> bool:
    """Make the pictures of ``days`` that are not there yet, at most so many; whether all are there."""
    done = made(wh, days)
    before: datetime | None = None
    for day in days:
        if day not in done:
            if (most := most - 1) < 0:
                return False
            start = time.monotonic()
            load(wh, nation, arrivals, before, known_on(day))
            told = flow.run(wh, day, known_on(day), folder=None, workers=2)
            spent, busy = time.monotonic() - start, os.getloadavg()[0]
            print(f"{day}: {spent:.0f} s (load {busy:.0f}), {told.summary}", flush=True)
        before = known_on(day)
    return True


def counts(wh: Warehouse, day: date, known_at: datetime) -> pl.DataFrame:
    """Rows of one picture: what grain, in the country or areas, critical or not, at which level, with which reasons."""
    key = ["county_code", "medicine_id"]
    apart = wh.read(
        "select county_code, medicine_id, true as apart from analyst.areas_apart"
        " where as_of = :day and known_at = :known_at",
        day=day,
        known_at=known_at,
    )
    rows = flow.situation(wh, day, known_at).join(apart, on=key, how="left")
    place = (
        pl.when(pl.col("county_code") == COUNTRY)
        .then(pl.lit("country"))
        .otherwise(
            pl.when(pl.col("county_code").is_in(list(COUNTY_CODES))).then(pl.lit("county")).otherwise(pl.lit("Y"))
        )
    )
    return rows.select(
        "as_of", "grain", "critical", "reasons", "county_code", "medicine_id", place=place,
        level=pl.col("level").fill_null("no level"), partial="partial",
        apart=pl.col("apart").fill_null(False),
    )  # fmt: skip


def silent_wholesaler(wh: Warehouse, day: date) -> tuple[str, pl.DataFrame]:
    """The wholesaler with most stock has not been heard of for ``SILENT_DAYS`` days; then it is again."""
    largest = wh.read(
        "select holder_id from ops.snapshots s where source = 'stock' and day = :day and holder_id in"
        " (select holder_id from core.holders where holder_type = 'wholesaler') order by rows desc, holder_id limit 1",
        day=day,
    ).item()
    mine = {"who": largest, "since": day - timedelta(days=SILENT_DAYS - 1)}
    hold = "update ops.snapshots set held = {} where source = 'stock' and holder_id = :who and day >= :since"
    at = known_on(day) + timedelta(hours=1)
    try:
        with wh.transaction() as connection:
            connection.execute(sa.text(hold.format("true")), mine)
        flow.measure(wh, day, at, always=True)
        flow.forecast_run_out(wh, day, at, workers=2)
        flow.judge(wh, day, at, always=True)
        return largest, counts(wh, day, at)
    finally:
        with wh.transaction() as connection:
            connection.execute(sa.text(hold.format("false")), mine)


def per_morning(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows at each level per morning: lowest, median, highest."""
    days = rows["as_of"].unique().to_frame()
    grid = days.join(pl.DataFrame({"level": LEVELS}), how="cross")
    daily = grid.join(rows.group_by("as_of", "level").len(), on=["as_of", "level"], how="left").fill_null(0)
    found = daily.group_by("level").agg(
        lowest=pl.col("len").min(), median=pl.col("len").median(), highest=pl.col("len").max()
    )
    order = {level: n for n, level in enumerate(LEVELS)}
    return found.sort(pl.col("level").replace_strict(order, return_dtype=pl.Int64))


def _range(daily: pl.DataFrame, what: str) -> pl.DataFrame:
    """Lowest, median and highest of ``n`` as one row."""
    n = pl.col("n")
    return daily.select(pl.lit(what).alias("what"), lowest=n.min(), median=n.median(), highest=n.max())


def per_page(critical: pl.DataFrame) -> pl.DataFrame:
    """Lines of the country's page a morning: its list, what is worse in counties, and the rows behind those."""
    days = critical["as_of"].unique().sort().to_frame()

    def daily(rows: pl.DataFrame) -> pl.DataFrame:
        return days.join(rows.group_by("as_of").len("n"), on="as_of", how="left").fill_null(0)

    country, county = (critical.filter(pl.col("place") == one) for one in ("country", "county"))
    acting = pl.col("level").is_in(["severe", "elevated"])
    apart = county.filter("apart")
    return pl.concat([
        _range(daily(country.filter(acting)), "the country: severe and elevated"),
        _range(daily(country.filter(acting | (pl.col("level") == "watch"))), "the country: all above normal"),
        _range(daily(apart.unique(["as_of", "medicine_id"])), "families worse in a county: lines"),
        _range(daily(apart), "rows of counties behind those lines"),
        _range(daily(county.filter(acting)), "rows of counties that are severe or elevated"),
    ])  # fmt: skip


def to_list(shown: pl.DataFrame, country: pl.DataFrame) -> pl.DataFrame:
    """``shown`` taken from the simulated families to as many as the Union list has lines."""
    share = LIST_LINES / country["medicine_id"].n_unique()
    return shown.with_columns((pl.col("lowest", "median", "highest") * share).round(0))


def per_county(county: pl.DataFrame) -> pl.DataFrame:
    """Rows of one county and morning at each level above normal, over all counties and mornings."""
    grid = county.select("as_of", "county_code").unique()
    found = []
    for level in LEVELS[:3]:
        count = county.filter(pl.col("level") == level).group_by("as_of", "county_code").len("n")
        found.append(_range(grid.join(count, on=["as_of", "county_code"], how="left").fill_null(0), level))
    return pl.concat(found)


def by_reason(rows: pl.DataFrame) -> pl.DataFrame:
    """Mean number of rows a morning that name a reason, by level."""
    days = rows["as_of"].n_unique()
    high = rows.filter(pl.col("level").is_in(["severe", "elevated", "watch", "unknown"]))
    told = high.explode("reasons").drop_nulls("reasons").group_by("level", "reasons").len()
    order = {level: n for n, level in enumerate(LEVELS)}
    told = told.with_columns(a_morning=(pl.col("len") / days).round(1)).filter(pl.col("a_morning") > 0)
    rank = pl.col("level").replace_strict(order, return_dtype=pl.Int64)
    return told.sort(rank, -pl.col("len").cast(pl.Int64), "reasons").select(
        "level", reason="reasons", a_morning="a_morning"
    )


def table(frame: pl.DataFrame) -> str:
    lines = ["| " + " | ".join(name.replace("_", " ") for name in frame.columns) + " |"]
    lines.append("|" + "---|" * frame.width)
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in frame.iter_rows()]
    return "\n".join(lines)


def _cell(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def page(rows: pl.DataFrame, silent: tuple[str, pl.DataFrame], size: str) -> str:
    last = rows["as_of"].max()
    critical = rows.filter((pl.col("grain") == "family") & pl.col("critical"))
    country, county = (critical.filter(pl.col("place") == one) for one in ("country", "county"))
    named = f"{country['medicine_id'].n_unique()} critical families"
    parts = [
        "# A morning in numbers\n",
        f"Made by `infra/morning.py` on {size}; {rows['as_of'].n_unique()} mornings, {rows['as_of'].min()} to "
        f"{last}.\n",
        "What an official sees first is the list of critical families in the country, and one line for each that is"
        " worse in some county. An ordinary morning should show tens of lines, not hundreds.\n",
        f"## The country: {named}\n\nRows a morning.\n\n{table(per_morning(country))}\n",
        f"### Why (rows a morning that name the reason)\n\n{table(by_reason(country))}\n",
        f"## What the country's page shows\n\n{table(per_page(critical))}\n",
        f"### Taken to {LIST_LINES} critical families\n\n{table(to_list(per_page(critical), country))}\n",
        f"## One county's page: rows above normal\n\n{table(per_county(county))}\n",
        f"## Counties: the same families in 23 areas\n\n{table(per_morning(county))}\n\n{table(by_reason(county))}\n",
        f"## Collaborative areas\n\n{table(per_morning(critical.filter(pl.col('place') == 'Y')))}\n",
        f"## Medicines of all families, in the country\n\n{table(_medicines(rows))}\n",
        _silent(critical.filter(pl.col("as_of") == last), silent),
        REMARKS,
    ]
    return "\n".join(parts)


def _medicines(rows: pl.DataFrame) -> pl.DataFrame:
    return per_morning(rows.filter((pl.col("grain") == "medicine") & (pl.col("place") == "country")))


def _silent(before: pl.DataFrame, silent: tuple[str, pl.DataFrame]) -> str:
    """Levels of the last morning as it was, and with the wholesaler silent."""
    who, rows = silent
    after = rows.filter((pl.col("grain") == "family") & pl.col("critical"))
    lines = []
    for place in ("country", "county"):
        was, now = (frame.filter(pl.col("place") == place) for frame in (before, after))
        grid = pl.DataFrame({"level": LEVELS})
        parts = [frame.group_by("level").len(name) for frame, name in ((was, "heard"), (now, "silent"))]
        joined = grid.join(parts[0], on="level", how="left").join(parts[1], on="level", how="left").fill_null(0)
        lines.append(f"{place.capitalize()}:\n\n{table(joined)}\n")
        partial = now["partial"].sum()
        lines.append(f"Of them marked `partial` with the wholesaler silent: {partial} of {now.height}.\n")
    told = f"## The largest wholesaler ({who}) silent for {SILENT_DAYS} days\n\nThe last morning, both ways.\n"
    return "\n".join([told, *lines])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=None)
    parser.add_argument("--medicines", type=int, default=None)
    parser.add_argument("--pharmacies", type=int, default=None)
    parser.add_argument("--mornings", type=int, default=30)
    parser.add_argument("--most", type=int, default=1000)
    parser.add_argument("--page", action="store_true")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    work = given.work or Path(tempfile.mkdtemp(prefix="morning-"))
    nation = work / "nation"
    manifest = simulate(nation, preset="mornings", seed=3, medicines=given.medicines, pharmacies=given.pharmacies)
    settings = Settings.from_environ({"MEDSUPPLY_HOME": str(work / "home")})
    migrate(settings)
    last = manifest.last_day
    days = [last - timedelta(days=n) for n in range(given.mornings - 1, -1, -1)]
    with Warehouse.open(settings) as wh:
        record_sites(wh, nation)
        if not mornings(wh, nation, manifest.arrivals(), days, given.most):
            if not given.page:
                return
            days = made(wh, days)
            last = days[-1]
        rows = pl.concat([counts(wh, day, known_on(day)) for day in days])
        silent = silent_wholesaler(wh, last)
        PAGE.write_text(page(rows, silent, size(wh, manifest.medicines)), encoding="utf-8")
    print(f"{PAGE} is written")


def size(wh: Warehouse, medicines: int) -> str:
    """How large the nation is, in words."""
    kinds = wh.read("select holder_type, count(*) as n from core.holders where known_to is null group by 1")
    count = dict(kinds.iter_rows())
    rows = wh.read(
        "select source, max(rows_accepted) as n from ops.deliveries where source in ('stock', 'dispensing') group by 1"
    )
    most = {source: n / 1e6 for source, n in rows.iter_rows()}
    return (
        f"a simulated nation of {medicines} medicines and {sum(count.values())} holders ({count['pharmacy']}"
        f" pharmacies, {count['hospital_pharmacy']} hospital pharmacies), {most['stock']:.1f} M rows of stock and"
        f" {most['dispensing']:.2f} M of dispensing a day, family a with the outages of an ordinary year"
    )


if __name__ == "__main__":
    main()
