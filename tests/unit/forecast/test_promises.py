"""Announced supply: how late it comes is learnt, an overdue one is doubted, and the country waits for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl

from medsupply.forecast.history import PROMISED, Past, packages_at, told_by_day
from medsupply.forecast.promises import Promises, learn_promises
from medsupply.forecast.resupply import learn_laws
from medsupply.forecast.waits import receipts, usual_demand

from .packaged import DAYS, FIRST, lived, notice, past_of, world
from .test_country import notices_at, p, run

UNIFORM = (np.arange(200)[None, :] + 0.5) / 200


def announced(past: Past, rows: list[tuple[str, int, int]]) -> Past:
    """``rows``: VNR, day of the announcement, day on which it should come."""
    days = [(vnr, FIRST + timedelta(days=told), FIRST + timedelta(days=due)) for vnr, told, due in rows]
    return replace(past, promised=pl.DataFrame(days, schema=PROMISED, orient="row"))


def learnt(past: Past) -> Promises:
    packages = packages_at(past, told_by_day(past), len(past.days) - 1)
    return learn_promises(packages, receipts(packages, usual_demand(packages)))


def of(found: Promises, past: Past, vnr: str, paths: np.ndarray = UNIFORM) -> np.ndarray:  # type: ignore[type-arg]
    return found.only(np.array([past.vnr.index(vnr)])).next(paths)[0, 0]


def arrivals(past: Past, vnr: str) -> list[int]:
    stock, demand = past.stock[:, past.vnr.index(vnr)], past.demand[:, past.vnr.index(vnr)]
    return [int(day) for day in np.flatnonzero(np.diff(stock) + demand[1:] > 15) + 1]


def test_what_always_comes_two_days_late_is_waited_for_two_days_longer() -> None:
    past = past_of(world())
    rows = [(vnr, day - 12, day - 2) for vnr in past.vnr for day in arrivals(past, vnr) if day > 20]
    found = learnt(announced(past, [*rows, ("000003", DAYS - 1, DAYS + 9)]))
    drawn = of(found, past, "000003")
    assert np.median(drawn) == 12
    assert (~np.isnan(found.due)).sum() == 1
    assert found.share > 0.9


def test_what_is_overdue_is_left_to_the_law_of_waits_and_what_came_is_waited_for_no_more() -> None:
    past = past_of(world(G900_900=lived(10.0, down=(DAYS - 30, DAYS))))
    overdue, came = ("900", DAYS - 40, DAYS - 21), ("000003", DAYS - 40, DAYS - 21)
    found = learnt(announced(past, [overdue, came]))
    assert np.isnan(found.due).all()
    assert np.isinf(of(found, past, "900")).all()
    assert np.array_equal(run(announced(past, [overdue]))[0].first, run(past)[0].first)


def test_what_is_announced_after_the_next_receipt_is_known_too_and_is_late_with_it() -> None:
    past = past_of(world())
    rows = [(vnr, day - 12, day - 2) for vnr in past.vnr for day in arrivals(past, vnr) if day > 20]
    ahead = [("000003", DAYS - 1, DAYS + 9), ("000003", DAYS - 2, DAYS + 16), ("000003", DAYS - 3, DAYS + 30)]
    drawn = learnt(announced(past, [*rows, *ahead])).only(np.array([past.vnr.index("000003")])).next(UNIFORM)[0]
    assert np.isfinite(drawn).sum(axis=0).tolist() == [3] * drawn.shape[1]
    assert np.array_equal(drawn[1] - drawn[0], np.full(drawn.shape[1], 7.0))


def test_one_that_is_overdue_makes_those_after_it_doubtful() -> None:
    past = past_of(world(G900_900=lived(10.0, down=(DAYS - 30, DAYS))))
    found = learnt(announced(past, [("900", DAYS - 40, DAYS - 21), ("900", DAYS - 5, DAYS + 3)]))
    assert np.isnan(found.due[past.vnr.index("900")]).all()


def test_what_a_notice_holds_back_does_not_make_announcements_look_late() -> None:
    stopped = world(**{f"G90{k}_90{k}": lived(10.0, down=(DAYS - 60, DAYS)) for k in range(8)})
    rows = [(f"90{k}", DAYS - 65, DAYS - 55) for k in range(8)]
    plain = announced(past_of(stopped), rows)
    notices = pl.concat([notice(f"90{k}", DAYS - 60, DAYS + 90, DAYS - 60) for k in range(8)])
    told = announced(past_of(stopped, notices), rows)
    assert learnt(told).late.mean() < learnt(plain).late.mean() - 5


def test_an_announced_receipt_makes_run_out_less_likely_and_a_far_one_more() -> None:
    past = past_of(world(G900_900=lived(10.0, down=(DAYS - 25, DAYS))))
    kept = [(vnr, day - 14, day) for vnr in past.vnr for day in arrivals(past, vnr) if day > 20]
    unknown = run(announced(past, kept))
    soon = run(announced(past, [*kept, ("900", DAYS - 1, DAYS + 2)]))
    far = run(announced(past, [*kept, ("900", DAYS - 1, DAYS + 60)]))
    assert p(soon, "G900", 56) < p(unknown, "G900", 56) - 0.1
    assert p(far, "G900", 56) > 0.9


def test_what_is_announced_later_is_not_read() -> None:
    past = past_of(world())
    later = announced(past, [("000003", DAYS - 5, DAYS + 30)])
    at = DAYS - 10
    packages = packages_at(later, told_by_day(later), at)
    assert np.isnan(learn_laws(packages, notices_at(later, at)).promises.due).all()
