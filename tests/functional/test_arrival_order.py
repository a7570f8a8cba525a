"""Deliveries that come in any order of arrival leave the same current state as in order: what counts and what waits."""

from __future__ import annotations

import os
import random
from datetime import timedelta
from pathlib import Path

import pytest
from judge import Made, Writer, articles_file, holders_file
from judge_plans import PLANS
from test_judge import AS_OF, START

from medsupply.settings import Settings
from medsupply.tables.core import CORE
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.facts import facts
from medsupply.warehouse.loading import intake, proof

CURRENT = {
    "deliveries": """
        SELECT delivery_id, verdict, rows_received, rows_accepted, rows_quarantined, rows_duplicate, packs_accepted,
               packs_quarantined, packs_duplicate, held FROM analyst.deliveries ORDER BY 1""",
    "waiting": """
        SELECT delivery_id, line, reason_code, field, original, holder_id, day, vnr, packs FROM analyst.quarantine
        WHERE released_at IS NULL ORDER BY 1, 2""",
}
ORDERS = min(30, int(os.environ.get("MEDSUPPLY_SOAK") or 3))


def deliveries(seed: int) -> list[tuple[int, Made]]:
    """A nation's files with the hour of each receipt: lists, corrections, snapshots that come again."""
    writer = Writer(seed, PLANS)
    made = [(0, holders_file(writer, writer.known)), (0, articles_file(writer, writer.articles))]
    sources = ["stock", "dispensing", "supply", "permits", "fimea_shortages", "critical_list", "kela_purchases"]
    made += [(hour, writer.delivery(source, 12)) for hour in (1, 2, 3) for source in sources]
    made += [(4, holders_file(writer, writer.known + writer.later))]
    return [*made, (4, articles_file(writer, writer.articles + writer.later_articles))]


def load(settings: Settings, folder: Path, made: list[tuple[int, Made]]) -> dict[str, list[object]]:
    """What counts after the files were loaded in the order given: counts, open quarantine, site rows, reference."""
    with Warehouse.open(settings) as wh:
        for hour, one in made:
            path = folder / one.name
            path.write_bytes(one.data)
            intake.load(wh, one.source, [path], received_at=START + timedelta(hours=hour))
        assert proof.broken(wh).is_empty()
        found = facts(wh, AS_OF, START + timedelta(hours=5))
        state = {name: list(wh.read(query).iter_rows()) for name, query in CURRENT.items()}
        state["stock"] = sorted(map(repr, found.stock.collect().iter_rows()))
        state["snapshots"] = sorted(map(repr, found.snapshots.iter_rows()))
        state["gaps"] = sorted(map(repr, found.gaps.iter_rows()))
        state["dispensing"] = sorted(map(repr, found.dispensing.collect().iter_rows()))
        for source in CORE:
            columns = found.reference[source].columns
            kept = [name for name in columns if name not in ("known_from", "known_to")]
            state[source] = sorted(map(repr, found.current(source).select(kept).iter_rows()))
        return state


@pytest.mark.parametrize("order", range(ORDERS))
def test_any_order_of_arrival(fresh_settings: Settings, other_settings: Settings, tmp_path: Path, order: int) -> None:
    made = deliveries(order + 1)
    mixed = random.Random(order).sample(made, len(made))
    assert load(fresh_settings, tmp_path, mixed) == load(other_settings, tmp_path, made)
