"""A nation is the same to the byte, knows itself again, and recovers from an interrupted run."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from medsupply.errors import InputError
from medsupply.simulate import Manifest, simulate
from tests.unit.simulate.conftest import write


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_same_seed_same_bytes(nation_a: Manifest, tmp_path: Path) -> None:
    write(tmp_path / "again")
    first, again = digests(nation_a.folder), digests(tmp_path / "again")
    assert len(first) > 50
    assert first == again


def test_another_seed_gives_another_nation(nation_a: Manifest, tmp_path: Path) -> None:
    write(tmp_path / "other", seed=4)
    first, other = digests(nation_a.folder), digests(tmp_path / "other")
    stock = [name for name in first if "/stock/" in name and "page" not in name]
    assert stock and all(first[name] != other.get(name) for name in stock)


def test_a_nation_that_stands_is_kept(nation_a: Manifest) -> None:
    before = {path: path.stat().st_mtime_ns for path in nation_a.folder.rglob("*.parquet")}
    again = write(nation_a.folder)
    assert again.arrivals().equals(nation_a.arrivals())
    assert {path: path.stat().st_mtime_ns for path in nation_a.folder.rglob("*.parquet")} == before


def test_another_nation_is_not_overwritten(nation_a: Manifest) -> None:
    with pytest.raises(InputError, match="holds something else"):
        write(nation_a.folder, seed=99)


def test_what_an_interrupted_run_left_is_cleared(nation_a: Manifest, tmp_path: Path) -> None:
    write(tmp_path / "n")
    (tmp_path / "n" / "manifest.csv").unlink()
    leftover = tmp_path / "n" / "inbox" / "stock" / "leftover.csv"
    leftover.write_text("x")
    write(tmp_path / "n")
    assert not leftover.exists()
    assert digests(tmp_path / "n") == digests(nation_a.folder)


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(InputError, match="Name an empty folder"):
        write(tmp_path)
    assert (tmp_path / "letter.txt").read_text() == "mine"


@pytest.mark.parametrize(("preset", "family"), [("huge", "a"), ("small", "z")])
def test_unknown_words_are_refused(preset: str, family: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Use"):
        simulate(tmp_path / "n", preset=preset, family=family)


def test_series_that_are_not_there_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file"):
        simulate(tmp_path / "out", family="b", residuals=tmp_path / "none.parquet")
    assert not (tmp_path / "out").exists()


def test_files_arrive_in_order_and_exist(nation: Manifest) -> None:
    arrivals = nation.arrivals()
    assert arrivals["received_at"].is_sorted()
    assert arrivals["received_at"].dtype == pl.Datetime("us", "UTC")
    assert all((nation.folder / path).is_file() for path in arrivals["path"])
    on_disk = {str(p.relative_to(nation.folder)) for p in (nation.folder / "inbox").rglob("*") if p.is_file()}
    assert on_disk == set(arrivals["path"])


def test_the_last_day_can_be_chosen(tmp_path: Path) -> None:
    made = simulate(tmp_path / "n", preset="small", medicines=3, days=10, history_days=10, end=date(2025, 12, 27))
    rows = pl.read_csv(tmp_path / "n" / "truth" / "events.csv", try_parse_dates=True)
    assert made.last_day == date(2025, 12, 27)
    assert rows["day"].max() <= date(2025, 12, 27)
    names = sorted(path.name for path in (tmp_path / "n" / "inbox" / "dispensing").iterdir())
    assert names[0] == "dispensing-2025-12-18.csv.gz" and names[-1] == "dispensing-2025-12-27.csv.gz"
