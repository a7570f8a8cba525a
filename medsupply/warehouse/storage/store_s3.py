"""Archive and record in a bucket: whole-object puts, so that no half object is ever read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from medsupply.errors import WarehouseError, WarehouseUnavailable

T = TypeVar("T")
TRIES, FIRST_WAIT = 5, 0.2
AT_ONCE = 16


class BucketStore:
    """Files under ``s3://bucket/prefix``; endpoint and keys come from the usual AWS variables."""

    def __init__(self, url: str) -> None:
        try:
            import s3fs  # type: ignore[import-untyped]
            from botocore.exceptions import BotoCoreError  # type: ignore[import-untyped]
        except ImportError as error:
            raise WarehouseError(
                "s3:// needs the extra s3", "Install medsupply[s3], or set MEDSUPPLY_ARCHIVE_URL to a folder"
            ) from error
        self.url = url.rstrip("/")
        self.failures: tuple[type[Exception], ...] = (OSError, BotoCoreError)
        self.files: Any = s3fs.S3FileSystem(use_listings_cache=False)

    def _path(self, name: str) -> str:
        return f"{self.url}/{name}"

    def put(self, name: str, data: bytes) -> None:
        self._patiently(lambda: self.files.pipe_file(self._path(name), data))

    def put_all(self, files: Mapping[str, bytes]) -> None:
        """Several objects at a time; each is there whole or not at all."""
        with ThreadPoolExecutor(max_workers=AT_ONCE) as threads:
            for done in [threads.submit(self.put, name, data) for name, data in files.items()]:
                done.result()

    def get(self, name: str) -> bytes:
        try:
            return bytes(self._patiently(lambda: self.files.cat_file(self._path(name))))
        except FileNotFoundError as error:
            raise WarehouseError(f"{self._path(name)} is not there", "Restore it from the bucket's backup") from error

    def exists(self, name: str) -> bool:
        return bool(self._patiently(lambda: self.files.exists(self._path(name))))

    def size(self, name: str) -> int | None:
        try:
            return int(self._patiently(lambda: self.files.info(self._path(name)))["size"])
        except FileNotFoundError:
            return None

    def delete(self, name: str) -> None:
        if self.exists(name):
            self._patiently(lambda: self.files.rm_file(self._path(name)))

    def names(self, prefix: str) -> Iterator[str]:
        found = self._patiently(lambda: self.files.find(self._path(prefix)))
        base = self.url.removeprefix("s3://") + "/"
        yield from sorted(str(path).removeprefix(base) for path in found)

    def location(self, name: str) -> str:
        return self._path(name)

    def _patiently(self, call: Callable[[], T]) -> T:
        """Call again when the server fails now and then; what is not there is not asked for again."""
        wait = FIRST_WAIT
        for attempt in range(1, TRIES + 1):
            try:
                return call()
            except FileNotFoundError:
                raise
            except self.failures as error:
                if attempt == TRIES:
                    raise WarehouseUnavailable(
                        f"The bucket {self.url} does not answer ({error})", "Check the server and the AWS variables"
                    ) from error
                time.sleep(wait)
                wait *= 2
        raise AssertionError("unreachable")
