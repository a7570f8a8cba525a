"""What the observer forgets: only what nobody is told, and nothing that would change how often it happens."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from medsupply.simulate import families
from medsupply.simulate.nature import Nature
from medsupply.simulate.notices import Manners, Notices
from medsupply.simulate.observer import Observer, _left
from medsupply.simulate.state import State
from tests.unit.simulate.test_nature import register

START, DAYS, PATHS = date(2025, 3, 3), 240, 60


def watched(family: str, told: float, manners: Manners) -> tuple[Nature, Observer, State]:
    nature = families.nature(family, register())
    observer = Observer(nature, Notices(manners, np.random.default_rng(5)))
    state, random = nature.begin(START), np.random.default_rng(6)
    for _ in range(DAYS):
        lived = nature.step(state, random)
        observer.notices.see(lived)
        observer.see(lived, state, random.random(nature.goods.packages) < told)
    return nature, observer, state


def forgotten(observer: Observer, state: State) -> State:
    living = state.copies(PATHS)
    observer.forget(living, np.random.default_rng(7))
    return living


@pytest.mark.parametrize("family", ["a", "b", "c"])
def test_what_is_on_order_stays_on_order_and_only_its_days_are_forgotten(family: str) -> None:
    _, observer, state = watched(family, 0.0, Manners(never=1.0))
    living = forgotten(observer, state)
    before = state.copies(PATHS)
    assert np.allclose(living["pipe"].sum(axis=2), before["pipe"].sum(axis=2))
    assert (living["pipe"].std(axis=0) > 0).any()
    for name in ("shelf", "depot", "mean", "drift", "on_order", "company"):
        assert np.array_equal(living[name], before[name])
    assert np.array_equal(living["down"] > 0, before["down"] > 0)


def test_who_is_told_everything_forgets_nothing_that_is_on_time() -> None:
    _, observer, state = watched("a", 1.0, Manners(never=0.0, late=0.0, open_end=0.0, slow_mean=1.0))
    living = forgotten(observer, state)
    assert np.array_equal(living["wait"], state.copies(PATHS)["wait"])
    on_time = [
        (package, when % 160)
        for package, due in observer.orders.items()
        for when, order in due.items()
        if not order.late and when > state["clock"][0, package]
    ]
    late = {package for package, due in observer.orders.items() if any(order.late for order in due.values())}
    assert on_time
    for package, slot in on_time:
        if package not in late:
            assert np.array_equal(living["pipe"][:, package, slot], np.repeat(state["pipe"][0, package, slot], PATHS))


def test_an_untold_outage_ends_on_another_day_on_each_path() -> None:
    _, observer, state = watched("b", 0.6, Manners(never=1.0))
    out = np.flatnonzero(state["down"][0] > 0)
    assert len(out)
    down = forgotten(observer, state)["down"][:, out]
    assert (down >= 1).all()
    assert (down.std(axis=0) > 0).mean() > 0.8


def test_what_is_left_of_a_duration_is_drawn_from_those_that_are_longer() -> None:
    law = np.array([5.0, 10.0, 20.0, 40.0])
    left = _left(law, 12.0, np.array([0.1, 0.9]))
    assert left is not None and left.tolist() == [8.0, 28.0]
    assert _left(law, 40.0, np.array([0.5])) is None
