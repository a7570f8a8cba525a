"""A thousand rounds of kill -9 on evaluating and sending: no alert is lost, each repetition has its kill.

Not part of the quick tests: it runs when MEDSUPPLY_SOAK is set to the number of rounds (`make soak`).
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import pytest

from medsupply.warehouse.database.connection import Warehouse

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "functional"))

ROUNDS = int(os.environ.get("MEDSUPPLY_SOAK", "0"))


@pytest.mark.skipif(not ROUNDS, reason="MEDSUPPLY_SOAK is not set")
def test_a_thousand_kills_lose_nothing(
    warehouse: Warehouse, shared_warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    from kill_rounds import Rounds

    rounds = Rounds(warehouse, shared_warehouse, random.Random(ROUNDS))
    rounds.run(ROUNDS)
    with capsys.disabled():
        print(f"\n{rounds}")  # noqa: T201
    rounds.nothing_lost()
