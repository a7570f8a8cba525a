"""Not on the market though it is bought: only where no form of the substance is, and told as what happened."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from medsupply.picture.changes import Cause, changes
from medsupply.picture.judge import judge
from medsupply.picture.master import master
from medsupply.picture.measure import measure
from medsupply.rules import load_rules

sys.path.insert(0, str(Path(__file__).parent))
from picture_facts import facts

AS_OF, RULES = date(2026, 3, 31), load_rules()
INFUSION = {
    "vnrnro": "000101", "substituutioryhma": "1865", "atckoodi": "J02AC01", "vahvuus": "2 mg/ml",
    "pakkauskoko": "100 ml", "laakemuotonimi": "infuusioneste, liuos", "haltija": "A Oy", "selites": "flukonatsoli",
    "kaupan": False,
}  # fmt: skip
CAPSULE = {
    **INFUSION, "vnrnro": "000102", "substituutioryhma": "0241", "vahvuus": "150 mg", "pakkauskoko": "4",
    "laakemuotonimi": "kapseli, kova",
}  # fmt: skip
CRITICAL = {"list": "eu", "atc5": "J02AC01", "n": "Fluconazole", "route": "intravenous use"}
BOUGHT = {"vuosi": 2026, "viikko": 9, "atc_koodi": "J02AC01", "atc_taso": 5, "aluekoodi": "99", "var_n_ostot": 900.0}


def situation(as_of: date, *packages: dict[str, Any]) -> pl.DataFrame:
    known = facts(as_of, fimea_substitution=packages, critical_list=[CRITICAL], kela_purchases=[BOUGHT])
    measured = measure(known, master(known), RULES).measured
    return judge(measured, demand_forecast=None, run_out=None, index_expected=None, previous=None, rules=RULES)


def infusion(rows: pl.DataFrame) -> dict[str, Any]:
    family = (pl.col("medicine_id") == "SJ02AC01_parenteral") & (pl.col("county_code") == "99")
    return rows.row(by_predicate=family, named=True)


def test_purchases_of_a_substance_that_is_on_the_market_in_no_form_are_a_reason() -> None:
    row = infusion(situation(AS_OF, INFUSION, {**CAPSULE, "kaupan": False}))
    assert (row["level"], row["reasons"]) == ("watch", ["not_on_market"])


def test_purchases_of_another_form_are_none() -> None:
    row = infusion(situation(AS_OF, INFUSION, {**CAPSULE, "kaupan": True}))
    assert row["level"] == "unknown" and "not_on_market" not in row["reasons"]


def test_that_the_last_package_left_is_told_as_the_cause() -> None:
    before = situation(date(2026, 3, 30), {**INFUSION, "kaupan": True}, CAPSULE)
    told = changes(situation(AS_OF, INFUSION, CAPSULE), before)
    assert infusion(told)["causes"] == [str(Cause.LEFT_MARKET)]
