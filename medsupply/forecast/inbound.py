"""Announced supply and notices of a medicine, as drawn on each path."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from medsupply.areas import COUNTRY
from medsupply.forecast.calendar import Array
from medsupply.forecast.lateness import OPEN_END_MEAN, Lateness, draw_arrival
from medsupply.forecast.supply import NOTICE_FULL
from medsupply.tables.forecast import HORIZON_DAYS

DAYS = max(HORIZON_DAYS)
PLANNED_FAILS = 0.15


@dataclass(frozen=True)
class Drawn:
    """``announced`` [paths, days] units that arrive; ``notice_share`` [paths, days] of supply that a notice stops."""

    announced: Array
    notice_share: Array


@dataclass(frozen=True)
class Inbound:
    """Announcements (days from as_of to expected, units, certainty) and notices (share, start, end) by series.

    An area without notices of its own has those of the country."""

    supply: Mapping[tuple[str, str], list[tuple[float, float, str]]]
    notices: Mapping[tuple[str, str], list[tuple[float, float, float | None]]]
    lateness: Lateness

    def of(self, key: tuple[str, str], usual_weekly: float, n_paths: int, rng: np.random.Generator) -> Drawn:
        """Draws of one series; ``usual_weekly`` units keep an announcement of nonsense size from flooding it."""
        share = self._shares(key, n_paths, rng)
        arriving = np.zeros((n_paths, DAYS))
        for expected, units, certainty in self.supply.get(key, []):
            day = self._arrival(expected, certainty, n_paths, rng)
            day = _after_notice(day, share)
            inside = (day >= 1) & (day <= DAYS)
            np.add.at(arriving, (np.flatnonzero(inside), day[inside].astype(int) - 1), min(units, 104 * usual_weekly))
        return Drawn(arriving, share)

    def under_notice(self, key: tuple[str, str]) -> bool:
        """Whether a notice stops some of the supply within the horizon."""
        spans = self.notices.get(key) or self.notices.get((key[0], COUNTRY), [])
        return any(share > 0 and start <= DAYS for share, start, _ in spans)

    def only(self, medicines: Collection[str]) -> Inbound:
        """The same of some medicines."""
        supply = {key: rows for key, rows in self.supply.items() if key[0] in medicines}
        notices = {key: rows for key, rows in self.notices.items() if key[0] in medicines}
        return Inbound(supply, notices, self.lateness)

    def _arrival(self, expected: float, certainty: str, n_paths: int, rng: np.random.Generator) -> Array:
        """Day of arrival [paths], 1 is tomorrow; an overdue one is drawn as not yet arrived."""
        late = draw_arrival(self.lateness.late, np.full(n_paths, max(-expected, -400.0)), rng.random(n_paths))
        fails = (rng.random(n_paths) < PLANNED_FAILS) & (certainty == "planned")
        return np.where(fails, np.inf, np.maximum(np.ceil(expected + late), 1.0))

    def _shares(self, key: tuple[str, str], n_paths: int, rng: np.random.Generator) -> Array:
        """Share of supply stopped by notices [paths, days]; each notice has its own drawn end, at most one in all."""
        day = np.arange(1, DAYS + 1)[None, :]
        total = np.zeros((n_paths, DAYS))
        for share, start, end in self.notices.get(key) or self.notices.get((key[0], COUNTRY), []):
            drawn = self._end(end, n_paths, rng)
            total += share * ((day >= start) & (day <= drawn[:, None]))
        return np.minimum(total, 1.0)

    def _end(self, end: float | None, n_paths: int, rng: np.random.Generator) -> Array:
        """Drawn last day [paths] of a notice: the stated end plus slip, not before today; open: exponential."""
        if end is None:
            return rng.exponential(OPEN_END_MEAN, n_paths)
        return end + draw_arrival(self.lateness.slip, np.full(n_paths, -end), rng.random(n_paths))


def _after_notice(day: Array, share: Array) -> Array:
    """Arrivals that fall into a notice that covers all wait for its end on that path."""
    stopped = share >= NOTICE_FULL
    if not stopped.any():
        return day
    at = np.clip(np.where(np.isfinite(day), day, 1).astype(int) - 1, 0, DAYS - 1)
    rows = np.arange(len(day))
    last = np.where(stopped.any(axis=1), DAYS - np.argmax(stopped[:, ::-1], axis=1), 0)
    waits = stopped[rows, at] & (day <= DAYS)
    return np.where(waits, last + 1.0, day)


def inbound(announced: pl.DataFrame | None, notices: pl.DataFrame | None, lateness: Lateness, as_of: date) -> Inbound:
    """Announcements not later than ``as_of`` and notices that have not ended, by medicine and area."""
    supply: dict[tuple[str, str], list[tuple[float, float, str]]] = {}
    if announced is not None:
        for row in announced.filter(pl.col("announced_on") <= as_of).iter_rows(named=True):
            value = (float((row["expected_on"] - as_of).days), float(row["units"]), str(row["certainty"]))
            supply.setdefault((row["medicine_id"], row["county_code"]), []).append(value)
    under: dict[tuple[str, str], list[tuple[float, float, float | None]]] = {}
    if notices is not None:
        for row in notices.iter_rows(named=True):
            end = None if row["end"] is None else float((row["end"] - as_of).days)
            span = (float(row["share"]), float((row["start"] - as_of).days), end)
            under.setdefault((row["medicine_id"], row["county_code"]), []).append(span)
    ordered = {key: sorted(rows) for key, rows in supply.items()}
    return Inbound(ordered, {k: sorted(v, key=str) for k, v in under.items()}, lateness)
