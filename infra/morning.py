"""Write docs/morning.md: how many rows stand at each level on 30 mornings of the simulated nation.

    python infra/morning.py [--work DIR] [--medicines 48] [--pharmacies 46] [--mornings 30]

Every delivery goes through the intake, every morning through measure, forecast, judge and evaluate, as in the service.
Afterwards the largest wholesaler is silent for six days before the last morning, and that picture is made again.
Mornings that stand in DIR are kept: an interrupted run goes on.
"""

from __future__ import annotations

import argparse
import logging
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
from medsupply.simulate.presets import PRESETS
from medsupply.warehouse.connection import Warehouse
from medsupply.warehouse.migrate import migrate

PAGE = Path(__file__).resolve().parents[1] / "docs" / "morning.md"
LEVELS = ("severe", "elevated", "watch", "normal", "unknown", "no level")
SILENT_DAYS = 6

REMARKS = """## How to read this

The nation is small: with a twentieth of the pharmacies a county has two, where it has 36 in life, and a site that is
out weighs so much more. What stands above normal in the country is tens. What stands above normal in counties, over
all 23 together, is hundreds, nearly all by the run-out simulation of areas; whether that is the scale or the
simulation is not settled. A silent wholesaler leaves levels as they are and marks rows as partial; it does not blank
the country.
"""


def known_on(day: date) -> datetime:
    return end_of_day(day) + timedelta(hours=6, microseconds=1)


def load(wh: Warehouse, nation: Path, arrivals: pl.DataFrame, since: datetime | None, until: datetime) -> None:
    chosen = arrivals.filter(pl.col("received_at") <= until)
    if since is not None:
        chosen = chosen.filter(pl.col("received_at") > since)
    for source, path, received_at in chosen.select("source", "path", "received_at").iter_rows():
        if not desk.is_loaded(wh, source, nation / path):
            flow.load(wh, source, [nation / path], received_at=received_at)


def mornings(wh: Warehouse, nation: Path, arrivals: pl.DataFrame, days: list[date]) -> None:
    """Make the pictures of ``days`` that are not there yet."""
    done = set(wh.read("select distinct as_of from picture.pictures where stage = 'judged'")["as_of"])
    before: datetime | None = None
    for day in days:
        if day not in done:
            start = time.monotonic()
            load(wh, nation, arrivals, before, known_on(day))
            told = flow.run(wh, day, known_on(day), folder=None)
            print(f"{day}: {time.monotonic() - start:.0f} s, {told.summary}", flush=True)
        before = known_on(day)


def counts(wh: Warehouse, day: date, known_at: datetime) -> pl.DataFrame:
    """Rows of one picture: what grain, in the country or areas, critical or not, at which level, with which reasons."""
    rows = flow.situation(wh, day, known_at)
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
        flow.forecast_run_out(wh, day, at)
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
        "What an official sees first is the list of critical families in the country. An ordinary morning should show"
        " tens of rows above normal there, not hundreds.\n",
        f"## The country: {named}\n\nRows a morning.\n\n{table(per_morning(country))}\n",
        f"### Why (rows a morning that name the reason)\n\n{table(by_reason(country))}\n",
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
    parser.add_argument("--medicines", type=int, default=48)
    parser.add_argument("--pharmacies", type=int, default=46)
    parser.add_argument("--mornings", type=int, default=30)
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    work = given.work or Path(tempfile.mkdtemp(prefix="morning-"))
    nation = work / "nation"
    manifest = simulate(
        nation, preset="demo", seed=3, medicines=given.medicines, pharmacies=given.pharmacies,
        daily_files=given.mornings + 2,
    )  # fmt: skip
    settings = Settings.from_environ({"MEDSUPPLY_HOME": str(work / "home")})
    migrate(settings)
    last = manifest.last_day
    days = [last - timedelta(days=n) for n in range(given.mornings - 1, -1, -1)]
    with Warehouse.open(settings) as wh:
        mornings(wh, nation, manifest.arrivals(), days)
        rows = pl.concat([counts(wh, day, known_on(day)) for day in days])
        silent = silent_wholesaler(wh, last)
        holders = wh.read("select count(*) as n from core.holders where known_to is null").item()
    size = (
        f"a simulated nation of {given.medicines} medicines, {holders} holders ({given.pharmacies} of the 830"
        f" pharmacies, all 24 hospital pharmacies, every county), {PRESETS['demo'].dispensing_days} days of"
        " dispensing, family a"
    )
    PAGE.write_text(page(rows, silent, size), encoding="utf-8")
    print(f"{PAGE} is written")


if __name__ == "__main__":
    main()
