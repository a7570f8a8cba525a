"""Areas of one medicine share the country's paths: path b of an area and path b of the country are the same future.

The country is forecast; an area takes its share of the last weeks, which wanders as it has wandered before. Counties
then add up to the country on every path, but for holders that serve several counties and count in each.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from medsupply.forecast.calendar import Array

RECENT_WEEKS, SPREAD_WEEKS = 12, 52
LEAST_SPREAD, MOST_SPREAD = 0.03, 0.8


@dataclass(frozen=True)
class Shares:
    """``share`` of the country and ``spread`` (log, per week) of each area of a medicine, sorted by area."""

    areas: tuple[str, ...]
    share: Array
    spread: Array


def learn_shares(weekly: pl.DataFrame, country: str) -> dict[str, Shares]:
    """By medicine, from ``weekly``: week, medicine_id, county_code, units (null: gap)."""
    national = weekly.filter(pl.col("county_code") == country).select("week", "medicine_id", total="units")
    areas = weekly.filter(pl.col("county_code") != country)
    rows = areas.join(national, on=["week", "medicine_id"]).filter(
        (pl.col("total") > 0) & pl.col("units").is_not_null()
    )
    last = pl.col("week") > pl.col("week").max().over("medicine_id") - pl.duration(weeks=RECENT_WEEKS)
    year = pl.col("week") > pl.col("week").max().over("medicine_id") - pl.duration(weeks=SPREAD_WEEKS)
    share = pl.col("units") / pl.col("total")
    found = (
        rows.sort("medicine_id", "county_code", "week")
        .group_by("medicine_id", "county_code", maintain_order=True)
        .agg(
            share=pl.col("units").filter(last).sum() / pl.col("total").filter(last).sum(),
            spread=(share.filter(year & (share > 0)).log().std()).fill_null(LEAST_SPREAD),
        )
        .filter(pl.col("share") > 0)
    )
    parts = found.partition_by("medicine_id", as_dict=True, maintain_order=True)
    return {
        str(key[0]): Shares(
            tuple(part["county_code"].to_list()),
            part["share"].to_numpy(),
            np.clip(part["spread"].to_numpy(), LEAST_SPREAD, MOST_SPREAD),
        )
        for key, part in parts.items()
    }


def area_paths(national: Array, shares: Shares, counties: tuple[str, ...], key: str, cutoff: date) -> dict[str, Array]:
    """Paths [paths, weeks] of each area of ``shares``.

    ``counties``: the areas that must keep their sum; every path's shares are scaled so that they do.
    """
    seed = int.from_bytes(hashlib.sha256(f"shares|{key}|{cutoff}".encode()).digest()[:8], "big")
    rng = np.random.default_rng(seed)
    n_paths, weeks = national.shape
    inside = np.array([area in counties for area in shares.areas])
    drawn = rng.standard_normal((len(shares.areas), n_paths, 1)) * shares.spread[:, None, None]
    wandering = shares.share[:, None, None] * np.exp(drawn)
    total = wandering[inside].sum(axis=0)
    if inside.any():
        wandering = np.where(inside[:, None, None], wandering * shares.share[inside].sum() / total, wandering)
    return {
        area: np.asarray(national * np.broadcast_to(wandering[j], (n_paths, weeks)))
        for j, area in enumerate(shares.areas)
    }
