"""Kela purchases against what a forecast made before the week expected: the demand index.

Substances are forecast for the country; a county's class (ATC level 2) is expected at its usual share of the
country's forecast of that class.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import structlog

from medsupply.areas import COUNTRY
from medsupply.errors import ForecastError
from medsupply.facts import Facts
from medsupply.forecast.calendar import Array
from medsupply.forecast.demand import forecast_demand
from medsupply.forecast.workers import Progress
from medsupply.picture.purchases import monday
from medsupply.tables.forecast import INDEX_EXPECTED
from medsupply.warehouse.database import bulk
from medsupply.warehouse.database.connection import Warehouse

log = structlog.get_logger()
HISTORY_WEEKS, SHARE_WEEKS, LEAST_WEEKS = 210, 12, 30
HIGH = 0.975


def update_index(
    wh: Warehouse, facts: Facts, atc_codes: list[str], *, workers: int, progress: Progress | None = None
) -> int:
    """Expect the last complete week known, from purchases before it; returns the expectations stored.

    Weeks already expected from the same purchases are left alone.
    """
    weekly = _weekly(facts)
    week = weekly.filter(pl.col("week") + pl.duration(days=6) <= facts.as_of)["week"].max()
    if not isinstance(week, date):
        return 0
    before = weekly.filter((pl.col("week") < week) & (pl.col("week") >= week - timedelta(weeks=HISTORY_WEEKS)))
    wanted = _series(before, week, atc_codes)
    version = hashlib.sha256(wanted.write_csv().encode()).hexdigest()
    if wanted.is_empty() or _is_stored(wh, week, facts.known_at, version):
        return 0
    try:
        found = forecast_demand(
            wanted, week - timedelta(days=1), horizon=4, n_paths=400, seed=1, workers=workers, progress=progress
        )
    except ForecastError as error:
        log.warning("no expectation", week=str(week), reason=error.reason)
        return 0
    ahead = found.periods.index(week) if week in found.periods else 0
    paths = dict(zip(found.series_ids, found.paths()[:, :, ahead], strict=True))
    rows = _expected(paths, weekly, before, week)
    earlier = _above_before(wh, week, facts.known_at)
    stored = _stamped(rows, week, facts.known_at, earlier)
    with wh.transaction() as connection:
        bulk.replace(connection, INDEX_EXPECTED, stored, week=week, known_at=facts.known_at)
    _remember(wh, week, facts.known_at, version)
    return stored.height


def _weekly(facts: Facts) -> pl.DataFrame:
    """week, atc, level, county_code, purchases: level 5 and 2 of the country, level 2 of the counties."""
    rows = facts.current("kela_purchases").filter(pl.col("atc_taso").is_in([2, 5]))
    named = rows.select(
        week=monday(pl.col("vuosi"), pl.col("viikko")),
        atc="atc_koodi",
        level="atc_taso",
        county_code="aluekoodi",
        purchases="var_n_ostot",
    )
    return named.unique(["week", "atc", "county_code"], keep="first", maintain_order=True)


def _series(before: pl.DataFrame, week: date, atc_codes: list[str]) -> pl.DataFrame:
    """The country's series that are forecast: the substances asked for, and all classes."""
    national = before.filter(
        (pl.col("county_code") == COUNTRY) & ((pl.col("level") == 2) | pl.col("atc").is_in(atc_codes))
    )
    known = pl.len().over("atc") >= LEAST_WEEKS
    recent = pl.col("week").max().over("atc") >= week - timedelta(weeks=4)
    kept = national.filter(known & recent).sort("atc", "week")
    return kept.select(series_id="atc", period="week", y="purchases", group=pl.col("atc").str.head(1))


def _expected(paths: Mapping[str, Array], weekly: pl.DataFrame, before: pl.DataFrame, week: date) -> pl.DataFrame:
    """atc, county_code, expected, high, purchases of ``week``."""
    national = pl.DataFrame(
        {
            "atc": list(paths),
            "expected": [float(np.median(one)) for one in paths.values()],
            "high": [float(np.quantile(one, HIGH)) for one in paths.values()],
        },
        schema={"atc": pl.String, "expected": pl.Float64, "high": pl.Float64},
    )
    # A county wanders around its share, too: both spreads together make its high expectation.
    above = pl.col("high") / pl.col("expected") - 1
    wider = 1 + (above**2 + (2 * pl.col("spread")) ** 2).sqrt()
    expected = pl.col("expected") * pl.col("share")
    joined = _county_shares(before, week).join(national, on="atc")
    counties = joined.select("atc", "county_code", expected=expected, high=expected * wider)
    both = pl.concat([national.with_columns(county_code=pl.lit(COUNTRY)).select(counties.columns), counties])
    now = weekly.filter(pl.col("week") == week).select("atc", "county_code", "purchases")
    return both.join(now, on=["atc", "county_code"]).sort("atc", "county_code")


def _county_shares(before: pl.DataFrame, week: date) -> pl.DataFrame:
    """A county's share of the country's class in the last weeks, and how it spreads."""
    classes = before.filter((pl.col("level") == 2) & (pl.col("week") >= week - timedelta(weeks=SHARE_WEEKS)))
    total = classes.filter(pl.col("county_code") == COUNTRY).select("week", "atc", total="purchases")
    rows = classes.filter(pl.col("county_code") != COUNTRY).join(total, on=["week", "atc"])
    ratio = pl.col("purchases") / pl.col("total")
    return (
        rows.filter(pl.col("total") > 0)
        .group_by("atc", "county_code")
        .agg(
            share=pl.col("purchases").sum() / pl.col("total").sum(), spread=(ratio.std() / ratio.mean()).fill_null(0.1)
        )
        .filter(pl.col("share") > 0)
    )


def _above_before(wh: Warehouse, week: date, known_at: datetime) -> pl.DataFrame:
    """Whether the complete week before lay above its own high expectation, where one was made."""
    return wh.read(
        "select distinct on (atc, county_code) atc, county_code, purchases > high as above"
        " from forecast.index_expected where week < :week and week >= :oldest and known_at <= :known_at"
        " order by atc, county_code, week desc, known_at desc",
        week=week,
        oldest=week - timedelta(weeks=3),
        known_at=known_at,
    )


def _stamped(rows: pl.DataFrame, week: date, known_at: datetime, earlier: pl.DataFrame) -> pl.DataFrame:
    joined = rows.join(earlier, on=["atc", "county_code"], how="left")
    surge = (pl.col("purchases") > pl.col("high")) & pl.col("above")
    return joined.with_columns(
        week=pl.lit(week), known_at=pl.lit(known_at), cutoff=pl.lit(week - timedelta(days=1)), surge=surge
    )


def _is_stored(wh: Warehouse, week: date, known_at: datetime, version: str) -> bool:
    found = wh.read(
        "select count(*) as n from forecast.runs where measure = 'purchases' and cutoff = :cutoff"
        " and known_at <= :known_at and data_version = :version",
        cutoff=week - timedelta(days=1),
        known_at=known_at,
        version=version,
    )
    return bool(found.item())


def _remember(wh: Warehouse, week: date, known_at: datetime, version: str) -> None:
    from medsupply.tables.forecast import RUNS

    run = {
        "measure": "purchases", "cutoff": week - timedelta(days=1), "known_at": known_at, "data_version": version,
        "horizon_weeks": 4, "paths": 400, "series": 0, "substituted": 0, "models": "{}", "kappa": "[]",
    }  # fmt: skip
    with wh.transaction() as connection:
        bulk.upsert(connection, RUNS, pl.DataFrame([run], schema=RUNS.dtypes()))
