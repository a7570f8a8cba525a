"""Archive and record in a bucket: a real S3 server from a package, a load into it, and the rows read back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from medsupply.errors import WarehouseError, WarehouseUnavailable
from medsupply.settings import Settings
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.facts import facts
from medsupply.warehouse.loading import intake
from medsupply.warehouse.storage import store_s3
from medsupply.warehouse.storage.store import open_store

RECEIVED = datetime(2026, 3, 3, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def server() -> Iterator[None]:
    """One server for this module: an address is remembered by the client for the life of the process."""
    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "eu-north-1",
            "AWS_DEFAULT_REGION": "eu-north-1",
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_ALLOW_HTTP": "true",
        }.items():
            patch.setenv(name, value)
        yield
    running.stop()


@pytest.fixture
def bucket(server: None, request: pytest.FixtureRequest) -> str:
    """The address of an empty bucket of this test alone."""
    import boto3

    name = f"archive-{abs(hash(request.node.name)) % 10**8}"
    place = {"LocationConstraint": "eu-north-1"}
    boto3.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=place)
    return f"s3://{name}/medsupply"


def test_objects_are_written_whole_and_read_back(bucket: str) -> None:
    store = open_store(bucket)
    store.put("raw/stock/abc", b"bytes")
    assert store.get("raw/stock/abc") == b"bytes"
    assert store.exists("raw/stock/abc")
    assert list(store.names("raw")) == ["raw/stock/abc"]
    store.delete("raw/stock/abc")
    assert not store.exists("raw/stock/abc")
    with pytest.raises(WarehouseError):
        store.get("raw/stock/abc")


def test_a_server_that_fails_now_and_then_is_asked_again(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_s3, "FIRST_WAIT", 0.001)
    store = store_s3.BucketStore(bucket)
    failures = iter([OSError("503 slow down"), OSError("503 slow down")])
    real = store.files.pipe_file

    def shaky(path: str, data: bytes) -> None:
        failure = next(failures, None)
        if failure is not None:
            raise failure
        real(path, data)

    monkeypatch.setattr(store.files, "pipe_file", shaky)
    store.put("raw/a", b"1")
    assert store.get("raw/a") == b"1"


def test_a_server_that_is_down_is_said_in_words(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_s3, "FIRST_WAIT", 0.001)
    store = store_s3.BucketStore(bucket)

    def down(path: str, data: bytes) -> None:
        raise OSError("connection refused")

    monkeypatch.setattr(store.files, "pipe_file", down)
    with pytest.raises(WarehouseUnavailable, match="does not answer"):
        store.put("raw/a", b"1")


def test_a_load_into_the_bucket_and_its_rows_as_facts(bucket: str, fresh_settings: Settings, tmp_path: Path) -> None:
    holders = tmp_path / "holders.csv"
    holders.write_text("holder_id;holder_type;name;county_code;valid_from\nW1;wholesaler;Tukku;90;2020-01-01\n")
    stock = tmp_path / "stock.csv"
    stock.write_text("holder_id;counted_on;vnr;packs\nW1;2026-03-02;006192;100\nW1;2026-03-02;123456;7,5\n")
    wh = Warehouse.open(replace(fresh_settings, archive_url=bucket))
    try:
        verdicts = intake.load(wh, "holders", [holders], received_at=RECEIVED)
        verdicts += intake.load(wh, "stock", [stock], received_at=RECEIVED)
        assert [verdict.verdict for verdict in verdicts] == ["accepted", "accepted"]
        found = facts(wh, date(2026, 3, 2), RECEIVED)
        assert sorted(found.stock.collect()["packs"].to_list()) == [7.5, 100.0]
    finally:
        wh.close()
