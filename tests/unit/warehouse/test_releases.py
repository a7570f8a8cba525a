"""What waits is released when its reason is gone, and ends as if the reason had never been."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from medsupply.areas import COUNTY_CODES
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.database.hashing import warehouse_hash
from medsupply.warehouse.facts import dispensing
from medsupply.warehouse.loading import intake, release, undo

AT = datetime(2026, 3, 3, tzinfo=UTC)
HOLDERS = "holder_id;holder_type;name;county_code;valid_from\nA;pharmacy;A;01;2020-01-01\n"
STOCK = "holder_id;counted_on;vnr;packs\n"
DISPENSING = "reporter_id;day;county_code;channel;vnr;packs;dispensings\n"
ROW = "A;2026-03-02;000001;{}\n"


def put(wh: Warehouse, folder: Path, source: str, text: str, hours: int = 0) -> intake.Verdict:
    path = folder / f"{source}-{hours}.csv"
    path.write_text(text)
    return intake.load(wh, source, [path], received_at=AT + timedelta(hours=hours))[0]


def counts(wh: Warehouse, source: str) -> tuple[object, ...]:
    query = "select rows_received, rows_accepted, rows_quarantined, rows_duplicate, packs_quarantined, packs_duplicate"
    return wh.read(f"{query} from analyst.deliveries where source = :s and equations_hold", s=source).row(0)


@pytest.mark.parametrize("packs", [(5, 6, 5), (5, 5, 5), (5, 6, 7)], ids=str)
@pytest.mark.parametrize("late", [False, True], ids=["holder first", "holder late"])
def test_rows_of_one_key_end_the_same_whenever_their_holder_becomes_known(
    warehouse: Warehouse, tmp_path: Path, packs: tuple[int, ...], late: bool
) -> None:
    text = STOCK + "".join(ROW.format(one) for one in packs)
    for source, content in [("stock", text), ("holders", HOLDERS)][:: 1 if late else -1]:
        put(warehouse, tmp_path, source, content, hours=2 if source == "holders" and late else 1)
    distinct = len(set(packs))
    clash = list(dict.fromkeys(packs)) if distinct > 1 else []
    repeated = sum(packs) - sum(dict.fromkeys(packs))
    assert counts(warehouse, "stock") == (
        3,
        3 - len(clash) - (3 - distinct),
        len(clash),
        3 - distinct,
        sum(clash),
        repeated,
    )
    waiting = warehouse.read("select reason_code from analyst.quarantine where released_at is null")
    assert waiting["reason_code"].to_list() == ["conflicting_key"] * len(clash)


def test_a_county_that_becomes_known_releases_its_rows_by_itself(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = DISPENSING + "A;2026-03-02;23;community;000001;5;3\nA;2026-03-02;55;community;000001;7;3\n"
    assert put(warehouse, tmp_path, "dispensing", text).rows_quarantined == 2
    waiting = warehouse.read("select county_code from analyst.quarantine order by line")["county_code"].to_list()
    assert waiting == ["23", "55"]
    monkeypatch.setattr(release, "COUNTY_CODES", (*COUNTY_CODES, "23"))
    put(warehouse, tmp_path, "holders", HOLDERS, hours=1)
    assert counts(warehouse, "dispensing") == (2, 1, 1, 0, 7, 0)
    day = date(2026, 3, 2)
    rows = dispensing(warehouse, day, day, AT + timedelta(hours=1)).select("county_code", "packs").collect().rows()
    assert rows == [("23", 5.0)]


def test_a_county_is_looked_at_before_any_delivery(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(warehouse, tmp_path, "dispensing", DISPENSING + "A;2026-03-02;23;community;000001;5;3\n")
    monkeypatch.setattr(release, "COUNTY_CODES", (*COUNTY_CODES, "23"))
    put(warehouse, tmp_path, "supply", "holder_id;vnr;announced_on;expected_on;packs;certainty\n", hours=1)
    assert counts(warehouse, "dispensing") == (1, 1, 0, 0, 0, 0)


def test_a_person_may_choose_one_of_two_rows_with_the_same_key_but_not_both(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    put(warehouse, tmp_path, "holders", HOLDERS)
    told = put(warehouse, tmp_path, "stock", STOCK + ROW.format(5) + ROW.format(6))
    for line, released in ((2, 1), (3, 0)):
        done = undo.release(warehouse, told.delivery_id, lines=[line], author="x", reason="y", at=AT)
        assert done == released
    assert counts(warehouse, "stock") == (2, 1, 1, 0, 6, 0)


def test_a_withdrawal_that_was_killed_and_made_again_is_rebuilt(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = put(warehouse, tmp_path, "holders", HOLDERS)
    with monkeypatch.context() as patch:
        patch.setattr(undo, "audit", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        keep = undo.keep
        patch.setattr(undo, "_withdrawn", lambda *_: keep(warehouse, event(wrong.delivery_id)))
        with pytest.raises(KeyboardInterrupt):
            undo.withdraw(warehouse, wrong.delivery_id, author="x", reason="y", at=AT)
    undo.withdraw(warehouse, wrong.delivery_id, author="x", reason="y", at=AT + timedelta(hours=5))
    before = warehouse_hash(warehouse).views
    undo.rebuild(warehouse)
    assert warehouse_hash(warehouse).views == before
    assert warehouse.read("select withdrawn_at from analyst.deliveries").item() == AT + timedelta(hours=5)


def event(delivery_id: str) -> dict[str, object]:
    told = {"author": "x", "reason": "y", "at": AT.isoformat()}
    return {"action": "withdraw", "delivery_id": delivery_id, **told}
