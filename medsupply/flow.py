"""The flow: one plain function per step, with explicit arguments. Command line, DAGs and demo call nothing else.

Order within a day: measure -> forecast -> judge -> evaluate. ``load`` and ``inbox`` only store; ``picture`` is
measure and judge with the newest forecast known; ``run`` is the inbox and all four. Nothing here sends a mail but
``send``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import repeat
from math import ceil
from multiprocessing import get_context
from pathlib import Path

import polars as pl
import structlog

from medsupply.alerts import digests, sender, store
from medsupply.alerts.replay import Replay
from medsupply.alerts.store.scoring import replay_rules
from medsupply.areas import COUNTRY
from medsupply.days import HELSINKI
from medsupply.errors import InputError
from medsupply.forecast.scenario import Scenario
from medsupply.forecast.scenario import what_if as what_if_
from medsupply.picture.changes import changes as changes_between
from medsupply.picture.judge import judge as judge_
from medsupply.picture.master import Master, master
from medsupply.picture.measure import Measurement
from medsupply.picture.measure import measure as measure_
from medsupply.rules import Rules, applicable, load_rules
from medsupply.rules.calendar import load_calendar
from medsupply.settings import Settings
from medsupply.steps import demand, forecasting, indexing, known, outlook, scoring, turned_out, versions
from medsupply.steps.what_if import stored_start
from medsupply.tables import picture as tables
from medsupply.tables.base import Table
from medsupply.warehouse import pictures, retention
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.facts import facts as facts_
from medsupply.warehouse.loading import inbox as inbox_
from medsupply.warehouse.loading import intake
from medsupply.warehouse.loading.expecting import expect
from medsupply.warehouse.loading.intake import Progress, Verdict
from medsupply.warehouse.storage import compaction
from medsupply.warehouse.storage.kept_files import KeptFiles

log = structlog.get_logger()
WEEKS_KEPT = 60
# Starting a task costs an Airflow worker more than loading a file does.
MOST_TASKS = 32
LEVELS = ("severe", "elevated", "watch", "normal", "unknown")


@dataclass(frozen=True)
class Day:
    """What ``run`` did."""

    situation: pl.DataFrame
    told: str
    verdicts: list[Verdict] = field(default_factory=list)

    @property
    def summary(self) -> str:
        return f"{summary(self.situation)}; {self.told}"


# --- sources -> warehouse


def load(
    wh: Warehouse,
    source: str,
    paths: Sequence[Path],
    *,
    received_at: datetime,
    sender: str | None = None,
    progress: Progress | None = None,
) -> list[Verdict]:
    """Check and store the given files of one source."""
    return intake.load(wh, source, paths, received_at=received_at, sender=sender, progress=progress)


def inbox(
    wh: Warehouse,
    folder: Path | None,
    *,
    received_at: datetime,
    settle: float = 0.0,
    progress: Progress | None = None,
) -> list[Verdict]:
    """Check and store all that waits in the inbox; an inbox that does not exist yet is empty."""
    place = folder or wh.settings.inbox
    if folder is None and not place.exists():
        return []
    return inbox_.take(wh, place, received_at=received_at, settle=settle, progress=progress)


def waiting(settings: Settings, *, reference: bool) -> list[list[dict[str, str]]]:
    """What waits in the inbox, as plain values for mapped tasks; ``reference`` tells which wave.

    One delivery a task; on a full national day, hundreds of them, neighbours share one of MOST_TASKS.
    """
    if not settings.inbox.exists():
        return []
    found = [one for one in inbox_.waiting(settings.inbox) if one.reference == reference]
    size = max(1, ceil(len(found) / MOST_TASKS))
    named = [{"source": one.source, "path": str(one.path), "name": one.path.name} for one in found]
    return [named[at : at + size] for at in range(0, len(named), size)]


def take(wh: Warehouse, deliveries: Sequence[Mapping[str, str]], *, received_at: datetime) -> list[Verdict]:
    """Load waiting files, as ``waiting`` named them, and move each to ``.done``."""
    files = [inbox_.Waiting(one["source"], Path(one["path"])) for one in deliveries]
    return inbox_.take_files(wh, files, received_at=received_at)


def compact(wh: Warehouse, *, at: datetime, progress: Progress | None = None) -> str:
    """Write the closed days of the record as one file each, and delete what nothing needs any more."""
    last = at.astimezone(HELSINKI).date() - timedelta(days=wh.settings.closed_after_days)
    written = compaction.compact(wh, last=last, at=at, progress=progress)
    return f"{written} days up to {last} written; {compaction.sweep(wh, at=at)}"


def retain(wh: Warehouse, *, at: datetime, dry_run: bool = False) -> pl.DataFrame:
    """Delete what is older than its setting says, or only count it: one row per kind. Archive and record never go."""
    return retention.retain(wh, at=at, dry_run=dry_run)


# --- warehouse -> picture


def measure(wh: Warehouse, as_of: date, known_at: datetime, *, always: bool = False) -> datetime:
    """Measure a report day as known at a moment and store it; returns the moment under which it is stored."""
    with structlog.contextvars.bound_contextvars(as_of=str(as_of)):
        expect(wh, load_calendar(), as_of=as_of, at=known_at)
        facts = facts_(wh, as_of, known_at)
        of_day = master(facts)
        measured = measure_(facts, of_day, load_rules(), KeptFiles(wh.settings.home, "weeks", WEEKS_KEPT))
        log.info("measured", rows=measured.measured.height)
        return pictures.store(wh, "measured", as_of, known_at, _measured_frames(measured, of_day), always=always)


def judge(wh: Warehouse, as_of: date, known_at: datetime, *, always: bool = False) -> pl.DataFrame:
    """Judge what was measured with the newest forecast known; the only writer of the situation."""
    rules = load_rules()
    measured = pictures.stored(wh, tables.MEASURED, "measured", as_of, known_at)
    situation = judge_measured(wh, measured, as_of, known_at, rules)
    frames = {tables.SITUATION: situation}
    moment = pictures.store(wh, "judged", as_of, known_at, frames, always=always, rules_version=rules.version)
    _store_changes(wh, as_of, moment)
    versions.store_corrections(wh, as_of, moment)
    return pictures.stored(wh, tables.SITUATION, "judged", as_of, known_at)


def judge_measured(
    wh: Warehouse, measured: pl.DataFrame, as_of: date, known_at: datetime, rules: Rules
) -> pl.DataFrame:
    """The situation that ``rules`` give for measured figures; nothing is stored."""
    return judge_(
        measured.with_columns(pl.lit(known_at).alias("known_at")),
        demand_forecast=known.daily_demand(wh, measured, as_of, known_at),
        run_out=known.run_out(wh, as_of, known_at),
        index_expected=known.index(wh, as_of, known_at),
        previous=_previous(wh, as_of, known_at),
        rules=rules,
    )


def picture(wh: Warehouse, as_of: date, known_at: datetime, *, always: bool = False) -> pl.DataFrame:
    """Measure and judge with the newest forecast known by ``known_at``; without one trailing demand stands."""
    measure(wh, as_of, known_at, always=always)
    return judge(wh, as_of, known_at, always=always)


def backfill(wh: Warehouse, days: Sequence[date], known_at: datetime, *, workers: int = 1) -> None:
    """The pictures of ``days`` as known at a moment: measured side by side in processes, then judged in their order.

    Twice, or with another number of workers, gives the same pictures.
    """
    if workers > 1:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as processes:
            list(processes.map(_measure_apart, repeat(wh.settings), days, repeat(known_at)))
    else:
        for day in days:
            measure(wh, day, known_at)
    for day in sorted(days):
        judge(wh, day, known_at)


def _measure_apart(settings: Settings, day: date, known_at: datetime) -> None:
    with Warehouse.open(settings) as wh:
        measure(wh, day, known_at)


def correct(wh: Warehouse, as_of: date, known_at: datetime) -> list[date]:
    """Make the pictures of the two weeks before ``as_of`` again that late files have changed; returns their days.

    What changed stands in ``picture.corrections``, written by :func:`judge` for every later version of a day.
    """
    days = versions.corrected_days(wh, as_of, known_at)
    for day in days:
        # Its files did change: the version says so even where no figure did, and is not made once more tomorrow.
        picture(wh, day, known_at, always=True)
    return days


def situation(wh: Warehouse, as_of: date, known_at: datetime) -> pl.DataFrame:
    """The stored situation of a day as known at a moment."""
    return pictures.stored(wh, tables.SITUATION, "judged", as_of, known_at)


def changes(wh: Warehouse, earlier: date, later: date, county: str = COUNTRY) -> pl.DataFrame:
    """What changed between the newest pictures of two days in one area, and why."""
    now, before = (
        wh.rows(tables.SITUATION, "(as_of, known_at) = (:day, (select max(known_at) from picture.pictures"
                " where stage = 'judged' and as_of = :day)) and county_code = :county", day=day, county=county)
        for day in (later, earlier)
    )  # fmt: skip
    return changes_between(now, before)


def levels_under(wh: Warehouse, as_of: date, rules: Rules) -> pl.DataFrame:
    """Which rows of the newest picture of a day would have another level under ``rules``.

    Raises InputError where ``rules`` change what was measured, which judging again cannot show.
    """
    applicable(rules)
    known_at = wh.read("select max(known_at) as at from picture.pictures where as_of = :day", day=as_of).item()
    if known_at is None:
        raise InputError(f"There is no picture of {as_of}", f"Make it: medsupply picture --as-of {as_of}")
    now = situation(wh, as_of, known_at)
    measured = pictures.stored(wh, tables.MEASURED, "measured", as_of, known_at)
    then = judge_measured(wh, measured, as_of, known_at, rules)
    key = ["county_code", "medicine_id"]
    both = now.select(*key, "level").join(then.select(*key, level_then="level"), on=key)
    return both.filter(~pl.col("level").eq_missing(pl.col("level_then"))).sort(key)


# --- picture -> forecast


def forecast(
    wh: Warehouse, as_of: date, known_at: datetime, *, workers: int = 1, progress: Progress | None = None
) -> str:
    """Demand for the weeks ahead where a week is newly complete, then run-out from the stock of the day."""
    fitted = forecast_demand(wh, as_of, known_at, workers=workers, progress=progress)
    return f"{fitted}; {forecast_run_out(wh, as_of, known_at, workers=workers)}"


def forecast_demand(
    wh: Warehouse,
    as_of: date,
    known_at: datetime,
    *,
    workers: int = 1,
    shard: tuple[int, int] = (0, 1),
    progress: Progress | None = None,
) -> str:
    """Fit and store the series of one shard whose data is new; the shards give the same numbers however many."""
    facts = facts_(wh, as_of, known_at)
    of_day = master(facts)
    weeks = demand.update_weeks(wh, of_day, as_of, known_at)
    demand.update_days(wh, of_day, as_of, known_at)
    fitted = forecasting.fit_demand(wh, as_of, known_at, workers=workers, shard=shard)
    expected = 0
    if shard[0] == 0:
        cutoff = forecasting.cutoff_of(as_of)
        scoring.score_demand(wh, cutoff, known_at)
        critical = of_day.medicines.filter(pl.col("critical"))["atc"].drop_nulls().unique().sort().to_list()
        expected = indexing.update_index(wh, facts, critical, workers=workers)
        # After the index: its row of a week holds both what was expected before it and what came.
        turned_out.score_what_came(wh, as_of, cutoff, known_at)
    return f"{weeks} weeks of demand, {fitted} series fitted, {expected} purchases expected"


def forecast_run_out(wh: Warehouse, as_of: date, known_at: datetime, *, workers: int = 1) -> str:
    """Simulate stock, demand and supply from the measured stock of the day, and store the probabilities."""
    facts = facts_(wh, as_of, known_at)
    return f"run-out of {outlook.simulate_run_out(wh, facts, master(facts), workers=workers)} series"


def what_if(wh: Warehouse, as_of: date, known_at: datetime, medicine_id: str, scenario: Scenario) -> pl.DataFrame:
    """Run-out of a critical medicine in the country as it is and as ``scenario`` changes it; nothing is stored."""
    return what_if_(stored_start(wh, as_of, known_at), medicine_id, scenario)


# --- the whole day


def run(
    wh: Warehouse,
    as_of: date,
    known_at: datetime,
    *,
    folder: Path | None = None,
    workers: int = 1,
    always: bool = False,
) -> Day:
    """Inbox, measure, forecast, judge, evaluate. Sends nothing."""
    verdicts = inbox(wh, folder, received_at=known_at)
    correct(wh, as_of, known_at)
    measure(wh, as_of, known_at, always=always)
    told = forecast(wh, as_of, known_at, workers=workers)
    judged = judge(wh, as_of, known_at, always=always)
    return Day(judged, f"{told}; {evaluate(wh, as_of, known_at)}", verdicts)


def evaluate(wh: Warehouse, as_of: date, known_at: datetime) -> str:
    """Open, raise, ease and close alerts on the picture of a day; queues mails, sends none. Twice changes nothing."""
    return store.evaluate(wh, as_of, known_at, load_rules())


def replay(wh: Warehouse, rules_file: Path) -> Replay:
    """The alerts that a rules file would have given on the evaluated past; nothing is stored."""
    rules = load_rules(rules_file)
    applicable(rules)

    def judged(as_of: date, known_at: datetime) -> pl.DataFrame:
        measured = pictures.stored(wh, tables.MEASURED, "measured", as_of, known_at)
        return judge_measured(wh, measured, as_of, known_at, rules)

    return replay_rules(wh, rules, judged)


def digest(wh: Warehouse, as_of: date, *, at: datetime, weekly: bool = False) -> str:
    """Queue the digest of a report day for every subscribed address, also on a quiet day."""
    return digests.digest(wh, as_of, at=at, weekly=weekly)


def morning_digest(wh: Warehouse, as_of: date, *, at: datetime, weekly: bool = False) -> str:
    """The digest of a report day once its hour has come and the day is evaluated, or has kept it waiting too long."""
    if not digests.is_due(wh, as_of, at):
        return "the digest is not due yet"
    return digest(wh, as_of, at=at, weekly=weekly)


def send(
    wh: Warehouse, *, clock: Callable[[], datetime], drain: bool = False, smtp_url: str | None = None
) -> sender.Sent:
    """Hand over the mails that are due."""
    return sender.send(wh, clock=clock, drain=drain, smtp_url=smtp_url)


def summary(situation: pl.DataFrame) -> str:
    """One line on a picture: how many families stand at each level in the country."""
    families = situation.filter((pl.col("county_code") == COUNTRY) & (pl.col("grain") == "family"))
    counts = dict(families.group_by("level").len().iter_rows())
    told = ", ".join(f"{counts[level]} {level}" for level in LEVELS if counts.get(level))
    return f"{situation.height} rows, families in the country: {told or 'none'}"


def days_between(first: str, last: str) -> list[str]:
    """The days from ``first`` to ``last``, both inside. Raises InputError when they are no days."""
    try:
        start, end = date.fromisoformat(first), date.fromisoformat(last)
    except ValueError as error:
        raise InputError("from and to must be days", "Write them as YYYY-MM-DD") from error
    return [(start + timedelta(days=number)).isoformat() for number in range((end - start).days + 1)]


def _measured_frames(measured: Measurement, of_day: Master) -> dict[Table, pl.DataFrame]:
    return {
        tables.MEASURED: measured.measured,
        tables.STOCK_DAILY: measured.stock_daily,
        tables.USUAL_UNITS: measured.usual_units,
        tables.COMPLETENESS: measured.completeness,
        tables.OBLIGATIONS: measured.obligations,
        tables.STATE_RESERVE: measured.state_reserve,
        tables.MEDICINES: of_day.medicines,
        tables.PACKAGES: of_day.packages,
        tables.MEMBERSHIPS: of_day.memberships,
    }


def _previous(wh: Warehouse, as_of: date, known_at: datetime) -> pl.DataFrame | None:
    """The situation of the newest day before ``as_of`` that was known at ``known_at``."""
    found = wh.read(
        "select max(as_of) as day from picture.pictures where stage = 'judged' and as_of < :as_of"
        " and known_at <= :known_at",
        as_of=as_of,
        known_at=known_at,
    )
    day = found.item()
    return situation(wh, day, known_at) if day is not None else None


def _store_changes(wh: Warehouse, as_of: date, known_at: datetime) -> None:
    """What changed since the day before, stored beside the picture."""
    before = _previous(wh, as_of, known_at)
    if before is not None:
        frame = changes_between(situation(wh, as_of, known_at), before)
        pictures.store(wh, "changes", as_of, known_at, {tables.CHANGES: frame}, always=True)
