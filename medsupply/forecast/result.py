"""A demand forecast: paths drawn when they are asked for, quantiles, sums, what drives it, and what was substituted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import polars as pl

from medsupply.forecast.calendar import Array
from medsupply.forecast.combine import Learnt
from medsupply.forecast.panel import COMBINED, INTERMITTENT, SHORT, ZERO, Panel
from medsupply.forecast.sparse import RECORD, sparse_paths
from medsupply.forecast.stack import MODELS, Setting, Stack
from medsupply.tables.forecast import QUANTILES

CHUNK = 200
REASONS = {SHORT: "short", INTERMITTENT: "intermittent", ZERO: "all_zero"}


@dataclass(frozen=True)
class DemandForecast:
    """Forecasts of all series of one cutoff; every figure comes from the same paths."""

    panel: Panel
    kinds: tuple[str, ...]
    stacks: tuple[Stack | None, ...]
    setting: Setting
    learnt: Learnt
    cutoff: date
    n_paths: int
    seed: int
    data_version: str
    prophet: Learnt

    @property
    def series_ids(self) -> tuple[str, ...]:
        return self.panel.ids

    @property
    def periods(self) -> tuple[date, ...]:
        return tuple(self.setting.ahead)

    def by_prophet(self) -> DemandForecast:
        """The forecast that Prophet's member alone would make, its errors learnt in the same way; other kinds of series
        (short, intermittent, zero) as they are."""
        return replace(self, learnt=self.prophet)

    def paths(self, series_ids: Sequence[str] | None = None) -> Array:
        """Demand paths [series, paths, h] in the series' own unit, never negative. Series of one path_key share draws:
        path b of a county and path b of the country are the same future."""
        column = {name: j for j, name in enumerate(self.series_ids)}
        wanted = [column[name] for name in (series_ids if series_ids is not None else self.series_ids)]
        return np.stack([self._paths(j) for j in wanted]) if wanted else np.empty((0, self.n_paths, len(self.periods)))

    def _paths(self, j: int) -> Array:
        rng = np.random.default_rng(_seed(self.panel.path_keys[j], self.cutoff, self.seed))
        fitted = self.stacks[j]
        if fitted is None:
            season = self.setting.x @ self.setting.season.of(self.panel.groups[j])
            return sparse_paths(self.kinds[j], self.panel.y[:, j], season, self.learnt.errors, self.n_paths, rng)
        drawn = self._errors(rng)
        log_path = self.learnt.median(fitted.paths)[None, :] + drawn * (self.learnt.kappa * fitted.scale)[None, :]
        highest = np.log1p(RECORD * np.nanmax(self.panel.y[:, j]))
        return np.asarray(np.maximum(np.expm1(np.minimum(log_path, highest)), 0.0))

    def _errors(self, rng: np.random.Generator) -> Array:
        """Error paths, half of them the mirror of the other half, so that the median is the combined path."""
        half = (self.n_paths + 1) // 2
        drawn = self.learnt.errors[rng.integers(len(self.learnt.errors), size=half)]
        return np.concatenate([drawn, -drawn])[: self.n_paths]

    def chunks(self) -> Iterator[tuple[Sequence[str], Array]]:
        """Series ids and their paths, some at a time: all paths of 10,000 series do not fit comfortably in memory."""
        for at in range(0, len(self.series_ids), CHUNK):
            ids = self.series_ids[at : at + CHUNK]
            yield ids, self.paths(ids)

    def quantiles(self) -> pl.DataFrame:
        """series_id, period, horizon (1 ..), mean, q0.025, q0.1 .. q0.9, q0.975, of each period's paths."""
        frames = [quantile_frame(ids, self.periods, paths) for ids, paths in self.chunks()]
        return pl.concat(frames)

    def totals(self, count: int, quantiles: Sequence[float]) -> Array:
        """Quantiles [series, quantiles] of the sum of the first ``count`` periods."""
        rows = [np.quantile(paths[:, :, :count].sum(axis=2), quantiles, axis=1).T for _, paths in self.chunks()]
        return np.concatenate(rows)

    def substitutions(self) -> pl.DataFrame:
        """series_id, wanted, used, reason: series that did not get the model meant for them."""
        rows = []
        for name, how, fitted in zip(self.series_ids, self.kinds, self.stacks, strict=True):
            if fitted is None:
                rows.append((name, COMBINED, how, REASONS[how]))
            else:
                rows += [(name, model, "neighbour", reason) for model, reason in sorted(fitted.failed.items())]
        schema = {"series_id": pl.String, "wanted": pl.String, "used": pl.String, "reason": pl.String}
        return pl.DataFrame(rows, schema=schema, orient="row")

    def models(self) -> str:
        """Models and their weights per horizon, as JSON."""
        names = MODELS[self.panel.freq]
        weights = {name: [round(float(w), 4) for w in self.learnt.weights[:, k]] for k, name in enumerate(names)}
        return json.dumps({"origins": self.learnt.origins, "weights": weights}, sort_keys=True)


def quantile_frame(ids: Sequence[str], periods: Sequence[date], paths: Array) -> pl.DataFrame:
    """Quantiles of ``paths`` [series, paths, h], one row per series and period."""
    count = len(periods)
    values = np.quantile(paths, QUANTILES, axis=1)
    columns = {f"q{level:g}": values[k].ravel() for k, level in enumerate(QUANTILES)}
    return pl.DataFrame(
        {
            "series_id": np.repeat(np.array(ids, dtype=object), count).tolist(),
            "period": list(periods) * len(ids),
            "horizon": list(range(1, count + 1)) * len(ids),
            "mean": paths.mean(axis=1).ravel(),
            **columns,
        },
        schema_overrides={"period": pl.Date, "horizon": pl.Int64},
    )


def _seed(key: str, cutoff: date, seed: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{key}|{cutoff}|{seed}".encode()).digest()[:8], "big")
