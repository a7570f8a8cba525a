"""Large files are read one at a time, also by two loaders at once; a loader that is killed holds nobody up."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.loading import inbox, large, parser, preparing

ALONE = """
import sys, time
from pathlib import Path
from medsupply.warehouse.loading import large
with large.alone(Path(sys.argv[1])):
    print("in", time.monotonic(), flush=True)
    time.sleep(float(sys.argv[2]))
    print("out", time.monotonic(), flush=True)
"""


def reading(home: Path, seconds: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", ALONE, str(home), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def told(process: subprocess.Popen[str]) -> list[float]:
    text, _ = process.communicate(timeout=60)
    return [float(line.split()[1]) for line in text.splitlines()]


def taken(wh: Warehouse, folder: Path) -> list[str]:
    place = folder / "inbox" / "holders"
    place.mkdir(parents=True)
    (place / "one.csv").write_text("holder_id;holder_type;name;county_code;valid_from\nA;pharmacy;A;01;2020-01-01\n")
    told = inbox.take(wh, folder / "inbox", received_at=datetime(2026, 3, 3, tzinfo=UTC))
    return [one.verdict for one in told]


def test_two_large_files_take_turns(tmp_path: Path) -> None:
    both = [reading(tmp_path, 0.5) for _ in range(2)]
    first, second = sorted(told(one) for one in both)
    assert first[1] <= second[0]
    holds = reading(tmp_path, 30)
    assert holds.stdout and holds.stdout.readline().startswith("in")
    waits = reading(tmp_path, 0)
    time.sleep(1)
    assert waits.poll() is None
    os.kill(holds.pid, signal.SIGKILL)
    holds.communicate(timeout=60)
    assert len(told(waits)) == 2


def test_a_packed_file_weighs_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large, "LARGE", 800)
    assert large.is_large(b"\x1f\x8b" + b"x" * 98) and large.is_large(b"PAR1" + b"x" * 96)
    assert not large.is_large(b"x" * 799) and large.is_large(b"x" * 800)


def test_a_file_that_turns_out_to_be_large_is_read_again_in_its_turn(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns: list[Path] = []

    @contextlib.contextmanager
    def alone(home: Path) -> Iterator[None]:
        turns.append(home)
        yield

    monkeypatch.setattr(preparing, "alone", alone)
    monkeypatch.setattr(preparing, "SMALL_MEMORY", 1)
    monkeypatch.setattr(parser, "GLANCE", 0.001)
    assert taken(warehouse, tmp_path) == ["accepted"] and turns == [warehouse.settings.home]


def test_a_child_that_has_grown_ends(warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def children() -> set[int]:
        return {one.pid for one in psutil.Process().children() if "parser_child" in " ".join(one.cmdline())}

    monkeypatch.setattr(parser, "GROWN", 1)
    before = children()
    assert taken(warehouse, tmp_path) == ["accepted"] and children() <= before
