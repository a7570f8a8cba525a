"""The country package by package: worlds whose run-out can be told by hand."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from medsupply.forecast import country
from medsupply.forecast.calendar import Array
from medsupply.forecast.country import CountryOutcome, Scene, simulate_country
from medsupply.forecast.history import Past, notices_at, packages_at, told_by_day
from medsupply.forecast.outages import learn_outages
from medsupply.forecast.resupply import learn_laws
from medsupply.forecast.waits import product_limit

from .packaged import DAYS, EMPTY_TOLD, FIRST, NO_PERMITS, lived, notice, past_of, world


def run(
    past: Past, *, at: int | None = None, n_paths: int = 200, delay: float = 0.0
) -> tuple[CountryOutcome, list[str]]:
    at = len(past.days) - 1 if at is None else at
    packages = packages_at(past, told_by_day(past), at)
    laws = learn_laws(packages, notices_at(past, at))
    usual = past.by_series(laws.usual)
    place = {name: k for k, name in enumerate(past.names)}

    def demand(name: str, paths: int) -> Array:
        return np.full((paths, 91), usual[place[name]])

    none = np.zeros(len(place))
    scene = Scene(past.names, 7 * usual, none, none, delay)
    return simulate_country(packages, laws, scene, demand, n_paths=n_paths, days=91, seed="s"), list(past.names)


def p(found: tuple[CountryOutcome, list[str]], name: str, days: int) -> float:
    return float((found[0].first[found[1].index(name)] <= days).mean())


def test_a_medicine_that_is_well_stays_well() -> None:
    found = run(past_of(world()))
    assert p(found, "G003", 56) < 0.05
    assert p(found, "G003", 91) < 0.15


def test_supply_that_has_stopped_without_a_word_is_doubted() -> None:
    """Nothing for 30 days where something came every week: stock of about 16 days is likely to reach 7."""
    found = run(past_of(world(G900_900=lived(10.0, down=(DAYS - 30, DAYS)))))
    assert p(found, "G900", 28) > 0.4 > 0.1 > p(found, "G003", 28)


def test_a_notice_is_believed_up_to_its_end() -> None:
    stopped = world(G900_900=lived(10.0, down=(DAYS - 20, DAYS)))
    soon = run(past_of(stopped, notice("900", DAYS - 20, DAYS + 3, DAYS - 20)))
    late = run(past_of(stopped, notice("900", DAYS - 20, DAYS + 120, DAYS - 20)))
    assert p(late, "G900", 56) > 0.9
    assert p(late, "G900", 28) > p(soon, "G900", 28) + 0.3


def test_a_notice_that_starts_later_is_seen_coming() -> None:
    told = run(past_of(world(), notice("000003", DAYS + 5, DAYS + 150, DAYS - 10)))
    assert p(told, "G003", 84) > 0.9
    assert p(told, "G003", 28) < 0.1


def test_substitutes_are_pooled() -> None:
    """A package that is out leaves its demand to its sibling, which orders more: together they last."""
    out = lived(2.0, down=(DAYS - 45, DAYS))
    alone = run(past_of(world(G900_900=out)))
    together = run(past_of(world(G900_900=out, G900_901=lived(18.0))))
    assert p(alone, "G900", 56) > 0.9
    assert p(together, "G900", 56) < 0.3


def test_what_was_ordered_in_an_outage_comes_after_it() -> None:
    """Supply is back for three days: the orders of the outage are on their way, so stock is low but lasts."""
    told = pl.concat([
        notice("900", DAYS - 30, DAYS - 3, DAYS - 30).with_columns(known_to=pl.lit(FIRST + timedelta(days=DAYS - 2))),
        notice("900", DAYS - 30, DAYS - 3, DAYS - 2).with_columns(ended=pl.lit(True)),
    ])  # fmt: skip
    back = run(past_of(world(G900_900=lived(10.0, down=(DAYS - 30, DAYS - 3))), told))
    still = run(
        past_of(world(G900_900=lived(10.0, down=(DAYS - 30, DAYS))), notice("900", DAYS - 30, DAYS + 90, DAYS - 30))
    )
    assert p(back, "G900", 84) < p(still, "G900", 84) - 0.3


def test_nothing_later_than_the_origin_is_read() -> None:
    whole = past_of(world(G900_900=lived(10.0, down=(DAYS - 30, DAYS))), notice("900", DAYS - 20, DAYS, DAYS - 20))
    cut = Past(
        whole.days[:-40], whole.series, whole.vnr, whole.stock[:-40], whole.demand[:-40], EMPTY_TOLD, NO_PERMITS
    )  # fmt: skip
    at = DAYS - 41
    assert np.array_equal(run(whole, at=at)[0].first, run(cut)[0].first)


def test_futures_do_not_depend_on_the_other_series_run_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    past = past_of(world(G900_900=lived(10.0, down=(DAYS - 30, DAYS)), G900_901=lived(5.0)))
    together = run(past)[0]
    monkeypatch.setattr(country, "CHUNK_CELLS", 200)
    apart = run(past)[0]
    assert np.array_equal(together.first, apart.first)
    assert np.allclose(together.unmet, apart.unmet, atol=1e-9)


def test_common_random_numbers_delayed_supply_never_helps_on_average() -> None:
    past = past_of(world(G900_900=lived(10.0, down=(DAYS - 25, DAYS))))
    plain, delayed = run(past), run(past, delay=21.0)
    assert p(delayed, "G900", 56) > p(plain, "G900", 56)
    assert p(delayed, "G003", 91) >= p(plain, "G003", 91)


def test_product_limit_knows_that_waits_not_over_are_longer() -> None:
    over = product_limit(np.array([10.0] * 50), np.ones(50, dtype=bool), np.array([10.0]))
    going_on = product_limit(
        np.array([10.0] * 25 + [30.0] * 25), np.array([True] * 25 + [False] * 25), np.array([10.0])
    )
    assert np.quantile(over, 0.9) == 10.0
    assert np.quantile(going_on, 0.9) > 100.0


def test_how_ends_slip_is_learnt_from_the_lists() -> None:
    """Forty notices that ended 30 days after their first stated end."""
    vnr = [f"{k:06d}" for k in range(12)]
    rows = [notice(vnr[k % 12], 20 + 5 * (k // 12), 60 + 5 * (k // 12), 10 + 5 * (k // 12)) for k in range(36)]
    ends = [one.with_columns(ended=pl.lit(True), end=pl.col("end") + pl.duration(days=30),
                             known_from=pl.col("end") + pl.duration(days=31)) for one in rows]  # fmt: skip
    past = past_of(world(), pl.concat([*rows, *ends]))
    law = learn_outages(notices_at(past, DAYS - 1), past.medicine, DAYS)
    assert 25 <= np.median(law.slip) <= 35
