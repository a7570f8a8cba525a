"""Fit demand and purchases where a week is newly complete, and store what the forecasts say.

The country is fitted; areas take their shares of its paths. A shard is a part of the series: learnt on all of them,
so that any number of shards gives the same numbers.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import structlog

from medsupply.areas import COUNTRY, COUNTY_CODES
from medsupply.days import last_complete_week
from medsupply.errors import ForecastError, WarehouseError
from medsupply.forecast.calendar import Array
from medsupply.forecast.demand import Learning, forecast_demand, learn_demand
from medsupply.forecast.effects import Effects, effects_of
from medsupply.forecast.panel import kind, panel
from medsupply.forecast.result import DemandForecast, quantile_frame
from medsupply.forecast.shares import Shares, area_paths, learn_shares
from medsupply.forecast.workers import Progress, pool
from medsupply.steps.demand import weekly_series
from medsupply.tables.forecast import DEMAND, DEMAND_SERIES, RUNS, SUBSTITUTIONS, quantile_column
from medsupply.tables.forecast import QUANTILES as LEVELS
from medsupply.warehouse.database import bulk
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.storage.store import open_store

log = structlog.get_logger()
HORIZON, PATHS, SEED = 26, 400, 1
LEAST_WEEKS = 8
UNITS, PURCHASES = "units", "purchases"
_SHORT = """
    SELECT DISTINCT m.medicine_id AS series_id, CAST(date_trunc('week', m.as_of) AS date) AS period
    FROM picture.measured m
    JOIN (SELECT as_of, max(known_at) AS known_at FROM picture.pictures
          WHERE stage = 'measured' AND known_at <= :known_at GROUP BY as_of) v USING (as_of, known_at)
    WHERE m.county_code = '99' AND (m.stock_units <= m.floor_units OR m.out_share >= 0.5)
"""


def cutoff_of(as_of: date) -> date:
    """The Sunday of the last complete week."""
    return last_complete_week(as_of) + timedelta(days=6)


def fit_demand(
    wh: Warehouse,
    as_of: date,
    known_at: datetime,
    *,
    workers: int,
    shard: tuple[int, int] = (0, 1),
    progress: Progress | None = None,
) -> int:
    """Fit and store the demand series of one shard whose data is new; returns how many were fitted."""
    cutoff = cutoff_of(as_of)
    series = series_of(wh, cutoff, known_at)
    version = version_of(series)
    wanted = _shard(series["series_id"].unique().sort().to_list(), shard)
    if not wanted or _is_stored(wh, UNITS, cutoff, known_at, version, shard, wanted):
        return 0
    found = _forecast(series, cutoff, workers, wanted, progress)
    if found is None:
        return 0
    shares = learn_shares(weekly_series(wh, cutoff, known_at), COUNTRY)
    _store(wh, UNITS, found, shares, cutoff, known_at, version, shard, series)
    return len(found.series_ids)


def series_of(wh: Warehouse, cutoff: date, known_at: datetime) -> pl.DataFrame:
    """Weekly demand of the country up to ``cutoff`` as known: series_id, period, y (null: unknown or short), group."""
    national = weekly_series(wh, cutoff, known_at, COUNTRY)
    return censored(_as_series(national, wh), _short_weeks(wh, known_at))


def _as_series(national: pl.DataFrame, wh: Warehouse) -> pl.DataFrame:
    """The frame that the forecast reads; ATC level 1 groups series that share a season."""
    atc = wh.read("select medicine_id, left(atc, 1) as group from picture.medicines")
    long_enough = pl.col("units").is_not_null().sum().over("medicine_id") >= LEAST_WEEKS
    return (
        national.filter(long_enough)
        .join(atc, on="medicine_id", how="left")
        .select(series_id="medicine_id", period="week", y="units", group=pl.col("group").fill_null("?"))
        .sort("series_id", "period")
    )


def censored(series: pl.DataFrame, short: pl.DataFrame) -> pl.DataFrame:
    """``series`` without what was dispensed in weeks in which the medicine was short: that is not its demand.

    ``short``: series_id, period. The week stays as a gap, never as a zero.
    """
    marked = series.join(short.unique().with_columns(out=pl.lit(True)), on=["series_id", "period"], how="left")
    gap = pl.when(pl.col("out").is_null()).then(pl.col("y")).alias("y")
    return marked.with_columns(gap).drop("out").sort("series_id", "period")


def _short_weeks(wh: Warehouse, known_at: datetime) -> pl.DataFrame:
    """Weeks with a picture in which the country's stock stood at its floor, or half of demand met an empty shelf."""
    return wh.read(_SHORT, known_at=known_at)


def version_of(series: pl.DataFrame) -> str:
    """SHA-256 of what is forecast from: the same data is not fitted again."""
    return hashlib.sha256(series.write_csv().encode()).hexdigest()


