"""How late announced supply comes and how far notices run over their end, learnt from what was announced before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from medsupply.forecast.calendar import Array

NEVER = 400.0
ARRIVED_SHARE = 0.5
# Before any history: a lognormal around a few days, a tenth very late (forecasting.md 2.1, finland.md).
DEFAULT_LATE = np.array([0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 7, 7, 10, 14, 14, 21, 28, 42, 70, NEVER])
DEFAULT_SLIP = np.array([-21, -7, 0, 0, 0, 0, 0, 7, 14, 21, 28, 30, 42, 60, 75, 90, 120, 150, 200, 300.0])
OPEN_END_MEAN = 132.0


@dataclass(frozen=True)
class Lateness:
    """Samples in days: ``late`` of announced supply (NEVER: did not come), ``slip`` of a notice's end."""

    late: Array
    slip: Array


def learn_lateness(announced: pl.DataFrame | None, ends: pl.DataFrame | None) -> Lateness:
    """``announced``: expected_on, arrived_on (null: not yet), known_on (last day looked at), of past announcements;
    ``ends``: stated_end, end (the last stated, or the day it ended), of notices that are over. Either may be None."""
    return Lateness(_late(announced), _slip(ends))


def _late(announced: pl.DataFrame | None) -> Array:
    """Kaplan-Meier over the days late: what has not come yet is censored, not late for ever."""
    if announced is None or announced.is_empty():
        return DEFAULT_LATE
    frame = announced.select(
        days=(pl.coalesce("arrived_on", "known_on") - pl.col("expected_on")).dt.total_days(),
        came=pl.col("arrived_on").is_not_null(),
    ).filter(pl.col("came") | (pl.col("days") > 0))
    days = np.concatenate([frame["days"].to_numpy().astype(float), DEFAULT_LATE])
    came = np.concatenate([frame["came"].to_numpy(), DEFAULT_LATE < NEVER])
    return _product_limit(days, came)


def _product_limit(days: Array, came: Array) -> Array:
    """400 equally likely values of the product-limit distribution; the mass that never came is NEVER."""
    order = np.lexsort((~came.astype(bool), days))
    days, came = days[order], came[order]
    at_risk = np.arange(len(days), 0, -1)
    alive = np.cumprod(1 - came.astype(float) / at_risk)
    levels = (np.arange(400) + 0.5) / 400
    at = np.searchsorted(1 - alive, levels, side="left")
    return np.where(at < len(days), days[np.minimum(at, len(days) - 1)], NEVER)


def _slip(ends: pl.DataFrame | None) -> Array:
    if ends is None or ends.is_empty():
        return DEFAULT_SLIP
    own = (ends["end"] - ends["stated_end"]).dt.total_days().drop_nulls().to_numpy().astype(float)
    return np.sort(np.concatenate([own, DEFAULT_SLIP]))


def match_arrivals(announced: pl.DataFrame, inflow: pl.DataFrame) -> pl.DataFrame:
    """Past announcements with ``arrived_on``: the first day on which half of the units had come in since they were
    announced. ``announced``: medicine_id, county_code, announced_on, expected_on, units; ``inflow``: medicine_id,
    county_code, day, units (net; what flows out again counts against it). One receipt serves one announcement only.
    """
    key = ["medicine_id", "county_code"]
    flows = {
        (str(k[0]), str(k[1])): (part["day"].to_list(), part["units"].to_list())
        for k, part in inflow.sort(*key, "day").partition_by(key, as_dict=True, maintain_order=True).items()
    }
    last = inflow["day"].max()
    rows = []
    for row in announced.sort(*key, "expected_on", "announced_on", "units").iter_rows(named=True):
        days, left = flows.get((row["medicine_id"], row["county_code"]), ([], []))
        rows.append({**row, "arrived_on": _take(days, left, row["announced_on"], row["units"]), "known_on": last})
    schema = pl.Schema({**announced.schema, "arrived_on": pl.Date(), "known_on": pl.Date()})
    return pl.DataFrame(rows, schema=schema)


def _take(days: list[object], left: list[float], after: object, units: float) -> object | None:
    """The day by which half of ``units`` came in after ``after``; takes them out of ``left``."""
    got = 0.0
    for at, day in enumerate(days):
        if day <= after or left[at] <= 0:  # type: ignore[operator]
            continue
        part = min(left[at], units - got)
        left[at] -= part
        got += part
        if got >= ARRIVED_SHARE * units:
            return day
    return None


def draw_arrival(late: Array, overdue_days: Array, uniform: Array) -> Array:
    """Days late [..] given that nothing came for ``overdue_days``: the law beyond them, never before tomorrow.

    ``uniform`` [..] in (0, 1) picks the quantile of the conditional law. Beyond the longest ever seen: NEVER.
    """
    ordered = np.sort(late)
    below = np.searchsorted(ordered, overdue_days, side="right")
    at = below + uniform * (len(ordered) - below)
    index = np.minimum(at.astype(np.int64), len(ordered) - 1)
    return np.where(below >= len(ordered), NEVER, ordered[index])
