# ruff: noqa: E501  (tables are as wide as they are)
from __future__ import annotations

from typing import Any

from spec_cases import judged, text
from spec_cases import row as measured_row

TITLE = "Levels"
TEXT = """The level is that of the weightiest condition that holds. The row is a family of the country with 1000 in stock, a
demand of 10 a day, a floor of 70 and nothing under notice, class 2, two holders, another medicine beside; the first column
says what is different."""
TABLE = """
| what is different | = level | = reasons |
|---|---|---|
| nothing | normal |  |
| stock 70 | severe | stock_at_floor |
| stock 71 | normal |  |
| stock 70, demand 0 | normal |  |
| stock 70, reserve 5 | elevated | only_reserve_left |
| stock 40, reserve 30 | severe | stock_at_floor |
| p14 0.5, reserve 50 | elevated | only_reserve_left, run_out_p14 |
| p14_with_reserve 0.5 | severe | run_out_p14_with_reserve |
| p14_with_reserve 0.49 | normal |  |
| out share 0.5 | severe | out_share |
| out share 0.49 | normal |  |
| p56 0.3 | elevated | run_out_p56 |
| p56 0.29 | watch | run_out_p56_watch |
| p56 0.15 | watch | run_out_p56_watch |
| p56 0.14 | normal |  |
| p56 0.1, other medicines 0 | elevated | run_out_p56 |
| p56 0.05, other medicines 0 | watch | run_out_p56_watch |
| p14 0.2 | elevated | run_out_p14 |
| p84 0.3 | watch | run_out_p84 |
| all packages under notice, stock unknown | elevated | notice_covers_all, notice_share_84 |
| all packages under notice | watch | notice_share_84 |
| all packages under notice for 28 days, stock unknown, class 1 | severe | notice_covers_all_28, notice_covers_all, notice_share_84 |
| all packages under notice for 28 days, stock unknown, class 2 | elevated | notice_covers_all, notice_share_84 |
| all packages under notice for 28 days, stock unknown, class 1, special permit | elevated | notice_covers_all, notice_share_84 |
| all packages under notice for 28 days, class 1 | watch | notice_share_84 |
| notice share 84 0.5 | watch | notice_share_84 |
| notice share 84 0.49 | normal |  |
| obligation short | watch | obligation_short |
| surge | watch | demand_surge |
| single holder under notice | watch | single_holder_notice |
| not on the market | watch | not_on_market |
| not on the market, no demand in a year | normal |  |
| no package known, stock unknown, demand unknown | unknown | no_package_known, stock_unknown, demand_unknown |
| stock unknown | unknown | stock_unknown |
| demand unknown | unknown | demand_unknown |
| stock unknown, p84 0.3 | watch | run_out_p84 |
"""
ALL = {"notice_packages_share": 1.0, "notice_share": 1.0, "notice_share_84": 1.0, "notices_open": 3}
WORDS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "demand 0": {"trailing_demand_units": 0.0, "floor_units": 0.0},
    "all packages under notice": ALL,
    "all packages under notice for 28 days": {**ALL, "notice_packages_share_28": 1.0},
    "stock unknown": {"stock_units": None, "reserve_units": None, "state": "missing", "reporting_share": None},
    "demand unknown": {"trailing_demand_units": None, "floor_units": None},
    "class 1": {"critical_class": 1},
    "class 2": {"critical_class": 2},
    "special permit": {"special_permit_articles": 1},
    "obligation short": {"obligation_short": True},
    "single holder under notice": {"single_holder_notice": True},
    "not on the market": {"marketed_packages": 0, "marketed_holders": 0, "market_state": "not_marketed"},
    "no demand in a year": {"dispensed_year": False},
    "no package known": {"market_state": "no_package_known", "marketed_packages": 0},
}
FIGURES = {
    "stock": "stock_units",
    "reserve": "reserve_units",
    "out share": "out_share",
    "notice share 84": "notice_share_84",
}


def outcome(row: dict[str, str]) -> dict[str, str]:
    changed: dict[str, Any] = {}
    run_out: dict[str, float | None] = {}
    surge = "surge" in row["what is different"]
    for part in row["what is different"].split(", "):
        name, _, value = part.rpartition(" ")
        if part in WORDS:
            changed |= WORDS[part]
        elif name in FIGURES:
            changed[FIGURES[name]] = float(value)
        elif name == "other medicines":
            changed["other_medicines"] = int(value)
        elif part != "surge":
            run_out[name] = float(value)
    now = measured_row(**changed)
    key = {"medicine_id": now["medicine_id"], "county_code": "99", "cutoff": now["as_of"], "daily_units": None}
    forecast = [{**key, "beat_trailing": False, "surge": True}] if surge else None
    found = judged([now], run_out or None, forecast=forecast)[0]
    return {"= level": text(found["level"]), "= reasons": text(found["reasons"])}
