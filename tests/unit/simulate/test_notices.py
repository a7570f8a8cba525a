"""Notices come early, late or never; ends slip; a list says K or E as the authority's does."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from medsupply.simulate import families, products
from medsupply.simulate.goods import goods
from medsupply.simulate.notices import Manners, Notices, Outage, list_file

ON = date(2026, 2, 10)


def outage(start: date, end: date, *, told: date | None, ended: date | None = None) -> Outage:
    return Outage(0, start, start, end, told, [(told, end)] if told else [], ended)


def rows(*outages: Outage) -> list[tuple[str, ...]]:
    packages = products.packages(products.medicines(2), np.random.default_rng(0))
    notices = Notices(Manners(), np.random.default_rng(0))
    notices.outages = list(outages)
    return notices.rows(packages, ON)


def test_a_notice_stands_from_the_day_it_is_told() -> None:
    start, end = ON - timedelta(days=5), ON + timedelta(days=30)
    assert rows(outage(start, end, told=ON + timedelta(days=1))) == []
    assert rows(outage(start, end, told=None)) == []
    (row,) = rows(outage(start, end, told=ON))
    assert row[1:6] == ("K", str(start), str(end), str(ON), str(ON))


def test_a_slipped_end_shows_the_newest_told_by_then() -> None:
    one = outage(ON - timedelta(days=40), ON - timedelta(days=1), told=ON - timedelta(days=40))
    one.stated += [(ON - timedelta(days=1), ON + timedelta(days=20)), (ON + timedelta(days=3), ON + timedelta(days=50))]
    (row,) = rows(one)
    assert row[1] == "K" and row[3] == str(ON + timedelta(days=20)) and row[5] == str(ON - timedelta(days=1))


def test_what_has_ended_is_e_for_a_month() -> None:
    start, told = ON - timedelta(days=90), ON - timedelta(days=90)
    ended = ON - timedelta(days=20)
    (row,) = rows(outage(start, ON, told=told, ended=ended))
    assert row[1] == "E" and row[3] == str(ended)
    assert rows(outage(start, ON, told=told, ended=ON - timedelta(days=31))) == []
    (same_day,) = rows(outage(start, ON, told=told, ended=ON))
    assert same_day[1] == "K"


def test_notices_of_family_a_come_as_late_as_the_real_ones() -> None:
    """Fimea's list of 2022: 17 % sixty days or more before the start, 7 % after it, median 16 days before."""
    random = np.random.default_rng(3)
    medicines = products.medicines(80)
    packages = products.packages(medicines, random)
    nature = families.nature("a", goods(medicines, packages, random))
    notices = Notices(families.manners("a"), random)
    state = nature.begin(date(2020, 1, 1))
    for _ in range(1500):
        notices.see(nature.step(state, random))
    told = np.array([(one.start - one.published).days for one in notices.outages if one.published])
    assert len(told) > 300
    assert 0.10 < (told >= 60).mean() < 0.25
    assert 0.03 < (told < 0).mean() < 0.14
    assert 8 <= np.median(told) <= 22
    assert any(len(one.stated) > 1 for one in notices.outages)
    assert 0.04 < sum(one.published is None for one in notices.outages) / len(notices.outages) < 0.18


def test_the_file_is_as_published() -> None:
    data = list_file(rows(outage(ON, ON + timedelta(days=3), told=ON)))
    lines = data.decode("utf-8").split("\r\n")
    assert lines[0].startswith('"VNR";"Voimassa";') and lines[-1] == ""
    assert lines[1].startswith('"') and lines[1].count('";"') == 6
