"""Deliveries on disk and in the manifest, and days of site rows gathered into bundles."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import polars as pl

from medsupply.simulate.dirt import Expected
from medsupply.simulate.truth import Truth
from medsupply.simulate.writing import csv_text, gz, parquet

LARGEST_BUNDLE = 3_000_000


@dataclass
class Manifest:
    """What was written: files in order of arrival."""

    folder: Path
    last_day: date
    medicines: int
    files: list[tuple[str, str, datetime]] = field(default_factory=list)

    def arrivals(self) -> pl.DataFrame:
        """``source``, ``path`` (relative to the folder), ``received_at`` in UTC, in order of arrival."""
        moment = pl.Datetime("us", "UTC")
        rows = pl.DataFrame(self.files, schema=["source", "path", "received_at"], orient="row")
        return rows.cast({"received_at": moment}).sort("received_at", "source", "path")

    def __str__(self) -> str:
        return f"{len(self.files)} deliveries of {self.medicines} medicines up to {self.last_day} are in {self.folder}"


class Files:
    """Writes deliveries and notes what must become of each."""

    def __init__(self, manifest: Manifest, truth: Truth) -> None:
        self.manifest, self.truth = manifest, truth
        self.gathered: dict[str, list[pl.DataFrame]] = {}

    def put(self, source: str, name: str, data: bytes, received_at: datetime, expected: Expected) -> None:
        """Write one delivery under ``inbox/<source>/``."""
        path = self.manifest.folder / "inbox" / source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        relative = str(path.relative_to(self.manifest.folder))
        self.manifest.files.append((source, relative, received_at))
        self.truth.expect(relative, source, expected)

    def lines(self, source: str, name: str, data: bytes, received_at: datetime) -> None:
        """A text file all of whose lines but the header must be accepted."""
        rows = data.count(b"\n") - 1
        self.put(source, name, data, received_at, Expected(rows, rows))

    def rows(self, source: str, name: str, frame: pl.DataFrame, received_at: datetime) -> None:
        """A clean table, as CSV; nothing is written where there is no row."""
        if frame.height:
            self.lines(source, f"{name}.csv", csv_text(frame).encode(), received_at)

    def gather(self, source: str, day: date, rows: pl.DataFrame, *, close: bool) -> None:
        """Keep a day's rows for the bundle; write it when it is to be closed or has grown large."""
        waiting = self.gathered.setdefault(source, [])
        waiting.append(rows)
        if close or sum(frame.height for frame in waiting) > LARGEST_BUNDLE:
            bundle = pl.concat(waiting)
            expected = Expected(bundle.height, bundle.height)
            self.put(source, f"{source}-to-{day}.parquet", parquet(bundle), next_morning(day), expected)
            waiting.clear()

    def daily(self, source: str, day: date, rows: pl.DataFrame, form: str) -> None:
        """A clean day as a file of its own; ``form``: csv.gz, csv or parquet."""
        expected = Expected(rows.height, rows.height)
        self.put(source, f"{source}-{day}.{form}", as_form(rows, form), next_morning(day), expected)


def as_form(rows: pl.DataFrame, form: str) -> bytes:
    """The rows as the bytes of a file whose name ends in ``form``."""
    if form == "parquet":
        return parquet(rows)
    text = csv_text(rows).encode()
    return gz(text) if form == "csv.gz" else text


def next_morning(day: date) -> datetime:
    """When what is about ``day`` arrives: before six in Helsinki on the next day."""
    return datetime.combine(day + timedelta(days=1), time(2), UTC)


def morning(day: date, hour: int = 3) -> datetime:
    """``hour`` o'clock UTC on ``day``."""
    return datetime.combine(day, time(hour), UTC)
