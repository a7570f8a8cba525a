"""A minute of mutants through the parser: each is taken, taken in part or refused; every count adds up; none kills it.

`make soak` goes on for MEDSUPPLY_SOAK seconds.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from datetime import UTC, datetime

import psutil
import pytest
from judge import Writer
from judge_plans import PLANS
from mutants import mutant

from medsupply.sources.catalogue import SOURCES
from medsupply.sources.reasons import REASONS
from medsupply.sources.rules import Known
from medsupply.warehouse.loading.deliveries import Delivery, Verdict, counts_of, prove, row_of
from medsupply.warehouse.loading.parser import MEMORY, _Child
from medsupply.warehouse.loading.parser_child import Job, Parsed, Refusal

AT = datetime(2026, 5, 1, tzinfo=UTC)
SECONDS = float(os.environ.get("MEDSUPPLY_SOAK") or 60)
FIRST = int(os.environ.get("MEDSUPPLY_FIRST_MUTANT") or 0)
# What a parser may hold after thousands of small files: far under its limit.
RESIDENT = 1_000_000_000


def job(source: str) -> Job:
    writer = Writer(1, PLANS)
    return Job(source, f"{source}-x", AT, Known(holders=writer.known, articles=writer.articles))


def judged(source: str, data: bytes, answer: Parsed | Refusal) -> str:
    """What became of a mutant; fails where a count does not add up or a sentence is missing."""
    if isinstance(answer, Refusal):
        assert answer.code and len(answer.reason) > 10 and len(answer.instruction) > 5
        return "refused"
    delivery = Delivery(SOURCES[source], source, data, len(data), "0" * 64, AT)
    groups = (answer.received, answer.taken, answer.waiting, answer.duplicate)
    verdict = Verdict("x", source, source, "partly", *(group.rows for group in groups))
    prove(row_of(delivery, verdict) | counts_of(delivery, answer, len(data)), answer.record_rows)
    assert answer.quarantined.height == answer.waiting.rows
    assert set(answer.quarantined["reason_code"]) <= set(REASONS)
    assert not answer.quarantined["original"].str.contains("\x00", literal=True).any()
    return "partly" if answer.waiting.rows else "accepted"


def test_mutants() -> None:
    child, until, number = _Child(MEMORY), time.monotonic() + SECONDS, FIRST
    seen: Counter[str] = Counter()
    try:
        while time.monotonic() < until:
            source, data = mutant(number)
            try:
                answer = child.ask(job(source), data, 60)
                seen[judged(source, data, answer)] += 1
            except (EOFError, OSError, AssertionError) as error:
                pytest.fail(f"mutant {number} ({source}): {error!r}")
            number += 1
        resident = psutil.Process(child.process.pid).memory_info().rss
    finally:
        child.end()
    print(f"{number - FIRST} mutants: {dict(seen)}, {resident / 1e6:.0f} MB")  # noqa: T201
    assert resident < RESIDENT
    assert min(seen[kind] for kind in ("accepted", "partly", "refused")) > (number - FIRST) // 100