def _shard(ids: Sequence[str], shard: tuple[int, int]) -> list[str]:
    """The part of the series that a shard fits: by a stable hash, so that a new series moves no other."""
    number, of = shard
    return [one for one in ids if int(hashlib.sha256(one.encode()).hexdigest()[:8], 16) % of == number]


def _is_stored(
    wh: Warehouse,
    measure: str,
    cutoff: date,
    known_at: datetime,
    version: str,
    shard: tuple[int, int],
    wanted: Sequence[str],
) -> bool:
    """Whether the same data of the same cutoff is forecast already, whole or as this shard: paths and rows of all that
    is ``wanted``. A shard that was killed between the two has its paths, and another shard its run."""
    names = [paths_name(measure, cutoff, version, whole) for whole in ((0, 1), shard)]
    rows = wh.read(
        "select distinct s.medicine_id from forecast.demand_series s"
        " join forecast.runs r using (measure, cutoff, known_at) where measure = :measure and cutoff = :cutoff"
        " and known_at <= :known_at and r.data_version = :version",
        measure=measure,
        cutoff=cutoff,
        known_at=known_at,
        version=version,
    )
    store = open_store(wh.settings.archive_url)
    return set(wanted) <= set(rows["medicine_id"]) and any(store.exists(name) for name in names)


def _forecast(
    series: pl.DataFrame, cutoff: date, workers: int, wanted: Sequence[str], progress: Progress | None
) -> DemandForecast | None:
    """None where nothing can be forecast yet: too few weeks."""
    if series.is_empty():
        return None
    try:
        return forecast_demand(
            series,
            cutoff,
            horizon=HORIZON,
            n_paths=PATHS,
            seed=SEED,
            workers=workers,
            learning=_learning(series, cutoff, workers),
            only=wanted,
            progress=progress,
        )
    except ForecastError as error:
        log.warning("no forecast", cutoff=str(cutoff), reason=error.reason)
        return None


def _learning(series: pl.DataFrame, cutoff: date, workers: int) -> Learning:
    """What all series teach, whatever the shard: so that shards give the same numbers as the whole."""
    everything = panel(series, cutoff, "W")
    kinds = [kind(everything.y[:, j], "W") for j in range(len(everything.ids))]
    with pool(workers) as processes:
        return learn_demand(everything, kinds, HORIZON, "fi", processes)


def _store(
    wh: Warehouse,
    measure: str,
    found: DemandForecast,
    shares: dict[str, Shares],
    cutoff: date,
    known_at: datetime,
    version: str,
    shard: tuple[int, int],
    series: pl.DataFrame,
) -> None:
    """Paths into the store, quantiles and what drives them into the warehouse."""
    name = paths_name(measure, cutoff, version, shard)
    open_store(wh.settings.archive_url).put(name, _packed(found))
    demand, per_series = [], []
    for medicine, paths in zip(found.series_ids, found.paths(), strict=True):
        areas = {COUNTRY: paths, **_areas(medicine, paths, shares, cutoff)}
        demand.append(_quantiles(measure, medicine, areas, found.periods, cutoff, known_at))
        place = found.series_ids.index(medicine)
        kind, effects = found.kinds[place], effects_of(found, place)
        history = series.filter(pl.col("series_id") == medicine)["y"].drop_nulls()
        per_series += [
            _summary(measure, medicine, area, one, kind, history, effects, cutoff, known_at)
            for area, one in areas.items()
        ]
    _write(wh, measure, found, cutoff, known_at, version, pl.concat(demand), per_series)


def _areas(medicine: str, paths: Array, shares: dict[str, Shares], cutoff: date) -> dict[str, Array]:
    mine = shares.get(medicine)
    return area_paths(paths, mine, COUNTY_CODES, medicine, cutoff) if mine is not None else {}


def _write(
    wh: Warehouse,
    measure: str,
    found: DemandForecast,
    cutoff: date,
    known_at: datetime,
    version: str,
    demand: pl.DataFrame,
    per_series: list[dict[str, object]],
) -> None:
    substituted = found.substitutions().with_columns(
        medicine_id=pl.col("series_id"), measure=pl.lit(measure), cutoff=pl.lit(cutoff), known_at=pl.lit(known_at),
        county_code=pl.lit(COUNTRY),
    )  # fmt: skip
    run = {
        "measure": measure, "cutoff": cutoff, "known_at": known_at, "data_version": version, "horizon_weeks": HORIZON,
        "paths": PATHS, "series": len(found.series_ids), "substituted": substituted.height, "models": found.models(),
        "kappa": str([round(float(value), 4) for value in found.learnt.kappa]),
    }  # fmt: skip
    failed = substituted.filter(pl.col("used") == "neighbour")
    if failed.height:
        log.warning("fits gave way to a neighbour", measure=measure, series=failed["series_id"].n_unique())
    ids = list(found.series_ids)
    match = {"measure": measure, "cutoff": cutoff, "known_at": known_at, "medicine_id": ids}
    with wh.transaction() as connection:
        bulk.upsert(connection, RUNS, pl.DataFrame([run], schema=RUNS.dtypes()))
        bulk.replace(connection, DEMAND, demand, **match)
        bulk.replace(connection, DEMAND_SERIES, pl.DataFrame(per_series, schema=DEMAND_SERIES.dtypes()), **match)
        bulk.replace(connection, SUBSTITUTIONS, substituted.unique(SUBSTITUTIONS.key, keep="first"), **match)


