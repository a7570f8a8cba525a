"""Demand of the next weeks as sample paths: learn on earlier origins, fit each series, draw paths that add up."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from medsupply.forecast.calendar import Array, features, periods_after, shocked
from medsupply.forecast.combine import Learnt, Past, learn
from medsupply.forecast.panel import COMBINED, SHORT, SHORT_BELOW, Panel, kind, panel
from medsupply.forecast.result import DemandForecast
from medsupply.forecast.season import Season, learn_season
from medsupply.forecast.stack import MODELS, PROPHET, YEAR, Setting, Stack, stack
from medsupply.forecast.workers import Pool, Progress, pool

# Whole years for months: a January errs as Januaries did, and a June does not say how.
EARLIER = {"W": (0, 9, 18, 26, 39, 52, 78), "M": (0, 12)}
LEAST_HISTORY = {"W": 78, "M": 36}
LEARN_FROM = 200


@dataclass(frozen=True)
class Learning:
    """What the series of one cutoff share: season, weights and errors. Give it to every shard of the same cutoff.

    ``prophet``: the same of the member that Prophet is in, by itself.
    """

    season: Season
    learnt: Learnt
    prophet: Learnt


def forecast_demand(
    series: pl.DataFrame,
    cutoff: date,
    *,
    horizon: int = 26,
    n_paths: int = 400,
    seed: int = 1,
    workers: int = 0,
    freq: str = "W",
    country: str | None = "fi",
    learning: Learning | None = None,
    only: Collection[str] | None = None,
    progress: Progress | None = None,
) -> DemandForecast:
    """Forecast every series of ``series`` from what lies at or before ``cutoff``.

    ``series``: series_id, period (Monday or first of month), y (units of the period; null: gap or censored), and where
    known group (shares a season: ATC level 1) and path_key (series of one medicine in several areas share their draws).
    ``only``: forecast these; the others lend their season. ``country`` None: no opening days.
    ``learning``: of the same cutoff, for shards; None: learnt here.
    Raises ForecastError when nothing can be read or a worker process dies.
    """
    everything = panel(series, cutoff, freq)
    kinds = [kind(everything.y[:, j], freq) for j in range(len(everything.ids))]
    with pool(workers) as processes:
        learning = learning or learn_demand(everything, kinds, horizon, country, processes, only)
        if only is not None:
            wanted = [j for j, name in enumerate(everything.ids) if name in only]
            everything, kinds = everything.only(wanted), [kinds[j] for j in wanted]
        stacks = _fit(everything, kinds, learning.season, horizon, country, processes, progress)
    return _result(everything, kinds, stacks, learning, cutoff, horizon, n_paths, seed, country)


def learn_demand(
    everything: Panel,
    kinds: Sequence[str],
    horizon: int,
    country: str | None,
    processes: Pool,
    only: Collection[str] | None = None,
) -> Learning:
    """Season of all data, and weights and errors of earlier origins, each forecast from what was known at it."""
    smooth = [j for j, how in enumerate(kinds) if how == COMBINED and (only is None or everything.ids[j] in only)]
    chosen = sorted(sorted(smooth, key=lambda j: digest(everything.ids[j]))[:LEARN_FROM])
    pasts = []
    for count in _earlier(len(everything.periods), horizon, everything.freq):
        past = _past(everything, count, chosen, horizon, country, processes)
        if past is not None:
            pasts.append(past)
    models = MODELS[everything.freq]
    learnt = learn(pasts, len(models), horizon)
    prophet = learn(pasts, len(models), horizon, alone=models.index(PROPHET))
    return Learning(shared_season(everything, kinds, horizon, country), learnt, prophet)


def _earlier(n: int, horizon: int, freq: str) -> list[int]:
    """How many periods each earlier origin may read: its whole horizon lies before the cutoff."""
    nearest = horizon if freq == "W" else -(-horizon // YEAR[freq]) * YEAR[freq]
    counts = [n - nearest - back for back in EARLIER[freq]]
    return [count for count in counts if count >= LEAST_HISTORY[freq]]


def _past(
    everything: Panel, count: int, chosen: Sequence[int], horizon: int, country: str | None, processes: Pool
) -> Past | None:
    then = everything.until(count)
    kinds = [kind(then.y[:, j], then.freq) for j in range(len(then.ids))]
    usable = [j for j in chosen if kinds[j] == COMBINED]
    if not usable:
        return None
    season = shared_season(then, kinds, horizon, country)
    only = then.only(usable)
    stacks = _fit(only, [COMBINED] * len(usable), season, horizon, country, processes)
    good = [(j, s) for j, s in zip(usable, stacks, strict=True) if s is not None]
    actual = everything.z[count : count + horizon].T
    return Past(
        np.array([s.paths for _, s in good]),
        np.array([s.scale for _, s in good]),
        np.array([actual[j] for j, _ in good]),
    )


def shared_season(everything: Panel, kinds: Sequence[str], horizon: int, country: str | None) -> Season:
    """The season of series that are smooth; flat where none is."""
    x = features(everything.periods, everything.freq, country)
    smooth = [j for j, name in enumerate(kinds) if name == COMBINED]
    if not smooth:
        return Season(np.zeros(x.shape[1]), {}, x.mean(axis=0))
    only = everything.only(smooth)
    return learn_season(only.z, x, only.groups, ~shocked(everything.periods), everything.freq)


def _setting(everything: Panel, season: Season, horizon: int, country: str | None) -> Setting:
    ahead = periods_after(everything.periods[-1], horizon, everything.freq)
    x = features([*everything.periods, *ahead], everything.freq, country)
    use = ~shocked(everything.periods)
    return Setting(everything.periods, ahead, x - season.centre, use, season, everything.freq)


def _fit(
    everything: Panel,
    kinds: Sequence[str],
    season: Season,
    horizon: int,
    country: str | None,
    processes: Pool,
    progress: Progress | None = None,
) -> list[Stack | None]:
    """The stack of each combined series, None for the others."""
    setting = _setting(everything, season, horizon, country)
    z = everything.z
    items = [(z[:, j], everything.groups[j]) for j, name in enumerate(kinds) if name == COMBINED]
    fitted = iter(processes.map(_job, setting, items, progress))
    return [next(fitted) if name == COMBINED else None for name in kinds]


def _job(setting: Setting, item: tuple[Array, str]) -> Stack:
    z, group = item
    begun = int(np.argmax(~np.isnan(z)))
    if begun == 0:
        return stack(z, group, setting)
    return stack(z[begun:], group, setting.since(begun))


def _result(
    everything: Panel,
    kinds: Sequence[str],
    stacks: Sequence[Stack | None],
    learning: Learning,
    cutoff: date,
    horizon: int,
    n_paths: int,
    seed: int,
    country: str | None,
) -> DemandForecast:
    setting = _setting(everything, learning.season, horizon, country)
    version = data_version(everything)
    return DemandForecast(
        everything,
        tuple(kinds),
        tuple(stacks),
        setting,
        learning.learnt,
        cutoff,
        n_paths,
        seed,
        version,
        learning.prophet,
    )


def digest(text: str) -> int:
    """A stable number of a text: seeds and samples are the same on any machine."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def data_version(everything: Panel) -> str:
    """SHA-256 of the series that were read."""
    content = hashlib.sha256("|".join([*everything.ids, *map(str, everything.periods)]).encode())
    content.update(np.ascontiguousarray(everything.y).tobytes())
    return content.hexdigest()


__all__ = ["SHORT", "SHORT_BELOW", "Learning", "digest", "forecast_demand", "learn_demand"]
