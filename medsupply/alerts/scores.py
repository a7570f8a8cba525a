"""Scores of past alerts, by the definitions of the design (section 9). Pure.

Event: first day at or below the floor after 28 or more days above it; days with reporting_share under 0.8, and days
without a picture, are unknown: they neither count nor break. An episode open 84 days without event ends as false and
the next begins. True: an event in (opened_on, closed_on]. Averted: no event, and supply arrived that was not announced
at opening, a week of demand or more of it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median

import polars as pl

from medsupply.alerts.episodes import Episode

ABOVE_DAYS, LONGEST = 28, 84
UNKNOWN_SHARE, ENOUGH_REPORTED = 0.25, 0.8
PER_100_YEARS = 36_525
# A rise of stock beyond this many days of demand is an arrival, below it is scatter of the demand.
ARRIVAL_DAYS = 3


@dataclass(frozen=True)
class Truth:
    """What became of one medicine: known days, which of them above the floor, events, arrivals."""

    medicine_id: str
    critical_class: int | None
    known: tuple[date, ...]
    above: int
    events: tuple[date, ...]
    arrivals: tuple[tuple[date, float], ...]
    announced: tuple[tuple[date, date, float], ...] = ()
    floor: float = 0.0
    last: date = date.min


@dataclass(frozen=True)
class Segment:
    """An episode, or 84 days of a longer one; ``end`` is None while it is not known."""

    start: date
    end: date | None
    hit: bool


def truths(history: pl.DataFrame, announced: pl.DataFrame | None = None) -> list[Truth]:
    """Truth per medicine from ``history`` (as_of, medicine_id, critical_class, stock_units, floor_units,
    trailing_demand_units, reporting_share; one row per day, as known 7 days later) and ``announced`` (medicine_id,
    announced_on, expected_on, units)."""
    if history.is_empty():
        return []
    last = history["as_of"].max()
    assert isinstance(last, date)
    told: dict[str, list[tuple[date, date, float]]] = {}
    for row in announced.iter_rows(named=True) if announced is not None else ():
        told.setdefault(row["medicine_id"], []).append((row["announced_on"], row["expected_on"], row["units"]))
    groups = history.sort("medicine_id", "as_of").group_by("medicine_id", maintain_order=True)
    return [_truth(str(key[0]), part, tuple(told.get(str(key[0]), ())), last) for key, part in groups]


def _truth(medicine: str, part: pl.DataFrame, told: tuple[tuple[date, date, float], ...], last: date) -> Truth:
    enough = pl.col("reporting_share").fill_null(1.0) >= ENOUGH_REPORTED
    known = part.filter(enough & pl.col("stock_units").is_not_null() & pl.col("floor_units").is_not_null())
    days, stock = known["as_of"].to_list(), known["stock_units"].to_list()
    above = (known["stock_units"] > known["floor_units"]).to_list()
    demand = known["trailing_demand_units"].fill_null(0.0).to_list()
    return Truth(
        medicine,
        next((int(one) for one in reversed(part["critical_class"].to_list()) if one is not None), None),
        tuple(days),
        sum(above),
        tuple(events_of(zip(days, above, strict=True))),
        tuple(_arrivals(days, stock, demand)),
        told,
        float(known["floor_units"].median() or 0.0) if known.height else 0.0,  # type: ignore[arg-type]
        last,
    )


def events_of(days: Iterable[tuple[date, bool]]) -> list[date]:
    """First days at or below the floor after 28 or more days above it; ``days``: known days in order, above or not."""
    found, run = [], 0
    for day, above in days:
        if not above and run >= ABOVE_DAYS:
            found.append(day)
        run = run + 1 if above else 0
    return found


def _arrivals(days: Sequence[date], stock: Sequence[float], demand: Sequence[float]) -> Iterable[tuple[date, float]]:
    for place in range(1, len(days)):
        gap = (days[place] - days[place - 1]).days
        came = stock[place] - stock[place - 1] + gap * demand[place]
        if came > ARRIVAL_DAYS * demand[place]:
            yield days[place], came


def segments(opened: date, closed: date | None, events: Sequence[date], last: date) -> list[Segment]:
    """An episode as it is scored: cut every 84 days without event."""
    found: list[Segment] = []
    start = opened
    while True:
        limit = start + timedelta(days=LONGEST)
        until = min(limit, closed) if closed is not None else limit
        if bisect_right(events, until) > bisect_right(events, start):
            return [*found, Segment(start, closed, True)]
        if closed is not None and closed <= limit:
            return [*found, Segment(start, closed, False)]
        if closed is None and last < limit:
            return [*found, Segment(start, None, False)]
        found.append(Segment(start, limit, False))
        start = limit


def _verdict(segment: Segment, truth: Truth) -> str:
    """true, false, averted or left_out."""
    if segment.end is None:
        return "left_out"
    length = (segment.end - segment.start).days
    seen = bisect_right(truth.known, segment.end) - bisect_right(truth.known, segment.start)
    if length and 1 - seen / length > UNKNOWN_SHARE:
        return "left_out"
    if segment.hit:
        return "true"
    return "averted" if _surprised(segment.start, segment.end, truth) else "false"


def _surprised(start: date, end: date, truth: Truth) -> bool:
    """Whether a week of demand or more arrived in (start, end] beyond what was announced at the opening."""
    came = sum(units for day, units in truth.arrivals if start < day <= end)
    told = sum(units for on, expected, units in truth.announced if on <= start and expected <= end and expected > start)
    return truth.floor > 0 and came - told >= truth.floor


def score(rule: str, episodes: Sequence[Episode], known: Sequence[Truth], as_of: date) -> list[dict[str, object]]:
    """Rows of ``alerts.score`` for one rule: all medicines, and by criticality class. Episodes: of the country."""
    by_medicine: dict[str, list[Episode]] = {}
    for one in episodes:
        if one.rule == rule:
            by_medicine.setdefault(one.medicine_id, []).append(one)
    groups: dict[str, list[Truth]] = {"all": list(known)}
    for truth in known:
        group = f"class {truth.critical_class}" if truth.critical_class is not None else "not critical"
        groups.setdefault(group, []).append(truth)
    return [_row(rule, name, as_of, groups[name], by_medicine) for name in sorted(groups)]


def _row(
    rule: str, grouping: str, as_of: date, known: Sequence[Truth], episodes: Mapping[str, Sequence[Episode]]
) -> dict[str, object]:
    counts = dict.fromkeys(("true", "false", "averted", "left_out"), 0)
    leads: list[int] = []
    for truth in known:
        cut = [
            part
            for one in episodes.get(truth.medicine_id, ())
            for part in segments(one.opened_on, one.closed_on, truth.events, truth.last)
        ]
        for part in cut:
            counts[_verdict(part, truth)] += 1
        leads += [lead for event in truth.events if (lead := _lead(event, cut)) is not None]
    events, above = sum(len(one.events) for one in known), sum(one.above for one in known)
    scored = counts["true"] + counts["false"]
    return {
        "rule": rule,
        "grouping": grouping,
        "as_of": as_of,
        "episodes": sum(counts.values()),
        "true_episodes": counts["true"],
        "false_episodes": counts["false"],
        "averted": counts["averted"],
        "left_out": counts["left_out"],
        "events": events,
        "warned": len(leads),
        "recall": len(leads) / events if events else None,
        "precision": counts["true"] / scored if scored else None,
        "median_lead_days": float(median(leads)) if leads else None,
        "false_per_100_years": counts["false"] / above * PER_100_YEARS if above else None,
        "base_rate_per_100_years": events / above * PER_100_YEARS if above else None,
        "warned_28": sum(lead >= ABOVE_DAYS for lead in leads),
    }


def _lead(event: date, cut: Sequence[Segment]) -> int | None:
    """Days from the opening to the event, where an episode was open the day before it."""
    eve = event - timedelta(days=1)
    starts = [one.start for one in cut if one.start <= eve and (one.end is None or one.end > eve)]
    return (event - min(starts)).days if starts else None
