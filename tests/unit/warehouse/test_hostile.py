"""Hostile files: each is refused or its rows wait, with a sentence for the sender; the service stays up."""

from __future__ import annotations

import gzip
import io
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.loading import inbox, intake

AT = datetime(2026, 3, 3, tzinfo=UTC)
HEADER = "holder_id;counted_on;vnr;lot;expires_on;packs;reserve_packs;owner_id"
ROW = "H1;2026-03-02;012345;L1;2027-01-31;5;1;O1"
GOOD = f"{HEADER}\n{ROW}\n"


def parquet(**columns: object) -> bytes:
    base: dict[str, object] = {"holder_id": ["H1"], "counted_on": ["2026-03-02"], "vnr": ["012345"], "packs": [5.0]}
    buffer = io.BytesIO()
    pl.DataFrame(base | columns).write_parquet(buffer)
    return buffer.getvalue()


def bomb() -> bytes:
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=9) as stream:
        stream.write(GOOD.encode())
        for _ in range(160):
            stream.write(b"\n" * 1_000_000)
    return out.getvalue()


def without_rows() -> bytes:
    buffer = io.BytesIO()
    pl.read_parquet(parquet()).clear().write_parquet(buffer)
    return buffer.getvalue()


def noted(note: bytes) -> bytes:
    table = pl.read_parquet(parquet()).to_arrow().replace_schema_metadata({b"note": note})
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


