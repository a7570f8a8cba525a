"""When a register or a list is late: by its own rhythm, and never where it comes only when something changes."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from medsupply.alerts.rules import notice, single_holder
from medsupply.picture.changes import changes
from medsupply.picture.completeness import completeness
from medsupply.picture.judge import judge
from medsupply.picture.master import master
from medsupply.picture.measure import measure
from medsupply.picture.notices import notices_late
from medsupply.rules import load_rules
from medsupply.sources.catalogue import SOURCES, Kind

sys.path.insert(0, str(Path(__file__).parent))
from picture_facts import facts

AS_OF = date(2026, 3, 31)
NOBODY = pl.DataFrame(schema={"holder_id": pl.String, "holder_type": pl.String, "county_code": pl.String})
NOTHING = pl.DataFrame(schema={"reporter_id": pl.String, "day": pl.Date, "county_code": pl.String})


def state(source: str, age: int) -> str:
    received = datetime(AS_OF.year, AS_OF.month, AS_OF.day, 10, tzinfo=UTC) - timedelta(days=age)
    rows = completeness(facts(AS_OF, lists={source: received}), NOBODY, NOTHING)
    return str(rows.filter(pl.col("source") == source)["state"].item())


@pytest.mark.parametrize(
    ("source", "in_time", "late"),
    [
        ("fimea_shortages", 4, 5),  # daily, but not on Christmas
        ("kela_purchases", 21, 22),  # weekly, a week late as usual
        ("fimea_packages", 35, 36),  # twice a month
        ("fimea_substitution", 110, 111),  # quarterly
        ("critical_list", 400, 401),  # yearly
        ("obligations", 400, 401),
    ],
)
def test_a_list_is_late_by_its_own_rhythm(source: str, in_time: int, late: int) -> None:
    assert (state(source, in_time), state(source, late)) == ("reported", "late")


@pytest.mark.parametrize("source", ["holders", "package_map", "supply", "permits", "kela_names"])
def test_what_comes_when_it_changes_is_never_late(source: str) -> None:
    assert SOURCES[source].rhythm == "when it changes"
    assert state(source, 2000) == "reported"


def test_every_list_with_a_rhythm_can_be_late() -> None:
    listed = [one for one in SOURCES.values() if one.kind in (Kind.FULL_LIST, Kind.EVENTS)]
    for one in listed:
        assert (one.late_after_days is None) == (one.rhythm == "when it changes"), one.name


def test_notices_are_late_when_their_list_is() -> None:
    received = datetime(2026, 3, 26, 10, tzinfo=UTC)
    assert notices_late(facts(AS_OF, lists={"fimea_shortages": received})) is True
    assert notices_late(facts(AS_OF, lists={"fimea_shortages": received + timedelta(days=1)})) is False
    assert notices_late(facts(AS_OF)) is None


COUNTRY_ROW = (pl.col("medicine_id") == "SJ01CA04_oral_solid") & (pl.col("county_code") == "99")


def noticed(listed_on: date, ends: date, as_of: date = AS_OF, *, is_critical: bool = True) -> pl.DataFrame:
    """The country's row of a family whose only package was under notice on the list of a day."""
    package = {
        "vnrnro": "000101", "substituutioryhma": "0001", "atckoodi": "J01CA04", "vahvuus": "500 mg",
        "pakkauskoko": "20", "laakemuotonimi": "tabletti", "haltija": "A Oy", "kaupan": True,
    }  # fmt: skip
    listed = {"vnr": "000101", "voimassa": "K", "saatavuushairioalkupaiva": date(2026, 3, 1), "yritys": "A Oy"}
    critical = {"list": "eu", "atc5": "J01CA04", "n": "Amoxicillin", "route": "oral use"}
    known = facts(
        as_of,
        lists={"fimea_shortages": datetime(listed_on.year, listed_on.month, listed_on.day, 10, tzinfo=UTC)},
        fimea_substitution=[package],
        fimea_shortages=[{**listed, "saatavuushairioloppupaiva": ends}],
        critical_list=[critical] if is_critical else [],
    )
    rules = load_rules()
    measured = measure(known, master(known), rules).measured
    rows = judge(measured, demand_forecast=None, run_out=None, index_expected=None, previous=None, rules=rules)
    return rows.filter(COUNTRY_ROW)


@pytest.mark.parametrize(
    ("listed_on", "ends", "doubted"),
    [
        (date(2026, 3, 20), date(2026, 3, 25), True),  # its stated end passed while nobody told how it went on
        (date(2026, 3, 20), date(2026, 4, 25), True),
        (date(2026, 3, 20), date(2026, 3, 15), False),  # had ended when the list came
        (date(2026, 3, 30), date(2026, 3, 30), False),  # the list is fresh
    ],
)
def test_a_late_list_never_speaks_for_the_end_of_an_alert(listed_on: date, ends: date, doubted: bool) -> None:
    row = noticed(listed_on, ends).row(0, named=True)
    assert ("notices_late" in row["reasons"]) is doubted
    # A family that nothing but its notice brought into the picture stays in it for as long as that may go on.
    assert noticed(listed_on, ends, is_critical=False).height == int(doubted)
    if ends < AS_OF:
        assert row["notices_open"] == 0
        assert {one.RULE.quiet(row, None) for one in (notice, single_holder)} == {not doubted}


def test_the_end_that_a_late_list_stated_is_told_as_stated() -> None:
    ends = date(2026, 3, 25)
    before, now = noticed(date(2026, 3, 20), ends, ends), noticed(date(2026, 3, 20), ends)
    fresh = noticed(date(2026, 3, 30), ends)
    assert changes(now, before)["causes"].to_list() == [["notice_end_passed"]]
    assert changes(fresh, before)["causes"].to_list() == [["notice_ended"]]
