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

from medsupply.forecast.calendar import Array, Mask

Ints = npt.NDArray[np.int64]
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
# Usual weeks between receipts below which a series is filled weekly, or every two or three weeks.
GAP_CLASSES = (1.5, 3.5)


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
    elapsed: Ints
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
class _Weeks:
    """All series side by side, [series, weeks], the newest week last; before the first week of a series nan.

    ``stock`` at the end of the week, net ``inflow``, ``free`` (no notice covers all), ``demand`` [series] a week,
    ``there``: weeks that the series has.
    """

    stock: Array
    inflow: Array
    free: Mask
    demand: Array
    there: Mask

    @property
    def open(self) -> Mask:
        """Weeks in which supply could come."""
        return np.asarray(self.free & ~np.isnan(self.inflow))

    @property
    def receipts(self) -> Mask:
        """Weeks in which something came."""
        demand = self.demand[:, None]
        return np.asarray((self.inflow > RECEIPT_SHARE * demand) & (demand > 0))

    def before(self) -> Array:
        """Stock at the end of the week before."""
        return np.concatenate([np.full((len(self.stock), 1), np.nan), self.stock[:, :-1]], axis=1)


def learn_supply(history: pl.DataFrame) -> SupplyLaw:
    """Laws from ``history``: medicine_id, county_code, week (Monday), stock_units (end of the week), inflow_units
    (net), demand_units, notice_share (null: none). Weeks with null stock or inflow teach nothing."""
    if history.is_empty():
        return NO_HISTORY
    ordered = history.sort(*KEY, "week")
    counts = ordered.group_by(KEY, maintain_order=True).len()
    weeks = _weeks(ordered, counts["len"].to_numpy().astype(np.int64))
    gap, usual = _usual_gap(weeks), _usual(weeks)
    hazard = _hazard(_waits(weeks), gap)
    answer, noise = _answer(weeks, usual)
    return SupplyLaw(tuple(counts.select(KEY).iter_rows()), hazard, answer, noise, _elapsed(weeks), usual)


def _weeks(ordered: pl.DataFrame, lengths: Ints) -> _Weeks:
    """Rows of one series after another as arrays, each series drawn to the end."""
    longest, starts = int(lengths.max()), np.cumsum(lengths) - lengths
    series = np.repeat(np.arange(len(lengths)), lengths)
    column = longest - np.repeat(lengths, lengths) + np.arange(len(series)) - np.repeat(starts, lengths)

    def grid(name: str, missing: float | None = None) -> Array:
        found = np.full((len(lengths), longest), np.nan)
        rows = ordered[name].cast(pl.Float64)
        found[series, column] = (rows if missing is None else rows.fill_null(missing)).fill_null(np.nan).to_numpy()
        return found

    notice, left = grid("notice_share", 0.0), grid("demand_units")
    newest = np.cumsum(~np.isnan(left)[:, ::-1], axis=1)[:, ::-1] <= USUAL_WEEKS
    known = newest & ~np.isnan(left)
    demand = np.where(known, left, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return _Weeks(grid("stock_units"), grid("inflow_units"), notice < NOTICE_FULL, demand, ~np.isnan(notice))


def _medians(values: Array, where: Mask, otherwise: Array) -> Array:
    """Median of each row over the cells of ``where``; ``otherwise`` where there is none."""
    ordered, count = np.sort(np.where(where, values, np.inf), axis=1), where.sum(axis=1)
    row = np.arange(len(values))
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, values.shape[1] - 1)
    return np.where(count > 0, (ordered[row, low] + ordered[row, high]) / 2, otherwise)


def _usual(weeks: _Weeks) -> Array:
    """Median stock of the last weeks that no notice covered; where there is none the most there ever was, or 0."""
    known = ~np.isnan(weeks.stock)
    recent = np.arange(known.shape[1]) >= known.shape[1] - USUAL_WEEKS
    most = np.where(known, weeks.stock, -np.inf).max(axis=1)
    return _medians(weeks.stock, known & weeks.free & recent, np.where(known.any(axis=1), most, 0.0))


def _last_receipt(comes: Mask) -> Ints:
    """The week of the last receipt before each week; -1: there is none."""
    week = np.arange(comes.shape[1])
    last = np.maximum.accumulate(np.where(comes, week, -1), axis=1)
    return np.concatenate([np.full((len(comes), 1), -1), last[:, :-1]], axis=1)


