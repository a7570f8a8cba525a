"""The views of the picture that analysts see: the latest version of each day, and all versions."""

from __future__ import annotations

from medsupply.areas import COUNTRY
from medsupply.rules import load_rules
from medsupply.tables.base import Table, View
from medsupply.tables.picture import (
    CHANGES,
    COMPLETENESS,
    CORRECTIONS,
    DEMAND_WEEKLY,
    DISPENSING_DAILY,
    MEDICINES,
    MEMBERSHIPS,
    PACKAGES,
    SITUATION,
    STOCK_DAILY,
)

LIMITS = load_rules().disclosure


def shown_count(column: str, *, county: bool) -> str:
    """SQL of a count of dispensings as it may be shown: nothing under the limit of the rules file, else rounded."""
    least = LIMITS.smallest_count_county if county else LIMITS.smallest_count
    return f"""CASE WHEN {column} >= {least}
                    THEN {LIMITS.round_to} * round({column} / {LIMITS.round_to}) END"""


def _latest(table: Table, stage: str, day_column: str = "as_of") -> str:
    """SQL: the rows of ``table`` of the latest version known of each day."""
    columns = ", ".join(f"t.{name}" for name in table.columns)
    return f"""
        SELECT {columns}
        FROM {table.full_name} t
        JOIN (SELECT as_of, max(known_at) AS known_at FROM picture.pictures WHERE stage = '{stage}' GROUP BY as_of) v
          ON t.{day_column} = v.as_of AND t.known_at = v.known_at
    """  # noqa: S608  names come from the declarations above


def _situation(source: str) -> str:
    """SQL: ``source`` with the reason that only Fimea and STM may see replaced by a neutral code."""
    columns = ", ".join(
        "array_replace(s.reasons, 'obligation_short', 'restricted') AS reasons" if name == "reasons" else f"s.{name}"
        for name in SITUATION.columns
    )
    return f"SELECT {columns} FROM ({source}) s"  # noqa: S608  names come from the declarations above


def _apart() -> str:
    """SQL: areas above watch and worse than the country in the same picture; unknown or no level ranks lowest."""
    rank = "coalesce(array_position(ARRAY['watch', 'elevated', 'severe'], {}.level), 0)"
    columns = "a.as_of, a.known_at, a.medicine_id, a.grain, a.atc, a.county_code, a.level, a.reasons"
    return f"""
        SELECT {columns}, c.level AS level_country
        FROM ({_situation("SELECT * FROM picture.situation")}) a
        JOIN picture.situation c USING (as_of, known_at, medicine_id)
        WHERE a.county_code <> '{COUNTRY}' AND c.county_code = '{COUNTRY}' AND a.level IN ('elevated', 'severe')
          AND {rank.format("a")} > {rank.format("c")}
    """  # noqa: S608  names come from the declarations above


VIEWS: tuple[View, ...] = (
    View(
        "medicines",
        "SELECT * FROM picture.medicines",
        "Medicines and families, with names, form class, criticality and what is on the market. One row per medicine "
        "or family, as the newest picture knows it. Names: Fimea, EMA, Kela (CC BY 4.0)",
        tables=(MEDICINES,),
    ),
    View(
        "packages",
        "SELECT * FROM picture.packages",
        "Packages (VNR or article) with the medicine they belong to and the units in a pack. One row per package",
        tables=(PACKAGES,),
    ),
    View(
        "memberships",
        "SELECT * FROM picture.memberships",
        "Which package stood in which substitution group, and since when it is known",
        tables=(MEMBERSHIPS,),
    ),
    View(
        "stock_daily",
        _latest(STOCK_DAILY, "measured", "day"),
        "Stock of a day summed by county, kind of holder and package, as known latest. Wholesalers, mah and thl stand "
        "under 99; the state reserve is not inside",
        tables=(STOCK_DAILY,),
    ),
    View(
        "dispensing_daily",
        f"""
        SELECT d.day, d.county_code, d.channel, d.vnr, d.medicine_id, d.packs, d.units, d.reporters, d.known_at,
               {shown_count("d.dispensings", county=True)} AS dispensings,
               coalesce(d.dispensings > 0 AND d.dispensings < {LIMITS.smallest_count_county}, false) AS suppressed
        FROM ({_latest(DISPENSING_DAILY, "dispensing", "day")}) d
        """,  # noqa: S608
        f"Dispensing of a day summed by county, channel and package, as known latest; dispensings rounded to "
        f"{LIMITS.round_to}, not shown under {LIMITS.smallest_count_county}",
        columns={
            "dispensings": f"Dispensings, rounded to {LIMITS.round_to}; empty under {LIMITS.smallest_count_county} or "
            "not reported",
            "suppressed": "The count of dispensings is too small to be shown",
        },
        tables=(DISPENSING_DAILY,),
    ),
    View(
        "demand_weekly",
        _latest(DEMAND_WEEKLY, "demand", "week"),
        "Demand of complete weeks per medicine or family and area, as fed to the forecast and known latest",
        tables=(DEMAND_WEEKLY,),
    ),
    View(
        "completeness",
        "SELECT c.*, e.due_at, e.received_at, e.state AS delivery_state"  # noqa: S608
        f" FROM ({_latest(COMPLETENESS, 'measured')}) c LEFT JOIN ops.expected e"
        " ON e.source = c.source AND e.day = c.as_of AND e.holder_id = c.holder_id",
        "Who has reported, who is late, who is missing, per report day; full lists too",
        columns={
            "due_at": "Cut-off: until when the report day was to be delivered; empty: the calendar does not ask for it",
            "received_at": "When the report day was first received; empty: not yet, or not asked for",
            "delivery_state": "Delivery of the report day: received, received_late, late, missing or not_due;"
            " empty: the calendar does not ask for it",
        },
        tables=(COMPLETENESS,),
    ),
    View(
        "situation",
        _situation(_latest(SITUATION, "judged")),
        "The situation picture as known latest: one row per report day, area and medicine or family that is critical, "
        "in stock, dispensed in 84 days or under a notice",
        tables=(SITUATION,),
    ),
    View(
        "situation_history",
        _situation("SELECT * FROM picture.situation"),
        "Every version of every situation picture; known_at says when it was known",
        tables=(SITUATION,),
    ),
    View(
        "areas_apart",
        _apart(),
        "Areas that are elevated or severe and worse than the country is for the same medicine in the same picture: "
        "what a list of the country does not say. Every version; one row per picture, area and medicine or family",
        columns={
            "level": "Level of the area",
            "level_country": "Level of the country in the same picture; empty: none",
            "reasons": "Reasons of the area's level, the weightiest first",
        },
        tables=(SITUATION,),
    ),
    View(
        "changes",
        "SELECT as_of, known_at, county_code, medicine_id, before_as_of, before_known_at, change, level_before, level, "
        "causes, stock_change_units, demand_change_units, "
        "array_replace(reasons_gained, 'obligation_short', 'restricted') AS reasons_gained, "
        "array_replace(reasons_lost, 'obligation_short', 'restricted') AS reasons_lost FROM picture.changes",
        "What changed between a picture and the one before it, with the causes",
        tables=(CHANGES,),
    ),
    View(
        "corrections",
        "SELECT * FROM picture.corrections",
        "What a later version of a report day's picture says differently from the one before it: holders heard of, "
        "level, stock and demand, where late or corrected files changed them",
        tables=(CORRECTIONS,),
    ),
)
