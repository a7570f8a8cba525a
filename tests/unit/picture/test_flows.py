"""Flows summed day by day are those of section 7's identity, holder by holder and package by package."""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from small_nation import AS_OF, nation
from test_week_cache import Kept, stamped

from medsupply.facts import Facts
from medsupply.picture import flows as flows_
from medsupply.picture.flows import Flows, flows
from medsupply.picture.reach import holder_areas, valid_holders

OWN = ("hospital_pharmacy", "medicine_centre")
Sums = dict[tuple[Any, ...], float]


def made(facts: Facts, cache: Kept | None = None) -> Flows:
    return flows(facts, facts.dispensing, OWN, cache)


def by_hand(facts: Facts) -> tuple[Sums, Sums]:
    """Inflow by package and day, and by package, area and week: B(t2) - B(t1) + dispensed + expired, in plain loops."""
    rows: dict[tuple[str, date], list[tuple[str, float, date | None]]] = defaultdict(list)
    for row in facts.stock.collect().iter_rows(named=True):
        rows[row["holder_id"], row["counted_on"]].append((row["vnr"], float(row["packs"]), row["expires_on"]))
    sold: dict[str, list[tuple[date, str, float]]] = defaultdict(list)
    for row in facts.dispensing.collect().iter_rows(named=True):
        net = float(row["packs"]) - float(row["returned_packs"] or 0)
        sold[row["reporter_id"]].append((row["day"], row["vnr"], net))
    holders = valid_holders(facts).filter(pl.col("holder_type") != "state_reserve")
    areas = holder_areas(holders).group_by("holder_id").agg("area").rows()
    daily: Sums = defaultdict(float)
    weekly: Sums = defaultdict(float)
    for holder, lying in areas:
        days = sorted(facts.snapshots.filter(pl.col("holder_id") == holder)["counted_on"])
        for before, now in itertools.pairwise(days):
            change: dict[str, float] = defaultdict(float)
            for vnr, packs, ends in rows[holder, now]:
                change[vnr] += packs if ends is None or ends > now else 0.0
            for vnr, packs, ends in rows[holder, before]:
                change[vnr] -= packs if ends is None or ends > before else 0.0
                change[vnr] += packs if ends is not None and before < ends <= now else 0.0
            for day, vnr, packs in sold[holder]:
                change[vnr] += packs if vnr and before < day <= now else 0.0
            for vnr, packs in change.items():
                daily[vnr, now] += packs
                for area in set(lying):
                    weekly[vnr, area, now - timedelta(days=now.weekday())] += packs
    return daily, weekly


def filled(sums: Sums) -> Sums:
    return {key: value for key, value in sums.items() if abs(value) > 1e-4}


@pytest.mark.parametrize("seed", range(6))
def test_flows_are_the_identity_added_up(seed: int) -> None:
    facts = nation(seed)
    found = made(facts)
    daily, weekly = by_hand(facts)
    country = {(v, d): x for v, d, x in found.country.select("vnr", "day", "inflow").iter_rows()}
    assert filled(country) == pytest.approx(filled(daily), abs=1e-4)
    lying = found.places.join(found.areas, on="place").group_by("vnr", "area", "week").agg(pl.col("inflow").sum())
    places = {(v, a, w): x for v, a, w, x in lying.iter_rows()}
    assert filled(places) == pytest.approx(filled(weekly), abs=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_changes_of_usable_stock_add_up_to_what_stands(seed: int) -> None:
    facts = nation(seed)
    found = made(facts).country.group_by("vnr").agg(pl.col("usable").sum())
    holders = valid_holders(facts).filter(pl.col("holder_type") != "state_reserve")
    last = facts.snapshots.group_by("holder_id").agg(pl.col("counted_on").max())
    rows = facts.stock.collect().join(last, on=["holder_id", "counted_on"]).join(holders, on="holder_id")
    good = rows.filter(pl.col("expires_on").is_null() | (pl.col("expires_on") > pl.col("counted_on")))
    apart = pl.when(pl.col("holder_type").is_in(list(OWN))).then(0.0).otherwise(pl.col("reserve_packs").fill_null(0.0))
    stands = good.group_by("vnr").agg(packs=(pl.col("packs") - apart).sum().cast(pl.Float64))
    assert filled(dict(found.iter_rows())) == pytest.approx(filled(dict(stands.iter_rows())), abs=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_kept_days_change_no_flow(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows_, "SNAPSHOTS_KEPT", 1)
    facts, kept = stamped(nation(seed)), Kept()
    first, again = made(facts, kept), made(facts, kept)
    assert kept.found > 50
    for name in ("country", "places", "left", "left_places", "areas"):
        assert getattr(first, name).equals(getattr(again, name))
        assert getattr(first, name).equals(getattr(made(replace(facts, stamps=None)), name))


def test_a_small_day_is_not_kept() -> None:
    kept = Kept()
    made(stamped(nation(1)), kept)
    assert not kept.weeks


def test_the_last_day_is_inside() -> None:
    assert made(nation(2)).country["day"].max() == AS_OF
