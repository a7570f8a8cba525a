"""Numbers of episodes when late data changes the past: what a mail has named keeps its number."""

from __future__ import annotations

from datetime import date, timedelta

from medsupply.alerts.episodes import Episode
from medsupply.alerts.naming import named

FIRST = date(2026, 3, 1)


def episode(start: int, end: int | None, number: int = 0) -> Episode:
    opened = FIRST + timedelta(days=start)
    closed = FIRST + timedelta(days=end) if end is not None else None
    return Episode("run_out", "S1", "99", number, opened, "severe", None, opened, (), closed)


def numbers(now: list[Episode], before: list[Episode], *spoken: int) -> list[int]:
    done = named(now, before, {f"run_out-S1-99-{one}" for one in spoken})
    return [one.number for one in sorted(done.episodes, key=lambda one: one.opened_on)]


def test_what_nobody_has_named_is_numbered_as_it_opened() -> None:
    assert numbers([episode(0, 5), episode(10, None)], [episode(10, None, 1)]) == [1, 2]


def test_an_earlier_episode_does_not_take_the_number_of_a_mail() -> None:
    before = [episode(10, None, 1)]
    done = named([episode(0, 5), episode(10, None)], before, {"run_out-S1-99-1"})
    assert {one.opened_on: one.number for one in done.episodes} == {FIRST: 2, before[0].opened_on: 1}
    assert done.was == {"run_out-S1-99-1": "run_out-S1-99-1"} and done.gone == []


def test_an_opening_that_moves_keeps_its_number() -> None:
    assert numbers([episode(8, None)], [episode(10, None, 3)], 3) == [3]
    assert numbers([episode(12, None)], [episode(10, None, 3)], 3) == [3]


def test_of_two_that_are_joined_the_later_goes_on_and_the_other_number_is_never_given_again() -> None:
    before = [episode(0, 5, 1), episode(10, None, 2)]
    assert numbers([episode(0, None)], before, 1, 2) == [2]
    assert numbers([episode(0, 12), episode(20, None)], [episode(0, None, 2)], 1, 2) == [2, 3]


def test_one_that_is_split_keeps_its_number_for_the_part_that_opened_it() -> None:
    assert numbers([episode(0, 5), episode(10, None)], [episode(0, None, 1)], 1) == [1, 2]


def test_what_later_data_takes_back_is_gone_and_its_number_with_it() -> None:
    before = [episode(0, 5, 1), episode(10, None, 2)]
    done = named([episode(10, None)], before, {"run_out-S1-99-1"})
    assert [one.number for one in done.gone] == [1]
    assert [one.number for one in done.episodes] == [2]
    assert done.was == {"run_out-S1-99-2": "run_out-S1-99-2"}
    assert numbers([episode(0, 5), episode(10, None)], [episode(10, None, 2)], 1, 2) == [3, 2]
