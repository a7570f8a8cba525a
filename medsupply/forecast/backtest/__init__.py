"""Backtests that leave files anyone can score: one function per kind of data."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from medsupply.errors import InputError
from medsupply.forecast.workers import Progress

KINDS = ("kela", "series", "civ", "uk", "nation")


def run(
    kind: str,
    data: Path,
    origins: Sequence[date],
    horizon: int,
    out: Path,
    *,
    workers: int = 1,
    progress: Progress | None = None,
) -> Path:
    """Run the backtest ``kind`` and return the file it wrote. Raises InputError for an unknown kind or wrong data."""
    from medsupply.forecast.backtest.civ import civ
    from medsupply.forecast.backtest.kela import kela
    from medsupply.forecast.backtest.nation import nation
    from medsupply.forecast.backtest.series import series
    from medsupply.forecast.backtest.uk import uk

    known = dict(zip(KINDS, (kela, series, civ, uk, nation), strict=True))
    if kind not in known:
        raise InputError(f"{kind!r} is no backtest", f"Use one of {', '.join(KINDS)}")
    return known[kind](data, origins, horizon, out, workers=workers, progress=progress)
