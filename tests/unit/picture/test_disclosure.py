"""Figures of single companies, small counts and restricted sources at every way out that is not a page."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from medsupply import desk
from medsupply.errors import InputError
from medsupply.picture.disclosure import leaving, without_companies
from medsupply.rules import current_text, parse_rules
from medsupply.tables import picture as tables
from medsupply.tables.picture_views import VIEWS
from medsupply.warehouse import reports
from medsupply.warehouse.database.connection import Warehouse

DAY = date(2026, 3, 5)
FLOATS = dict.fromkeys(("packs", "units", "largest_share"), pl.Float64)


def row(holder_type: str, packs: float | None, holders: int, vnr: str = "000001", **more: Any) -> dict[str, Any]:
    return {
        "day": DAY, "county_code": "99", "holder_type": holder_type, "vnr": vnr, "state": "reported",
        "medicine_id": "G1", "packs": packs, "units": packs, "reserve_units": 0.0, "holders": holders,
        "largest_share": None, **more,
    }  # fmt: skip


def shown(*rows: dict[str, Any]) -> list[float | None]:
    found = without_companies(pl.DataFrame(list(rows), schema_overrides=FLOATS))
    assert found.filter("suppressed")["units"].is_null().all()
    return found["packs"].to_list()


def test_a_single_company_is_not_shown_and_two_are() -> None:
    assert shown(row("wholesaler", 50.0, 2), row("pharmacy", 9.0, 8)) == [50.0, 9.0]
    assert shown(row("wholesaler", 50.0, 1), row("mah", 20.0, 1), row("pharmacy", 9.0, 8)) == [None, None, 9.0]


def test_a_hidden_figure_takes_others_with_it() -> None:
    """The country's sum is shown to all: the sum less the rest would be the company's figure, or nearly so."""
    rows = [row("wholesaler", 50.0, 1), row("pharmacy", 90.0, 8), row("hospital_pharmacy", 14.0, 3)]
    assert shown(*rows) == [None, None, 14.0], "the fewest rows"
    assert shown(*rows, row("wholesaler", 7.0, 3, vnr="000002")) == [None, None, 14.0, 7.0]
    small = [row("wholesaler", 50.0, 1), row("pharmacy", 9.0, 8), row("hospital_pharmacy", 4.0, 3)]
    assert shown(*small) == [None, None, None], "50 of 54 hidden packs would be the company's"
    both = [row("wholesaler", 50.0, 1), row("mah", 1.0, 1), row("pharmacy", 90.0, 8), row("medicine_centre", 20.0, 2)]
    assert shown(*both) == [None, None, None, 20.0], "two hidden, one of them nearly all"


@pytest.mark.parametrize(("share", "figure"), [(0.79, 50.0), (0.8, None), (0.99, None)])
def test_a_sum_that_is_nearly_one_companys_is_not_shown(share: float, figure: float | None) -> None:
    rows = [row("wholesaler", 50.0, 3, largest_share=share), row("pharmacy", 90.0, 8, largest_share=0.3)]
    assert shown(*rows)[0] == figure
    public = row("hospital_pharmacy", 50.0, 3, largest_share=0.99)
    assert shown(public, row("pharmacy", 90.0, 8))[0] == 50.0


Site = tuple[str, str, list[int], float]
SITES = st.tuples(
    st.sampled_from(["99", "08", "21"]),
    st.sampled_from(["wholesaler", "mah", "pharmacy", "hospital_pharmacy"]),
    st.lists(st.integers(0, 60), min_size=1, max_size=4),
    st.sampled_from([1.0, 1.0, 0.5, 0.0]),
)


def of_one(site: Site) -> bool:
    """Whether a row, shown as it is, tells what one company has."""
    _, kind, packs, _ = site
    return kind != "hospital_pharmacy" and (len(packs) == 1 or 5 * max(packs) >= 4 * sum(packs) > 0)


def told(company: float, hidden: float) -> bool:
    """Whether a sum of hidden rows tells what one company in it has: exactly, or within a fifth."""
    return 5 * company >= 4 * hidden


@given(st.lists(SITES, min_size=1, max_size=6))
@example(sites=[("99", "wholesaler", [1], 1.0), ("99", "hospital_pharmacy", [0], 1.0)])
@example(sites=[("99", "wholesaler", [0], 1.0), ("99", "hospital_pharmacy", [9], 1.0)])
@example(sites=[("99", "wholesaler", [4], 1.0), ("99", "mah", [1], 1.0), ("99", "hospital_pharmacy", [9], 1.0)])
@example(sites=[("08", "pharmacy", [9], 1.0), ("21", "hospital_pharmacy", [40], 1.0), ("08", "pharmacy", [7, 7], 1.0)])
@example(sites=[("99", "wholesaler", [9], 1.0), ("99", "mah", [50, 50], 0.0), ("99", "pharmacy", [30, 30], 1.0)])
def test_no_company_can_be_read_from_the_country_less_the_rest(sites: list[Site]) -> None:
    """An attacker knows the country's and the counties' sums and every row of the file.

    No company has 0.8 of a sum less the rows of it that are shown, unless it has 0.8 of the sum: then no row is shown.
    """
    rows = [
        row(kind, float(sum(packs)), len(packs), county_code=county, units=sum(packs) * usable,
            largest_share=max(packs) / sum(packs) if sum(packs) else None)
        for county, kind, packs, usable in sites
    ]  # fmt: skip
    hidden = without_companies(pl.DataFrame(rows, schema_overrides=FLOATS))["suppressed"].to_list()
    assert all(away for site, away in zip(sites, hidden, strict=True) if of_one(site))
    for area in ("99", "08", "21", None):
        inside = [(site, away) for site, away in zip(sites, hidden, strict=True) if area in (site[0], None)]
        gone = [site for site, away in inside if away]
        companies = [max(site[2]) for site in gone if site[1] != "hospital_pharmacy"]
        usable = [sum(site[2]) * site[3] for site in gone if of_one(site)]
        by_packs = told(max(companies, default=-1), sum(sum(site[2]) for site in gone))
        by_units = told(max(usable, default=-1), sum(sum(site[2]) * site[3] for site in gone))
        assert len(gone) == len(inside) or not (by_packs or by_units)


@given(st.lists(SITES.filter(lambda site: not of_one(site)), min_size=1, max_size=6))
def test_nothing_is_hidden_where_no_row_is_of_a_company(sites: list[Site]) -> None:
    rows = [row(kind, float(sum(packs)), len(packs), county_code=county) for county, kind, packs, _ in sites]
    assert None not in shown(*rows)


def test_public_holders_hide_nothing() -> None:
    assert shown(row("hospital_pharmacy", 4.0, 1), row("pharmacy", 9.0, 8)) == [4.0, 9.0]


def test_that_a_company_has_none_is_a_figure_too() -> None:
    """The country's sum less the rest would be zero, and the state of a row says it too."""
    more = [row("pharmacy", 9.0, 8), row("hospital_pharmacy", 30.0, 2)]
    for state in ("reported", "not_stocked"):
        rows = [row("wholesaler", 0.0, 1, state=state), *more]
        assert shown(*rows) == [None, 9.0, None]
        found = without_companies(pl.DataFrame(rows, schema_overrides=FLOATS))
        assert found["state"].to_list() == [None, "reported", None]
    assert shown(row("pharmacy", 0.0, 8, state="not_stocked")) == [0.0]


