"""The medicine master: what is joined, what wins, what stays when a list no longer names it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from picture_facts import EARLY, REAL, facts, real_facts

from medsupply.picture.coverage import coverage, unparsed_sizes
from medsupply.picture.forms import is_reviewed
from medsupply.picture.master import master

DAY = date(2026, 3, 5)
LATER = datetime(2026, 1, 1, tzinfo=UTC)
LISTED: dict[str, Any] = {"vnrnro": "000101", "substituutioryhma": "0001", "atckoodi": "J01CA04", "vahvuus": "500 mg"}
LISTED |= {
    "pakkauskoko": "20",
    "laakemuotonimi": "tabletti",
    "haltija": "A Oy",
    "kaupan": True,
    "selites": "amoksisilliini",
}
IN_REGISTER: dict[str, Any] = {"pakkausnro": "1", "vnrnro": "000101", "kerroin": 2.0, "koko": 50.0, "yksikko": "kpl"}
IN_REGISTER |= {
    "laakenimi": "Amorion",
    "vahvuus": "500 mg",
    "laakemuotonimi": "tabletti",
    "atckoodi": "J01CA04",
    "hum": True,
}


def packages(**sources: Any) -> dict[str, dict[str, Any]]:
    found = master(facts(DAY, **sources)).packages
    return {row["vnr"]: row for row in found.to_dicts()}


def test_the_register_gives_units_and_the_list_the_group() -> None:
    found = packages(fimea_substitution=[LISTED], fimea_packages=[IN_REGISTER])["000101"]
    assert (found["units_per_pack"], found["units_source"], found["medicine_id"]) == (100.0, "register", "G0001")


def test_marketed_in_either_newest_list_is_marketed() -> None:
    off = {**LISTED, "kaupan": False}
    assert packages(fimea_substitution=[off], fimea_packages=[{**IN_REGISTER, "kaupan": True}])["000101"]["marketed"]
    assert not packages(fimea_substitution=[off], fimea_packages=[IN_REGISTER])["000101"]["marketed"]


def test_a_package_that_left_the_list_keeps_its_medicine_but_not_the_market() -> None:
    gone = {**LISTED, "known_from": EARLY, "known_to": LATER}
    found = packages(fimea_substitution=[gone])["000101"]
    assert (found["state"], found["medicine_id"], found["marketed"]) == ("discontinued", "G0001", False)


def test_the_newest_row_of_a_package_wins() -> None:
    old = {**LISTED, "substituutioryhma": "0009", "known_from": EARLY, "known_to": LATER}
    assert packages(fimea_substitution=[old, {**LISTED, "known_from": LATER}])["000101"]["medicine_id"] == "G0001"


def test_a_former_vnr_is_an_alias_that_is_not_counted_as_marketed() -> None:
    found = packages(fimea_packages=[{**IN_REGISTER, "edellinen_vnrnro": "000099", "kaupan": True}])
    alias = found["000099"]
    assert (alias["state"], alias["current_vnr"], alias["units_per_pack"]) == ("alias", "000101", 100.0)
    assert alias["medicine_id"] == found["000101"]["medicine_id"]
    medicines = master(
        facts(DAY, fimea_packages=[{**IN_REGISTER, "edellinen_vnrnro": "000099", "kaupan": True}])
    ).medicines
    assert medicines.filter(pl.col("grain") == "medicine")["marketed_packages"].to_list() == [1]


def test_the_package_map_wins_while_it_is_valid() -> None:
    mapped = {"article": "ART1", "vnr": "000101", "size": 7.0, "author": "x", "valid_from": DAY, "valid_to": DAY}
    found = packages(fimea_substitution=[LISTED], package_map=[mapped])
    assert (found["ART1"]["medicine_id"], found["ART1"]["units_per_pack"]) == ("G0001", 7.0)
    assert found["000101"]["units_per_pack"] == 20.0
    ended = {**mapped, "valid_to": DAY - timedelta(days=1), "valid_from": DAY - timedelta(days=9)}
    assert "ART1" not in packages(fimea_substitution=[LISTED], package_map=[ended])


def test_an_article_of_its_own_is_a_special_permit() -> None:
    mapped = {
        "article": "EL-77",
        "atc": "J01CA04",
        "strength": "500 mg",
        "form": "tabletti",
        "size": 10.0,
        "author": "x",
    }
    found = packages(package_map=[{**mapped, "valid_from": DAY}])["EL-77"]
    assert (found["state"], found["family_id"]) == ("special_permit", "SJ01CA04_oral_solid")
    assert found["medicine_id"] == "FJ01CA04_500-mg_tabletti"


def test_a_veterinary_package_is_none_of_ours() -> None:
    assert packages(fimea_packages=[{**IN_REGISTER, "hum": False, "vet": True}]) == {}


def test_a_notice_of_an_unknown_package_has_its_row() -> None:
    notice = {"vnr": "888888", "voimassa": "K", "saatavuushairioalkupaiva": DAY, "yritys": "B Oy"}
    found = packages(fimea_shortages=[notice])["888888"]
    assert (found["state"], found["holder"], found["medicine_id"]) == ("unmapped", "B Oy", None)


def test_one_product_is_one_medicine_however_its_strength_is_written() -> None:
    rows = [
        {**LISTED, "vnrnro": f"00010{n}", "substituutioryhma": None, "vahvuus": s}
        for n, s in enumerate(("1 g", "1000 mg"))
    ]
    found = packages(fimea_substitution=rows)
    assert len({row["medicine_id"] for row in found.values()}) == 1


def test_names_come_in_three_languages() -> None:
    atc = [{"atctun": "1", "atckoodi": "J01CA04", "selites": "Amoksisilliini", "seliter": "Amoxicillin"}]
    line = [{"list": "eu", "atc5": "J01CA04", "n": "Amoxicillin", "route": "oral use"}]
    found = master(facts(DAY, fimea_substitution=[LISTED], fimea_atc=atc, critical_list=line)).medicines.to_dicts()[0]
    assert (found["name_fi"], found["name_sv"], found["name_en"]) == ("amoksisilliini", "amoxicillin", "amoxicillin")


def test_a_group_number_used_for_something_else_is_told() -> None:
    before = {**LISTED, "known_from": EARLY, "known_to": LATER}
    other = {**LISTED, "vnrnro": "000555", "atckoodi": "N02BE01", "known_from": LATER}
    recoded = {**LISTED, "atckoodi": "J01CA99", "known_from": LATER}
    assert master(facts(DAY, fimea_substitution=[before, other])).memberships["reused"].to_list() == [False, True]
    assert master(facts(DAY, fimea_substitution=[before, recoded])).memberships["reused"].to_list() == [False]


def test_substitutes_are_the_other_medicines_of_the_family() -> None:
    rows = [{**LISTED, "vnrnro": f"00010{n}", "substituutioryhma": f"000{n}"} for n in (1, 2, 3)]
    found = master(facts(DAY, fimea_substitution=rows)).medicines.filter(pl.col("medicine_id") == "G0001")
    assert found["substitutes"].to_list() == [["G0002", "G0003"]]


real = pytest.mark.skipif(not (REAL / "fimea").exists(), reason="the published files are not beside the checkout")


@pytest.mark.real
@real
def test_the_published_files_are_covered() -> None:
    known = real_facts(date(2025, 12, 21), datetime(2026, 1, 11, 12, tzinfo=UTC))
    found = master(known)
    lines = coverage(known, found)
    assert lines.height == 299
    assert lines.filter(pl.col("why") == "marketed").height >= 140
    listed = set(found.medicines.filter(pl.col("critical"))["atc"])
    assert set(lines["atc5"]) <= listed  # every line has its row
    formed = found.packages.filter(pl.col("form").is_not_null())
    assert formed.filter(~is_reviewed(pl.col("form"))).is_empty()
    groups = known.current("fimea_substitution")["substituutioryhma"].n_unique()
    medicines = found.medicines.filter(pl.col("medicine_id").str.starts_with("G"))
    assert medicines.height >= groups == 1601
    assert unparsed_sizes(found)["packages"].sum() < 0.06 * formed.height


@pytest.mark.real
@real
def test_notices_of_packages_no_list_names_are_kept() -> None:
    known = real_facts(date(2022, 11, 20), datetime(2022, 12, 11, 12, tzinfo=UTC))
    found = master(known).packages
    noticed = set(known.reference["fimea_shortages"]["vnr"])
    assert noticed <= set(found["vnr"])
    assert found.filter(pl.col("state") == "unmapped").height > 200
