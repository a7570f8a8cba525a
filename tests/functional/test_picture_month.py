"""A simulated month with its dirt, corrections and late lists: every figure again in SQL, past pictures again."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from medsupply import flow
from medsupply.facts import Facts
from medsupply.picture.master import master
from medsupply.picture.measure import Measurement, measure
from medsupply.rules import load_rules
from medsupply.simulate import simulate
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.facts import facts as known_facts

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "picture"))
from section7 import differences

LAST = date(2026, 3, 31)
DAYS = [LAST - timedelta(days=n) for n in (30, 20, 12, 9, 7, 5, 3, 2, 1, 0)]


def _csv(folder: Path, source: str, encoding: str = "latin-1") -> Iterator[dict[str, str]]:
    for path in sorted((folder / "inbox" / source).iterdir()):
        with path.open(encoding=encoding, newline="") as file:
            yield from csv.DictReader(file, delimiter=";", quoting=csv.QUOTE_NONE)


def _family(row: dict[str, str]) -> str:
    form = row["LAAKEMUOTONIMI"].lower()
    words = {"oraali": "oral_liquid", "tabletti": "oral_solid", "kapseli": "oral_solid", "inhalaatio": "inhaled"}
    kind = next((name for word, name in words.items() if word in form), "parenteral")
    return f"S{row['ATCKOODI']}_{kind}"


def _mg(row: dict[str, str], units: float) -> float | None:
    found = re.fullmatch(r"([\d,.]+) (mg|g|mikrog)(/ml|/annos)?", row["VAHVUUS"])
    if not found or (found[3] == "/annos" and row["YKSIKKO"] != "annos"):
        return None
    return float(found[1].replace(",", ".")) * {"mg": 1.0, "g": 1000.0, "mikrog": 0.001}[found[2]] * units


def packages(folder: Path) -> pl.DataFrame:
    """vnr, medicine_id, per_pack, marketed, parallel from the simulated files alone, medicines and families."""
    groups = {row["VNRNRO"]: row["SUBSTITUUTIORYHMA"] for row in _csv(folder, "fimea_substitution")}
    register = {row["VNRNRO"]: row for row in _csv(folder, "fimea_packages") if row["VNRNRO"]}
    articles = list(_csv(folder, "package_map", "utf-8-sig"))
    stands = {row["article"]: row["vnr"] for row in articles if row["vnr"]}
    stands |= {row["EDELLINEN_VNRNRO"]: vnr for vnr, row in register.items() if row["EDELLINEN_VNRNRO"]}
    families: dict[str, list[dict[str, str]]] = {}
    for row in register.values():
        families.setdefault(_family(row), []).append(row)
    rows: list[dict[str, Any]] = []
    for vnr, source in {**{vnr: vnr for vnr in register}, **stands}.items():
        row = register[source]
        units = float(row["KERROIN"]) * float(row["KOKO"])
        market = {"marketed": vnr == source and row["KAUPAN"] == "1", "parallel": row["RINNAKKAISTUONTI"] == "1"}
        rows.append({"vnr": vnr, "medicine_id": f"G{groups[source]}", "per_pack": units, **market})
        alike = {(other["VAHVUUS"], other["YKSIKKO"]) for other in families[_family(row)]}
        by_mass = all(_mg(other, 1.0) is not None for other in families[_family(row)])
        worth = _mg(row, units) if by_mass else units if len(alike) == 1 else None
        rows.append({"vnr": vnr, "medicine_id": _family(row), "per_pack": worth, **market})
    for article in (row for row in articles if not row["vnr"]):
        row = {"ATCKOODI": article["atc"], "LAAKEMUOTONIMI": article["form"], "VAHVUUS": article["strength"]}
        worth = _mg({**row, "YKSIKKO": article["unit"]}, float(article["factor"]) * float(article["size"]))
        family = {"medicine_id": _family(row), "per_pack": worth, "marketed": False, "parallel": False}
        rows.append({"vnr": article["article"], **family})
    return pl.DataFrame(rows, schema_overrides={"per_pack": pl.Float64})


@pytest.fixture(scope="module")
def nation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nation")
    simulate(folder, preset="small", family="a", seed=11)
    return folder


def load(wh: Warehouse, folder: Path) -> None:
    """Every delivery in the order of arrival, at its moment."""
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            moment = datetime.fromisoformat(row["received_at"])
            flow.load(wh, row["source"], [folder / row["path"]], received_at=moment)


def measured(facts: Facts) -> Measurement:
    return measure(facts, master(facts), load_rules())


def test_a_month_of_pictures_has_no_figure_that_differs_from_sql(nation: Path, warehouse: Warehouse) -> None:
    load(warehouse, nation)
    worth = packages(nation)
    for day in DAYS:
        for known_at in (datetime(day.year, day.month, day.day, 23, 30, tzinfo=UTC), datetime(2026, 4, 2, tzinfo=UTC)):
            facts = known_facts(warehouse, day, known_at)
            found = measured(facts)
            assert differences(facts, worth, found) == [], (day, known_at)
        assert found.measured.filter(pl.col("stock_units") > 0).height > 100, day


def test_a_past_picture_comes_again_after_all_that_came_later(nation: Path, warehouse: Warehouse) -> None:
    # A corrected snapshot of the 23rd comes on the 25th.
    day, then = LAST - timedelta(days=8), datetime(2026, 3, 25, 4, tzinfo=UTC)
    rows = list(csv.DictReader((nation / "manifest.csv").read_text(encoding="utf-8").splitlines()))
    early = [row for row in rows if datetime.fromisoformat(row["received_at"]) <= then]
    for row in early:
        flow.load(
            warehouse, row["source"], [nation / row["path"]], received_at=datetime.fromisoformat(row["received_at"])
        )
    before = measured(known_facts(warehouse, day, then))
    for row in rows[len(early) :]:
        flow.load(
            warehouse, row["source"], [nation / row["path"]], received_at=datetime.fromisoformat(row["received_at"])
        )
    again = measured(known_facts(warehouse, day, then))
    later = measured(known_facts(warehouse, day, datetime(2026, 4, 2, tzinfo=UTC)))
    for name, frame in before.frames().items():
        assert frame.equals(again.frames()[name]), name
    assert not before.measured.drop("known_at").equals(later.measured.drop("known_at"))
