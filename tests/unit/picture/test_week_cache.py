"""Sums of past weeks that are kept give the figures that no kept sums give, to the last digit."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_nation import nation

from medsupply.facts import Facts
from medsupply.picture import before, sites
from medsupply.picture.master import master
from medsupply.picture.measure import measure
from medsupply.rules import Rules, load_rules

RULES = load_rules()


@pytest.fixture(autouse=True, scope="module")
def _one_week_back() -> Iterator[None]:
    """No kept week is read for the days before a shortage."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(before, "LOOK_BACK_DAYS", 7)
        yield


@dataclass
class Kept:
    """Weeks in memory; counts what was found."""

    weeks: dict[tuple[date, str], pl.DataFrame] = field(default_factory=dict)
    found: int = 0

    def get(self, monday: date, key: str) -> pl.DataFrame | None:
        week = self.weeks.get((monday, key))
        self.found += week is not None
        return week

    def put(self, monday: date, key: str, frame: pl.DataFrame) -> None:
        self.weeks[monday, key] = frame


def stamped(facts: Facts, stamp: str = "first") -> Facts:
    return replace(facts, stamps=facts.snapshots.with_columns(stamp=pl.lit(stamp)))


def corrected(facts: Facts, rng: random.Random, count: int = 5) -> Facts:
    """Another delivery in the place of some snapshots: other packs, a package less, a quarantined row more."""
    assert facts.stamps is not None
    few = facts.snapshots.sample(count, seed=rng.randint(0, 10**6)).with_columns(new=pl.lit(True))
    key = ["holder_id", "counted_on"]
    stock = facts.stock.collect().join(few, on=key, how="left")
    stock = stock.with_columns(packs=pl.when("new").then(pl.col("packs") * 3).otherwise("packs")).drop("new")
    gap = stock.join(few, on=key, how="semi").select(*key, "vnr").head(2)
    gaps = pl.concat([facts.gaps, gap]).unique()
    kept = stock.join(gap, on=[*key, "vnr"], how="anti")
    new = pl.when("new").then(pl.lit(f"again {rng.random()}")).otherwise("stamp")
    stamps = facts.stamps.join(few, on=key, how="left").select(*key, stamp=new)
    return replace(facts, stock=kept.lazy(), gaps=gaps, stamps=stamps)


def withdrawn(facts: Facts, rng: random.Random) -> Facts:
    """Some snapshots are gone."""
    assert facts.stamps is not None
    few = facts.snapshots.sample(5, seed=rng.randint(0, 10**6))
    key = ["holder_id", "counted_on"]
    left = (facts.snapshots, facts.gaps, facts.stamps)
    snapshots, gaps, stamps = (frame.join(few, on=key, how="anti") for frame in left)
    stock = facts.stock.join(few.lazy(), on=key, how="anti").collect().lazy()
    return replace(facts, stock=stock, snapshots=snapshots, gaps=gaps, stamps=stamps)


def on(facts: Facts, days: int) -> Facts:
    return replace(facts, as_of=facts.as_of - timedelta(days=days))


def same(facts: Facts, kept: Kept, rules: Rules = RULES) -> None:
    known = master(facts)
    plain, quick = measure(facts, known, rules), measure(facts, known, rules, kept)
    for name, frame in plain.frames().items():
        assert frame.equals(quick.frames()[name]), name


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10_000), order=st.permutations(range(6)))
def test_kept_weeks_change_no_figure(seed: int, order: list[int]) -> None:
    rng = random.Random(seed)
    first = stamped(nation(seed))
    later = corrected(first, rng)
    other_holders = {**first.reference, "holders": first.reference["holders"].head(9)}
    states = [first, on(first, 3), later, withdrawn(later, rng), on(withdrawn(first, rng), 1)]
    states.append(replace(first, reference=other_holders))
    kept = Kept()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sites, "SNAPSHOTS_KEPT", 1)
        for number in order:
            same(states[number], kept)
        found = kept.found
        usable = replace(RULES, picture=replace(RULES.picture, usable_reserve=("pharmacy",)))
        same(first, kept, usable)
    assert kept.found > found > 0


def test_a_correction_without_another_stamp_would_be_seen() -> None:
    """The comparison has teeth: with the stamps left as they were, the kept weeks are wrong."""
    first = stamped(nation(1))
    wrong = replace(corrected(first, random.Random(1), count=400), stamps=first.stamps, gaps=first.gaps)
    kept = Kept()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sites, "SNAPSHOTS_KEPT", 1)
        same(first, kept)
        with pytest.raises(AssertionError):
            same(wrong, kept)


def test_a_small_nation_keeps_nothing() -> None:
    kept = Kept()
    same(stamped(nation(2)), kept)
    assert not kept.weeks
