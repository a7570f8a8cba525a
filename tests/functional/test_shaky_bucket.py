"""A bucket behind a connection that is cut now and then, and a loader that dies while it uploads: nothing by half."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import s3fs
from moto.server import ThreadedMotoServer
from shaky_proxy import ShakyProxy
from test_intake_kills import filled

from medsupply.errors import WarehouseUnavailable
from medsupply.settings import Settings
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.database.hashing import warehouse_hash
from medsupply.warehouse.loading import inbox, proof, undo
from medsupply.warehouse.storage import store_s3
from medsupply.warehouse.storage.store import FolderStore, open_store

AT = datetime(2026, 5, 1, tzinfo=UTC)
UPLOAD = """
import sys
from medsupply.warehouse.storage.store import open_store
store = open_store(sys.argv[1])
print("ready", flush=True)
for number in range(1000):
    store.put(f"raw/stock/{number}", bytes([number % 256]) * 3_000_000)
"""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    """The address of an S3 server with a bucket; a client remembers an address, so those there are forgotten."""
    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "eu-north-1",
        "AWS_DEFAULT_REGION": "eu-north-1",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ALLOW_HTTP": "true",
    }.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    yield host, port
    s3fs.S3FileSystem.clear_instance_cache()
    running.stop()


def bucket(name: str) -> str:
    import boto3

    boto3.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-north-1"})
    return f"s3://{name}/medsupply"


def through(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Reach the server by another address from now on."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    s3fs.S3FileSystem.clear_instance_cache()


def test_a_nation_over_a_shaky_connection(
    server: tuple[str, int],
    fresh_settings: Settings,
    other_settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain, folder = tmp_path / "plain", tmp_path / "inbox"
    number = filled(plain, 5) and filled(folder, 5)
    url, direct = bucket(f"shaky-{os.getpid()}"), f"http://{server[0]}:{server[1]}"
    proxy = ShakyProxy(server, seed=5)
    through(monkeypatch, proxy.url)
    monkeypatch.setattr(store_s3, "FIRST_WAIT", 0.01)
    with Warehouse.open(other_settings) as wanted, Warehouse.open(replace(fresh_settings, archive_url=url)) as found:
        inbox.take(wanted, plain, received_at=AT)
        for _ in range(30):
            try:
                inbox.take(found, folder, received_at=AT)
            except WarehouseUnavailable:
                continue
            break
        proxy.close()
        through(monkeypatch, direct)
        assert proxy.cuts > 5 and inbox.waiting(folder) == []
        assert warehouse_hash(found).views == warehouse_hash(wanted).views
        assert (
            proof.broken(found).is_empty() and found.read("select count(*) as n from ops.deliveries").item() == number
        )
        local, remote = FolderStore(Path(other_settings.archive_url)), open_store(url)
        names = [name for name in local.names("raw") if not name.endswith(".json")]
        assert {name: remote.get(name) for name in names} == {name: local.get(name) for name in names}
        undo.rebuild(found)
        assert warehouse_hash(found).views == warehouse_hash(wanted).views


def test_killed_while_it_uploads_no_object_is_there_by_half(server: tuple[str, int]) -> None:
    url = bucket(f"killed-{os.getpid()}")
    for delay in (0.05, 0.15, 0.3):
        process = subprocess.Popen([sys.executable, "-c", UPLOAD, url], stdout=subprocess.PIPE)
        assert process.stdout is not None and process.stdout.readline() == b"ready\n"
        time.sleep(delay)
        process.kill()
        process.communicate()
    time.sleep(0.5)
    store = open_store(url)
    names = list(store.names("raw"))
    assert names
    for name in names:
        number = int(name.rpartition("/")[2])
        assert store.get(name) == bytes([number % 256]) * 3_000_000
