"""A thousand rounds of kill -9 on senders: no mail is lost, each repetition has its kill and the same Message-ID.

Not part of the quick tests: it runs when MEDSUPPLY_SOAK is set to the number of rounds (`make soak`).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from medsupply.warehouse.connection import Warehouse

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "functional"))

ROUNDS = int(os.environ.get("MEDSUPPLY_SOAK", "0"))


@pytest.mark.skipif(not ROUNDS, reason="MEDSUPPLY_SOAK is not set")
def test_a_thousand_kills_lose_nothing(warehouse: Warehouse, tmp_path: Path) -> None:
    from test_mail_sender import rounds

    ids, relay, kills = rounds(warehouse, ROUNDS, tmp_path)
    print(f"{len(ids)} mails, {kills} kills, {len(relay.ids) - len(ids)} duplicates")  # noqa: T201
    assert set(relay.ids) == set(ids)
    assert len(relay.ids) - len(ids) <= kills
