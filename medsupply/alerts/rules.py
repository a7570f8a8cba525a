"""The rules: what opens an alert and what speaks for closing it. Thresholds are those of the picture's levels.

A rule reads one row of the situation. ``opens`` and ``quiet`` are functions of that row; data that is missing or late
answers neither, so that it never lowers an open alert.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]
HIGH = ("elevated", "severe")


@dataclass(frozen=True)
class Rule:
    """One rule. ``immediate``: opening and rising give a mail at once; else it stands in the digest."""

    name: str
    why_it_matters: str
    opens: Callable[[Row], bool]
    quiet: Callable[[Row, float | None], bool]
    closes_after: int
    immediate: bool = True


def known(row: Row, threshold: float = 0.8) -> bool:
    """Whether the row can speak for closing: heard of by enough of usual stock. Carried-forward counts: the fold."""
    share = row["reporting_share"]
    return (
        row["level"] not in (None, "unknown")
        and row["state"] in ("reported", "not_stocked", "late")
        and (share is None or share >= threshold)
    )


def _run_out_opens(run_out_reasons: frozenset[str]) -> Callable[[Row], bool]:
    return lambda row: row["level"] in HIGH and bool(run_out_reasons & set(row["reasons"] or ()))


def _run_out_quiet(row: Row, opening_p56: float | None) -> bool:
    """run_out_p56 under half its opening value, and stock above the floor."""
    p56, stock, floor = row["run_out_p56"], row["stock_units"], row["floor_units"]
    if not known(row) or p56 is None or stock is None or floor is None:
        return False
    opening = opening_p56 if opening_p56 is not None else 1.0
    return bool((p56 < 0.5 * opening or p56 == opening == 0.0) and stock > floor)


def _has(*codes: str) -> Callable[[Row], bool]:
    wanted = set(codes)
    return lambda row: bool(wanted & set(row["reasons"] or ()))


def _lacks(*codes: str, but: str | None = None) -> Callable[[Row, float | None], bool]:
    has = _has(*codes)
    late = _has(but) if but else (lambda row: False)
    return lambda row, _: not has(row) and not late(row)


def rules(run_out_reasons: frozenset[str]) -> tuple[Rule, ...]:
    """All rules on rows of the situation. ``run_out_reasons``: codes of stock, out_share and run-out conditions."""
    return (*_availability(run_out_reasons), *_warnings())


def _availability(run_out_reasons: frozenset[str]) -> tuple[Rule, ...]:
    return (
        Rule(
            "run_out",
            "A critical medicine may be gone before new supply is there",
            _run_out_opens(run_out_reasons),
            _run_out_quiet,
            closes_after=7,
        ),
        Rule(
            "notice",
            "Every marketed package is under a shortage notice: nothing is left to exchange for",
            lambda row: row["level"] in HIGH and _has("notice_covers_all", "notice_covers_all_28")(row),
            _lacks("notice_covers_all", "notice_covers_all_28", but="notices_late"),
            closes_after=3,
        ),
        Rule(
            "single_holder",
            "The only company on the market cannot deliver",
            _has("single_holder_notice"),
            _lacks("single_holder_notice", but="notices_late"),
            closes_after=3,
            immediate=False,
        ),
    )


def _warnings() -> tuple[Rule, ...]:
    return (
        Rule(
            "surge",
            "Demand above what the forecast held possible drains stock faster than planned",
            _has("demand_surge"),
            _lacks("demand_surge"),
            closes_after=7,
            immediate=False,
        ),
        Rule(
            "obligation",
            "The obligatory storage is short without a permit",
            _has("obligation_short"),
            _lacks("obligation_short"),
            closes_after=7,
            immediate=False,
        ),
        Rule(
            "data_missing",
            "Too few holders have reported: the level cannot be told, and nothing else may close",
            _has("missing_decides"),
            lambda row, _: known(row),
            closes_after=1,
            immediate=False,
        ),
    )


def service_rules() -> tuple[Rule, ...]:
    """Rules about the service itself: rows by source or part of the service, in the country's area."""
    return (
        Rule(
            "delivery_refused",
            "A sender's newest delivery was refused or is held: the picture goes on with older data",
            _has("delivery_refused"),
            _lacks("delivery_refused"),
            closes_after=1,
            immediate=False,
        ),
        Rule(
            "forecast_degraded",
            "The forecast is old, or turned out much worse than before: trust its probabilities less",
            _has("forecast_degraded"),
            _lacks("forecast_degraded"),
            closes_after=1,
            immediate=False,
        ),
    )
