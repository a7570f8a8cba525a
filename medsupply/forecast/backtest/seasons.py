"""Demand of a simulated nation's medicines in the next days: level of late, season from dispensing and purchases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from medsupply.forecast.calendar import Array, harmonics
from medsupply.forecast.history import Past

COLUMNS = ["VUOSI", "VIIKKO", "VAR_N_OSTOT", "ATC_KOODI", "ATC_TASO", "ALUEKOODI"]
ORDER, PULL, LEAST_WEEKS = 2, 20.0, 12
LEVEL_WEIGHT, SCARCE_DAYS, SCARCE_SHARE = 0.25, 9.0, 0.2
SPREAD_WEEKS, DEFAULT_SPREAD, LARGEST = 8, 0.08, 0.5
PERSISTENT, WANDERING = 0.8, 0.2


@dataclass(frozen=True)
class Outlook:
    """``daily`` [series, days]: median demand a day; ``spread``: deviation of the log of an eight-week mean."""

    daily: Array
    spread: float


def read_purchases(folder: Path) -> pl.DataFrame:
    """atc, week (Monday), purchases, listed (day the file came) of the country, from Kela's files of a nation."""
    frames = [pl.DataFrame(schema={"atc": pl.String, "week": pl.Date, "purchases": pl.Float64, "listed": pl.Date})]
    for file in sorted(folder.glob("*.parquet")) if folder.is_dir() else ():
        rows = pl.read_parquet(file, columns=COLUMNS).filter((pl.col("ALUEKOODI") == 99) & (pl.col("ATC_TASO") == 5))
        listed = date.fromisoformat(file.stem[-10:])
        frames.append(
            rows.select(
                atc="ATC_KOODI",
                week=_monday(),
                purchases=pl.col("VAR_N_OSTOT").cast(pl.Float64),
                listed=pl.lit(listed),
            )
        )
    return pl.concat(frames)


def _monday() -> pl.Expr:
    fourth = pl.date(pl.col("VUOSI").cast(pl.Int32), 1, 4)
    weeks = pl.duration(weeks=(pl.col("VIIKKO") - 1).cast(pl.Int64))
    return (fourth - pl.duration(days=fourth.dt.weekday() - 1) + weeks).cast(pl.Date)


def outlook(past: Past, at: int, purchases: pl.DataFrame, atc: Sequence[str], days: int) -> Outlook:
    """Demand after day number ``at`` from what was known then; ``atc``: code of each series.

    Weeks in which a medicine was scarce say nothing of its demand.
    """
    week, middle = _weeks(past, at)
    known = purchases.filter(pl.col("listed") <= past.days[at]).sort("listed")
    newest = known.unique(["atc", "week"], keep="last").sort("atc", "week").partition_by("atc", as_dict=True)
    bought = {str(key[0]): (np.log(part["purchases"].to_numpy()), part["week"].to_list())
              for key, part in newest.items() if part.height > 30}  # fmt: skip
    waves = harmonics([day - timedelta(days=3) for day in middle], ORDER)
    beta = np.stack([_season(week[:, j], waves, bought.get(atc[j])) for j in range(week.shape[1])])
    plain = week - waves @ beta.T
    level = _levels(plain)
    ahead = [past.days[at] + timedelta(days=n - 3) for n in range(1, days + 1)]
    return Outlook(np.exp(level[-1][:, None] + beta @ harmonics(ahead, ORDER).T), _spread(plain, level))


def paths(found: Outlook, row: int, n_paths: int, rng: np.random.Generator) -> Array:
    """Demand of one series [paths, days] around its median: a level that is off, and one that wanders."""
    days = found.daily.shape[1]
    walk = np.cumsum(rng.standard_normal((n_paths, days // 7 + 1)), axis=1) * WANDERING
    off = (walk + PERSISTENT * rng.standard_normal((n_paths, 1))) * found.spread
    return np.asarray(found.daily[row] * np.exp(np.repeat(off, 7, axis=1)[:, :days]))


def _weeks(past: Past, at: int) -> tuple[Array, list[date]]:
    """Log of mean daily demand of whole weeks up to ``at`` [weeks, series], nan where scarce; their middle days."""
    count = (at + 1) // 7
    first = at + 1 - 7 * count
    demand = past.by_series(past.demand[first : at + 1]).reshape(count, 7, -1).mean(axis=1)
    lowest = past.by_series(past.stock[first : at + 1]).reshape(count, 7, -1).min(axis=1)
    usual = np.median(demand, axis=0)
    scarce = (np.nan_to_num(lowest, nan=np.inf) < SCARCE_DAYS * usual) | (demand < SCARCE_SHARE * usual)
    logs = np.where(scarce, np.nan, np.log(np.maximum(demand, 1e-9)))
    return logs, [past.days[first + 7 * k + 3] for k in range(count)]


def _season(week: Array, waves: Array, bought: tuple[Array, list[date]] | None) -> Array:
    """Coefficients of the year: ridge on the own weeks and on the purchases of the substance, each off its trend."""
    gram, right = PULL * np.eye(waves.shape[1]), np.zeros(waves.shape[1])
    rows = [(week, waves)] + ([(bought[0], harmonics(bought[1], ORDER))] if bought else [])
    for values, x in rows:
        there = ~np.isnan(values)
        if there.sum() < LEAST_WEEKS:
            continue
        both = np.column_stack([x[there], values[there]])
        line = np.column_stack([np.ones(there.sum()), np.linspace(-1, 0, len(values))[there]])
        both = both - line @ np.linalg.lstsq(line, both, rcond=None)[0]
        gram, right = gram + both[:, :-1].T @ both[:, :-1], right + both[:, :-1].T @ both[:, -1]
    return np.asarray(np.linalg.solve(gram, right))


def _levels(plain: Array) -> Array:
    """Level after each week [weeks, series]: exponential smoothing that a gap leaves as it is."""
    level = np.array([np.median(column[~np.isnan(column)][:8]) if (~np.isnan(column)).any() else 0.0
                      for column in plain.T])  # fmt: skip
    found = np.empty_like(plain)
    for week, values in enumerate(plain):
        level = np.where(np.isnan(values), level, level + LEVEL_WEIGHT * (values - level))
        found[week] = level
    return found


def _spread(plain: Array, level: Array) -> float:
    """How far the mean of the next eight weeks was off the level before, over all series."""
    errors = []
    for week in range(LEAST_WEEKS, len(plain) - SPREAD_WEEKS):
        ahead = plain[week + 1 : week + 1 + SPREAD_WEEKS]
        there = (~np.isnan(ahead)).any(axis=0)
        errors.append(
            (np.nansum(ahead[:, there], axis=0) / (~np.isnan(ahead[:, there])).sum(axis=0)) - level[week, there]
        )
    flat = np.concatenate(errors) if errors else np.empty(0)
    return float(np.sqrt(np.mean(np.clip(flat, -LARGEST, LARGEST) ** 2))) if len(flat) > 50 else DEFAULT_SPREAD
