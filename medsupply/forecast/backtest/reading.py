"""Files that backtests are given: which one is meant, and a clear error for one that cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from medsupply.errors import InputError


def newest(path: Path, pattern: str) -> Path:
    """``path``, or of a folder the last file by name that fits. Raises InputError where it holds none."""
    if not path.is_dir():
        return path
    files = sorted(path.glob(pattern))
    if not files:
        raise InputError(f"{path} holds no {pattern}", "Name the file, or the folder that holds it")
    return files[-1]


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Raises InputError with the file's name where what is done inside cannot read it."""
    try:
        yield
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        raise InputError(f"{path.name} cannot be read: {error}", "Give the file as it was published") from error
