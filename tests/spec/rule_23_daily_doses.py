# ruff: noqa: E501  (tables are as wide as they are)
from __future__ import annotations

from datetime import date, timedelta

from spec_cases import DAY, PACKAGE, count, holder, number, picture_facts, sale, text

from medsupply.picture.judge import judge
from medsupply.picture.master import master
from medsupply.picture.measure import measure
from medsupply.rules import load_rules

TITLE = "Daily doses"
TEXT = """A family counted in mg is shown in defined daily doses too, where the ATC index gives one in g, mg or mcg: strengths of
one substance add up. In stock: 3 packs of 20 x 500 mg and 1 pack of 10 x 1 g, which is 40000 mg; 84 packs of 20 x 500 mg
left in 84 days. A DDD in international units, millilitres or pieces, or none, gives no figure, and neither does a
combination. A medicine of one strength has none: its family has it."""
TABLE = """
| ATC's DDD | unit | row | strength | = stock | = stock in DDD | = demand a day in DDD |
|---|---|---|---|---|---|---|
| 1.5 | g | family | 500 mg | 40000 | 26.666667 | 6.666667 |
| 1000 | mg | family | 500 mg | 40000 | 40 | 10 |
| 50000 | mcg | family | 500 mg | 40000 | 800 | 200 |
| 1.5 | g | medicine | 500 mg | 60 |  |  |
| 40 | U | family | 500 mg | 40000 |  |  |
| 4 | ED | family | 500 mg | 40000 |  |  |
|  |  | family | 500 mg | 40000 |  |  |
| 0 | g | family | 500 mg | 40000 |  |  |
| 1.5 | g | family | 500 mg/125 mg |  |  |  |
"""


def outcome(row: dict[str, str]) -> dict[str, str]:
    dose = {"atctun": 1, "atckoodi": "J01CA04", "ddd": number(row["ATC's DDD"]), "dddyksikko": row["unit"] or None}
    small = {**PACKAGE, "vahvuus": row["strength"]}
    large = {**PACKAGE, "vnrnro": "000201", "substituutioryhma": "0002", "vahvuus": "1 g", "pakkauskoko": "10"}
    sold = [sale("P1", day, 1.0) for day in _days()]
    known = picture_facts(
        holders=[holder("P1")],
        fimea_substitution=[small, large],
        fimea_atc=[dose],
        stock=[count("P1", DAY, 3.0), count("P1", DAY, 1.0, "000201")],
        dispensing=sold,
    )
    rules = load_rules()
    measured = measure(known, master(known), rules).measured
    found = judge(measured, demand_forecast=None, run_out=None, index_expected=None, previous=None, rules=rules)
    wanted = {"family": "SJ01CA04_oral_solid", "medicine": "G0001"}[row["row"]]
    mine = next(one for one in found.to_dicts() if (one["county_code"], one["medicine_id"]) == ("99", wanted))
    names = {"stock": "stock_units", "stock in DDD": "stock_ddd", "demand a day in DDD": "daily_demand_ddd"}
    return {f"= {name}": text(mine[column]) for name, column in names.items()}


def _days() -> list[date]:
    return [DAY - timedelta(days=n) for n in range(84)]
