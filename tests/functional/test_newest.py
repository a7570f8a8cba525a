"""One step for the newest delivery gives the tables that the whole fold gives, whatever came before and how."""

from __future__ import annotations

import os
import random
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from medsupply.sources.catalogue import SOURCES
from medsupply.tables.core import CORE
from medsupply.warehouse import newest, reference
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.database.locks import one_writer
from medsupply.warehouse.loading import intake, undo
from medsupply.warehouse.storage.store import open_store

AT = datetime(2026, 3, 3, tzinfo=UTC)
HOLDERS = "holder_id;holder_type;name;county_code;valid_from\n"
SEEDS = min(60, int(os.environ.get("MEDSUPPLY_SOAK") or 6))


class Life:
    """Events, lists and lists by scope, at moments that repeat and go back; some withdrawn, some held."""

    def __init__(self, wh: Warehouse, folder: Path, seed: int) -> None:
        self.wh, self.folder, self.chance, self.sent = wh, folder, random.Random(seed), list[str]()
        self.hour = 10
        self.put("holders", HOLDERS + "A;wholesaler;A;01;2020-01-01\n", -1)

    def put(self, source: str, *texts_and_hour: str | int) -> None:
        *texts, hour = texts_and_hour
        paths = []
        for text in texts:
            paths.append(self.folder / f"{source}-{self.chance.random()}.csv")
            paths[-1].write_text(str(text))
        told = intake.load(self.wh, source, paths, received_at=AT + timedelta(hours=int(hour)))
        self.sent += [one.delivery_id for one in told if one.verdict in ("accepted", "partly")]

    def supply(self) -> str:
        vnrs = self.chance.sample(range(1, 5), self.chance.randint(1, 3))
        holder = self.chance.choice("AAAZ")
        rows = [f"{holder};{n:06d};2026-03-01;2026-03-09;{self.chance.randint(1, 2)};planned" for n in vnrs]
        return "\n".join(["holder_id;vnr;announced_on;expected_on;packs;certainty", *rows, ""])

    def shortages(self) -> str:
        columns = "VNR;Voimassa;SaatavuushairioAlkupaiva;SaatavuushairioLoppupaiva;Ilmoituspaiva;Muokkauspaiva;Yritys"
        vnrs = range(100, 100 + self.chance.choice([0, 2, 3, 60, 60, 61]))
        ends = self.chance.randint(1, 2)
        rows = [f'"{n:06d}";"K";"2026-03-01";"2026-04-0{ends}";"2026-02-01";"2026-02-01";"X"' for n in vnrs]
        return "\n".join([columns, *rows, ""])

    def obligations(self) -> str:
        rows = [
            f"{year};O{n};mah;000001;{self.chance.randint(1, 2)};12;3"
            for year in self.chance.sample([2024, 2025, 2026], self.chance.randint(1, 2))
            for n in self.chance.sample(range(3), self.chance.randint(1, 3))
        ]
        return "\n".join(["year;obliged_id;obliged_type;vnr;base_packs;base_months;factor_months", *rows, ""])

    def step(self) -> None:
        kind = self.chance.choice(["supply"] * 4 + ["fimea_shortages"] * 2 + ["obligations"] * 2 + ["withdraw", "list"])
        hour = self.hour = self.hour + self.chance.choice([0, 0, 1, 1, 1])
        if self.chance.random() < 0.15:
            hour = self.chance.randint(0, self.hour)
        if kind == "supply":
            self.put("supply", *(self.supply() for _ in range(self.chance.choice([1, 1, 3]))), hour)
        elif kind == "fimea_shortages":
            self.put(kind, self.shortages(), hour)
        elif kind == "obligations":
            self.put(kind, self.obligations(), hour)
        elif kind == "list":
            self.put("holders", HOLDERS + "A;wholesaler;A;01;2020-01-01\nZ;mah;Z;01;2020-01-01\n", hour)
        elif self.sent:
            one = self.sent.pop(self.chance.randrange(len(self.sent)))
            if not one.startswith("holders"):
                undo.withdraw(self.wh, one, author="x", reason="y", at=AT + timedelta(hours=self.hour))


def tables(wh: Warehouse) -> dict[str, list[tuple[object, ...]]]:
    return {name: wh.rows(table).rows() for name, table in CORE.items()}


def folded(wh: Warehouse) -> dict[str, list[tuple[object, ...]]]:
    with wh.transaction() as connection:
        one_writer(connection)
        for name in CORE:
            reference.refold(connection, open_store(wh.settings.archive_url), SOURCES[name])
    return tables(wh)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_one_step_is_the_whole_fold(
    warehouse: Warehouse, tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = []

    def counted(*given: object, **named: object) -> int:
        whole.append(given)
        return reference.refold(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(newest, "refold", counted)
    life = Life(warehouse, tmp_path, seed)
    for number in range(25):
        life.step()
        found = tables(warehouse)
        assert found == folded(warehouse), f"after step {number}"
    assert len(whole) < 15, "most are one step"


def test_the_last_of_many_costs_what_the_first_did(warehouse: Warehouse, tmp_path: Path) -> None:
    life = Life(warehouse, tmp_path, 1)
    times = []
    for number in range(60):
        began = time.monotonic()
        life.put("supply", life.supply() + f"A;{number:06d};2026-03-02;2026-03-09;1;planned\n", 20 + number)
        times.append(time.monotonic() - began)
    early, late = (pl.Series(part).median() for part in (times[5:20], times[-15:]))
    assert isinstance(early, float) and isinstance(late, float) and late < 2 * early + 0.02
