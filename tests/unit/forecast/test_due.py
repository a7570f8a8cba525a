"""When a receipt is due: by how far stock has come down, and by what is announced."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl

from medsupply.forecast.calendar import Array
from medsupply.forecast.due import AHEAD, NOTHING, OVERDUE, announced, often, run_down
from medsupply.forecast.history import GRANTED, Past, notices_at, packages_at, told_by_day
from medsupply.forecast.resupply import Laws, learn_laws

from .packaged import DAYS, FIRST, batches, lived, notice, past_of, world

UNIFORM = (np.arange(200)[None, :] + 0.5) / 200


def laws(past: Past) -> Laws:
    at = len(past.days) - 1
    return learn_laws(packages_at(past, told_by_day(past), at), notices_at(past, at))


def median_wait(past: Past, vnr: str) -> float:
    return float(np.median(laws(past).waits.only(np.array([past.vnr.index(vnr)])).now(UNIFORM)))


def in_batches(down: tuple[int, int] | None) -> Past:
    """Twelve packages that order in batches, each with an outage at some time, and one with ``down``."""
    before = {f"G{k:03d}|{k:06d}": batches(10.0 + k, down=(60 + 14 * k, 100 + 14 * k)) for k in range(12)}
    return past_of(before | {"G900|900900": batches(10.0, down=down)})


def test_the_interval_of_batches_is_seen_in_what_they_bring() -> None:
    found = laws(in_batches(None)).waits
    assert 25 <= found.gap[-1] <= 35
    assert 30 <= found.due[-1] <= 45


def test_after_an_outage_the_next_receipt_is_due_by_stock_not_by_the_usual_interval() -> None:
    """The first of two orders came today; stock is lower than where receipts usually come."""
    past = in_batches((DAYS - 70, DAYS - 2))
    found = laws(past).waits
    assert found.room[-1] < 0 and found.elapsed[-1] <= 1
    assert median_wait(past, "900900") < 15


def test_after_a_usual_receipt_the_next_comes_when_stock_has_come_down() -> None:
    past = in_batches(None)
    last = int(np.flatnonzero(np.diff(past.stock[:, -1]) > 0)[-1])
    cut = Past(past.days[: last + 4], past.series, past.vnr, past.stock[: last + 4], past.demand[: last + 4],
               past.told, past.granted)  # fmt: skip
    assert 18 <= median_wait(cut, "900900") <= 34


def test_stock_far_above_where_receipts_come_is_no_waiting() -> None:
    gap = np.array([7.0, 30.0])
    assert np.array_equal(run_down(np.array([5.0, 5.0]), gap), [0.0, 5.0])
    assert np.array_equal(run_down(np.array([40.0, 40.0]), gap), [40.0 - often(gap)[0], 40.0])
    assert np.array_equal(run_down(np.array([-9.0, -9.0]), gap), [0.0, 0.0])


def test_announced_is_ahead_until_its_day_and_overdue_until_something_comes() -> None:
    promised, receipt = np.full((40, 1), np.nan), np.zeros((40, 1), dtype=bool)
    promised[5, 0], receipt[22, 0] = 10.0, True
    found = announced(promised, receipt)[:, 0]
    assert (found[:5] == NOTHING).all() and (found[22:] == NOTHING).all()
    assert (found[5:16] == AHEAD).all() and (found[16:22] == OVERDUE).all()


def test_more_than_a_permit_allows_is_supply_that_came() -> None:
    """A permit of 20 units on the day on which an outage ends and 600 come."""
    stopped = past_of(world(G900_900=lived(10.0, down=(DAYS - 50, DAYS - 12))))
    stock = stopped.stock[:, stopped.vnr.index("900")]
    first = DAYS - 12 + int(np.flatnonzero(np.diff(stock[DAYS - 12 :]) > 0)[0]) + 1
    row = {"vnr": "900", "day": FIRST + timedelta(days=first)}

    def elapsed(packs: float | None) -> float:
        permit = pl.DataFrame([row | {"packs": packs}], schema=GRANTED)
        past = Past(stopped.days[: first + 3], stopped.series, stopped.vnr, stopped.stock[: first + 3],
                    stopped.demand[: first + 3], stopped.told, permit, per_pack=np.ones(len(stopped.vnr)))  # fmt: skip
        return float(laws(past).waits.elapsed[past.vnr.index("900")])

    assert elapsed(20.0) < 4 < 30 < elapsed(None)


def test_the_wait_after_a_receipt_is_learnt_from_the_days_of_receipts() -> None:
    """Three receipts in ten come six days after the last, the others after 34, and fill to one level. A week later none
    is left to come soon: who is then where a receipt has never left it is told the law of receipts, not of that."""
    random = np.random.default_rng(5)
    found = laws(past_of({f"G{k:03d}|{k:06d}": filled(random) for k in range(40)})).waits
    seldom = int(np.flatnonzero(found.gap > 30)[0])
    level = np.full(2000, 0.5 * found.gap[seldom])
    drawn = found.again(np.full(2000, seldom), (np.arange(2000) + 0.5) / 2000, level)
    assert 0.24 <= np.mean(drawn < 10) <= 0.38


def filled(random: np.random.Generator) -> tuple[Array, Array]:
    """Stock and demand by day: a receipt fills to 80 days of demand after six days or, seven times in ten, after 34."""
    receipts = np.concatenate([[0], np.cumsum(np.where(random.random(DAYS) < 0.3, 6, 34))])
    days = np.arange(DAYS)
    since = days - receipts[np.searchsorted(receipts, days, side="right") - 1]
    return 800.0 - 10.0 * since, np.full(DAYS, 10.0)


def test_an_outage_told_late_is_no_wait_from_the_day_it_began() -> None:
    """How often outages that are told of begin has a law of its own: what came late for one is not in waits too."""
    silent = in_batches(None)
    lists = [notice(f"{k:06d}", 60 + 14 * k, 100 + 14 * k, 85 + 14 * k) for k in range(12)]
    over = pl.concat(lists).with_columns(known_to=pl.col("end") + timedelta(days=1))
    told = Past(silent.days, silent.series, silent.vnr, silent.stock, silent.demand, over, silent.granted)

    def late(past: Past) -> float:
        found = laws(past).waits
        chance = (np.arange(2000) + 0.5) / 2000
        drawn = found.again(np.zeros(2000, dtype=np.int64), chance, np.full(2000, found.gap[0]))
        return float(np.mean(drawn > found.gap[0] + 20))

    assert late(told) < 0.5 * late(silent)
