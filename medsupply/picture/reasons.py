"""Stable codes of reasons: why a row has its level. Words in three languages live in ``medsupply.words``."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class Reason(StrEnum):
    """Code and, in ``DESCRIPTIONS``, what it says. A code is never given another meaning."""

    RUN_OUT_P14_WITH_RESERVE = "run_out_p14_with_reserve"
    STOCK_AT_FLOOR = "stock_at_floor"
    OUT_SHARE = "out_share"
    NOTICE_COVERS_ALL_28 = "notice_covers_all_28"
    RUN_OUT_P56 = "run_out_p56"
    RUN_OUT_P14 = "run_out_p14"
    ONLY_RESERVE_LEFT = "only_reserve_left"
    NOTICE_COVERS_ALL = "notice_covers_all"
    RUN_OUT_P56_WATCH = "run_out_p56_watch"
    RUN_OUT_P84 = "run_out_p84"
    NOTICE_SHARE_84 = "notice_share_84"
    OBLIGATION_SHORT = "obligation_short"
    RESTRICTED = "restricted"
    DEMAND_SURGE = "demand_surge"
    SINGLE_HOLDER_NOTICE = "single_holder_notice"
    NOT_ON_MARKET = "not_on_market"
    NO_PACKAGE_KNOWN = "no_package_known"
    STOCK_UNKNOWN = "stock_unknown"
    DEMAND_UNKNOWN = "demand_unknown"
    PARTIAL = "partial"
    MISSING_DECIDES = "missing_decides"
    LATE_DATA = "late_data"
    NOTICES_LATE = "notices_late"
    LOW_DEMAND = "low_demand"
    OUT_OF_SEASON = "out_of_season"
    OTHER_STRENGTHS_LAST = "other_strengths_last"
    COUNTRY_NORMAL = "country_normal"


DESCRIPTIONS: dict[Reason, str] = {
    Reason.RUN_OUT_P14_WITH_RESERVE: "Likely to reach the floor within 14 days, the reserve counted in",
    Reason.STOCK_AT_FLOOR: "Stock and reserve together are at or below the floor",
    Reason.OUT_SHARE: "Sites with a large share of the demand have none left",
    Reason.NOTICE_COVERS_ALL_28: "Every marketed package is under notice for 28 more days and nothing replaces it",
    Reason.RUN_OUT_P56: "May reach the floor within 56 days",
    Reason.RUN_OUT_P14: "May reach the floor within 14 days",
    Reason.ONLY_RESERVE_LEFT: "Only the obligatory reserve is left: a permit decision is due",
    Reason.NOTICE_COVERS_ALL: "Every marketed package is under a shortage notice and no stock is reported",
    Reason.RUN_OUT_P56_WATCH: "Some risk to reach the floor within 56 days",
    Reason.RUN_OUT_P84: "May reach the floor within 84 days",
    Reason.NOTICE_SHARE_84: "Half or more is or will be under a shortage notice within 84 days, or leaves the market",
    Reason.OBLIGATION_SHORT: "Obligatory storage has been short for 14 days",
    Reason.RESTRICTED: "A reason that only Fimea and the ministry see",
    Reason.DEMAND_SURGE: "Demand above what the forecast held possible, two weeks running",
    Reason.SINGLE_HOLDER_NOTICE: "The single company on the market has given a shortage notice",
    Reason.NOT_ON_MARKET: "Not on the market, though there was demand in the last year",
    Reason.NO_PACKAGE_KNOWN: "No package is known for this line of the critical list",
    Reason.STOCK_UNKNOWN: "No stock is known",
    Reason.DEMAND_UNKNOWN: "No demand is known",
    Reason.PARTIAL: "Some holders have not reported; the level is the same with and without them",
    Reason.MISSING_DECIDES: "The level depends on holders that have not reported",
    Reason.LATE_DATA: "A snapshot inside is carried forward from an earlier day",
    Reason.NOTICES_LATE: "The newest list of shortage notices is older than 4 days",
    Reason.LOW_DEMAND: "Too few dispensings in the area for a level of its own",
    Reason.OUT_OF_SEASON: "Outside its season",
    Reason.OTHER_STRENGTHS_LAST: "Other strengths or forms of the substance last",
    Reason.COUNTRY_NORMAL: "Held at watch: the country as a whole has enough",
}

# Reasons of a stock, out_share or run-out condition of elevated or severe: what the run_out alert opens on.
RUN_OUT_REASONS = frozenset(
    {
        Reason.RUN_OUT_P14_WITH_RESERVE,
        Reason.STOCK_AT_FLOOR,
        Reason.OUT_SHARE,
        Reason.RUN_OUT_P56,
        Reason.RUN_OUT_P14,
        Reason.ONLY_RESERVE_LEFT,
    }
)

# Reasons that already say that a company has given a shortage notice.
NOTICE_REASONS = frozenset(
    {Reason.NOTICE_COVERS_ALL_28, Reason.NOTICE_COVERS_ALL, Reason.NOTICE_SHARE_84, Reason.SINGLE_HOLDER_NOTICE}
)


def under_notice(row: Mapping[str, Any]) -> bool:
    """Whether a notice is in force where the medicine of a row of the situation is dispensed.

    Told beside the reasons of a level, never as one: levels of areas rest on stock, out_share and run-out alone, and
    nobody may redistribute without knowing why there is too little.
    """
    return bool(row.get("notices_open")) and (row.get("notice_share") or 0.0) > 0
