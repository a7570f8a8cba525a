"""What the truth of a simulated nation tells is found again in the picture: one test for each thing that happens."""

from __future__ import annotations

import gzip
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from medsupply import flow
from medsupply.days import end_of_day
from medsupply.facts import Facts
from medsupply.forecast.history import packages_at, told_by_day
from medsupply.forecast.waits import Packages, receipts, usual_demand
from medsupply.picture.flows import flows
from medsupply.picture.master import Master, master
from medsupply.rules import load_rules
from medsupply.simulate import Manifest, simulate
from medsupply.steps import demand
from medsupply.steps.packages import package_past
from medsupply.steps.supplying import HISTORY_DAYS
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.facts import dispensing, facts

LAST = date(2026, 3, 31)
PERMIT_DAY, TOLD, EXPIRED = date(2026, 3, 14), date(2026, 3, 10), date(2026, 3, 24)
CORRECTED = date(2026, 3, 23)
LATE = datetime(2026, 4, 2, tzinfo=UTC)


def evening(day: date) -> datetime:
    """When the files of ``day`` are in, and those of the next day are not."""
    return end_of_day(day) + timedelta(hours=6)


@pytest.fixture(scope="module")
def nation(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return simulate(tmp_path_factory.mktemp("nation"), preset="small", seed=4, history_days=150)


@pytest.fixture(scope="module")
def wh(nation: Manifest, shared_warehouse: Warehouse) -> Warehouse:
    """Every delivery at its moment."""
    for source, path, at in nation.arrivals().iter_rows():
        flow.load(shared_warehouse, source, [nation.folder / path], received_at=at)
    return shared_warehouse


@pytest.fixture(scope="module")
def lived(nation: Manifest) -> pl.DataFrame:
    """What was true of each day and package, in packs."""
    return pl.read_parquet(nation.folder / "truth" / "nation.parquet")


@pytest.fixture(scope="module")
def events(nation: Manifest) -> pl.DataFrame:
    return pl.read_csv(nation.folder / "truth" / "events.csv", try_parse_dates=True)


def told(nation: Manifest, name: str) -> pl.DataFrame:
    path = nation.folder / "truth" / f"{name}.csv"
    return pl.read_csv(path, try_parse_dates=True, schema_overrides={"vnr": pl.String})


def row(situation: pl.DataFrame, medicine: str, area: str = "99") -> dict[str, object]:
    return situation.row(by_predicate=(pl.col("medicine_id") == medicine) & (pl.col("county_code") == area), named=True)


def stock_of(lived: pl.DataFrame, day: date, medicine: str, column: str = "stock") -> float:
    mine = lived.filter(pl.col("day") == day, pl.col("medicine") == medicine)
    return float((mine[column] * mine["units_per_pack"]).sum())


def test_a_correction_brings_the_picture_back_to_the_truth(
    nation: Manifest, wh: Warehouse, lived: pl.DataFrame, events: pl.DataFrame
) -> None:
    found = events.filter(pl.col("kind") == "correction").row(0, named=True)
    assert (found["day"], found["what"]) == (CORRECTED, "HUS")
    lines = gzip.decompress((nation.folder / f"inbox/stock/stock-{CORRECTED}.csv.gz").read_bytes()).decode()
    vnr = next(line.split(";")[2] for line in lines.splitlines() if line.startswith("HUS;"))
    medicine = lived.filter(pl.col("vnr") == vnr)["medicine"][0]
    before = row(flow.picture(wh, CORRECTED, evening(CORRECTED)), medicine)
    two_days_on = evening(CORRECTED + timedelta(days=2))
    assert flow.correct(wh, CORRECTED + timedelta(days=2), two_days_on) == [CORRECTED]
    after = row(flow.situation(wh, CORRECTED, two_days_on), medicine)
    truth = stock_of(lived, CORRECTED, medicine)
    assert after["stock_units"] == truth < before["stock_units"]  # type: ignore[operator]
    said = wh.read(
        "SELECT stock_change_units FROM analyst.corrections"
        " WHERE as_of = :day AND medicine_id = :medicine AND county_code = '99'", day=CORRECTED, medicine=medicine,
    )  # fmt: skip
    assert said["stock_change_units"].to_list() == [truth - before["stock_units"]]  # type: ignore[operator]


def test_a_silent_holder_is_late_then_missing_and_empties_nothing(wh: Warehouse, events: pl.DataFrame) -> None:
    silence = events.filter(pl.col("kind") == "silence", pl.col("detail") == f"until {LAST}")
    pharmacy = silence.filter(pl.col("what").str.starts_with("A")).row(0, named=True)
    holder, county, first = str(pharmacy["what"]), str(pharmacy["what"])[1:3], pharmacy["day"]
    states = {}
    for day in (first - timedelta(days=1), first, LAST):
        situation = flow.picture(wh, day, evening(day))
        state = wh.read(
            "SELECT state FROM analyst.completeness WHERE source = 'stock' AND as_of = :day AND holder_id = :holder",
            day=day, holder=holder,
        )["state"]  # fmt: skip
        here = situation.filter(pl.col("county_code") == county, pl.col("grain") == "medicine")
        states[state.item()] = here
    assert list(states) == ["reported", "late", "missing"]
    assert states["late"]["reporting_share"].drop_nulls().min() == 1.0, "carried over open days: heard of"
    missing = states["missing"]
    assert (missing["reporting_share"] < 0.8).sum() > missing.height / 2, "it was one of two pharmacies of the county"
    assert missing.filter(pl.col("cover_days_high") < pl.col("cover_days")).is_empty()
    assert missing.filter(pl.col("reporting_share") < 0.8, pl.col("level") == "normal", ~pl.col("partial")).is_empty()


def test_what_a_silent_wholesaler_sends_is_no_supply_that_came(wh: Warehouse) -> None:
    """At its last count it keeps what pharmacies have got since: the same packs twice, and as if something had come."""
    heard, first = facts(wh, LAST, LATE), LAST - timedelta(days=9)
    depots = heard.current("holders").filter(pl.col("holder_type").cast(pl.String) == "wholesaler")["holder_id"]
    told = ~(pl.col("holder_id").is_in(depots.implode()) & (pl.col("counted_on") >= first))
    less = replace(
        heard, stock=heard.stock.filter(told), snapshots=heard.snapshots.filter(told), stock_between=None, stamps=None
    )
    left = dispensing(wh, LAST - timedelta(days=HISTORY_DAYS), LAST, LATE)
    full, quiet = (_packages(one, master(heard), left) for one in (heard, less))
    came = [receipts(one, usual_demand(one))[-10:] for one in (full, quiet)]
    assert came[0].sum() > 20, "supply comes on these days"
    asked = quiet.demand[-10:].sum(axis=0) > 0
    assert not came[1][:, asked].any(), "and nobody who counts has got it from outside"
    assert (quiet.stock[-10:] <= quiet.stock[-11])[:, asked].all()


def _packages(known: Facts, whole: Master, left: pl.LazyFrame) -> Packages:
    past = package_past(known, whole, flows(known, left, load_rules().picture.usable_reserve))
    return packages_at(past, told_by_day(past), len(past.days) - 1)


def test_what_has_expired_is_counted_by_its_holder_and_by_nobody_else(wh: Warehouse, lived: pl.DataFrame) -> None:
    gone = lived.filter(pl.col("expired") > 0, pl.col("day") == EXPIRED)
    medicine = gone["medicine"].unique().item()
    situation = flow.picture(wh, EXPIRED, evening(EXPIRED))
    assert row(situation, medicine)["stock_units"] == stock_of(lived, EXPIRED, medicine)
    rows = facts(wh, EXPIRED, evening(EXPIRED)).stock.filter(pl.col("counted_on") == EXPIRED).collect()
    still = rows.filter(pl.col("lot") == "KD0", pl.col("vnr").is_in(gone["vnr"].implode()))
    assert still["packs"].sum() == gone["expired"].sum() > 0


def test_a_permit_lets_the_reserve_count_on_its_day(wh: Warehouse, lived: pl.DataFrame) -> None:
    drawn = lived.filter(pl.col("permit") > 0, pl.col("day") == PERMIT_DAY).row(0, named=True)
    now, next_day = (
        row(flow.picture(wh, day, LATE), drawn["medicine"]) for day in (PERMIT_DAY, PERMIT_DAY + timedelta(days=1))
    )
    for day, found in ((PERMIT_DAY, now), (PERMIT_DAY + timedelta(days=1), next_day)):
        assert found["stock_units"] == stock_of(lived, day, drawn["medicine"])
    packs = min(drawn["permit"], drawn["company"]) * drawn["units_per_pack"]
    without = stock_of(lived, PERMIT_DAY, drawn["medicine"], "shelf")
    without += stock_of(lived, PERMIT_DAY, drawn["medicine"], "depot")
    assert now["stock_units"] == without + packs
    # The packs move to the wholesaler the next morning: they count once, on both days.
    assert next_day["reserve_units"] == now["reserve_units"]


def test_substitution_is_seen_package_by_package_and_lost_in_no_medicine(wh: Warehouse, lived: pl.DataFrame) -> None:
    known = facts(wh, LAST, LATE)
    demand.update_days(wh, master(known), LAST, LATE)
    window = pl.col("day").is_between(LAST - timedelta(days=20), LAST - timedelta(days=8))
    true = lived.filter(window).group_by("vnr").agg(pl.col("given", "wanted", "substituted").sum())
    seen = wh.read(
        "SELECT vnr, sum(packs) AS packs FROM analyst.dispensing_daily WHERE day BETWEEN :first AND :last"
        " GROUP BY vnr", first=LAST - timedelta(days=20), last=LAST - timedelta(days=8),
    )  # fmt: skip
    both = true.join(seen, on="vnr")
    took_over = both.filter(pl.col("substituted") > 0.1 * pl.col("given"))
    assert took_over.height >= 2
    assert (took_over["packs"] > took_over["wanted"]).sum() >= 1, "more left than was wanted of this package"
    # Two sites are silent for part of these days, and returns are given beside: the sums agree within them.
    assert ((both["packs"] / both["given"].clip(lower_bound=1) - 1).abs() < 0.1).mean() > 0.9


def test_transfers_move_packs_between_counties_and_cancel_in_the_country(
    nation: Manifest, wh: Warehouse, lived: pl.DataFrame
) -> None:
    moved = told(nation, "transfers").filter(
        pl.col("from").str.starts_with("A"), pl.col("to").str.starts_with("A"),
        pl.col("from").str.slice(1, 2) != pl.col("to").str.slice(1, 2), pl.col("packs") > 5,
        pl.col("day") > LAST - timedelta(days=60),
    )  # fmt: skip
    one = moved.sort("packs", descending=True).row(0, named=True)
    known = facts(wh, LAST, LATE)
    left = dispensing(wh, LAST - timedelta(days=100), LAST, LATE)
    found = flows(known, left, load_rules().picture.usable_reserve)
    week = one["day"] - timedelta(days=one["day"].weekday())
    place = found.areas.filter(pl.col("area") == one["to"][1:3])["place"].unique()
    here = found.places.filter(
        pl.col("vnr") == one["vnr"], pl.col("week") == week, pl.col("place").is_in(place.implode())
    )
    assert here["inflow"].sum() > 0, "the county got packs without a wholesaler"
    days = pl.col("day").is_between(week, week + timedelta(days=6))
    mine = found.country.filter(pl.col("vnr") == one["vnr"], days)
    true = lived.filter(pl.col("vnr") == one["vnr"], days)
    assert mine["inflow"].sum() == pytest.approx(true["arrived"].sum(), abs=0.02 * max(true["given"].sum(), 50.0))


def test_a_late_notice_is_in_force_from_its_start_once_it_is_known(
    nation: Manifest, wh: Warehouse, lived: pl.DataFrame
) -> None:
    late = told(nation, "outages").filter(pl.col("published") == TOLD, pl.col("start") < TOLD).row(0, named=True)
    medicine = lived.filter(pl.col("vnr") == late["vnr"])["medicine"][0]
    day = TOLD - timedelta(days=2)
    assert late["start"] <= day
    then, now = (row(flow.picture(wh, day, at), medicine) for at in (evening(day), LATE))
    assert now["notices_open"] == then["notices_open"] + 1  # type: ignore[operator]
    assert now["notice_share"] > then["notice_share"]  # type: ignore[operator]
    listed = wh.read("SELECT * FROM analyst.shortage_notices WHERE vnr = :vnr", vnr=late["vnr"])
    assert listed.height >= 1


def test_a_regime_change_is_a_step_in_weekly_demand(wh: Warehouse, events: pl.DataFrame) -> None:
    demand.update_weeks(wh, master(facts(wh, LAST, LATE)), LAST, LATE)
    changed = events.filter(pl.col("kind") == "regime")
    assert changed.height == 2
    for one in changed.iter_rows(named=True):
        weeks = wh.read(
            "SELECT week, units FROM analyst.demand_weekly WHERE medicine_id = :medicine AND county_code = '99'"
            " AND units IS NOT NULL ORDER BY week", medicine=one["what"],
        )  # fmt: skip
        before = weeks.filter(pl.col("week") <= one["day"] - timedelta(days=7))["units"].tail(6).mean()
        after = weeks.filter(pl.col("week") > one["day"])["units"].head(6).mean()
        factor = float(str(one["detail"]).rsplit(" ", 1)[1])
        assert after / before == pytest.approx(factor, rel=0.25), one  # type: ignore[operator]


def test_a_register_published_again_unchanged_is_in_time(nation: Manifest, wh: Warehouse) -> None:
    flow.measure(wh, LAST, evening(LAST))
    listed = wh.read(
        "SELECT source, state, last_day FROM analyst.completeness WHERE as_of = :day AND holder_id = source", day=LAST
    )
    assert set(listed["state"]) == {"reported"}, listed.filter(pl.col("state") != "reported")
    days = dict(listed.select("source", "last_day").iter_rows())
    assert days["fimea_packages"] == date(2026, 3, 15)
    # An older list that comes once more says nothing of today.
    path = next((nation.folder / "inbox/fimea_shortages").glob("*2026-03-2*"))
    (again,) = flow.load(wh, "fimea_shortages", [path], received_at=LATE + timedelta(days=3))
    assert again.verdict == "duplicate"
    lists = facts(wh, LAST, LATE + timedelta(days=4)).lists.filter(pl.col("source") == "fimea_shortages")
    assert lists["received_at"].max() < LATE  # type: ignore[operator]
