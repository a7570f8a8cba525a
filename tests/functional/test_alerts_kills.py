"""Kill -9 in the middle of evaluating and sending: no alert is lost, each repetition has its kill."""

from __future__ import annotations

import random

from kill_rounds import Rounds

from medsupply.warehouse.database.connection import Warehouse

ROUNDS = 50


def test_fifty_kills_lose_nothing(warehouse: Warehouse, shared_warehouse: Warehouse) -> None:
    rounds = Rounds(warehouse, shared_warehouse, random.Random(7))
    rounds.run(ROUNDS)
    print(rounds)  # noqa: T201  shown with pytest -s
    assert min(rounds.kills.values()) >= 5 and rounds.relay.taken, "the rounds prove nothing"
    rounds.nothing_lost()
