"""Temporary folders of the forecast: gone at the end; of a killed process at the next start; never of a living one."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from medsupply.forecast.workers import BEGUN, FOLDER, own_folder

HOLDS = """
from medsupply.forecast.workers import own_folder
with own_folder() as folder:
    print(folder, flush=True)
    input()
"""
FITS = """
from medsupply.forecast.structure import prophet_class
prophet_class()
import cmdstanpy, tempfile
print(cmdstanpy._TMPDIR, tempfile.gettempdir())
"""

BECOMES_ANOTHER = (
    FITS
    + """
import os, sys
from medsupply.forecast.workers import clean
clean()
sys.stdout.flush()
os.execv("/bin/true", ["true"])
"""
)


@pytest.fixture
def temp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def other(temp: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that has begun a folder."""
    command = [sys.executable, "-c", HOLDS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def test_a_folder_goes_at_the_end(temp: Path) -> None:
    with own_folder() as folder:
        assert Path(folder).parent == temp and Path(folder).is_dir()
    assert list(temp.iterdir()) == []


def test_the_folder_of_a_living_process_stays_and_that_of_a_killed_one_goes(
    temp: Path, other: subprocess.Popen[str]
) -> None:
    assert other.stdout is not None
    theirs = Path(other.stdout.readline().strip())
    (theirs / "prophet_model1").mkdir()
    with own_folder():
        assert theirs.is_dir()
    other.send_signal(signal.SIGKILL)
    other.wait()
    assert theirs.is_dir()
    with own_folder() as mine:
        assert list(temp.iterdir()) == [Path(mine)]


def test_what_stan_writes_in_this_process_goes_to_a_folder_of_its_own(temp: Path) -> None:
    told = subprocess.run([sys.executable, "-c", FITS], capture_output=True, text=True, check=True).stdout.split()
    stan, everything_else = map(Path, told)
    assert stan.parent.parent == temp and stan.parent.name.startswith(FOLDER)
    assert everything_else == temp
    assert [path for path in temp.iterdir() if path.name.startswith((FOLDER, BEGUN))] == []


def test_nothing_is_left_when_a_process_becomes_another(temp: Path) -> None:
    """The end of a process that is replaced (exec) runs no clean-up of its own."""
    told = subprocess.run([sys.executable, "-c", BECOMES_ANOTHER], capture_output=True, text=True, check=True).stdout
    assert FOLDER in told
    assert [path for path in temp.iterdir() if path.name.startswith((FOLDER, BEGUN))] == []