def test_where_one_company_has_all_no_row_of_the_package_tells_more_than_the_sum() -> None:
    rows = [row("wholesaler", 50.0, 1), row("hospital_pharmacy", 0.0, 2), row("pharmacy", None, 3, state="missing")]
    found = without_companies(pl.DataFrame(rows, schema_overrides=FLOATS))
    assert found["packs"].to_list() == [None, None, None]
    assert found["suppressed"].to_list() == [True, True, False], "what is missing has no figure to hide"
    assert found["state"].to_list() == [None, None, "missing"]


def test_a_countys_sum_less_the_rest_is_not_its_only_pharmacy() -> None:
    county = [row("pharmacy", 20.0, 1, county_code="08"), row("hospital_pharmacy", 60.0, 2, county_code="08")]
    others = [row("pharmacy", 9.0, 8, county_code="21"), row("pharmacy", 80.0, 8, county_code="02")]
    assert shown(*county, *others) == [None, None, 9.0, None]


def test_packs_that_may_not_be_used_hide_nobodys_units() -> None:
    """The sums that are shown count units that may be used; a reserve of others is not among them."""
    rows = [row("wholesaler", 50.0, 1), row("mah", 100.0, 3, units=0.0), row("pharmacy", 90.0, 8)]
    assert shown(*rows) == [None, None, None]
    unmapped = [dict(line, units=None) for line in rows]
    assert shown(*unmapped) == [None, None, 90.0], "no units, no sum"