def named(name: bytes) -> bytes:
    return b"\x1f\x8b\x08\x08\0\0\0\0\0\x03" + name + b"\0" + gzip.compress(GOOD.encode())[10:]


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "empty_file"),
    "blank lines": (lambda: b"\r\n \n\n", "empty_file"),
    "a BOM alone": (lambda: b"\xef\xbb\xbf", "missing_column"),
    "UTF-16 with BOM": (lambda: GOOD.encode("utf-16"), "wrong_encoding"),
    "UTF-16 without BOM": (lambda: GOOD.encode("utf-16-le"), "wrong_encoding"),
    "UTF-32": (lambda: GOOD.encode("utf-32"), "wrong_encoding"),
    "another encoding": (lambda: GOOD.replace("L1", "Lä").encode("latin-1"), "unreadable_bytes"),
    "cut in a character": (lambda: GOOD.replace("O1\n", "Oä").encode()[:-1], "unreadable_bytes"),
    "a web page": (lambda: b"<!DOCTYPE html><html><body>Sign in</body></html>", "web_page"),
    "a web page after blanks": (lambda: b"\n\n  <HTML><p>504</p></HTML>", "web_page"),
    "an XML error": (lambda: b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "web_page"),
    "JSON": (lambda: b'{"error": "not found"}', "missing_column"),
    "an Excel file": (lambda: b"PK\x03\x04" + os.urandom(2000), "wrong_kind"),
    "an old Excel file": (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + os.urandom(2000), "wrong_kind"),
    "a PDF": (lambda: b"%PDF-1.7\n" + os.urandom(500), "wrong_kind"),
    "random bytes": (lambda: b"\x80" + bytes(range(256)) * 20, "unreadable_bytes"),
    "a header alone": (lambda: f"{HEADER}\n".encode(), "no_rows"),
    "lines ended by NEL": (lambda: GOOD.replace("\n", "\u0085").encode(), "no_rows"),
    "Parquet without rows": (lambda: without_rows(), "no_rows"),
    "a code behind a sign that nobody sees": (
        lambda: GOOD.replace("L1", "1310\u200b52-308T").encode(),
        "personal_code",
    ),
    "a code in the notes of Parquet": (lambda: noted(b"131052-308T"), "personal_code"),
    "a code in the name of a gzip file": (lambda: named(b"131052-308T.csv"), "personal_code"),
    "no header": (lambda: f"{ROW}\n{ROW}\n".encode(), "missing_column"),
    "commas": (lambda: GOOD.replace(";", ",").encode(), "missing_column"),
    "tabs": (lambda: GOOD.replace(";", "\t").encode(), "missing_column"),
    "a column less": (lambda: GOOD.replace("packs;", "", 1).encode(), "missing_column"),
    "a column renamed": (lambda: GOOD.replace(";packs;", ";pakkaukset;").encode(), "missing_column"),
    "a column twice": (lambda: GOOD.replace("owner_id", "packs").encode(), "duplicate_column"),
    "a column twice in other letters": (lambda: GOOD.replace("owner_id", "PACKS").encode(), "duplicate_column"),
    "too many columns": (lambda: (HEADER + "".join(f";x{n}" for n in range(300)) + "\n").encode(), "too_many_columns"),
    "gzip cut short": (lambda: gzip.compress(GOOD.encode() * 100)[:-9], "broken_gzip"),
    "gzip with a wrong sum": (lambda: gzip.compress(GOOD.encode())[:-8] + b"\0" * 8, "broken_gzip"),
    "gzip with more behind": (lambda: gzip.compress(GOOD.encode()) + b"more", "broken_gzip"),
    "gzip in gzip": (lambda: gzip.compress(gzip.compress(GOOD.encode())), "wrong_kind"),
    "a gzip bomb": (bomb, "gzip_bomb"),
    "Parquet cut short": (lambda: parquet()[:-20], "broken_parquet"),
    "Parquet with noise inside": (lambda: b"PAR1" + os.urandom(400) + b"PAR1", "broken_parquet"),
    "Parquet with a nested column": (lambda: parquet(packs=[[5.0]]), "nested_column"),
    "Parquet with bytes": (lambda: parquet(vnr=[b"012345"]), "nested_column"),
    "Parquet of something else": (lambda: parquet().replace(b"holder_id", b"holder_ix"), "missing_column"),
}
# File, and the reason its row waits for; the good row beside it is taken.
WAITING: dict[str, tuple[bytes, str]] = {
    "a NUL": (f"{GOOD}H1;2026-03-02;\0;;;5;;\n".encode(), "control_character"),
    "a BOM in the middle": (f"{GOOD}\ufeffH1;2026-03-02;000001;;;5;;\n".encode(), "control_character"),
    "lone CR in the middle": (f"{GOOD}H1;2026-03-02;000001;;\r;5;;\n".encode(), "control_character"),
    "an end of file of DOS": (f"{GOOD}\x1a".encode(), "wrong_number_of_fields"),
    "semicolons only": (f"{GOOD};;;;;;;\n".encode(), "missing_value"),
    "a line of 30 MB": (f"{GOOD}{'x' * 30_000_000}\n".encode(), "wrong_number_of_fields"),
    "a field of 5 MB": (f"{GOOD}H1;2026-03-02;000001;{'x' * 5_000_000};;5;;\n".encode(), "too_long"),
    "the header again": (f"{GOOD}{HEADER}\n".encode(), "not_a_day"),
    "an open quote": (f'{GOOD}H1;2026-03-02;000001;"a;;5;;\n'.encode(), "broken_quotes"),
    "10^308": (f"{GOOD}H1;2026-03-02;000001;;;1e308;;\n".encode(), "not_a_number"),
    "a formula": (f"{GOOD}H1;2026-03-02;=cmd|' /C calc'!A0;;;5;;\n".encode(), "unknown_article"),
    "SQL": (f"{GOOD}H1;2026-03-02;'); drop table core.holders;--;;;5\n".encode(), "not_a_day"),
    "the open end as a day": (f"{GOOD}H1;9999-12-31;000001;;;5;;\n".encode(), "implausible_day"),
    "a year of 0202": (f"{GOOD}H1;0202-03-02;000001;;;5;;\n".encode(), "implausible_day"),
    "Parquet with a number too large": (
        parquet(packs=[5.0, 1e300], holder_id=["H1"] * 2, counted_on=["2026-03-02"] * 2, vnr=["012345", "000001"]),
        "not_a_number",
    ),
}  # fmt: skip
TAKEN: dict[str, bytes] = {
    "lone CR throughout": GOOD.replace("\n", "\r").encode(),
    "CR LF, BOM, no last line end": b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode()[:-2],
    "blank lines": GOOD.replace("\n", "\n\n \n").encode(),
    "gzip": gzip.compress(GOOD.encode()),
    "two gzip members": gzip.compress(HEADER.encode() + b"\n") + gzip.compress(ROW.encode()),
    "gzip of Parquet": gzip.compress(parquet()),
    "Parquet with moments": parquet(counted_on=[datetime(2026, 3, 2, tzinfo=UTC)]),
    "Parquet with categories and empty numbers": parquet(
        vnr=pl.Series(["012345"], dtype=pl.Categorical), reserve_packs=[float("nan")]
    ),
    "extra columns": GOOD.replace("owner_id", "owner_id;note").replace("O1", "O1;x").encode(),
}


