"""The mechanics: a copy is a continuation, orders come by the supplier's clock, families differ as they say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from medsupply.errors import InputError
from medsupply.simulate import families, products
from medsupply.simulate.family_b import residuals_of
from medsupply.simulate.goods import Array, Flags, Goods, goods
from medsupply.simulate.nature import Nature
from medsupply.simulate.state import State

START = date(2025, 3, 3)


def register(count: int = 12) -> Goods:
    random = np.random.default_rng(1)
    medicines = products.medicines(count)
    return goods(medicines, products.packages(medicines, random), random)


class Plain(Nature):
    """Ten packs a day are wanted of each package; what is ordered comes after its lead unless told otherwise."""

    plan: Callable[[State], Array] | None = None

    def extra(self) -> dict[str, Array]:
        return {}

    def demand(self, state: State, mean: Array, random: np.random.Generator) -> Array:
        return np.full(state["shelf"].shape, 10.0)

    def failures(self, state: State, random: np.random.Generator) -> tuple[Flags, Array, Array]:
        shape = state["down"].shape
        return np.zeros(shape, dtype=bool), np.zeros(shape), np.zeros(shape)

    def slip(self, state: State, random: np.random.Generator) -> Array:
        return np.zeros(state["down"].shape)

    def lateness(self, state: State, random: np.random.Generator) -> Array:
        return np.zeros(state["down"].shape)

    def order(self, state: State, position: Array, random: np.random.Generator) -> tuple[Array, Array]:
        packs = self.plan(state) if self.plan else np.zeros(position.shape)
        return packs, np.full(position.shape, 5.0)


def live(nature: Nature, state: State, days: int, seed: int = 0) -> list[Array]:
    random = np.random.default_rng(seed)
    return [nature.step(state, random).arrived[0] for _ in range(days)]


def ordered_once(packs: float) -> Callable[[State], Array]:
    return lambda state: np.full(state["shelf"].shape, packs if state.day == START else 0.0)


def test_an_order_comes_after_its_lead() -> None:
    nature = Plain(register())
    nature.plan = ordered_once(70.0)
    arrived = live(nature, nature.begin(START), 10)
    assert [day for day, packs in enumerate(arrived) if packs.any()] == [5]
    assert (arrived[5] == 70.0).all()


def test_an_outage_stops_the_suppliers_clock() -> None:
    nature = Plain(register())
    nature.plan = ordered_once(70.0)
    state = nature.begin(START)
    state["down"][0, 0] = 4.0
    arrived = live(nature, state, 12)
    assert [day for day, packs in enumerate(arrived) if packs[1] > 0] == [5]
    # Down on days 0, 1 and 2, up again on the fourth morning: the five days of the lead are days 3 to 7.
    assert [day for day, packs in enumerate(arrived) if packs[0] > 0] == [7]


def test_a_slipped_end_is_told_and_lengthens_the_outage() -> None:
    class Slipping(Plain):
        def slip(self, state: State, random: np.random.Generator) -> Array:
            return np.where(state.day == START + timedelta(days=2), 6.0, 0.0) * np.ones(state["down"].shape)

    nature = Slipping(register())
    state = nature.begin(START)
    state["down"][0, 0] = 3.0
    random = np.random.default_rng(0)
    lived = [nature.step(state, random) for _ in range(12)]
    assert [n for n, one in enumerate(lived) if one.slipped[0, 0]] == [2]
    assert [n for n, one in enumerate(lived) if one.ended[0, 0]] == [8]


def test_a_permit_moves_reserve_and_counts_once() -> None:
    nature = Plain(register())
    state = nature.begin(START)
    package = int(np.argmax(state["company"][0]))
    state["permit_wait"][0, package] = 1.0
    random = np.random.default_rng(0)
    before = state["company"][0, package]
    granted = nature.step(state, random).granted[0, package]
    assert 0 < granted <= before
    counted = state.stock()[0, package]
    assert counted == state["shelf"][0, package] + state["depot"][0, package] + granted
    given = nature.step(state, random).given[0, package]
    assert state.stock()[0, package] == counted - given
    assert state["company"][0, package] == before - granted


def test_a_short_dated_lot_is_thrown_away_on_its_day() -> None:
    nature = Plain(register())
    state = nature.begin(START)
    state["short"][0, 0], state["short_left"][0, 0], state["depot"][0, 0] = 30.0, 2.0, 10_000.0
    random = np.random.default_rng(0)
    first, second = nature.step(state, random), nature.step(state, random)
    sent = first.shipped[0, 0]
    assert first.expired[0, 0] == 0.0
    assert second.expired[0, 0] == max(30.0 - sent, 0.0)


@pytest.mark.parametrize("family", ["a", "b", "c"])
def test_a_copy_with_the_same_stream_lives_the_same_life(family: str) -> None:
    nature = families.nature(family, register())
    state = nature.begin(START)
    live(nature, state, 120, seed=3)
    copy = state.copies(1)
    live(nature, copy, 60, seed=9)
    live(nature, state, 60, seed=9)
    assert all(np.array_equal(copy[name], state[name]) for name in state.arrays)


@pytest.mark.parametrize("family", ["a", "b", "c"])
def test_living_on_a_copy_leaves_the_state_alone(family: str) -> None:
    nature = families.nature(family, register())
    state = nature.begin(START)
    live(nature, state, 30)
    before = {name: values.copy() for name, values in state.arrays.items()}
    live(nature, state.copies(7), 40)
    assert all(np.array_equal(before[name], state[name]) for name in before)
    assert state.day == START + timedelta(days=30)


@pytest.mark.parametrize("family", ["a", "b", "c"])
def test_shortages_come_often_enough_to_judge_by(family: str) -> None:
    """30 or so per 100 medicine-years; most days most medicines are well stocked."""
    made = register(120)
    nature = families.nature(family, made)
    state, random = nature.begin(date(2022, 1, 1)), np.random.default_rng(5)
    units, given = [], []
    for _ in range(1200):
        lived = nature.step(state, random)
        units.append(made.by_medicine(state.stock()[0] * made.units))
        given.append(made.by_medicine(lived.given[0] * made.units))
    stock, sums = np.array(units), np.cumsum(np.array(given), axis=0)
    below = stock[200:] <= 7 * (sums[200:] - sums[116:-84]) / 84
    events = ((np.diff(below.astype(int), axis=0) == 1).sum()) / (120 * 1000 / 36525)
    assert 15 <= events <= 90
    assert 0.005 < below.mean() < 0.12


def test_suppliers_fail_together_in_b_and_nothing_is_announced_in_c() -> None:
    made = register(60)
    nature = families.nature("b", made)
    state, random = nature.begin(START), np.random.default_rng(2)
    most = 0
    for _ in range(400):
        lived = nature.step(state, random)
        most = max(most, int(np.bincount(made.supplier[lived.decided[0]], minlength=1).max()))
    assert most >= 5
    assert families.nature("c", made).announced_share == 0.0


def test_panic_raises_demand_in_c() -> None:
    made = register()
    nature = families.nature("c", made)
    calm, panic = nature.begin(START), nature.begin(START)
    panic["panic"][:] = 10.0
    wanted = [nature.step(state, np.random.default_rng(0)).wanted.sum() for state in (calm, panic)]
    assert wanted[1] > 1.5 * wanted[0]


def test_residuals_come_from_the_series_given(tmp_path: object) -> None:
    from pathlib import Path

    path = Path(str(tmp_path)) / "series.parquet"
    weeks = [date(2022, 1, 3) + timedelta(weeks=n) for n in range(200)]
    y = [100.0 * (1.3 if n % 10 == 0 else 1.0) for n in range(200)]
    pl.DataFrame({"unique_id": ["x"] * 200, "ds": weeks, "y": y}).write_parquet(path)
    found = residuals_of(path)
    assert np.isclose(found.max(), np.log(1.3)) and np.isclose(np.median(found), 0.0)
    with pytest.raises(InputError, match="Only family b"):
        families.nature("a", register(), path)
    pl.DataFrame({"a": [1]}).write_parquet(path)
    with pytest.raises(InputError, match="unique_id"):
        residuals_of(path)
