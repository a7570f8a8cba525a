"""A small warehouse for the pages: invented medicines, eleven report days, everything that a page can show."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import filled_scores
import numpy as np
import polars as pl

from medsupply.areas import COUNTIES, COUNTRY
from medsupply.forecast.history import GRANTED, TOLD, Past
from medsupply.forecast.keeping import packed
from medsupply.forecast.national import country_of
from medsupply.forecast.scenario import Start
from medsupply.picture.reasons import NOTICE_REASONS
from medsupply.tables import alerts, core, forecast, ops, picture
from medsupply.tables.base import Table
from medsupply.warehouse.database.bulk import copy
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.starts import start_name
from medsupply.warehouse.storage.store import open_store

LAST = date(2026, 3, 10)
DAYS = [LAST - timedelta(days=n) for n in range(10, -1, -1)]
AREAS = [COUNTRY, "Y1", "Y2", "Y3", "Y4", "Y5", *(area.code for area in COUNTIES)]
# substance (fi, sv, en), ATC, class, form class, level of the last day and the day before, reasons, cover, p56
FAMILIES: tuple[tuple[Any, ...], ...] = (
    ("amoksisilliini", "amoxicillin", "amoxicillin", "J01CA04", 1, "oral liquid", "severe", "elevated",
     ["stock_at_floor", "run_out_p84", "notice_share_84", "demand_surge"], 6.25, 1.0),
    ("salbutamoli", "salbutamol", "salbutamol", "R03AC02", 1, "inhaled", "elevated", "elevated",
     ["run_out_p56", "single_holder_notice"], 24.5, 0.412345),
    ("morfiini", "morfin", "morphine", "N02AA01", 1, "parenteral", "watch", "normal",
     ["run_out_p84", "restricted"], 41.0, 0.17),
    ("insuliini lispro", "insulin lispro", "insulin lispro", "A10AB04", 2, "parenteral", "normal", "watch", [],
     88.4, 0.02),
    ("hepariini", "heparin", "heparin", "B01AB01", 2, "parenteral", "unknown", "unknown",
     ["missing_decides", "late_data"], None, None),
    ("parasetamoli", "paracetamol", "paracetamol", "N02BE01", None, "oral solid", "normal", "normal", [], 120.0, 0.0),
)  # fmt: skip


def moment(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 4, 0, tzinfo=UTC) + timedelta(days=1)


def fill(wh: Warehouse, *, with_stock: bool = True) -> None:
    """Fill every table that a page reads; ``with_stock`` False leaves stock and all that follows from it unknown."""
    frames: dict[Table, list[dict[str, Any]]] = {
        picture.PICTURES: _pictures(),
        picture.MEDICINES: _medicines(),
        picture.PACKAGES: _packages(),
        picture.SITUATION: _situation(with_stock),
        picture.CHANGES: _changes(),
        picture.CORRECTIONS: _corrections(),
        picture.COMPLETENESS: _completeness(),
        picture.OBLIGATIONS: _obligations(),
        picture.STATE_RESERVE: _state_reserve(),
        picture.STOCK_DAILY: _stock_daily(),
        picture.DEMAND_WEEKLY: _weeks(),
        core.CORE["fimea_shortages"]: _notices(),
        core.CORE["holders"]: _holders(),
        ops.DELIVERIES: _deliveries(),
        ops.QUARANTINE: _quarantine(),
        forecast.RUNS: _runs(),
        forecast.SUBSTITUTIONS: filled_scores.substitutions(LAST, moment(LAST)),
        ops.EXPECTED_DAYS: filled_scores.expected_days(LAST, moment(LAST)),
        forecast.DEMAND: _demand(),
        forecast.RUN_OUT: _run_out() if with_stock else [],
        forecast.SCORES: filled_scores.scores(LAST, moment(LAST)),
        alerts.STATE: _alerts(),
        alerts.OUTBOX: _mails(),
        alerts.SCORE: _alert_scores(),
    }
    if with_stock:
        keep_start(wh)
    with wh.transaction() as connection:
        for table, rows in frames.items():
            if rows:
                names = set(rows[0])
                copy(
                    connection,
                    table,
                    pl.DataFrame(rows, schema={k: v for k, v in table.dtypes().items() if k in names}),
                )


def keep_start(wh: Warehouse) -> None:
    """Where what-ifs start: the families with known stock, two packages each, resupplied weekly for most of a year."""
    names = [family(row) for row in FAMILIES if row[8] is not None]
    days, rng = 200, np.random.default_rng(7)
    series = [name for name in names for _ in range(2)]
    vnr = [f"{k:06d}" for k in range(len(series))]
    demand = rng.poisson(100.0, (days, len(series))).astype(float)
    stock = np.tile(4000.0 + 700.0 * ((days - 1 - np.arange(days)) % 7 / 7)[:, None], (1, len(series)))
    on = tuple(LAST - timedelta(days=n) for n in range(days - 1, -1, -1))
    past = Past(on, tuple(series), tuple(vnr), stock, demand, pl.DataFrame(schema=TOLD),
                pl.DataFrame(schema=GRANTED))  # fmt: skip
    state = pl.DataFrame({
        "medicine_id": sorted(names), "county_code": COUNTRY, "stock_units": 8000.0, "stock_units_high": 8000.0,
        "reserve_units": 3000.0, "floor_units": 1400.0, "trailing_demand_units": 200.0,
    })  # fmt: skip
    ordered = sorted(range(len(series)), key=lambda k: (series[k], vnr[k]))
    past = replace(past, series=tuple(series[k] for k in ordered), vnr=tuple(vnr[k] for k in ordered),
                   stock=stock[:, ordered], demand=demand[:, ordered])  # fmt: skip
    country = country_of(past, state, None, LAST)
    assert country is not None
    holders = pl.DataFrame({
        "holder_id": ["HUS", "L0001"], "holder_type": ["hospital_pharmacy", "wholesaler"], "name": ["HUS", "T"],
        "medicine_id": [past.series[0]] * 2, "vnr": [past.vnr[0]] * 2, "units": [3000.0, 1000.0],
    })  # fmt: skip
    open_store(wh.settings.archive_url).put(start_name(LAST, moment(LAST)), packed(Start(country, holders)))


def family(row: tuple[Any, ...]) -> str:
    return f"S{row[3]}-{row[5].replace(' ', '_')}"


def _pictures() -> list[dict[str, Any]]:
    return [
        {"as_of": day, "known_at": moment(day), "stage": stage, "rules_version": "2026-11-24.1",
         "rows": 1, "content": "x"}
        for day in DAYS
        for stage in ("measured", "judged")
    ] + [{"as_of": week, "known_at": moment(LAST), "stage": "demand", "rules_version": None, "rows": 1, "content": "x"}
         for week in _mondays()]  # fmt: skip


def _mondays() -> list[date]:
    newest = LAST - timedelta(days=LAST.weekday() + 7)
    return [newest - timedelta(days=7 * n) for n in range(39, -1, -1)]


def _medicines() -> list[dict[str, Any]]:
    rows = []
    for place, row in enumerate(FAMILIES):
        fi, sv, en, atc, klass, form_class, *_ = row
        common = {
            "as_of": LAST, "known_at": moment(LAST), "family_id": family(row), "atc": atc, "name_fi": fi, "name_sv": sv,
            "name_en": en, "form_class": form_class, "critical": klass is not None, "critical_class": klass,
            "critical_lists": ["eu"] if klass else [], "packages": 2, "marketed_packages": 1, "marketed_holders": 1,
            "special_permit_articles": 0, "substitutes": [], "state": "marketed",
        }  # fmt: skip
        rows.append(
            {"medicine_id": family(row), "grain": "family", "unit": "mg", "strength": None, "form": None, **common}
        )
        for number in (1, 2):
            rows.append({"medicine_id": f"G{place:02d}0{number}", "grain": "medicine", "unit": "kpl",
                         "strength": f"{number * 250} mg", "form": "tabletti", **common})  # fmt: skip
    return rows


def _packages() -> list[dict[str, Any]]:
    return [
        {"vnr": f"{place:02d}{number:04d}", "as_of": LAST, "known_at": moment(LAST),
         "medicine_id": f"G{place:02d}0{number}", "family_id": family(row), "current_vnr": f"{place:02d}{number:04d}",
         "atc": row[3], "product_name": f"Esimerkki {row[0]}", "strength": f"{number * 250} mg", "holder": "Yritys Oy",
         "pack_size": "100", "units_source": "register", "marketed": True, "parallel_import": False,
         "counted_as_marketed": True, "special_permit": False, "state": "marketed", "source": "fimea_packages"}
        for place, row in enumerate(FAMILIES)
        for number in (1, 2)
    ]  # fmt: skip


def _situation(with_stock: bool) -> list[dict[str, Any]]:
    return [
        _row(row, medicine_id, grain, day, area, with_stock)
        for place, row in enumerate(FAMILIES)
        for medicine_id, grain in ((family(row), "family"), (f"G{place:02d}01", "medicine"))
        for day in DAYS
        for area in AREAS
    ]


def _row(row: tuple[Any, ...], medicine_id: str, grain: str, day: date, area: str, with_stock: bool) -> dict[str, Any]:
    level = row[6] if day == LAST else row[7]
    if area not in (COUNTRY, "19", "21", "Y5") and level in ("severe", "elevated"):
        level = "watch"
    if (area, row[3], day) == ("19", "R03AC02", LAST):
        level = "severe"  # one county is worse than the country
    cover, p56 = (row[9], row[10]) if with_stock else (None, None)
    size = 1000.0 if area == COUNTRY else 60.0
    drift = 1 + 0.04 * (LAST - day).days
    known = cover is not None
    return {
        "as_of": day, "known_at": moment(day), "county_code": area, "medicine_id": medicine_id, "grain": grain,
        "family_id": family(row), "atc": row[3], "critical": row[4] is not None, "critical_class": row[4],
        "level": level if with_stock or level != "normal" else "unknown", "partial": False,
        "reasons": [code for code in row[8] if area == COUNTRY or code not in NOTICE_REASONS],
        "level_if_missing_empty": "elevated" if level == "unknown" else None,
        "level_if_missing_usual": "normal" if level == "unknown" else None,
        "stock_units": cover * size * drift if known else None, "reserve_units": 500.0 if known else None,
        "floor_units": 7 * size if with_stock else None, "trailing_demand_units": size if with_stock else None,
        "daily_demand_units": size if with_stock else None, "demand_basis": "trailing" if with_stock else None,
        "cover_days": cover * drift if known else None, "cover_days_high": cover * drift if known else None,
        "cover_days_with_reserve": cover * drift + 0.5 if known else None, "out_share": 0.123456 if known else None,
        "run_out_p14": p56 / 4 if p56 is not None else None, "run_out_p28": p56 / 2 if p56 is not None else None,
        "run_out_p56": p56, "run_out_p84": p56, "run_out_on": LAST + timedelta(days=30) if p56 else None,
        "run_out_p14_with_reserve": p56 / 8 if p56 is not None else None, "run_out_p14_announced": p56,
        "run_out_p84_announced": p56, "notice_share": 0.5 if "notice_share_84" in row[8] else 0.0,
        "notice_share_84": 0.75 if "notice_share_84" in row[8] else 0.0, "notices_open": len(row[8]),
        "demand_index": 1.234567, "demand_index_expected": 2000.0, "reporting_share": 0.95 if with_stock else None,
        "shared": area == "02", "state": "reported" if with_stock else "missing", "rules_version": "2026-11-24.1",
    }  # fmt: skip


def _changes() -> list[dict[str, Any]]:
    return [
        {"as_of": LAST, "known_at": moment(LAST), "county_code": COUNTRY, "medicine_id": family(row),
         "before_as_of": DAYS[-2], "before_known_at": moment(DAYS[-2]), "change": change, "level_before": row[7],
         "level": row[6], "causes": causes, "stock_change_units": -250.0, "demand_change_units": 0.0,
         "reasons_gained": [], "reasons_lost": []}
        for row, change, causes in ((FAMILIES[0], "worse", ["stock_fell", "demand_rose"]),
                                    (FAMILIES[2], "worse", ["risk_rose"]), (FAMILIES[3], "better", ["notice_ended"]))
    ]  # fmt: skip


def _corrections() -> list[dict[str, Any]]:
    """The day before the last was made again with the last: two sites more; of two areas, and one long ago."""
    row = {"as_of": DAYS[-2], "known_at": moment(LAST), "before_known_at": moment(DAYS[-2]), "county_code": COUNTRY,
           "holders_change": 2, "stock_change_units": 31313.0, "demand_change_units": 0.0}  # fmt: skip
    old = {"as_of": DAYS[0], "known_at": moment(DAYS[1]), "before_known_at": moment(DAYS[0]), "holders_change": -1}
    return [
        {**row, "medicine_id": family(FAMILIES[0]), "level_before": "severe", "level": "elevated"},
        {**row, "medicine_id": family(FAMILIES[1]), "level_before": "elevated", "level": "elevated"},
        {**row, "medicine_id": family(FAMILIES[5]), "level_before": "watch", "level": "normal"},
        {**row, **old, "medicine_id": family(FAMILIES[2]), "level_before": "normal", "level": "watch"},
        {**row, "county_code": "21", "medicine_id": family(FAMILIES[3]), "level_before": None, "level": "watch"},
        *({**row, "county_code": "07", "medicine_id": family(FAMILIES[0]), "as_of": day, "level_before": "watch",
           "level": "normal"} for day in DAYS[4:9]),
    ]  # fmt: skip


def _completeness() -> list[dict[str, Any]]:
    states = ["reported"] * 18 + ["late", "missing"]
    sites = [
        {"source": source, "holder_id": f"H{number:02d}",
         "holder_type": "pharmacy" if number % 4 else "hospital_pharmacy",
         "county_code": COUNTIES[number].code, "state": state,
         "last_day": None if state == "missing" else LAST - timedelta(days=3 * (state == "late")),
         "open_days_late": 0 if state == "reported" else 3}
        for source in ("stock", "dispensing")
        for number, state in enumerate(states)
    ]  # fmt: skip
    lists = [{"source": "fimea_shortages", "holder_id": "fimea_shortages", "holder_type": None, "county_code": None,
              "state": "late", "last_day": LAST - timedelta(days=5), "open_days_late": 4}]  # fmt: skip
    return [{"as_of": LAST, "known_at": moment(LAST), **row} for row in (*sites, *lists)]


def _obligations() -> list[dict[str, Any]]:
    return [
        {"as_of": LAST, "known_at": moment(LAST), "obliged_id": "9901", "family_id": family(FAMILIES[0]),
         "required_units": 71717.0, "held_units": 61616.0, "permit_units": 0.0, "missing_units": 10101.0,
         "short_today": True, "short_days": 13, "short": False}
    ]  # fmt: skip


def _state_reserve() -> list[dict[str, Any]]:
    row = {"as_of": LAST, "known_at": moment(LAST), "medicine_id": family(FAMILIES[0])}
    return [{**row, "units": 81818.0, "released_units": 0.0}]


def _stock_daily() -> list[dict[str, Any]]:
    row = {"day": LAST, "known_at": moment(LAST), "vnr": "000001", "state": "reported", "medicine_id": "G0001",
           "packs": 10.0, "reserve_units": 0.0, "holders": 1}  # fmt: skip
    return [
        {**row, "county_code": COUNTRY, "holder_type": "wholesaler", "units": 51515.0},
        {**row, "county_code": "21", "holder_type": "hospital_pharmacy", "units": 41414.0},
    ]


def _weeks() -> list[dict[str, Any]]:
    return [
        {"week": week, "known_at": moment(LAST), "medicine_id": family(row), "county_code": COUNTRY,
         "units": 7000.0 + 400 * (place % 7), "silent_share": 0.0, "marked": False}
        for row in FAMILIES[:4]
        for place, week in enumerate(_mondays())
    ]  # fmt: skip


def _notices() -> list[dict[str, Any]]:
    return [
        {"vnr": f"00000{number}", "voimassa": "K", "saatavuushairioalkupaiva": LAST - timedelta(days=20),
         "saatavuushairioloppupaiva": end, "ilmoituspaiva": LAST - timedelta(days=30),
         "muokkauspaiva": LAST - timedelta(days=2), "yritys": "=HYPERLINK(\"x\")" if number == 2 else "Yritys Oy",
         "known_from": moment(DAYS[0]), "known_to": None, "delivery_id": "d1"}
        for number, end in ((1, LAST + timedelta(days=40)), (2, date(9999, 12, 31)))
    ]  # fmt: skip


def _holders() -> list[dict[str, Any]]:
    return [
        {"holder_id": f"H{number:02d}", "holder_type": "pharmacy", "name": f"Apteekki {number}",
         "county_code": COUNTIES[number].code, "valid_from": date(2020, 1, 1), "known_from": moment(DAYS[0]),
         "delivery_id": "d0"}
        for number in range(20)
    ]  # fmt: skip


def _deliveries() -> list[dict[str, Any]]:
    told = (("accepted", 0, None), ("partly", 3, "3 rows are in quarantine. See analyst.quarantine."),
            ("held", 0, "Over 20 % shorter than the one before."), ("accepted", 0, None))  # fmt: skip
    return [
        {"delivery_id": f"stock-{number}", "source": "stock" if number % 2 else "dispensing",
         "file_name": f"stock-{number}.csv", "sha256": f"{number:064d}", "sender": "H01",
         "received_at": moment(LAST) - timedelta(hours=number), "verdict": verdict, "reason": reason,
         "rows_received": 100, "rows_accepted": 100 - bad, "rows_quarantined": bad, "rows_duplicate": 0,
         "packs_received": 1000.0, "packs_accepted": 1000.0 - bad, "packs_quarantined": float(bad),
         "packs_duplicate": 0.0, "bytes_received": 5000, "bytes_archived": 5000, "held": verdict == "held", "parts": 1}
        for number, (verdict, bad, reason) in enumerate(told)
    ]  # fmt: skip


def _quarantine() -> list[dict[str, Any]]:
    return [
        {"delivery_id": "stock-1", "line": number + 2, "source": "stock", "field": "packs", "reason_code": reason,
         "what_to_do": "Check", "original": "a;b", "packs": 1.0}
        for number, reason in enumerate(("unknown_holder", "not_a_number", "unknown_holder"))
    ]  # fmt: skip


def _runs() -> list[dict[str, Any]]:
    return [{"measure": "units", "cutoff": _mondays()[-1] + timedelta(days=6), "known_at": moment(LAST),
             "data_version": "x", "horizon_weeks": 26, "paths": 400, "series": 312, "substituted": 12,
             "models": "{}", "kappa": "{}"}]  # fmt: skip


def _demand() -> list[dict[str, Any]]:
    levels = dict(zip(("q025", "q10", "q20", "q30", "q40", "q50", "q60", "q70", "q80", "q90", "q975"),
                      (0.7, 0.8, 0.86, 0.91, 0.96, 1.0, 1.04, 1.09, 1.15, 1.25, 1.4), strict=True))  # fmt: skip
    return [
        {"measure": "units", "cutoff": _mondays()[-1] + timedelta(days=6), "known_at": moment(LAST),
         "medicine_id": family(FAMILIES[0]), "county_code": COUNTRY, "week": _mondays()[-1] + timedelta(days=7 * ahead),
         "horizon": ahead, "mean": 8200.0, **{name: 8200.0 * part for name, part in levels.items()}}
        for ahead in range(1, 27)
    ]  # fmt: skip


def _run_out() -> list[dict[str, Any]]:
    return [
        {"as_of": LAST, "known_at": moment(LAST), "medicine_id": family(row), "county_code": COUNTRY,
         "horizon_days": days, "p": min(1.0, row[10] * days / 56), "p_announced": row[10],
         "p_with_reserve": row[10] / 8,
         "run_out_on": LAST + timedelta(days=30), "notice_driven": False}
        for row in FAMILIES if row[10] is not None
        for days in forecast.HORIZON_DAYS
    ]  # fmt: skip


def _alerts() -> list[dict[str, Any]]:
    """Two that all see, one on obligatory storage, and one of a county."""
    told = [("run_out", row, row[8], COUNTRY) for row in FAMILIES[:2]]
    told.append(("obligation", FAMILIES[2], ["obligation_short"], COUNTRY))
    told.append(("stock_zero", FAMILIES[0], ["stock_at_floor"], "21"))
    return [
        {"alert_id": f"{rule}-{place}", "rule": rule, "medicine_id": family(row), "county_code": area,
         "episode": 1, "level": row[6], "state": "open", "opened_on": LAST - timedelta(days=4 - place),
         "changed_on": LAST, "opening_p56": 0.4, "quiet": 0, "flapping": False, "reasons": reasons}
        for place, (rule, row, reasons, area) in enumerate(told)
    ]  # fmt: skip


def _mails() -> list[dict[str, Any]]:
    return [{"message_id": "<1@medsupply>", "alert_id": "run_out-0", "episode": 1, "recipient": "duty@fimea.example",
             "language": "fi", "kind": "alert", "as_of": LAST, "subject": "vakava: amoksisilliini", "body_text": "x",
             "body_html": "<p>x</p>", "status": "sent", "created_at": moment(LAST), "due_at": moment(LAST),
             "sent_at": moment(LAST), "attempts": 1}]  # fmt: skip


def _alert_scores() -> list[dict[str, Any]]:
    row = {"rule": "run_out", "grouping": "all", "as_of": LAST, "episodes": 40, "true_episodes": 30,
           "false_episodes": 8, "averted": 1, "left_out": 1, "events": 33, "warned": 30, "recall": 30 / 33,
           "precision": 30 / 38, "median_lead_days": 31.0}  # fmt: skip
    nothing = dict.fromkeys(
        ("episodes", "true_episodes", "false_episodes", "averted", "left_out", "events", "warned"), 0
    )
    empty = nothing | dict.fromkeys(("recall", "precision", "median_lead_days"))
    return [row, row | {"grouping": "not critical"}, row | empty | {"grouping": "class 3"}]
