"""How stored forecasts turned out: scored once when their weeks or days have come in, into ``forecast.scores``."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import polars as pl
import structlog

from medsupply.areas import COUNTRY
from medsupply.forecast.running import (
    demand_scores,
    happened,
    purchase_scores,
    run_out_scores,
    worse,
    worse_than_knowing_nothing,
)
from medsupply.steps.demand import weekly_series
from medsupply.tables.forecast import ALL, CLASS, COUNTIES, CRITICAL, HORIZON_DAYS, OTHER, SCORES
from medsupply.warehouse.database import bulk
from medsupply.warehouse.database.connection import Warehouse

log = structlog.get_logger()
DEMAND, RUN_OUT, PROBABILITY, PURCHASES = "demand", "run_out", "probability", "purchases"
HORIZON_WEEKS = (4, 8, 13, 26)
WATCHED = {DEMAND: ("pinball", 4), RUN_OUT: ("brier", 56)}
DEGRADED = "degraded"
BEFORE = 8
_CLASSES = """
    SELECT DISTINCT ON (medicine_id) medicine_id, critical, critical_class FROM picture.medicines
    WHERE known_at <= :known_at ORDER BY medicine_id, known_at DESC
"""


def score_what_came(wh: Warehouse, as_of: date, cutoff: date, known_at: datetime) -> int:
    """Score every stored forecast of which a further horizon has come in; returns the rows written."""
    rows = [*_demand(wh, cutoff, known_at), *_purchases(wh, as_of, known_at), *_run_out(wh, as_of, known_at)]
    if not rows:
        return 0
    found = pl.concat(rows)
    with wh.transaction() as connection:
        bulk.upsert(connection, SCORES, found)
    flags = _degraded(wh, known_at)
    with wh.transaction() as connection:
        bulk.upsert(connection, SCORES, flags)
    for row in flags.filter(pl.col("value") > 0).iter_rows(named=True):
        log.warning("forecast degraded", kind=row["kind"], origin=str(row["origin"]))
    return found.height


def _scored(wh: Warehouse, kind: str, known_at: datetime) -> set[tuple[date, int]]:
    rows = wh.read(
        "select distinct origin, horizon from forecast.scores where kind = :kind and known_at <= :known_at"
        " and metric <> 'degraded' and measure <> 'purchases'",
        kind=kind,
        known_at=known_at,
    )
    return set(rows.iter_rows())


def _groups(classes: pl.DataFrame) -> pl.DataFrame:
    """medicine_id, groups: all, critical or other, and the class of critical ones."""
    critical = pl.col("critical").fill_null(False)
    named = pl.when(critical).then(pl.lit(CRITICAL)).otherwise(pl.lit(OTHER))
    own = pl.when(critical & pl.col("critical_class").is_not_null()).then(
        pl.format(f"{CLASS} {{}}", pl.col("critical_class").fill_null(0))
    )
    both = pl.concat_list(pl.lit(ALL), named, own).list.drop_nulls()
    return classes.select("medicine_id", groups=both)


def _stamped(rows: pl.DataFrame, kind: str, measure: str, origin: date, known_at: datetime) -> pl.DataFrame:
    return rows.with_columns(
        kind=pl.lit(kind), measure=pl.lit(measure), origin=pl.lit(origin), known_at=pl.lit(known_at)
    ).select(SCORES.columns)


def _demand(wh: Warehouse, cutoff: date, known_at: datetime) -> list[pl.DataFrame]:
    """Rows of demand forecasts of which 4, 8, 13 or 26 weeks are newly complete at ``cutoff``: of the country by class,
    and of the counties' critical medicines."""
    stored = wh.read(
        "select distinct cutoff from forecast.runs where measure = 'units' and known_at <= :known_at order by cutoff",
        known_at=known_at,
    )["cutoff"].to_list()
    done = _scored(wh, DEMAND, known_at)
    due = {
        origin: [n for n in HORIZON_WEEKS if origin + timedelta(weeks=n) <= cutoff and (origin, n) not in done]
        for origin in stored
    }
    due = {origin: weeks for origin, weeks in due.items() if weeks}
    if not due:
        return []
    weekly = weekly_series(wh, cutoff, known_at)
    groups = _groups(wh.read(_CLASSES, known_at=known_at))
    found = []
    for origin, weeks in due.items():
        rows = _one_forecast(wh, weekly, groups, origin, cutoff, known_at)
        new = rows.filter(pl.col("horizon").is_in(weeks))
        if new.height:
            found.append(_stamped(new, DEMAND, "units", origin, known_at))
    return found


