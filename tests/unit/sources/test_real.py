"""The published files as they are: every line accounted for, by counts made with other code. Skipped where absent."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from medsupply.errors import InputError
from medsupply.published import FILES, Published, files_in
from medsupply.sources.catalogue import SOURCES
from medsupply.sources.parsing import parse
from medsupply.sources.rules import Known

ROOT = Path(__file__).resolve().parents[3]
DATA = Path(os.environ.get("MEDSUPPLY_REAL_DATA") or ROOT.parent / "shared" / "data")
FOOTERS = {"critical_list": 4}  # two closing notes, one of them over three lines
WAITING = {"2022-11-14": 4, "2022-11-16": 3, "2022-11-17": 3}


@pytest.mark.real
@pytest.mark.parametrize("one", FILES, ids=lambda one: one.path)
def test_nothing_of_a_published_file_is_lost_and_nothing_in_it_is_personal(one: Published) -> None:
    path = DATA / one.path
    if not path.is_file():
        pytest.skip("the published files are not here")
    lines, checked = parse(path.read_bytes(), SOURCES[one.source], Known())
    if path.suffix == ".parquet":
        rows = pq.ParquetFile(path).metadata.num_rows
    else:
        filled = sum(bool(line.strip()) for line in path.read_bytes().split(b"\n"))
        rows = filled - 1 - FOOTERS.get(one.source, 0)
        assert lines.physical == lines.header + lines.blank + rows
    assert checked.received.rows == rows
    assert checked.taken.rows + checked.waiting.rows + checked.duplicate.rows == rows
    assert checked.waiting.rows == WAITING.get(path.stem.partition(".")[2], 0) * (one.source == "fimea_shortages")
    assert checked.warnings == []


def test_a_list_that_only_names_things_may_be_absent_and_no_other(tmp_path: Path) -> None:
    for one in FILES:
        path = tmp_path / one.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "kela/metadata_viikko_hva.parquet").unlink()
    assert {one.source for one, _ in files_in(tmp_path)} == {one.source for one in FILES} - {"kela_names"}
    (tmp_path / "eu/union_list_v2.1.csv").unlink()
    with pytest.raises(InputError, match="union_list"):
        list(files_in(tmp_path))
