"""Deliveries written by other code, figures worked out from the files in plain Python: no difference, ever."""

from __future__ import annotations

import os
from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from written import FAMILIES, GROUPS, LAST, Nation, Written, demand_before, figures, morning, nation

from medsupply import flow
from medsupply.picture import sites
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.loading import undo

ROUNDS = int(os.environ.get("MEDSUPPLY_WRITTEN", "2"))
AREAS = ("99", "Y3", "Y4", "Y1", "08", "07", "06", "90")
PICTURES = [(LAST - timedelta(days=back), wait) for back, wait in ((20, 1), (14, 1), (14, 6), (9, 1), (4, 1), (0, 1))]


def moments() -> list[tuple[date, datetime]]:
    """Report days and when their pictures are made, in order."""
    return sorted(((day, morning(day + timedelta(days=wait), 20)) for day, wait in PICTURES), key=lambda one: one[1])


class Life:
    """Loads and withdraws in the order in which things happened."""

    def __init__(self, wh: Warehouse, found: Nation, folder: Path) -> None:
        self.wh, self.folder = wh, folder
        events = [(one.received_at, 0, one) for one in found.deliveries]
        events += [(one.withdrawn_at, 1, one) for one in found.deliveries if one.withdrawn_at]
        self.events = sorted(events, key=lambda event: (event[0], event[1], event[2].name))

    def until(self, at: datetime) -> None:
        while self.events and self.events[0][0] <= at:
            moment, kind, one = self.events.pop(0)
            if kind:
                undo.withdraw(self.wh, self._id(one), author="test", reason="sent in error", at=moment)
            else:
                path = self.folder / one.name
                path.write_text(one.text, encoding="utf-8")
                flow.load(self.wh, one.source, [path], received_at=moment)

    def _id(self, one: Written) -> str:
        return f"{one.source}-{one.sha256[:12]}"


def differences(situation: pl.DataFrame, found: Nation, day: date, at: datetime) -> list[str]:
    """Each figure of a picture that is not what the files give."""
    rows = {(row["county_code"], row["medicine_id"]): row for row in situation.to_dicts()}
    said = []
    for area in AREAS:
        for medicine in (*GROUPS, *FAMILIES):
            row = rows.get((area, medicine))
            if row is None:
                said.append(f"{area} {medicine} is not in the picture")
                continue
            expected = asdict(figures(found, day, at, area, medicine))
            expected |= _in_a_shortage(found, day, at, area, medicine, expected)
            for name, wanted in expected.items():
                if not _same(wanted, row[name]):
                    said.append(f"{day} {at} {area} {medicine} {name}: files {wanted}, picture {row[name]}")
    return said


def _in_a_shortage(
    found: Nation, day: date, at: datetime, area: str, medicine: str, now: dict[str, float | None]
) -> dict[str, float | str | None]:
    """At the floor: demand before it fell there, and cover by the larger demand."""
    stock, floor, trailing = (now[name] for name in ("stock_units", "floor_units", "trailing_demand_units"))
    if stock is None or floor is None or trailing is None or stock > floor:
        return {"demand_before_units": None}
    before = demand_before(found, day, at, area, medicine)
    demand = max(trailing, before or 0.0)
    basis = "before_shortage" if before is not None and demand > trailing else "trailing"
    cover = stock / demand if demand > 0 else None
    return {"demand_before_units": before, "daily_demand_units": demand, "demand_basis": basis, "cover_days": cover}


def _columns_that_differ(before: pl.DataFrame, now: pl.DataFrame) -> list[str]:
    """Of a picture made again; a version that held nothing new was stored under the moment before."""
    return [name for name in before.columns if name != "known_at" and not before[name].equals(now[name])]


def _same(wanted: float | str | None, found: float | str | None) -> bool:
    if not isinstance(wanted, float | int) or not isinstance(found, float | int):
        return wanted == found
    return abs(wanted - found) <= 1e-9 * max(1.0, abs(wanted))


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_pictures_then_and_again_are_what_the_files_give(
    seed: int, warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sites, "SNAPSHOTS_KEPT", 1)
    found = nation(seed)
    life = Life(warehouse, found, tmp_path)
    made = {}
    for day, at in moments():
        life.until(at)
        made[day, at] = flow.picture(warehouse, day, at)
        assert differences(made[day, at], found, day, at) == []
    life.until(morning(LAST + timedelta(days=60)))
    short = pl.concat(made.values()).filter(pl.col("demand_basis") == "before_shortage")
    assert short.height > 0, "no medicine is at its floor with more demand before: the test shows nothing"
    changed = 0
    for (day, at), before in made.items():
        again = flow.picture(warehouse, day, at, always=True)
        assert _columns_that_differ(before, again) == [], (day, at)
        later = morning(LAST + timedelta(days=61))
        now = flow.picture(warehouse, day, later)
        assert differences(now, found, day, later) == []
        changed += not now.drop("known_at").equals(before.drop("known_at"))
    assert changed > 0, "no correction changed a picture: the test shows nothing"
    assert list((warehouse.settings.home / "cache" / "weeks").iterdir()), "no week was kept"