def _one_forecast(
    wh: Warehouse, weekly: pl.DataFrame, groups: pl.DataFrame, origin: date, cutoff: date, known_at: datetime
) -> pl.DataFrame:
    shared = (
        "measure = 'units' and cutoff = :origin and known_at <= :known_at and (county_code = '99' or medicine_id in"
        " (select medicine_id from picture.medicines where critical and known_at <= :known_at))"
    )
    quantiles = "q025, q10, q20, q30, q40, q50, q60, q70, q80, q90, q975"
    forecast = wh.read(
        f"select distinct on (medicine_id, county_code, week) medicine_id, county_code, week, horizon, {quantiles}"  # noqa: S608
        f" from forecast.demand where {shared} and week <= :cutoff"
        " order by medicine_id, county_code, week, known_at desc",
        origin=origin,
        known_at=known_at,
        cutoff=cutoff,
    )
    sums = wh.read(
        "select distinct on (medicine_id, county_code) medicine_id, county_code, total_13_q10, total_13_q90,"  # noqa: S608
        f" total_26_q10, total_26_q90 from forecast.demand_series where {shared}"
        " order by medicine_id, county_code, known_at desc",
        origin=origin,
        known_at=known_at,
    )
    actual = weekly.filter(pl.col("week") > origin).select("medicine_id", "county_code", "week", actual="units")
    classes = pl.when(pl.col("county_code") == COUNTRY).then(pl.col("groups").fill_null([ALL, OTHER]))
    joined = forecast.join(groups, on="medicine_id", how="left").with_columns(
        groups=classes.otherwise(pl.lit([COUNTIES]))
    )
    return demand_scores(joined, actual.drop_nulls(), sums, _scales(weekly, origin))


def _purchases(wh: Warehouse, as_of: date, known_at: datetime) -> list[pl.DataFrame]:
    """Rows of the weeks of Kela's purchases that were expected and have come in, each week once."""
    expected = wh.read(
        "select distinct on (week, atc, county_code) week, cutoff, county_code, expected, high, purchases"
        " from forecast.index_expected where week <= :as_of and known_at <= :known_at and cutoff not in"
        " (select origin from forecast.scores where measure = 'purchases' and known_at <= :known_at)"
        " order by week, atc, county_code, known_at desc",
        as_of=as_of,
        known_at=known_at,
    )
    parts = expected.partition_by("cutoff", maintain_order=True)
    scored = [(part["cutoff"][0], purchase_scores(part)) for part in parts]
    return [_stamped(rows, DEMAND, PURCHASES, cutoff, known_at) for cutoff, rows in scored if rows.height]


def _scales(weekly: pl.DataFrame, origin: date) -> pl.DataFrame:
    """medicine_id, county_code, scale: mean change to the year before up to the origin; to the week before without."""
    key = ["medicine_id", "county_code"]
    past = weekly.filter(pl.col("week") <= origin).sort(*key, "week")
    year = past.select(*key, week=pl.col("week").dt.offset_by("52w"), before="units")
    changes = past.join(year, on=[*key, "week"], how="left").with_columns(
        year=(pl.col("units") - pl.col("before")).abs(),
        step=(pl.col("units") - pl.col("units").shift().over(key)).abs(),
    )
    enough = pl.col("year").count() >= 8
    scale = pl.when(enough).then(pl.col("year").mean()).otherwise(pl.col("step").mean())
    return changes.group_by(key).agg(scale=scale).drop_nulls()


