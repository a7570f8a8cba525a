"""What history says of supply: how often it comes, how it answers stock, how late announced supply and notices run.

Weekly, since demand and net inflow are known by week. All is pooled over medicines and drawn towards the pool where a
medicine's own history is short; a receipt that has been absent longer than usual is doubted as much as others' were.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from medsupply.forecast.calendar import Array

KEY = ["medicine_id", "county_code"]
USUAL_WEEKS = 26
RECEIPT_SHARE = 0.25
LONGEST = 27
OWN_WEIGHT = 4.0
RATIO_EDGES = (0.0, 0.6, 0.99, 1.01, 1.5, 2.01, 3.01, 5.01)
DEFAULT_HAZARD = (0.35, 0.45, 0.6, 0.6, 0.5, 0.35, 0.2, 0.1)
DEFAULT_ANSWER = (0.7, 0.4)
ANSWER_PULL = 3.0
NOTICE_FULL = 0.95


@dataclass(frozen=True)
class SupplyLaw:
    """Laws of series in the order of ``keys`` (medicine_id, county_code).

    ``hazard`` [series, weeks since the last receipt]: probability of a receipt in the next week.
    ``answer`` [series, 2]: a receipt is answer[0] x weekly demand + answer[1] x (usual level - stock).
    ``noise`` [series]: its deviation in weekly demands. ``elapsed`` [series]: weeks since the last receipt.
    ``usual`` [series]: level that stock is filled towards, units.
    """

    keys: tuple[tuple[str, str], ...]
    hazard: Array
    answer: Array
    noise: Array
    elapsed: npt.NDArray[np.int64]
    usual: Array

    def position(self) -> Mapping[tuple[str, str], int]:
        return {key: j for j, key in enumerate(self.keys)}

    def of(self, keys: Sequence[tuple[str, str]], position: Mapping[tuple[str, str], int]) -> SupplyLaw:
        """The laws of those of ``keys`` that have one; ``position``: where each series stands."""
        known = [key for key in keys if key in position]
        at = [position[key] for key in known]
        laws = (self.hazard[at], self.answer[at], self.noise[at], self.elapsed[at], self.usual[at])
        return SupplyLaw(tuple(known), *laws)


NO_HISTORY = SupplyLaw((), np.empty((0, LONGEST)), np.empty((0, 2)), np.empty(0), np.empty(0, np.int64), np.empty(0))


@dataclass(frozen=True)
class _History:
    """One series by week: stock at the start and end of the week, net inflow, and whether supply could come."""

    stock: Array
    inflow: Array
    open: npt.NDArray[np.bool_]
    demand: float
    usual: float

    @property
    def receipts(self) -> npt.NDArray[np.bool_]:
        return np.asarray((self.inflow > RECEIPT_SHARE * self.demand) & (self.demand > 0))


def learn_supply(history: pl.DataFrame) -> SupplyLaw:
    """Laws from ``history``: medicine_id, county_code, week (Monday), stock_units (end of the week), inflow_units
    (net), demand_units, notice_share (null: none). Weeks with null stock or inflow teach nothing."""
    ordered = history.sort(*KEY, "week")
    counts = ordered.group_by(KEY, maintain_order=True).len()
    series = _series(ordered, counts["len"].to_numpy())
    usual_gap = [_usual_gap(one) for one in series]
    waits = [_waits(one) for one in series]
    hazards, answer = _pooled_hazard(waits, usual_gap), _pooled_answer(series)
    hazard = np.array([_hazard(own, gap, hazards) for own, gap in zip(waits, usual_gap, strict=True)])
    answers = [_answer(one, answer) for one in series]
    return SupplyLaw(
        tuple(counts.select(KEY).iter_rows()),
        hazard.reshape(-1, LONGEST),
        np.array([[a[0], a[1]] for a in answers]).reshape(-1, 2),
        np.array([a[2] for a in answers]),
        np.array([_elapsed(one) for one in series], dtype=np.int64),
        np.array([one.usual for one in series]),
    )


def _series(ordered: pl.DataFrame, lengths: npt.NDArray[np.uint32]) -> list[_History]:
    """One history for each run of rows of the same series."""
    notice = ordered["notice_share"].cast(pl.Float64).fill_null(0.0).to_numpy()
    columns = [_floats(ordered, name) for name in ("stock_units", "inflow_units", "demand_units")]
    parts = (np.split(column, np.cumsum(lengths)[:-1]) for column in (*columns, notice))
    return [_one(*part) for part in zip(*parts, strict=True)] if len(lengths) else []


def _floats(rows: pl.DataFrame, name: str) -> Array:
    return rows[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _one(stock: Array, inflow: Array, left: Array, notice: Array) -> _History:
    known = left[~np.isnan(left)][-USUAL_WEEKS:]
    demand = float(known.mean()) if len(known) else 0.0
    free = notice < NOTICE_FULL
    recent = stock[-USUAL_WEEKS:][free[-USUAL_WEEKS:]]
    recent = recent[~np.isnan(recent)]
    usual = float(np.median(recent)) if recent.size else (float(np.nanmax(stock)) if (~np.isnan(stock)).any() else 0.0)
    return _History(stock, inflow, free & ~np.isnan(inflow), demand, usual)


def _usual_gap(one: _History) -> float:
    """Median weeks between two receipts; one where there are fewer than three."""
    at = np.flatnonzero(one.receipts & one.open)
    return float(np.median(np.diff(at))) if len(at) >= 3 else 1.0


def _ratio_bins(gap: float) -> npt.NDArray[np.int64]:
    """The bin of a receipt that has been waited for so many weeks, by weeks since the last one."""
    return np.searchsorted(RATIO_EDGES, np.arange(1, LONGEST + 1) / gap, side="right") - 1


def _gap_class(gap: float) -> int:
    """0 weekly, 1 every two or three weeks, 2 more seldom."""
    return 0 if gap < 1.5 else 1 if gap < 3.5 else 2


def _waits(one: _History) -> Array:
    """[weeks since the last receipt, (at risk, receipts)] of the weeks in which supply could come."""
    comes, week = one.receipts & one.open, np.arange(len(one.open))
    last = np.maximum.accumulate(np.where(comes, week, -1))
    before = np.concatenate([[-1], last[:-1]])
    counted = one.open & (before >= 0)
    since = np.minimum(week - before - 1, LONGEST - 1)[counted]
    risk = np.bincount(since, minlength=LONGEST)
    return np.column_stack([risk, np.bincount(since, weights=comes[counted], minlength=LONGEST)])


def _pooled_hazard(waits: list[Array], gaps: list[float]) -> Array:
    """[class, bin of weeks / usual gap] of all series together, drawn to the defaults by ten weeks."""
    total = np.zeros((3, len(RATIO_EDGES), 2))
    for own, gap in zip(waits, gaps, strict=True):
        np.add.at(total[_gap_class(gap)], _ratio_bins(gap), own)
    return np.asarray((total[..., 1] + 10 * np.array(DEFAULT_HAZARD)) / (total[..., 0] + 10))


def _hazard(own: Array, gap: float, pooled: Array) -> Array:
    """[weeks since the last receipt]: own frequencies drawn to the pool."""
    prior = pooled[_gap_class(gap), _ratio_bins(gap)]
    return np.asarray((own[:, 1] + OWN_WEIGHT * prior) / (own[:, 0] + OWN_WEIGHT))


def _elapsed(one: _History) -> int:
    at = np.flatnonzero(one.receipts)
    return int(len(one.inflow) - 1 - at[-1]) if len(at) else min(len(one.inflow), LONGEST - 1)


def _receipt_rows(one: _History) -> tuple[Array, Array]:
    """Design [receipts, 2] (one, missing to the usual level in weekly demands) and size in weekly demands."""
    before = np.concatenate([[np.nan], one.stock[:-1]])
    good = one.receipts & one.open & ~np.isnan(before)
    if one.demand <= 0 or not good.any():
        return np.empty((0, 2)), np.empty(0)
    missing = (one.usual - before[good]) / one.demand
    return np.column_stack([np.ones(good.sum()), missing]), one.inflow[good] / one.demand


def _pooled_answer(series: list[_History]) -> Array:
    """[share of weekly demand, share of what is missing to the usual level] of all receipts, by least squares."""
    rows = [_receipt_rows(one) for one in series]
    x = np.concatenate([*(r[0] for r in rows), np.eye(2)])
    y = np.concatenate([*(r[1] for r in rows), np.array(DEFAULT_ANSWER)])
    keep = np.abs(x[:, 1]) < 30
    found = np.linalg.lstsq(x[keep], y[keep], rcond=None)[0]
    return np.array([max(found[0], 0.0), float(np.clip(found[1], 0.0, 1.0))])


def _answer(one: _History, pooled: Array) -> tuple[float, float, float]:
    """Own answer drawn to the pool, and the deviation of receipts from it, in weekly demands."""
    x, y = _receipt_rows(one)
    if not len(y):
        return float(pooled[0]), float(pooled[1]), 0.5
    gram = x.T @ x + ANSWER_PULL * np.eye(2)
    found = pooled + np.linalg.solve(gram, x.T @ (y - x @ pooled))
    found = np.array([max(found[0], 0.0), float(np.clip(found[1], 0.0, 1.2))])
    noise = float(np.sqrt((((y - x @ found) ** 2).sum() + 0.25) / (len(y) + 1)))
    return float(found[0]), float(found[1]), noise
