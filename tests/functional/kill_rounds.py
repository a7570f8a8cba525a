"""Rounds of kill -9: days are evaluated and mails are sent by processes that die at any moment.

Children are forked from a server that has imported everything, so that a round costs tenths of a second and the kill
falls into the work, not into the start.
"""

from __future__ import annotations

import multiprocessing
import random
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import Any

from alerts_pictures import GONE, SHORT, day, moment, put, row
from hostile_relay import Relay, running

from medsupply.alerts import sender, store, subscriptions
from medsupply.alerts.recipients import subscriptions_of
from medsupply.rules import load_rules
from medsupply.settings import Settings
from medsupply.warehouse.database.connection import Warehouse

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["medsupply.alerts.sender", "medsupply.alerts.store", "polars", "psycopg"])
FAMILIES = [f"S{number:02d}" for number in range(40)]
READERS = {"fimea": "fi", "stm": "sv", "nesa": "en"}
EVENTS = 'select alert_id, "on", transition, level, withdrawn_at from alerts.event order by 1, 2, 3'
STATES = (
    "select alert_id, level, state, opened_on, changed_on, closed_on, told, told_closed from alerts.state order by 1"
)
# The token that ends a subscription comes from a secret of each service: two services never write the same.
MAILS = (
    "select message_id, recipient, subject, regexp_replace(body_text, 'token=[0-9a-f]+', 'token', 'g') as body, thread"
    " from alerts.outbox order by 1"
)


def evaluate(settings: Settings, number: int, ready: Connection) -> None:
    with Warehouse.open(settings, "ingest") as wh:
        ready.send(True)
        store.evaluate(wh, day(number), moment(number), load_rules())


def send(settings: Settings, url: str, ready: Connection) -> None:
    with Warehouse.open(settings, "sender") as wh:
        ready.send(True)
        sender.send(wh, clock=lambda: datetime.now(UTC), smtp_url=url, drain=True)


@dataclass
class Rounds:
    """A nation that is killed (``wh``), its twin that never is (``twin``), and what happened."""

    wh: Warehouse
    twin: Warehouse
    chance: random.Random
    relay: Relay = field(default_factory=lambda: Relay(lambda _, number: "slow" if number % 3 else "ok"))
    kills: dict[str, int] = field(default_factory=lambda: {"evaluate": 0, "send": 0})
    usual: dict[str, float] = field(default_factory=lambda: {"evaluate": 0.1, "send": 0.1})
    days: int = 0
    seconds: float = 0.0

    @property
    def duplicates(self) -> int:
        return len(self.relay.ids) - len(set(self.relay.ids))

    @property
    def all_kills(self) -> int:
        return sum(self.kills.values())

    def __str__(self) -> str:
        queued = self.wh.read("select message_id from alerts.outbox")["message_id"].to_list()
        return (
            f"{self.all_kills} kills {self.kills}, {self.days} days, {len(queued)} mails,"
            f" {len(set(queued) - set(self.relay.ids))} lost, {self.duplicates} duplicates, {self.seconds:.0f} s"
        )

    def run(self, number: int) -> None:
        """Live days until ``number`` processes have been killed; then all that is left is sent."""
        began = time.monotonic()
        for one in (self.wh, self.twin):
            for role, language in READERS.items():
                lines = subscriptions_of(f"{role}@example.org", language=language, role=role)
                subscriptions.add(one, lines, at=moment(0), confirmed=True)
        state = dict.fromkeys(FAMILIES, 0)
        with running(self.relay) as url:
            while self.all_kills < number:
                self._day(state, url)
            sender.send(self.wh, clock=lambda: datetime.now(UTC), smtp_url=url, drain=True)
        self.seconds = time.monotonic() - began

    def _day(self, state: dict[str, int], url: str) -> None:
        for one in self.chance.sample(FAMILIES, 4):
            state[one] = self.chance.choice([0, 0, 1, 2])
        rows = [row(one, **({}, SHORT, GONE)[level]) for one, level in state.items()]
        for one in (self.wh, self.twin):
            put(one, self.days, rows)
        store.evaluate(self.twin, day(self.days), moment(self.days), load_rules())
        while not self._child("evaluate", evaluate, self.days):
            pass
        for _ in range(self.chance.randint(0, 6)):
            if self._queued():
                self._child("send", send, url)
        self.days += 1

    def _queued(self) -> int:
        return int(self.wh.read("select count(*) from alerts.outbox where status = 'queued'").item())

    def _child(self, kind: str, work: Any, argument: Any) -> bool:
        """One process, killed at a random moment of its work; whether it came to its end before that."""
        here, there = CONTEXT.Pipe()
        child = CONTEXT.Process(target=work, args=(self.wh.settings, argument, there))
        child.start()
        assert here.poll(60), "the child never came to its work"
        began = time.monotonic()
        child.join(self.chance.uniform(0, 1.6 * self.usual[kind]))
        child.kill()
        child.join()
        if child.exitcode == 0:
            self.usual[kind] = max(0.02, 0.8 * self.usual[kind] + 0.2 * (time.monotonic() - began))
            return True
        assert child.exitcode == -9, f"{kind} ended by itself with {child.exitcode}"
        self.kills[kind] += 1
        # A busy machine works slower than the guess: without this no process would ever come to its end.
        self.usual[kind] = min(10.0, 1.1 * self.usual[kind])
        return False

    def nothing_lost(self) -> None:
        """All that the twin tells is told, once in the outbox, at least once at the relay, with the same Message-ID."""
        for query in (EVENTS, STATES, MAILS):
            assert self.wh.read(query).equals(self.twin.read(query)), query
        queued = self.wh.read("select message_id, status from alerts.outbox")
        assert set(self.relay.ids) == set(queued["message_id"]), "lost or invented"
        assert set(queued["status"]) == {"sent"}
        assert self.duplicates <= self.kills["send"], "a repetition without a kill"