def _run_out(wh: Warehouse, as_of: date, known_at: datetime) -> list[pl.DataFrame]:
    """Rows of the country's run-out probabilities of which a horizon is newly over on ``as_of``."""
    stored = wh.read(
        "select distinct as_of from forecast.run_out where county_code = '99' and known_at <= :known_at order by as_of",
        known_at=known_at,
    )["as_of"].to_list()
    done = _scored(wh, RUN_OUT, known_at)
    due = {
        origin: [n for n in HORIZON_DAYS if origin + timedelta(days=n) <= as_of and (origin, n) not in done]
        for origin in stored
    }
    due = {origin: days for origin, days in due.items() if days}
    if not due:
        return []
    history = _measured(wh, min(due), as_of, known_at)
    groups = _groups(wh.read(_CLASSES, known_at=known_at))
    found = []
    for origin, days in due.items():
        pairs = _pairs(wh, history, groups, origin, days, known_at)
        if pairs.height:
            found.append(_stamped(run_out_scores(pairs), RUN_OUT, PROBABILITY, origin, known_at))
    return found


def _measured(wh: Warehouse, first: date, last: date, known_at: datetime) -> pl.DataFrame:
    """medicine_id, day, stock_units, floor_units of the country, each day as known last."""
    return wh.read(
        "select distinct on (medicine_id, as_of) medicine_id, as_of as day, stock_units, floor_units"
        " from picture.measured where county_code = '99' and as_of between :first and :last and known_at <= :known_at"
        " order by medicine_id, as_of, known_at desc",
        first=first,
        last=last,
        known_at=known_at,
    )


def _pairs(
    wh: Warehouse, history: pl.DataFrame, groups: pl.DataFrame, origin: date, days: list[int], known_at: datetime
) -> pl.DataFrame:
    """horizon, p, event, groups: medicines above the floor on the origin."""
    told = wh.read(
        "select distinct on (medicine_id, horizon_days) medicine_id, horizon_days as horizon, p from forecast.run_out"
        " where as_of = :origin and county_code = '99' and known_at <= :known_at"
        " order by medicine_id, horizon_days, known_at desc",
        origin=origin,
        known_at=known_at,
    )
    start = history.filter((pl.col("day") == origin) & (pl.col("stock_units") > pl.col("floor_units")))
    events = happened(start.rename({"day": "as_of"}), history.drop("floor_units"), days)
    joined = told.join(events, on=["medicine_id", "horizon"]).join(groups, on="medicine_id", how="left")
    return joined.with_columns(pl.col("groups").fill_null([ALL, OTHER]))


def _degraded(wh: Warehouse, known_at: datetime) -> pl.DataFrame:
    """A row per kind: 1 where its newest forecast did much worse than those before, or than knowing nothing."""
    rows = [pl.DataFrame(schema=SCORES.dtypes())]
    for kind, (metric, horizon) in WATCHED.items():
        past = wh.read(
            "select distinct on (origin, metric) origin, measure, metric, value, pairs from forecast.scores"
            " where kind = :kind and grouping = 'all' and horizon = :horizon and known_at <= :known_at"
            " and metric in (:metric, 'brier_climatology') order by origin, metric, known_at desc",
            kind=kind, horizon=horizon, metric=metric, known_at=known_at,
        )  # fmt: skip
        errors = past.filter(pl.col("metric") == metric).sort("origin")
        if errors.is_empty():
            continue
        newest = errors.row(-1, named=True)
        bad = worse(newest["value"], errors["value"].to_list()[-BEFORE - 1 : -1])
        both = dict(past.filter(pl.col("origin") == newest["origin"]).select("metric", "value").iter_rows())
        if kind == RUN_OUT and "brier_climatology" in both:
            bad = bad or worse_than_knowing_nothing(both, newest["pairs"])
        row = pl.DataFrame(
            {"grouping": [ALL], "horizon": [horizon], "metric": [DEGRADED], "value": [float(bad)],
             "pairs": [newest["pairs"]]}
        )  # fmt: skip
        rows.append(_stamped(row, kind, newest["measure"], newest["origin"], known_at))
    return pl.concat([one.cast(SCORES.dtypes()) for one in rows])  # type: ignore[arg-type]
