"""Names of substances: which list names which language, and a code that says only "combinations"."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from medsupply.picture.names import english, substance_names

sys.path.insert(0, str(Path(__file__).parent))
from picture_facts import REAL, facts, real_facts

ATC = (
    ("G03GA", "Gonadotropiinit", "Gonadotropiner"),
    ("G03GA30", "yhdistelmävalmisteet", "kombinationer"),
    ("G03GA05", "follitropiini alfa", "follitropin alfa"),
    ("V99AA30", "yhdistelmävalmisteet", "kombinationer"),
)


def test_combinations_are_named_with_their_group() -> None:
    rows = [{"atckoodi": code, "selites": fi, "seliter": sv} for code, fi, sv in ATC]
    names = {row["atc"]: row for row in substance_names(facts(date(2026, 3, 1), fimea_atc=rows)).to_dicts()}
    assert names["G03GA30"]["name_fi"] == "gonadotropiinit, yhdistelmävalmisteet"
    assert names["G03GA30"]["name_sv"] == "gonadotropiner, kombinationer"
    assert names["G03GA30"]["name_en"] == "gonadotropiner, kombinationer (sv)"
    assert names["G03GA05"]["name_fi"] == "follitropiini alfa"
    assert names["V99AA30"]["name_fi"] == "yhdistelmävalmisteet", "its group has no name"


DAY = date(2026, 3, 1)
NALOXEGOL = (
    ("VUOSI", ""),  # a row that describes a column has no value
    ("ATC_KOODI", "A06AH03"),
    ("ALUENIMI_EN", "(A06AH03) Lapland"),
    ("ATC_SELITE_EN", "(NA) NA"),
    ("ATC_SELITE_EN", "(A06AH) Peripheral opioid receptor antagonists"),
    ("ATC_SELITE_EN", "(A06AH03) Naloxegol"),
    ("ATC_SELITE_FI", "(A06AH03) Naloksegoli"),
    ("ATC_SELITE_SV", "(A06AH03) Naloxegolum"),
    ("ATC_SELITE_EN", "A06AH03 Naloxegol oxalate"),
)
FIMEA = {"atckoodi": "A06AH03", "selites": "naloksegoli (Fimea)", "seliter": "naloxegol (Fimea)"}


def named(**sources: Any) -> dict[str, tuple[str, str, str]]:
    """Finnish, Swedish and English name by ATC code."""
    rows = substance_names(facts(DAY, **sources)).select("atc", "name_fi", "name_sv", "name_en").iter_rows()
    return {atc: (fi, sv, en) for atc, fi, sv, en in rows}


def kela(*rows: tuple[str, str]) -> list[dict[str, str]]:
    return [{"code": code, "values": values} for code, values in rows]


def test_kela_names_what_no_other_list_does() -> None:
    names = named(kela_names=kela(*NALOXEGOL))
    assert set(names) == {"A06AH03", "A06AH"}, "neither the missing code nor a row of another column is a name"
    assert names["A06AH03"] == ("naloksegoli", "naloxegolum", "naloxegol")


def test_fimea_goes_before_kela_and_the_eu_list_before_both() -> None:
    lists = {"fimea_atc": [FIMEA], "kela_names": kela(*NALOXEGOL)}
    assert named(**lists)["A06AH03"] == ("naloksegoli (Fimea)", "naloxegol (Fimea)", "naloxegol")
    union = [{"list": "eu", "atc5": "A06AH03", "n": "Naloxegol Oxalate", "route": ""}]
    assert named(**lists, critical_list=union)["A06AH03"][2] == "naloxegol oxalate"


def test_without_kela_names_are_as_before() -> None:
    assert named(fimea_atc=[FIMEA]) == {
        "A06AH03": ("naloksegoli (Fimea)", "naloxegol (Fimea)", "naloxegol (Fimea) (sv)")
    }


def test_a_name_in_another_language_says_so() -> None:
    union = [{"list": "eu", "atc5": "P01BE03", "n": "Artesunate", "route": "parenteral"}]
    assert named(critical_list=union)["P01BE03"] == ("artesunate (en)", "artesunate (en)", "artesunate")
    listed = [{"atckoodi": "B05BB02", "selites": "Elektrolyytit"}]
    assert named(fimea_substitution=listed)["B05BB02"] == ("elektrolyytit", "elektrolyytit (fi)", "elektrolyytit (fi)")
    swedish = kela(("ATC_SELITE_SV", "(A06AH03) Naloxegolum"))
    assert named(kela_names=swedish)["A06AH03"] == ("naloxegolum (sv)", "naloxegolum", "naloxegolum (sv)")
    known = [{"atckoodi": "P01BE03", "selites": "artesunaatti", "seliter": "artesunat"}]
    assert named(critical_list=union, fimea_atc=known)["P01BE03"] == ("artesunaatti", "artesunat", "artesunate")


PREDNISOLONE = {"list": "eu", "atc5": "H02AB06", "n": "Prednisolone", "route": "oral use"}


def in_english(*codes: tuple[str, str], **lists: Any) -> dict[str, str]:
    rows = [{"atckoodi": code, "selites": fi, "seliter": "prednisolon"} for code, fi in codes]
    return {atc: english for atc, (_, _, english) in named(fimea_atc=rows, **lists).items()}


def test_the_same_substance_under_another_code_has_the_same_english_name() -> None:
    codes = (("H02AB06", "Prednisoloni"), ("S01BA04", "prednisoloni"), ("S01CB02", "prednisoloni ja mikrobilääkkeet"))
    found = in_english(*codes, critical_list=[PREDNISOLONE])
    assert found == {"H02AB06": "prednisolone", "S01BA04": "prednisolone", "S01CB02": "prednisolon (sv)"}


def test_a_name_that_two_substances_have_or_none_names_no_other() -> None:
    two = [PREDNISOLONE, {**PREDNISOLONE, "atc5": "H02AB07", "n": "Prednisone"}]
    codes = (("H02AB06", "prednisoloni"), ("H02AB07", "prednisoloni"), ("S01BA04", "prednisoloni"))
    assert in_english(*codes, critical_list=two)["S01BA04"] == "prednisolon (sv)"
    codes = (("H02AB06", "yhdistelmävalmisteet"), ("S01BA04", "yhdistelmävalmisteet"))
    assert in_english(*codes, critical_list=[PREDNISOLONE])["S01BA04"] == "prednisolon (sv)"


def test_a_name_that_kela_took_back_is_gone() -> None:
    gone = [{**row, "known_to": datetime(2026, 2, 1, tzinfo=UTC)} for row in kela(*NALOXEGOL)]
    assert named(kela_names=gone) == {}


def test_kelas_combinations_have_their_group_before_them() -> None:
    rows = kela(("ATC_SELITE_EN", "(G03GA) Gonadotropins"), ("ATC_SELITE_EN", "(G03GA30) Combinations"))
    assert named(kela_names=rows)["G03GA30"][2] == "gonadotropins, combinations"


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        ("Magnesium Sulfate", "magnesium sulfate"),
        ("Hepatitis A And B Vaccine", "hepatitis A and B vaccine"),
        ("Human Coagulation Factor Viii", "human coagulation factor VIII"),
        ("Encephalitis (Japanese, Whole Virus)", "encephalitis (Japanese, whole virus)"),
        ("Bcg Vaccine", "BCG vaccine"),
        ("Complement C1 Esterase Inhibitor", "complement C1 esterase inhibitor"),
        ("Peginterferon Alfa-2A", "peginterferon alfa-2a"),
        ("Radium (223Ra) Dichloride", "radium (223Ra) dichloride"),
        ("Calcium, combinations with vitamin d", "calcium, combinations with vitamin D"),
    ],
)
def test_english_names_are_written_as_in_a_sentence(listed: str, said: str) -> None:
    assert english(listed) == said


@pytest.mark.real
def test_kelas_own_list_names_in_english_and_leaves_fimeas_names() -> None:
    if not (REAL / "kela/metadata_viikko_hva.parquet").is_file():
        pytest.skip("the published files are not here")
    known = real_facts(date(2025, 12, 28), datetime(2026, 7, 1, 12, tzinfo=UTC))
    with_kela, reference = substance_names(known), dict(known.reference)
    reference["kela_names"] = reference["kela_names"].clear()
    without = substance_names(replace(known, reference=reference))
    both = with_kela.join(without, on="atc", suffix="_before")
    assert both.filter(pl.col("name_fi") != pl.col("name_fi_before")).is_empty()
    swedish = known.current("fimea_atc").drop_nulls("seliter")["atckoodi"].to_list()
    assert both.filter(pl.col("name_sv") != pl.col("name_sv_before"), pl.col("atc").is_in(swedish)).is_empty()
    # 529 substances; the EU list names some of them.
    assert both.filter(pl.col("name_en") != pl.col("name_en_before"), pl.col("atc").str.len_chars() == 7).height > 200
