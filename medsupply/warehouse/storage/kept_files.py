"""Sums of past days and weeks beside the warehouse: a cache, which may be deleted at any time."""

from __future__ import annotations

import io
import os
from datetime import date
from pathlib import Path

import polars as pl

from medsupply.warehouse.storage.store import FolderStore


class KeptFiles:
    """One Parquet file for each day (or Monday) and fingerprint; beyond ``most`` those used least lately go."""

    def __init__(self, home: Path, name: str, most: int) -> None:
        self.most = most
        self.folder = home / "cache" / name
        self.store = FolderStore(self.folder)

    def get(self, monday: date, key: str) -> pl.DataFrame | None:
        path = self.folder / f"{monday}-{key}.parquet"
        try:
            os.utime(path)
            return pl.read_parquet(path)
        except FileNotFoundError:
            return None

    def put(self, monday: date, key: str, frame: pl.DataFrame) -> None:
        buffer = io.BytesIO()
        frame.write_parquet(buffer, compression="zstd", compression_level=1)
        self.store.put(f"{monday}-{key}.parquet", buffer.getvalue())
        with os.scandir(self.folder) as found:
            by_use = sorted((one.stat().st_mtime, one.path) for one in found if one.name.endswith(".parquet"))
        for _, path in by_use[: -self.most]:
            Path(path).unlink(missing_ok=True)
