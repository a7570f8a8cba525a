"""Groups over lists, on the smallest example of each thing that happens to them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
from picture_facts import facts

from medsupply.picture.master import memberships
from medsupply.picture.vintages import compared, members_at, vintages, vintages_page

DAY = date(2026, 3, 5)
FIRST, SECOND, THIRD = (datetime(year, 12, 10, tzinfo=UTC) for year in (2022, 2023, 2024))


def stay(vnr: str, group: str, known_from: datetime, known_to: datetime | None, atc: str = "J01CA04") -> dict[str, Any]:
    return {"vnrnro": vnr, "substituutioryhma": group, "atckoodi": atc, "known_from": known_from, "known_to": known_to}


ROWS = [
    stay("000001", "0001", FIRST, None),
    stay("000002", "0001", FIRST, SECOND),
    stay("000002", "0002", SECOND, None),
    stay("000003", "0002", FIRST, None),
    stay("000004", "0003", FIRST, SECOND),
    stay("000004", "0003", THIRD, None),
    stay("000005", "0004", FIRST, SECOND),
    stay("000006", "0005", SECOND, None),
    stay("000007", "0006", FIRST, SECOND, "J01CA04"),
    stay("000008", "0006", SECOND, None, "N02BE01"),
]


def found() -> pl.DataFrame:
    return memberships(facts(DAY, fimea_substitution=ROWS))


def test_a_package_that_left_and_came_back_has_a_row_for_each_stay() -> None:
    rows = found().filter(pl.col("vnr") == "000004")
    assert rows.select("known_from", "known_to").rows() == [(FIRST, SECOND), (THIRD, None)]
    assert members_at(found(), SECOND).filter(pl.col("vnr") == "000004").is_empty()


def test_two_versions_of_one_row_are_one_stay() -> None:
    renamed = [stay("000001", "0001", FIRST, SECOND), stay("000001", "0001", SECOND, None, "J01CA99")]
    rows = memberships(facts(DAY, fimea_substitution=renamed))
    assert rows.select("known_from", "known_to", "atc").rows() == [(FIRST, None, "J01CA99")]


def test_groups_are_counted_by_what_happened_to_them() -> None:
    assert vintages(found()) == [FIRST, SECOND, THIRD]
    counts = compared(found(), FIRST, SECOND)
    assert counts == {
        "groups_before": 5, "groups": 4, "groups_new": 1, "groups_gone": 2, "groups_same": 0, "groups_gained": 1,
        "groups_lost": 1, "groups_both": 1, "groups_reused": 1, "packages_moved": 1, "packages_new": 2,
        "packages_gone": 3,
    }  # fmt: skip
    again = compared(found(), SECOND, THIRD)
    assert (again["groups_new"], again["packages_new"], again["groups_same"]) == (1, 1, 4)


def test_the_page_has_a_table_for_each_pair_of_lists() -> None:
    assert vintages_page(found()).count("| number |") == 2
    assert "| from the list of" not in vintages_page(found().clear())