def sold(reporters: int, channel: str = "community") -> dict[str, Any]:
    return {"day": DAY, "county_code": "21", "channel": channel, "vnr": "000001", "packs": 30.0, "units": 600.0,
            "dispensings": 30.0, "reporters": reporters, "suppressed": False}  # fmt: skip


LEAVING = {
    "dispensing_daily": pl.DataFrame([sold(1), sold(2), sold(1, "hospital")]),
    "deliveries": pl.DataFrame({"delivery_id": ["stock-1"], "rows_received": [9], "packs_received": [31313.0],
                                "packs_accepted": [31313.0], "packs_quarantined": [0.0], "packs_duplicate": [0.0]}),
    "quarantine": pl.DataFrame({"delivery_id": ["stock-1"], "line": [7], "reason_code": ["negative"],
                                "original": ["W1;2026-03-05;000001;;;-31313;"], "vnr": ["000001"],
                                "packs": [-31313.0]}),
    "corrections": pl.DataFrame({"medicine_id": ["G1"], "holders_change": [1], "level": ["watch"],
                                 "stock_change_units": [31313.0], "demand_change_units": [0.0]}),
}  # fmt: skip


@pytest.mark.parametrize("view", ["deliveries", "quarantine", "corrections"])
def test_the_amounts_of_one_sender_do_not_leave(view: str) -> None:
    found = leaving(view, LEAVING[view])
    assert "31313" not in found.write_csv()
    assert found.height == LEAVING[view].height


def test_what_one_pharmacy_sold_does_not_leave() -> None:
    found = leaving("dispensing_daily", LEAVING["dispensing_daily"])
    assert found["packs"].to_list() == [None, 30.0, 30.0]
    assert found["units"].to_list() == [None, 600.0, 600.0]
    assert found["dispensings"].to_list() == [None, 30.0, 30.0]
    assert found["suppressed"].to_list() == [True, False, False]


def test_an_exported_file_holds_no_company_unless_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rows = [row("wholesaler", 50.0, 1), row("pharmacy", 90.0, 8), row("dose_dispensing", 20.0, 2)]
    frame = pl.DataFrame(rows, schema_overrides=FLOATS)
    monkeypatch.setattr(reports, "export", lambda *_, **__: frame)
    wh: Warehouse = None  # type: ignore[assignment]  # the view is read above
    for name, companies, packs in (("a.parquet", False, [None, None, 20.0]), ("b.parquet", True, [50.0, 90.0, 20.0])):
        desk.export(wh, "stock_daily", tmp_path / name, companies=companies)
        assert pl.read_parquet(tmp_path / name)["packs"].to_list() == packs


def test_dispensings_leave_in_one_place_and_never_as_a_sum() -> None:
    """No total stands beside the rounded counts, so none that is hidden can be worked out from the others."""
    holding = [
        view.name for view in VIEWS for table in view.tables if {"dispensings", "dispensings_84"} & set(table.columns)
    ]
    assert holding == ["dispensing_daily"]
    assert "state_reserve" not in {table.name for view in VIEWS for table in view.tables}
    assert "obligation_short" not in tables.SITUATION.columns


@pytest.mark.parametrize("value", ["0", "-3", "true", '"5"', "2.5"])
def test_limits_of_the_rules_file_are_checked(value: str) -> None:
    text = current_text().replace("smallest_count = 5", f"smallest_count = {value}")
    with pytest.raises(InputError, match=r"disclosure\.smallest_count"):
        parse_rules(text)
