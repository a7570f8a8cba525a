"""The dashboard takes the place of the process that made the demo: nothing of it stays beside."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from medsupply import demo
from medsupply.settings import Settings
from medsupply.warehouse.loading.parser import _Child, shared_parser


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int, seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        time.sleep(0.2)
    return False


def test_serving_takes_the_place_of_the_demo_and_its_children(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    parser = shared_parser(1)
    child = _Child(parser.memory)
    parser._idle.get()
    parser._idle.put(child)
    assert child.process.poll() is None
    became: list[tuple[str, list[str], dict[str, str]]] = []
    monkeypatch.setattr(demo.os, "execve", lambda *given: became.append(given))
    # This process lives on, unlike that of a demo: Stan's folder must stay for the tests after this one.
    cleaned: list[int] = []
    monkeypatch.setattr(demo, "clean", lambda: cleaned.append(len(became)))
    monkeypatch.chdir(tmp_path)
    told: list[str] = []
    demo.serve(Settings.from_environ({"MEDSUPPLY_HOME": str(tmp_path)}), 8999, tell=told.append)
    ((program, command, environment),) = became
    assert program == sys.executable
    assert command[1:4] == ["-m", "medsupply.dashboard.serving", "run"] and "8999" in command
    assert environment["MEDSUPPLY_HOME"] == str(tmp_path)
    assert cleaned == [0], "once, before this process becomes another"
    assert child.process.poll() is not None, "the parsing process has ended"
    assert any("Ctrl-C" in line for line in told)


def test_ctrl_c_ends_the_dashboard_with_a_word_and_no_error(free_port: int) -> None:
    """Streamlit's own command ends with code 1 and "Aborted!"."""
    page = Path(demo.__file__).parent.parent / "app.py"
    options = ["--server.port", str(free_port), "--server.headless", "true", "--server.address", "127.0.0.1"]
    command = [sys.executable, "-m", "medsupply.dashboard.serving", "run", str(page), *options]
    with subprocess.Popen(command, cwd=page.parent, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert answers(free_port)
        process.send_signal(signal.SIGINT)
        told = process.stdout.read()
        assert process.wait(timeout=30) == 0
    assert "Stopped." in told