@pytest.fixture(scope="module")
def wh(shared_warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    path = tmp_path_factory.mktemp("holders") / "holders.csv"
    path.write_text("holder_id;holder_type;name;county_code;valid_from\nH1;pharmacy;One;01;2020-01-01\n")
    assert intake.load(shared_warehouse, "holders", [path], received_at=AT)[0].verdict == "accepted"
    return shared_warehouse


def loaded(wh: Warehouse, folder: Path, data: bytes, name: str = "stock.csv") -> intake.Verdict:
    path = folder / name
    path.write_bytes(data)
    return intake.load(wh, "stock", [path], received_at=AT)[0]


@pytest.mark.parametrize("kind", REFUSED)
def test_refused_with_a_sentence(wh: Warehouse, tmp_path: Path, kind: str) -> None:
    make, code = REFUSED[kind]
    verdict = loaded(wh, tmp_path, make())
    row = wh.read("select reason_code, reason from ops.deliveries where delivery_id = :id", id=verdict.delivery_id)
    assert (verdict.verdict, row["reason_code"][0]) == ("refused", code)
    assert len(row["reason"][0]) > 20 and row["reason"][0].endswith(".")


@pytest.mark.parametrize("kind", WAITING)
def test_the_bad_row_waits_and_the_good_one_is_taken(wh: Warehouse, tmp_path: Path, kind: str) -> None:
    data, code = WAITING[kind]
    verdict = loaded(wh, tmp_path, data)
    found = wh.read("select reason_code from analyst.quarantine where delivery_id = :id", id=verdict.delivery_id)
    assert (verdict.verdict, verdict.rows_accepted, verdict.rows_quarantined) == ("partly", 1, 1)
    assert found["reason_code"].to_list() == [code]


@pytest.mark.parametrize("kind", TAKEN)
def test_what_only_looks_odd_is_taken(wh: Warehouse, tmp_path: Path, kind: str) -> None:
    verdict = loaded(wh, tmp_path, TAKEN[kind])
    assert (verdict.verdict, verdict.rows_accepted) == ("accepted", 1)


def test_all_equations_hold(wh: Warehouse) -> None:
    assert wh.read("select count(*) as n from analyst.deliveries where not equations_hold").item() == 0


def test_odd_names(wh: Warehouse, tmp_path: Path) -> None:
    names = [
        "a b;c'd\"e.csv",
        "ääkköset.csv",
        "x" * 240 + ".csv",
        "line\nbreak.csv",
        os.fsdecode(b"odd\xff.csv"),
        "131052-308T.csv",
    ]
    told = [loaded(wh, tmp_path, f"{GOOD}\n{' ' * n}\n".encode(), name) for n, name in enumerate(names)]
    assert {one.verdict for one in told} == {"accepted"}
    stored = wh.read(
        "select file_name from ops.deliveries where delivery_id = any(:ids)", ids=[o.delivery_id for o in told]
    )
    assert not any("308T" in name or "\n" in name for name in stored["file_name"])


def test_links_folders_and_pipes_in_the_inbox_are_passed_over(wh: Warehouse, tmp_path: Path) -> None:
    (tmp_path / "stock" / "folder").mkdir(parents=True)
    (tmp_path / "nonsense").mkdir()
    (tmp_path / "secret").write_text("root")
    (tmp_path / "stock" / "link.csv").symlink_to(tmp_path / "secret")
    os.mkfifo(tmp_path / "stock" / "pipe.csv")
    (tmp_path / "stock" / "real.csv").write_text(GOOD + "\n\n\n\n\n")
    assert [one.path.name for one in inbox.waiting(tmp_path)] == ["real.csv"]


def test_a_file_of_two_gigabytes_is_hashed_and_refused(wh: Warehouse, tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    with path.open("wb") as file:
        file.truncate(2_000_000_000)
    verdict = intake.load(wh, "stock", [path], received_at=AT)[0]
    row = wh.read(
        "select reason_code, bytes_received, bytes_archived from ops.deliveries where delivery_id = :id",
        id=verdict.delivery_id,
    )
    assert row.rows() == [("too_large", 2_000_000_000, None)]
