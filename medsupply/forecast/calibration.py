"""Probabilities of running out set right by how they turned out: learnt on past origins, used where it won before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from medsupply.forecast.calendar import Array, Mask

LEAST, MOST = 0.002, 0.998
PULL, ROUNDS, STEP = 4.0, 30, 1e-6
LEAST_EVENTS = 15
LAST_FOLD = 1 / 3


@dataclass(frozen=True)
class Correction:
    """``beta`` [1 + features]: on one and on ``x`` (its first column is the logit of p); identity: 0, 1, 0 .."""

    beta: Array
    scale: Array

    def __call__(self, x: Array) -> Array:
        return _expit(_design(x, self.scale) @ self.beta)

    @property
    def rises(self) -> bool:
        """Whether a higher probability stays a higher one."""
        return bool(self.beta[1] > 0)


def logit(p: Array) -> Array:
    """Log odds of probabilities, those at the ends drawn in."""
    inside = np.clip(p, LEAST, MOST)
    return np.asarray(np.log(inside / (1 - inside)))


def correction(x: Array, event: Mask, origin: Array) -> Correction | None:
    """The correction that past pairs teach; None where it lost on the last third of the origins, or events are few.

    ``x`` [pairs, features]: logit of p, then what else was known; ``origin`` [pairs]: day number of each pair.
    """
    if event.sum() < LEAST_EVENTS or (~event).sum() < LEAST_EVENTS:
        return None
    cut = np.quantile(np.unique(origin), 1 - LAST_FOLD)
    before, after = origin <= cut, origin > cut
    if event[before].sum() < LEAST_EVENTS or not event[after].any():
        return None
    trial = _fit(x[before], event[before])
    plain = _expit(x[after, 0])
    won = np.mean((trial(x[after]) - event[after]) ** 2) < np.mean((plain - event[after]) ** 2)
    return _fit(x, event) if won else None


def set_right(found: pl.DataFrame, past: pl.DataFrame) -> pl.DataFrame:
    """``found`` with p and p_with_reserve as past report days teach, and p_simulated: p as it came.

    ``found``: medicine_id, county_code, horizon_days, p, p_announced, p_with_reserve, at_floor (bool: those stay as
    they are); ``past``: horizon_days, origin (date), p (as simulated), event, of horizons that are over. A horizon
    without a correction that won keeps its probabilities. A longer horizon is never less likely than a shorter one, and
    without usual resupply it is never less likely than with it.
    """
    said = found.with_columns(p_simulated=pl.col("p"))
    if said.is_empty():
        return said
    parts = [_one_horizon(part, past) for part in said.partition_by("horizon_days", maintain_order=True)]
    key = ["medicine_id", "county_code"]
    rising = [pl.col(name).cum_max().over(key) for name in ("p", "p_with_reserve", "p_announced")]
    both = pl.concat(parts).sort(*key, "horizon_days").with_columns(rising)
    announced = pl.when(pl.col("p_announced").is_not_null()).then(pl.max_horizontal("p_announced", "p"))
    return both.with_columns(p_announced=announced)


def _one_horizon(part: pl.DataFrame, past: pl.DataFrame) -> pl.DataFrame:
    mine = past.filter(pl.col("horizon_days") == part["horizon_days"][0])
    days = mine["origin"].cast(pl.Int32).to_numpy().astype(float)
    learnt = correction(logit(mine["p"].to_numpy())[:, None], mine["event"].to_numpy(), days) if mine.height else None
    if learnt is None or not learnt.rises:
        return part
    moved = []
    for name in ("p", "p_with_reserve"):
        told = part[name].cast(pl.Float64)
        right = pl.Series(learnt(logit(told.fill_null(0.5).to_numpy())[:, None]))
        keeps = pl.col("at_floor") | pl.col(name).is_null()
        moved.append(pl.when(keeps).then(pl.col(name)).otherwise(right).alias(name))
    return part.with_columns(moved)


def _fit(x: Array, event: Mask) -> Correction:
    """Logistic regression drawn to leaving p as it is."""
    scale = np.maximum(x.std(axis=0), 1e-6)
    scale[0] = 1.0
    design = _design(x, scale)
    prior = np.zeros(design.shape[1])
    prior[1] = 1.0
    beta = prior.copy()
    pull = PULL * np.eye(len(prior))
    for _ in range(ROUNDS):
        p = _expit(design @ beta)
        gradient = design.T @ (event - p) - pull @ (beta - prior)
        weight = np.maximum(p * (1 - p), 1e-6)
        step = np.linalg.solve((design * weight[:, None]).T @ design + pull, gradient)
        beta = beta + step
        if np.abs(step).max() < STEP:
            break
    return Correction(beta, scale)


def _design(x: Array, scale: Array) -> Array:
    return np.column_stack([np.ones(len(x)), x / scale])


def _expit(values: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -30, 30))))
