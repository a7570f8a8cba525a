"""Calendar regressors worked out by hand from the Finnish calendar."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from medsupply.forecast import calendar


def test_a_saturday_sells_two_fifths_of_a_weekday() -> None:
    """The week of Midsummer 2024 lost its Friday and Saturday, an ordinary one nothing."""
    found = calendar.opening([date(2024, 6, 10), date(2024, 6, 17)])
    np.testing.assert_allclose(found, [0.0, np.log(4 / 5.4)])


def test_the_days_before_christmas_move_against_the_weeks() -> None:
    """In 2024 the week of 16 December held 16 .. 21; in 2022 that of 19 December held 19 .. 23: other stretches."""
    stretch = calendar.CHRISTMAS.index((-6, -4))
    assert calendar.open_days_in(date(2024, 12, 16))[stretch] == pytest.approx(3 / 6)  # 18, 19, 20
    assert calendar.open_days_in(date(2022, 12, 19))[stretch] == pytest.approx(2 / 6)  # 19, 20
    assert calendar.open_days_in(date(2021, 12, 20))[stretch] == pytest.approx(1 / 6)  # 20


def test_the_first_days_of_a_month_are_counted() -> None:
    first = len(calendar.CHRISTMAS) + calendar.MONTH_PARTS.index((1, 3))
    assert calendar.open_days_in(date(2024, 9, 30))[first] == pytest.approx(3 / 6)
    assert calendar.open_days_in(date(2024, 9, 9))[first] == 0.0


def test_days_before_and_after_a_holiday() -> None:
    """Good Friday 29.3.2024, Easter Monday 1.4.: Tue .. Thu lie before one, Thu and Sat before two closed days."""
    week = date(2024, 3, 25)
    # Good Friday is within three days of Tue, Wed, Thu; Easter Monday of Sat.
    assert calendar.near_closed(week, 1) == pytest.approx(4 / 6)
    # Good Friday is within three days before Sat.
    assert calendar.near_closed(week, -1) == pytest.approx(1 / 6)


def test_future_and_past_have_the_same_features() -> None:
    """What a week's features are does not depend on which other weeks are asked for."""
    weeks = [date(2023, 11, 6) + timedelta(weeks=k) for k in range(20)]
    whole = calendar.features(weeks, "W")
    np.testing.assert_array_equal(calendar.features(weeks[5:12], "W"), whole[5:12])


def test_without_a_country_there_is_only_a_season() -> None:
    weeks = [date(2023, 11, 6) + timedelta(weeks=k) for k in range(20)]
    assert calendar.features(weeks, "W", None).shape == (20, 2 * calendar.WEEK_HARMONICS)
