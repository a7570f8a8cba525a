"""Every file is judged by the service's own check exactly as the truth says."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from medsupply.errors import DeliveryRefused
from medsupply.simulate import Manifest
from medsupply.simulate.products import FORMS, medicines
from medsupply.simulate.published import forms_file
from medsupply.sources.catalogue import SOURCES
from medsupply.sources.parsing import parse
from medsupply.sources.rules import Known
from medsupply.tables.deliveries import CONTRACTS, HOLDER_TYPES


def known_of(folder: Path) -> Known:
    holders = pl.read_csv(folder / "inbox/holders/holders.csv", separator=";")["holder_id"]
    articles = pl.read_csv(folder / "inbox/package_map/package_map.csv", separator=";", infer_schema=False)["article"]
    return Known(holders=set(holders), articles=set(articles))


def outcome(path: Path, source: str, known: Known) -> tuple[int, int, int, int, str]:
    try:
        _, checked = parse(path.read_bytes(), SOURCES[source], known)
    except DeliveryRefused:
        return 0, 0, 0, 0, "refused"
    verdict = "partly" if checked.waiting.rows else "accepted"
    return checked.received.rows, checked.taken.rows, checked.waiting.rows, checked.duplicate.rows, verdict


def test_every_source_is_delivered(nation_a: Manifest) -> None:
    assert set(nation_a.arrivals()["source"]) == set(CONTRACTS)


def test_rows_are_counted_as_the_truth_says(nation: Manifest) -> None:
    known = known_of(nation.folder)
    expected = pl.read_csv(nation.folder / "truth" / "files.csv")
    assert expected.height == len(nation.files)
    wrong = {}
    for row in expected.filter(pl.col("verdict") != "duplicate").iter_rows(named=True):
        names = ("received", "accepted", "quarantined", "duplicate")
        # Whether a snapshot is held is decided in the warehouse, where the one before is known.
        verdict = "accepted" if row["verdict"] == "held" else row["verdict"]
        want = (*(row[name] for name in names), verdict)
        got = outcome(nation.folder / row["path"], row["source"], known)
        if got != want:
            wrong[row["path"]] = (got, want)
    assert not wrong


def test_all_kinds_of_dirt_are_planted(nation_a: Manifest) -> None:
    files = pl.read_csv(nation_a.folder / "truth" / "files.csv")
    assert {"accepted", "partly", "refused", "duplicate"} <= set(files["verdict"])
    assert files.filter(pl.col("verdict") == "refused").height == 4
    events = pl.read_csv(nation_a.folder / "truth" / "events.csv")["detail"]
    for said in ("ten times too large", "corrected by", "30 hours late", "decimal commas", "byte order mark"):
        assert events.str.contains(said).any(), said


@pytest.mark.parametrize("source", ["stock", "dispensing"])
def test_bundles_hold_exactly_the_contracts_columns_and_types(nation: Manifest, source: str) -> None:
    contract = CONTRACTS[source]
    rows = pl.read_parquet(nation.folder / "inbox" / source / "*.parquet")
    assert set(rows.columns) == set(contract.column_names())
    if source == "dispensing":
        contract.validate(rows.select(contract.column_names()), cast=True)
    else:
        typed = rows.with_columns(pl.col("lot").fill_null(""), pl.col("vnr").fill_null(""))
        key = ["holder_id", "counted_on", "vnr", "lot", "expires_on"]
        assert typed.select(key).is_unique().all()
        assert (rows["packs"] >= rows["reserve_packs"].fill_null(0)).all()
        assert (rows["packs"] >= 0).all()


def test_published_files_have_their_own_forms(nation_a: Manifest) -> None:
    inbox = nation_a.folder / "inbox"
    register = (inbox / "fimea_packages/fimea_packages.txt").read_bytes()
    assert register.startswith(b"PAKKAUSNRO;VNRNRO;") and register.endswith(b"\r\n")
    assert "ä".encode("iso-8859-1") in register and b'"' not in register
    newest = sorted((inbox / "fimea_shortages").glob("*.txt"))[-1].read_bytes().decode("utf-8")
    assert newest.startswith('"VNR";"Voimassa";"SaatavuushairioAlkupaiva"')
    assert all(line.count('"') == 14 for line in newest.split("\r\n")[:-1])
    kela = pl.read_parquet(sorted((inbox / "kela_purchases").glob("*.parquet"))[0])
    assert kela.columns[:2] == ["VUOSI", "VIIKKO"] and kela["ALUEKOODI"].dtype == pl.Float64
    assert set(kela.filter(pl.col("ALUEKOODI") != 99)["ATC_TASO"]) == {0.0, 1.0, 2.0}
    assert kela["VIIKKO"].max() <= 52 and kela["VIIKKO"].min() >= 2
    names = pl.read_parquet(inbox / "kela_names/metadata_viikko_hva.parquet")
    assert names.columns == ["CODE", "VALUES", "CLASS", "NAME", "DESCRIPTION", "UPDATED"]
    english = names.filter(pl.col("CODE") == "ATC_SELITE_EN")["VALUES"].to_list()
    assert {"(NA) NA", "(J01AA02) Doxycycline"} <= set(english), "the sum over all has no code"
    assert "(J01DD04) Ceftriaxone" not in english, "hospitals alone use it"


def test_holders_are_of_every_kind_in_every_area(nation_a: Manifest) -> None:
    holders = pl.read_csv(nation_a.folder / "inbox/holders/holders.csv", separator=";", infer_schema=False)
    assert set(holders["holder_type"]) == set(HOLDER_TYPES)
    assert holders.filter(pl.col("holder_type") == "hospital_pharmacy").height == 24
    assert holders.filter(pl.col("holder_type") == "pharmacy")["county_code"].n_unique() == 23
    assert holders.filter(pl.col("holder_id") == "HUS")["serves"].item() == "01,02,03,04,90"


def test_every_form_has_its_name_in_swedish_and_english() -> None:
    """A mail in Swedish names the form; a name that is only the Finnish one again would stand in it."""
    rows = forms_file(medicines(500)).decode("iso-8859-1").splitlines()[1:]
    assert len(rows) == len(FORMS)
    for row in rows:
        _, fi, sv, en = row.split(";")
        assert sv and en and len({fi, sv, en}) == 3 and "(" not in sv + en
