"""Holders that do not report for some days: nobody's stock is zero by that."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl


class Silence:
    """Which holders are silent on which day; drawn once, and one that is planted."""

    def __init__(self, holders: Sequence[str], first: date, last: date, rate: float, mean: float, seed: int) -> None:
        """``rate``: silences per holder and year; ``mean``: days that one lasts."""
        random = np.random.default_rng([seed, 31])
        days = (last - first).days + 1
        self.spans: list[tuple[str, date, date]] = []
        for holder in holders:
            for _ in range(int(random.poisson(rate * days / 365.25))):
                start = first + timedelta(days=int(random.integers(0, days)))
                self.spans.append((holder, start, start + timedelta(days=int(random.geometric(1 / mean)))))

    def plant(self, holder: str, start: date, end: date) -> None:
        self.spans.append((holder, start, end))

    def heard(self, rows: pl.DataFrame, who: str, day: date) -> pl.DataFrame:
        """The rows of those who report on ``day``."""
        silent = sorted({holder for holder, start, end in self.spans if start <= day <= end})
        return rows.filter(~pl.col(who).is_in(silent)) if silent else rows
