"""The dashboard takes the place of the process that made the demo: nothing of it stays beside."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from medsupply import demo
from medsupply.settings import Settings
from medsupply.warehouse.loading.parser import _Child, shared_parser


def test_serving_takes_the_place_of_the_demo_and_its_children(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    parser = shared_parser(1)
    child = _Child(parser.memory)
    parser._idle.get()
    parser._idle.put(child)
    assert child.process.poll() is None
    became: list[tuple[str, list[str], dict[str, str]]] = []
    monkeypatch.setattr(demo.os, "execve", lambda *given: became.append(given))
    monkeypatch.chdir(tmp_path)
    told: list[str] = []
    demo.serve(Settings.from_environ({"MEDSUPPLY_HOME": str(tmp_path)}), 8999, tell=told.append)
    ((program, command, environment),) = became
    assert program == sys.executable
    assert command[1:4] == ["-m", "streamlit", "run"] and "8999" in command
    assert environment["MEDSUPPLY_HOME"] == str(tmp_path)
    assert child.process.poll() is not None, "the parsing process has ended"
    assert any("Ctrl-C" in line for line in told)
