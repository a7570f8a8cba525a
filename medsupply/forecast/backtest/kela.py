"""Backtest on Kela's weekly purchases: substances of the country, as the files stand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import polars as pl

from medsupply.errors import InputError
from medsupply.forecast.backtest.reading import reading
from medsupply.forecast.backtest.rolling import rolling
from medsupply.forecast.workers import Progress

COLUMNS = ["VUOSI", "VIIKKO", "VAR_N_OSTOT", "ATC_KOODI", "ATC_TASO", "ALUEKOODI"]
COUNTRY_CODE, SUBSTANCE_LEVEL = 99, 5
FILES = "data_viikko_hva_*.parquet"


def read_kela(folder: Path) -> pl.DataFrame:
    """series_id (ATC level 5), period (Monday), y (purchases), group (ATC level 1) of the whole country.

    Exact duplicate keys count once; a week or substance that a file does not hold is no row: absent is not zero.
    Raises InputError where the folder has no file of Kela's or one cannot be read.
    """
    files = sorted(folder.glob(FILES)) if folder.is_dir() else [folder]
    if not files:
        raise InputError(f"{folder} holds no {FILES}", "Name the folder with Kela's weekly files")
    rows = pl.concat([_read(file) for file in files], how="vertical_relaxed")
    national = rows.filter((pl.col("ALUEKOODI") == COUNTRY_CODE) & (pl.col("ATC_TASO") == SUBSTANCE_LEVEL))
    fourth = pl.date(pl.col("VUOSI").cast(pl.Int32), 1, 4)
    monday = fourth - pl.duration(days=fourth.dt.weekday() - 1) + pl.duration(weeks=pl.col("VIIKKO") - 1)
    named = national.select(
        series_id="ATC_KOODI",
        period=monday.cast(pl.Date),
        y=pl.col("VAR_N_OSTOT").cast(pl.Float64),
        group=pl.col("ATC_KOODI").str.head(1),
    )
    return named.unique(["series_id", "period"], keep="first", maintain_order=True).sort("series_id", "period")


def complete(rows: pl.DataFrame, origin: date) -> pl.DataFrame:
    """The series that have every week that any series has up to ``origin``, read up to there."""
    known = rows.filter(pl.col("period") <= origin)
    weeks = known["period"].n_unique()
    return known.filter(pl.col("period").n_unique().over("series_id") == weeks)


def _read(file: Path) -> pl.DataFrame:
    with reading(file):
        return pl.read_parquet(file, columns=COLUMNS)


def critical_codes(folder: Path) -> set[str] | None:
    """ATC codes of the EU list that lies beside the folder (``eu/union_list*.csv``); None: no list, all are taken."""
    lists = sorted((folder.parent / "eu").glob("union_list*.csv"))
    return set(pl.read_csv(lists[-1])["atc5"].drop_nulls()) if lists else None


def kela(
    data: Path,
    origins: Sequence[date],
    horizon: int,
    out: Path,
    *,
    workers: int = 1,
    progress: Progress | None = None,
) -> Path:
    """Forecast the critical substances with complete series (all complete ones where no EU list lies beside ``data``).

    The others lend their season. An ``origin`` is the Monday of the last week that may be read. Writes
    ``forecasts.parquet`` to ``out`` and returns its path.
    """
    rows = read_kela(data)
    critical = critical_codes(data if data.is_dir() else data.parent)

    def known(origin: date) -> tuple[pl.DataFrame, set[str] | None]:
        found = complete(rows, origin)
        codes = set(found["series_id"])
        return found, codes & critical if critical is not None else codes

    return rolling(known, origins, horizon, "W", "fi", out, workers=workers, progress=progress)
