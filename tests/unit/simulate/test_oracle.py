"""The oracle says what continuations do: certain where it is certain, right on average where it is not."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from medsupply.simulate import families
from medsupply.simulate.oracle import Oracle
from medsupply.simulate.state import State
from medsupply.simulate.truth import HORIZONS
from tests.unit.simulate.conftest import write
from tests.unit.simulate.test_nature import live, register

START = date(2025, 3, 3)


def asked(family: str, state: State, floor: np.ndarray, paths: int = 200) -> pl.DataFrame:  # type: ignore[type-arg]
    made = register()
    oracle = Oracle(families.nature(family, made), [f"m{n:02d}" for n in range(made.medicines)], 1, paths)
    oracle.ask(state, floor)
    return oracle.frame()


@pytest.mark.parametrize("family", ["a", "b", "c"])
def test_what_is_certain_is_said_so(family: str) -> None:
    made = register()
    state = families.nature(family, made).begin(START)
    live(families.nature(family, made), state, 100)
    assert (asked(family, state, np.full(made.medicines, -1.0), 50)["p"] == 0).all()
    everything = asked(family, state, np.full(made.medicines, 1e12), 50)
    assert (everything["p"] == 1).all() and everything["at_floor"].all()


def test_an_outage_without_end_empties_the_nation() -> None:
    made = register()
    state = families.nature("a", made).begin(START)
    live(families.nature("a", made), state, 100)
    state["down"][:], state["wait"][:] = 500.0, 0.0
    state["pipe"][:], state["company"][:], state["depot"][:] = 0.0, 0.0, 0.0
    floor = 7 * made.by_medicine(made.base * made.units)
    found = asked("a", state, floor, 40).filter(pl.col("horizon") == 91)
    certain = found.filter(pl.col("medicine").is_in([f"m{n:02d}" for n in range(8)]))
    assert (certain["p"] > 0.99).all()


@pytest.mark.parametrize("family", ["a", "b", "c"])
def test_p_grows_with_the_horizon_and_is_the_same_again(family: str) -> None:
    made = register()
    state = families.nature(family, made).begin(START)
    live(families.nature(family, made), state, 150, seed=4)
    floor = 7 * made.by_medicine(made.base * made.units)
    found = asked(family, state, floor)
    wide = found.pivot("horizon", index="medicine", values="p").select(str(h) for h in HORIZONS)
    assert (np.diff(wide.to_numpy(), axis=1) >= 0).all()
    assert found.equals(asked(family, state, floor))
    assert found["p"].is_between(0, 1).all() and found["p"].max() > 0


@pytest.mark.parametrize("family", ["a", "b", "c"])
def test_p_is_what_happens_on_average(family: str) -> None:
    """Independent futures of one state, counted without the oracle's code, agree within chance."""
    made = register()
    nature = families.nature(family, made)
    state = nature.begin(START)
    live(nature, state, 150, seed=4)
    floor = 10 * made.by_medicine(made.base * made.units)
    p = asked(family, state, floor, 400).filter(pl.col("horizon") == 56)["p"].to_numpy()
    hits = np.zeros(made.medicines)
    for seed in range(150):
        one, random, below = state.copies(1), np.random.default_rng([99, seed]), np.zeros(made.medicines, dtype=bool)
        for _ in range(56):
            nature.step(one, random)
            below |= made.by_medicine(one.stock()[0] * made.units) <= floor
        hits += below
    now = made.by_medicine(state.stock()[0] * made.units) <= floor
    free = ~now
    spread = np.sqrt(np.maximum(p * (1 - p), 0.01) * (1 / 150 + 1 / 400))
    assert (np.abs(hits / 150 - p)[free] < 4.5 * spread[free]).all()


def test_the_nation_writes_its_oracle_when_asked(tmp_path: Path) -> None:
    write(tmp_path / "n", oracle=True, paths=30, medicines=4)
    found = pl.read_parquet(tmp_path / "n" / "truth" / "oracle.parquet")
    truth = pl.read_parquet(tmp_path / "n" / "truth" / "run_out.parquet")
    assert found.columns == ["medicine", "origin", "horizon", "p", "at_floor"]
    both = found.join(truth, on=["medicine", "origin"])
    assert both.height == found.height > 0
    assert (both["at_floor"] == (both["stock"] <= both["floor"])).all()
