"""A file with something personal leaves nothing behind: not in the inbox, not beside it, not in the archive."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.loading import inbox

AT = datetime(2026, 3, 3, tzinfo=UTC)
CODE = "131052-308T"
HEADER = "holder_id;counted_on;vnr;lot;packs\n"
PERSONAL = f"{HEADER}A;2026-03-02;000001;{CODE};5\n"


def sent(folder: Path, name: str, text: str = PERSONAL) -> Path:
    path = folder / "inbox" / "stock" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def take(wh: Warehouse, folder: Path) -> list[str]:
    return [one.verdict for one in inbox.take(wh, folder / "inbox", received_at=AT)]


def places_of(word: str, folder: Path) -> list[Path]:
    """Files whose bytes or name hold ``word``."""
    found = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in found if word in path.name or word.encode() in path.read_bytes()]


def test_nothing_of_it_stays(warehouse: Warehouse, tmp_path: Path) -> None:
    sent(tmp_path, "one.csv")
    sent(tmp_path, "column.csv", f"etunimi;{HEADER}Aino;A;2026-03-02;000001;L;5\n")
    sent(tmp_path, "other.csv", f"{HEADER}A;2026-03-02;000001;L;5\n")
    assert sorted(take(warehouse, tmp_path)) == ["partly", "refused", "refused"]
    sent(tmp_path, "again.csv")
    assert take(warehouse, tmp_path) == ["duplicate"]
    assert places_of(CODE, tmp_path) == places_of("Aino", tmp_path) == []
    assert [path.name for path in (tmp_path / "inbox" / "stock").rglob("*.csv")] == ["other.csv"]


def test_what_a_mapped_task_takes_goes_too(warehouse: Warehouse, tmp_path: Path) -> None:
    path = sent(tmp_path, "one.csv")
    (told,) = inbox.take_files(warehouse, [inbox.Waiting("stock", path)], received_at=AT)
    assert told.verdict == "refused"
    assert places_of(CODE, tmp_path) == [] and inbox.waiting(tmp_path / "inbox") == []


@pytest.mark.parametrize("grown", [False, True])
def test_killed_before_it_was_deleted(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, grown: bool
) -> None:
    path = sent(tmp_path, "one.csv")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", killed)
        with pytest.raises(KeyboardInterrupt):
            take(warehouse, tmp_path)
    assert not path.exists() and len(places_of(CODE, tmp_path)) == 1
    if grown:
        left = places_of(CODE, tmp_path)[0]
        left.write_text(f"{PERSONAL}A;2026-03-02;000002;{CODE};5\n")
    assert take(warehouse, tmp_path) == ["refused"]
    assert places_of(CODE, tmp_path) == []
    assert warehouse.read("select count(*) as n from ops.deliveries").item() == 1 + grown


def test_names_too_long_to_be_longer_and_names_that_are_personal(warehouse: Warehouse, tmp_path: Path) -> None:
    for _ in range(2):
        sent(tmp_path, "p" * 251 + ".csv")
        sent(tmp_path, "x" * 251 + ".csv", "not a delivery")
        sent(tmp_path, f"{CODE}.csv", "nor this")
        assert len(take(warehouse, tmp_path)) == 3
    assert places_of(CODE, tmp_path) == [] and inbox.waiting(tmp_path / "inbox") == []
    assert len(list((tmp_path / "inbox" / "stock" / ".done").iterdir())) == 4