def _usual_gap(weeks: _Weeks) -> Array:
    """Median weeks between two receipts; one where there are fewer than three."""
    comes = weeks.receipts & weeks.open
    before = _last_receipt(comes)
    found = _medians(np.arange(comes.shape[1]) - before.astype(float), comes & (before >= 0), np.ones(len(comes)))
    return np.where(comes.sum(axis=1) >= 3, found, 1.0)


def _waits(weeks: _Weeks) -> Array:
    """[series, weeks since the last receipt, (at risk, receipts)] of the weeks in which supply could come."""
    comes = weeks.receipts & weeks.open
    before = _last_receipt(comes)
    series, week = np.nonzero(weeks.open & (before >= 0))
    since = np.minimum(week - before[series, week] - 1, LONGEST - 1)
    at, shape = series * LONGEST + since, (len(comes), LONGEST)
    risk, came = (np.bincount(at, weights, len(comes) * LONGEST) for weights in (None, comes[series, week]))
    return np.stack([risk.reshape(shape), came.reshape(shape)], axis=2)


def _hazard(waits: Array, gap: Array) -> Array:
    """[series, weeks since the last receipt]: own frequencies drawn to the pool of series with as long a usual gap.

    The pool knows the bin of weeks / usual gap, and is itself drawn to the defaults by ten weeks.
    """
    kind = np.searchsorted(GAP_CLASSES, gap, side="right")
    ratio = np.searchsorted(RATIO_EDGES, np.arange(1, LONGEST + 1) / gap[:, None], side="right") - 1
    pool = np.zeros((len(GAP_CLASSES) + 1, len(RATIO_EDGES), 2))
    np.add.at(pool, (kind[:, None], ratio), waits)
    pooled = (pool[..., 1] + 10 * np.array(DEFAULT_HAZARD)) / (pool[..., 0] + 10)
    prior = pooled[kind[:, None], ratio]
    return np.asarray((waits[..., 1] + OWN_WEIGHT * prior) / (waits[..., 0] + OWN_WEIGHT))


def _elapsed(weeks: _Weeks) -> Ints:
    """Weeks since the last receipt, also under a notice; where none is known as many as are known."""
    comes, longest = weeks.receipts, weeks.stock.shape[1]
    rows = longest - np.argmax(weeks.there, axis=1)
    since = np.argmax(comes[:, ::-1], axis=1)
    found: Ints = np.where(comes.any(axis=1), since, np.minimum(rows, LONGEST - 1)).astype(np.int64)
    return found


def _answer(weeks: _Weeks, usual: Array) -> tuple[Array, Array]:
    """[series, 2]: share of weekly demand and share of what is missing to the usual level in a receipt, own least
    squares drawn to the pool of all; [series]: the deviation of receipts from it, in weekly demands."""
    good = weeks.receipts & weeks.open & ~np.isnan(weeks.before())
    demand = np.maximum(weeks.demand, 1e-300)[:, None]
    missing = np.where(good, (usual[:, None] - weeks.before()) / demand, 0.0)
    size = np.where(good, weeks.inflow / demand, 0.0)
    pooled = _pooled(missing[good], size[good])
    n, x, xx = good.sum(axis=1).astype(float), missing.sum(axis=1), (missing**2).sum(axis=1)
    left = np.where(good, size - pooled[0] - pooled[1] * missing, 0.0)
    gram = np.stack([np.stack([n + ANSWER_PULL, x], -1), np.stack([x, xx + ANSWER_PULL], -1)], -2)
    moved = np.linalg.solve(gram, np.stack([left.sum(axis=1), (missing * left).sum(axis=1)], -1)[..., None])[..., 0]
    found = np.clip(pooled + moved, 0.0, [np.inf, 1.2])
    apart = np.where(good, size - found[:, :1] - found[:, 1:] * missing, 0.0)
    noise = np.sqrt(((apart**2).sum(axis=1) + 0.25) / (n + 1))
    some = n > 0
    return np.where(some[:, None], found, pooled), np.where(some, noise, 0.5)


def _pooled(missing: Array, size: Array) -> Array:
    """Both shares over all receipts, by least squares, drawn a little to the defaults."""
    x = np.concatenate([np.column_stack([np.ones(len(missing)), missing]), np.eye(2)])
    y = np.concatenate([size, np.array(DEFAULT_ANSWER)])
    keep = np.abs(x[:, 1]) < 30
    found = np.linalg.lstsq(x[keep], y[keep], rcond=None)[0]
    return np.array([max(found[0], 0.0), float(np.clip(found[1], 0.0, 1.0))])
