"""Scores by the definitions of the design, on small cases counted by hand."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from medsupply.alerts.episodes import Episode
from medsupply.alerts.scores import Segment, events_of, score, segments, truths

START = date(2025, 1, 1)


def day(number: int) -> date:
    return START + timedelta(days=number)


def episode(opened: int, closed: int | None, medicine: str = "S1") -> Episode:
    end = None if closed is None else day(closed)
    return Episode("run_out", medicine, "99", 1, day(opened), "elevated", 0.4, day(opened), (), end)


def history(stock: list[float | None], share: list[float] | None = None, medicine: str = "S1") -> pl.DataFrame:
    return pl.DataFrame(
        {
            "as_of": [day(number) for number in range(len(stock))],
            "medicine_id": medicine,
            "critical_class": 1,
            "stock_units": stock,
            "floor_units": 70.0,
            "trailing_demand_units": 10.0,
            "reporting_share": share or [1.0] * len(stock),
        },
        schema_overrides={"stock_units": pl.Float64, "critical_class": pl.Int64},
    )


def scored(episodes: list[Episode], frame: pl.DataFrame, announced: pl.DataFrame | None = None) -> dict[str, object]:
    known = truths(frame, announced)
    return next(row for row in score("run_out", episodes, known, day(400)) if row["grouping"] == "all")


def falling(above: int, below: int, after: int = 0) -> list[float | None]:
    """Stock without any arrival but the last: demand 10 a day, floor 70."""
    fall: list[float | None] = [70.0 + 10.0 * (above - number) for number in range(above)]
    return fall + [60.0 - 10.0 * min(number, 5) for number in range(below)] + [500.0 - 10 * n for n in range(after)]


def test_an_event_needs_28_days_above_the_floor() -> None:
    assert events_of([(day(n), n < 28) for n in range(30)]) == [day(28)]
    assert events_of([(day(n), n < 27) for n in range(30)]) == []
    twice = [(day(n), n not in (40, 50)) for n in range(80)]
    assert events_of(twice) == [day(40)]


@pytest.mark.parametrize(
    ("opened", "closed", "events", "last", "expected"),
    [
        (0, 50, [20], 300, [(0, 50, True)]),
        (0, 50, [0], 300, [(0, 50, False)]),
        (0, 50, [50], 300, [(0, 50, True)]),
        (0, 50, [51], 300, [(0, 50, False)]),
        (0, 200, [], 300, [(0, 84, False), (84, 168, False), (168, 200, False)]),
        (0, 200, [100], 300, [(0, 84, False), (84, 200, True)]),
        (0, None, [], 100, [(0, 84, False), (84, None, False)]),
        (0, None, [], 60, [(0, None, False)]),
    ],
)
def test_an_episode_is_cut_every_84_days_without_event(
    opened: int, closed: int | None, events: list[int], last: int, expected: list[tuple[int, int | None, bool]]
) -> None:
    found = segments(day(opened), None if closed is None else day(closed), [day(one) for one in events], day(last))
    assert found == [Segment(day(a), None if b is None else day(b), hit) for a, b, hit in expected]


def test_a_true_warning_with_its_lead() -> None:
    row = scored([episode(30, 60)], history(falling(50, 5, 30)))
    assert (row["events"], row["warned"], row["true_episodes"], row["false_episodes"]) == (1, 1, 1, 0)
    assert (row["recall"], row["precision"], row["median_lead_days"]) == (1.0, 1.0, 20.0)
    assert row["base_rate_per_100_years"] == pytest.approx(1 / 80 * 36_525)


def test_opening_on_the_day_of_the_event_is_no_warning() -> None:
    row = scored([episode(50, 60)], history(falling(50, 5, 30)))
    assert (row["warned"], row["recall"], row["true_episodes"]) == (0, 0.0, 0)


def test_false_when_nothing_came_and_averted_when_unannounced_supply_came() -> None:
    calm: list[float | None] = [1000.0 - 10 * number for number in range(80)]
    assert scored([episode(30, 60)], history(calm))["false_episodes"] == 1
    saved = [*calm[:40], *[float(one or 0) + 300 for one in calm[40:]]]
    row = scored([episode(30, 60)], history(saved))
    assert (row["false_episodes"], row["averted"]) == (0, 1)
    told = pl.DataFrame({"medicine_id": ["S1"], "announced_on": [day(20)], "expected_on": [day(40)], "units": [300.0]})
    assert scored([episode(30, 60)], history(saved), told)["false_episodes"] == 1
    late = told.with_columns(announced_on=pl.lit(day(35)))
    assert scored([episode(30, 60)], history(saved), late)["averted"] == 1


def test_unknown_days_leave_an_episode_out() -> None:
    stock: list[float | None] = [1000.0 - 10 * number for number in range(80)]
    share = [0.5 if 30 < number <= 38 else 1.0 for number in range(80)]
    assert scored([episode(30, 60)], history(stock, share))["left_out"] == 1
    share = [0.5 if 30 < number <= 37 else 1.0 for number in range(80)]
    assert scored([episode(30, 60)], history(stock, share))["false_episodes"] == 1


def test_false_per_100_medicine_years() -> None:
    stock: list[float | None] = [1000.0] * 365
    row = scored([episode(30, 60)], history(stock))
    assert row["averted"] == 0 or row["false_per_100_years"] is not None
    quiet = history([1000.0 - 2 * n for n in range(365)]).with_columns(trailing_demand_units=pl.lit(2.0))
    row = scored([episode(30, 60), episode(100, 130)], quiet)
    assert row["false_per_100_years"] == pytest.approx(2 / 365 * 36_525)


def test_classes_are_scored_apart() -> None:
    both = pl.concat([history(falling(50, 5)), history(falling(60, 5), medicine="S2").with_columns(
        critical_class=pl.lit(None, dtype=pl.Int64))])  # fmt: skip
    rows = score("run_out", [episode(30, 54), episode(40, 70, "S2")], truths(both), day(100))
    assert [row["grouping"] for row in rows] == ["all", "class 1", "not critical"]
    assert [row["events"] for row in rows] == [2, 1, 1]
