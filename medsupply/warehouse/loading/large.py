"""Large deliveries are read one at a time under a MEDSUPPLY_HOME, however many loaders run: two would fill memory."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from medsupply.errors import WarehouseError
from medsupply.sources.unpacking import GZIP, PARQUET

# A process that reads a plain file takes up to twenty times its bytes; a packed one is several times larger inside.
LARGE = 16_000_000
PACKED_TIMES = 8
# What a small file may take; one that needs more, however well it is packed, is read again in its turn.
SMALL_MEMORY = 900_000_000


def is_large(data: bytes) -> bool:
    """Whether a file is large when unpacked, as far as its size says."""
    return len(data) * (PACKED_TIMES if data.startswith((GZIP, PARQUET)) else 1) >= LARGE


@contextlib.contextmanager
def alone(home: Path) -> Iterator[None]:
    """Wait until no other large file is read under this MEDSUPPLY_HOME.

    The lock is the system's: it ends with its process, however that ends. Raises WarehouseError.
    """
    path = home / "large-delivery.lock"
    try:
        home.mkdir(parents=True, exist_ok=True)
        file = path.open("a")
    except OSError as error:
        raise WarehouseError(f"{path} cannot be opened ({error.strerror})", "Correct the rights on it") from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
