"""The fold: never two open episodes, never a lost transition, going on equals starting over."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from medsupply.alerts.episodes import RANK, Episode, Transition, flaps, fold
from medsupply.alerts.folding import RULES
from medsupply.alerts.telling import Told, due, tell
from medsupply.rules.alerting import Hold

START = date(2026, 1, 1)
RUN_OUT = next(one for one in RULES if one.name == "run_out")
ROWS = st.builds(
    lambda level, reasons, p56, stock, share, state: {
        "level": level, "reasons": reasons, "run_out_p56": p56, "stock_units": stock, "floor_units": 70.0,
        "reporting_share": share, "reporting_threshold": 0.8, "state": state,
    },
    st.sampled_from(["severe", "elevated", "watch", "normal", "unknown", None]),
    st.lists(st.sampled_from(["run_out_p56", "stock_at_floor", "notice_covers_all", "demand_surge"]), max_size=2),
    st.sampled_from([None, 0.0, 0.05, 0.2, 0.4, 0.9]),
    st.sampled_from([None, 10.0, 500.0, 900.0]),
    st.sampled_from([None, 0.5, 1.0]),
    st.sampled_from(["reported", "late", "missing"]),
)  # fmt: skip
LEFT = {"level": None, "reasons": ["left_picture"], "run_out_p56": None, "stock_units": None, "floor_units": None,
        "reporting_share": None, "reporting_threshold": None, "state": "left_picture"}  # fmt: skip
SERIES = st.lists(st.one_of(st.none(), ROWS, st.just(LEFT)), max_size=60)


def days(rows: list[Any], first: int = 0) -> list[tuple[date, Any]]:
    return [(START + timedelta(days=first + number), row) for number, row in enumerate(rows)]


@given(SERIES)
@settings(max_examples=300, deadline=None)
def test_episodes_never_overlap_and_tell_their_own_story(rows: list[Any]) -> None:
    for one_rule in RULES:
        found = fold(one_rule, "S1", "99", days(rows))
        assert [one.number for one in found] == list(range(1, len(found) + 1))
        assert sum(one.closed_on is None for one in found) <= 1
        for before, after in pairwise(found):
            assert before.closed_on is not None and before.closed_on < after.opened_on
        for one in found:
            assert [t.transition for t in one.transitions].count("opened") == 1
            assert one.transitions[0].on == one.opened_on
            assert (one.closed_on is None) == (one.transitions[-1].transition != "closed")


@given(SERIES, SERIES)
@settings(max_examples=300, deadline=None)
def test_going_on_equals_starting_over(first: list[Any], then: list[Any]) -> None:
    for one_rule in RULES:
        begun = fold(one_rule, "S1", "99", days(first))
        went_on = fold(one_rule, "S1", "99", days(then, len(first)), begun)
        assert went_on == fold(one_rule, "S1", "99", days(first + then))


@given(SERIES)
@settings(max_examples=300, deadline=None)
def test_the_level_rises_at_once(rows: list[Any]) -> None:
    for number in range(len(rows)):
        found = fold(RUN_OUT, "S1", "99", days(rows[: number + 1]))
        last = rows[number]
        if last is not None and RUN_OUT.opens(last):
            assert found[-1].closed_on is None
            assert RANK[found[-1].level or ""] >= RANK[last["level"]]


class Service(RuleBasedStateMachine):
    """Days come one by one, some are silenced; each alert above what was told is told, nothing is told twice."""

    @initialize()
    def start(self) -> None:
        self.day, self.episodes, self.told = START, [], {}
        self.sent: list[tuple[str, str, str | None]] = []

    @rule(row=st.one_of(ROWS, st.just(LEFT)), silent=st.booleans())
    def evaluate(self, row: dict[str, Any], silent: bool) -> None:
        self.episodes = fold(RUN_OUT, "S1", "99", [(self.day, row)], self.episodes)
        self.day += timedelta(days=1)
        self._tell(silent)

    @rule()
    def evaluate_again(self) -> None:
        before = len(self.sent)
        self._tell(False)
        self._tell(False)
        assert len(self.sent) - before <= len(self.episodes)

    def _tell(self, silent: bool) -> None:
        done = tell(
            self.episodes, self.told, immediate={"run_out"}, silenced=lambda _: silent, watched=100,
            limits=Hold(share=0.1, products=50, minimum=5), first=False,
        )  # fmt: skip
        self.told, self.silent = done.told, silent
        self.sent += [(one.episode.alert_id, one.kind, one.episode.level) for one in done.notices]
        again = tell(
            self.episodes, self.told, immediate={"run_out"}, silenced=lambda _: silent, watched=100,
            limits=Hold(share=0.1, products=50, minimum=5), first=False,
        )  # fmt: skip
        assert again.notices == []

    @invariant()
    def nothing_that_may_be_told_stays_untold(self) -> None:
        if self.episodes and not self.silent:
            assert all(due(one, self.told.get(one.alert_id, Told())) is None for one in self.episodes)

    @invariant()
    def every_resolved_had_an_opening(self) -> None:
        opened = {alert for alert, kind, _ in self.sent if kind == "alert"}
        flapped = {one.alert_id for one in self.episodes if one.flapping}
        assert {alert for alert, kind, _ in self.sent if kind == "resolved"} <= opened | flapped


TestService = Service.TestCase
TestService.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


def test_up_and_down_three_times_in_two_weeks_flaps() -> None:
    calm = {"level": "normal", "reasons": [], "run_out_p56": 0.01, "stock_units": 900.0, "floor_units": 70.0,
            "reporting_share": 1.0, "reporting_threshold": 0.8, "state": "reported"}  # fmt: skip
    notice = next(one for one in RULES if one.name == "notice")
    bad = {**calm, "level": "elevated", "reasons": ["notice_covers_all"]}
    found = fold(notice, "S1", "99", days([bad, calm, calm, calm, bad, calm, calm, calm, bad]))
    assert [one.flapping for one in found] == [False, True, True]
    assert not flaps(found[0].transitions, START)


def told_of(line: list[tuple[int, str, str | None]]) -> list[tuple[int, str, bool]]:
    """What is told day by day of one scope that changes so: day, transition, level; each opening a new episode."""
    told: dict[str, Told] = {}
    sent: list[tuple[int, str, bool]] = []
    for place in range(len(line)):
        changes = [
            Transition(START + timedelta(days=number), what, level, ()) for number, what, level in line[: place + 1]
        ]
        episodes: list[Episode] = []
        for seen, change in enumerate(changes):
            flapping = flaps(changes[: seen + 1], change.on)
            if change.transition == "opened":
                number = len(episodes) + 1
                episodes.append(
                    Episode("notice", "S1", "99", number, change.on, change.level, None, change.on, (), None,
                            flapping=flapping, transitions=(change,))
                )  # fmt: skip
                continue
            closed = change.on if change.transition == "closed" else None
            episodes[-1] = replace(
                episodes[-1], level=change.level or episodes[-1].level, closed_on=closed, flapping=flapping,
                transitions=(*episodes[-1].transitions, change),
            )  # fmt: skip
        done = tell(episodes, told, immediate={"notice"}, silenced=lambda _: False, watched=100,
                    limits=Hold(share=0.1, products=50, minimum=5), first=False)  # fmt: skip
        told = done.told
        sent += [(line[place][0], one.kind, one.flapping) for one in done.notices]
    return sent


OPENED, CLOSED = ("opened", "elevated"), ("closed", None)
RAISED, LOWERED = ("raised", "severe"), ("lowered", "elevated")


def test_one_notice_tells_of_the_flapping_and_then_the_digest_alone() -> None:
    """The fourth change is the third turn: an opening says so, and its end and what follows is left to the digest."""
    line = [(0, *OPENED), (3, *CLOSED), (4, *OPENED), (7, *CLOSED), (8, *OPENED), (11, *CLOSED), (12, *OPENED)]
    assert told_of(line) == [
        (0, "alert", False), (3, "resolved", False), (4, "alert", False), (7, "resolved", False), (8, "alert", True),
    ]  # fmt: skip


def test_where_a_fall_is_the_turn_that_flaps_the_next_rise_says_so() -> None:
    line = [(0, *OPENED), (1, *RAISED), (4, *LOWERED), (5, *RAISED), (8, *LOWERED), (9, *RAISED), (12, *LOWERED),
            (13, *RAISED)]  # fmt: skip
    assert told_of(line) == [(0, "alert", False), (1, "alert", False), (5, "alert", False), (9, "alert", True)]


def test_a_rise_long_after_the_flapping_is_told_again() -> None:
    line = [(0, *OPENED), (1, *RAISED), (4, *LOWERED), (5, *RAISED), (8, *LOWERED), (9, *RAISED), (12, *LOWERED)]
    assert told_of([*line, (60, *RAISED)])[-1] == (60, "alert", False)
    assert told_of([*line, (60, *CLOSED)])[-1] == (60, "resolved", False)
