"""Every figure of the picture, defined once: formula, unit, source, review date. The Definitions page, docs/figures.md
and the comments in SQL say the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from medsupply.tables.picture import SITUATION

REVIEW = date(2027, 5, 31)


@dataclass(frozen=True)
class Figure:
    """One figure: ``name`` is its column in ``analyst.situation``; ``inputs``: columns or sources it is made of."""

    name: str
    title: str
    formula: str
    unit: str
    inputs: tuple[str, ...]
    made_in: str
    note: str = ""
    review_by: date = REVIEW
    author: str = "medsupply"


MASS = "units; mg of the substance for a family"
FIGURES: tuple[Figure, ...] = (
    Figure(
        "stock_units",
        "Stock",
        "Sum over holders heard of of packs less reserve_packs of their latest snapshot, times units per "
        "pack; lots with expires_on on or before the day are left out. The own reserve of hospital pharmacies"
        " and medicine centres counts; in the country also the reserve of others up to allowed_packs of "
        "alitus permits in force, per package, and state reserve that was released.",
        MASS,
        ("stock", "holders", "permits", "packages"),
        "medsupply.picture.stock",
        "Empty where nobody in the area was heard of, or the medicine has no units. Zero is a reported value.",
    ),
    Figure(
        "reserve_units",
        "Reserve",
        "The rest of the obligatory storage of the same snapshots, same expiry rule.",
        MASS,
        ("stock", "holders", "permits", "packages"),
        "medsupply.picture.stock",
    ),
    Figure(
        "trailing_demand_units",
        "Trailing demand",
        "Per day, over the 84 days up to the day: per reporter 1/7 x the sum over weekdays of its mean units "
        "(packs less returned) on the reported days of that weekday; a weekday never reported counts 0 where "
        "the reporter has 28 or more reported days, with fewer the plain mean over its reported days stands. "
        "Summed over reporters.",
        f"{MASS}, a day",
        ("dispensing", "packages"),
        "medsupply.picture.demand",
        "A day not reported is no zero day. Empty where nobody in the area reported.",
    ),
    Figure(
        "daily_demand_units",
        "Daily demand",
        "The median over paths of the four weeks after the cutoff week / 28, of the newest forecast with "
        "cutoff in the last 14 days that beat the trailing mean; else the trailing demand; while stock is at "
        "or below the floor no less than the value of the last day above it, of the 84 days before.",
        f"{MASS}, a day",
        ("trailing_demand_units", "forecast", "stock_units", "floor_units"),
        "medsupply.picture.cover",
        "demand_basis says which: forecast, trailing or before_shortage.",
    ),
    Figure(
        "floor_units",
        "Floor",
        "k x trailing_demand_units; k = 7 days in the country, 3 in other areas (rules file).",
        MASS,
        ("trailing_demand_units", "rules"),
        "medsupply.picture.measure",
        "Stock is scattered: half of demand meets an empty shelf well before the sum is zero.",
    ),
    Figure(
        "cover_days",
        "Cover",
        "stock_units / daily_demand_units, no further inflow.",
        "days",
        ("stock_units", "daily_demand_units"),
        "medsupply.picture.cover",
        "Empty where demand is zero or not known; never 0 or infinite.",
    ),
    Figure(
        "cover_days_high",
        "Cover, upper end",
        "(stock_units + usual units of holders valid on the day and not heard of) / daily_demand_units.",
        "days",
        ("stock_units", "usual_units_silent", "daily_demand_units"),
        "medsupply.picture.cover",
    ),
    Figure(
        "cover_days_with_reserve",
        "Cover with the reserve",
        "(stock_units + reserve_units) / daily_demand_units.",
        "days",
        ("stock_units", "reserve_units", "daily_demand_units"),
        "medsupply.picture.cover",
    ),
    Figure(
        "reporting_share",
        "Reporting share",
        "Usual units of the holders heard of / usual units of all holders valid on the day. Usual units: mean"
        " over all snapshots counted 31 to 4 days before of the units usable on the snapshot's own day, a "
        "medicine absent from one counting 0. Without any usual units the plain share of holders.",
        "share 0-1",
        ("stock", "holders"),
        "medsupply.picture.usual",
    ),
    Figure(
        "out_share",
        "Out share",
        "Among dispensing holders heard of that had usable units in at least half of their snapshots 83 to 28 days "
        "before: trailing demand of those with none now / trailing demand of all of them.",
        "share 0-1",
        ("stock", "dispensing"),
        "medsupply.picture.usual",
    ),
    *(
        Figure(
            f"run_out_p{days}",
            f"Run-out within {days} days",
            f"Probability that stock_units <= floor_units on a day of the {days} after the report day, from "
            "joint paths of demand, announced supply and usual resupply. At or below the floor now: 1.",
            "probability",
            ("stock_units", "floor_units", "forecast", "supply", "notices"),
            "medsupply.forecast",
        )
        for days in (14, 28, 56, 84)
    ),
    Figure(
        "run_out_p14_with_reserve",
        "Run-out within 14 days, with the reserve",
        "As run_out_p14, the reserve counted into the stock.",
        "probability",
        ("stock_units", "reserve_units", "floor_units"),
        "medsupply.forecast",
    ),
    Figure(
        "run_out_p14_announced",
        "Run-out within 14 days, announced supply only",
        "As run_out_p14, without usual resupply.",
        "probability",
        ("stock_units", "floor_units", "supply"),
        "medsupply.forecast",
    ),
    Figure(
        "run_out_p84_announced",
        "Run-out within 84 days, announced supply only",
        "As run_out_p84, without usual resupply.",
        "probability",
        ("stock_units", "floor_units", "supply"),
        "medsupply.forecast",
    ),
    Figure(
        "run_out_on",
        "Median day of run-out",
        "Median over paths of the first day at or below the floor; empty where fewer than half of the paths get there.",
        "day",
        ("stock_units", "floor_units", "forecast", "supply"),
        "medsupply.forecast",
    ),
    Figure(
        "notice_share",
        "Share under notice",
        "Share of the medicine's dispensing of the last 84 days, else of its marketed packages, whose package"
        " has a notice in force. In force: the newest revision known has start <= day <= end (9999-12-31: "
        "open) and is K, or is E and the day lies before the first list that showed E.",
        "share 0-1",
        ("fimea_shortages", "dispensing", "packages"),
        "medsupply.picture.notices",
        "Parallel imports are left out of the package form where an original is marketed.",
    ),
    Figure(
        "notice_share_84",
        "Share under notice within 84 days",
        "As notice_share, with notices that start within 84 days and packages that leave the market in them.",
        "share 0-1",
        ("fimea_shortages", "fimea_packages", "dispensing", "packages"),
        "medsupply.picture.notices",
    ),
    Figure(
        "notices_open",
        "Notices in force",
        "Number of notices in force on the packages of the medicine.",
        "notices",
        ("fimea_shortages", "packages"),
        "medsupply.picture.notices",
        "A count says nothing about how serious a shortage is; the share does.",
    ),
    Figure(
        "demand_index",
        "Demand index",
        "Kela purchases of the last complete week known / median forecast made before it. A medicine takes "
        "its ATC code's, a county that of the ATC level 2, which is all that is published.",
        "ratio",
        ("kela_purchases", "forecast"),
        "medsupply.picture.cover",
        "A purchase is a dispensed lot, not packs; a week that is not published is a gap, not a zero.",
    ),
    Figure(
        "demand_index_expected",
        "Expected purchases",
        "Median forecast of that week's purchases, made before the week.",
        "purchases",
        ("kela_purchases", "forecast"),
        "medsupply.forecast",
    ),
    Figure(
        "stock_ddd",
        "Stock in daily doses",
        "stock_units of a family / mg in the defined daily dose that the ATC index gives for its code.",
        "DDD",
        ("stock_units", "fimea_atc"),
        "medsupply.picture.judge",
        "Adds up strengths of one substance; for families counted in mg whose code has a DDD in g, mg or mcg. A DDD is "
        "a unit of comparison, not a dose for anybody.",
    ),
    Figure(
        "daily_demand_ddd",
        "Daily demand in daily doses",
        "daily_demand_units of a family / mg in the defined daily dose of its ATC code.",
        "DDD, a day",
        ("daily_demand_units", "fimea_atc"),
        "medsupply.picture.judge",
    ),
    Figure(
        "family_cover_days",
        "Cover of the family",
        "cover_days of the medicine's family in the same area: how long other strengths last.",
        "days",
        ("cover_days",),
        "medsupply.picture.judge",
    ),
)


def figure(name: str) -> Figure:
    """The definition of a column of the situation. Raises KeyError for a column that is no figure."""
    return _BY_NAME[name]


_BY_NAME = {item.name: item for item in FIGURES}


def figures_page() -> str:
    """The page of definitions, from the registry above and the table's own descriptions."""
    parts = [
        "# Figures",
        "",
        "Each figure of `analyst.situation` has one definition, the same on every page, in SQL, in exports "
        "and in what a mail follows from. `D` is the report day; everything is as known at `known_at`. A "
        "figure that is not known is empty, never zero.",
        "",
    ]
    for item in FIGURES:
        inputs = ", ".join(f"`{name}`" for name in item.inputs)
        parts += [f"## {item.title} (`{item.name}`)", "", item.formula, ""]
        parts += [item.note, ""] if item.note else []
        parts += [
            f"Unit: {item.unit}. Made from {inputs} in `{item.made_in}`. "
            f"By {item.author}, to be reviewed by {item.review_by.isoformat()}.",
            "",
        ]
    parts += ["## All columns of the situation", "", "| column | meaning |", "|---|---|"]
    parts += [f"| `{name}` | {column.description} |" for name, column in SITUATION.frame.columns().items()]
    return "\n".join(parts) + "\n"