def _quantiles(
    measure: str, medicine: str, areas: dict[str, Array], periods: Sequence[date], cutoff: date, known_at: datetime
) -> pl.DataFrame:
    frame = quantile_frame(list(areas), periods, np.stack(list(areas.values())))
    renamed = frame.rename({f"q{level:g}": quantile_column(level) for level in LEVELS})
    return renamed.rename({"series_id": "county_code", "period": "week"}).with_columns(
        measure=pl.lit(measure), cutoff=pl.lit(cutoff), known_at=pl.lit(known_at), medicine_id=pl.lit(medicine)
    )


def _summary(
    measure: str,
    medicine: str,
    area: str,
    paths: Array,
    kind: str,
    history: pl.Series,
    effects: Effects | None,
    cutoff: date,
    known_at: datetime,
) -> dict[str, object]:
    """Sums and daily demand from the paths, and what drives them against last year, where a year is known."""
    four = paths[:, :4].sum(axis=1)
    row: dict[str, object] = {
        "measure": measure,
        "cutoff": cutoff,
        "known_at": known_at,
        "medicine_id": medicine,
        "county_code": area,
        "model": kind,
        "daily_units": float(np.median(four)) / 28.0,
    }
    for weeks in (13, 26):
        low, middle, high = np.quantile(paths[:, :weeks].sum(axis=1), (0.1, 0.5, 0.9))
        row |= {f"total_{weeks}_q10": low, f"total_{weeks}_q50": middle, f"total_{weeks}_q90": high}
    if area == COUNTRY and len(history) >= 52:
        year = history.tail(52).mean()
        before = float(history.tail(52).head(4).sum())
        assert isinstance(year, float)
        if year > 0:
            whole = float(np.median(four)) / 4.0 / year
            row["level_effect"] = whole / (effects.season * effects.calendar) if effects else whole
        if effects:
            row |= {"season_effect": effects.season, "calendar_effect": effects.calendar}
        row["year_effect"] = float(np.median(four)) / before if before else None
    return row


def paths_name(measure: str, cutoff: date, version: str, shard: tuple[int, int]) -> str:
    return f"forecast/{measure}/{cutoff}.{version[:16]}.{shard[0]}of{shard[1]}.parquet"


def _packed(found: DemandForecast) -> bytes:
    """Paths as Parquet: series_id, paths and weeks flattened, whole units of single precision."""
    frame = pl.DataFrame(
        {
            "series_id": list(found.series_ids),
            "paths": [one.astype(np.float32).ravel() for one in found.paths()],
        },
        schema={"series_id": pl.String, "paths": pl.List(pl.Float32)},
    )
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd")
    return buffer.getvalue()


def stored_paths(wh: Warehouse, measure: str, as_of: date, known_at: datetime) -> tuple[date | None, dict[str, Array]]:
    """The newest cutoff with paths known by ``known_at`` and at most 14 days old, and the country's paths by series."""
    run = wh.read(
        "select cutoff, data_version from forecast.runs where measure = :measure and cutoff <= :as_of"
        " and cutoff >= :oldest and known_at <= :known_at order by cutoff desc, known_at desc limit 1",
        measure=measure,
        as_of=as_of,
        oldest=as_of - timedelta(days=14),
        known_at=known_at,
    )
    if run.is_empty():
        return None, {}
    cutoff, version = run.row(0)
    store = open_store(wh.settings.archive_url)
    prefix = f"{cutoff}.{version[:16]}."
    names = [name for name in store.names(f"forecast/{measure}") if name.rpartition("/")[2].startswith(prefix)]
    if not names:
        raise WarehouseError(
            f"The sample paths of the forecast of {cutoff} ({measure}) are not in the archive any more",
            f"Make them again: medsupply forecast --as-of {as_of}",
        )
    paths: dict[str, Array] = {}
    for name in names:
        for series_id, flat in pl.read_parquet(io.BytesIO(store.get(name))).iter_rows():
            paths[series_id] = np.asarray(flat, dtype=float).reshape(PATHS, HORIZON)
    return cutoff, paths
