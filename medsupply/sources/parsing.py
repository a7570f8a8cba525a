"""Bytes of a delivery, checked: read, brought into the contract's form, split. The whole of ``sources`` in one call."""

from __future__ import annotations

from dataclasses import dataclass, replace

import polars as pl

from medsupply.errors import DeliveryRefused
from medsupply.sources.catalogue import Source
from medsupply.sources.checking import Checked, check
from medsupply.sources.reading import LINE, Raw, read
from medsupply.sources.rules import Known
from medsupply.sources.shaping import shaped
from medsupply.sources.unpacking import LIMITS, NO_LIMITS, Limits

# What to do about a file without rows, by whether it is of sites: silence is no statement, for nothing there is a row.
_NOTHING = {
    True: "Send its rows; who has nothing sends one row with an empty vnr and packs 0",
    False: "Send the whole list, or nothing at all",
}


@dataclass(frozen=True)
class Lines:
    """Physical lines of a file and how it was read; no lines in a Parquet file."""

    physical: int | None
    header: int
    blank: int
    encoding: str


def parse(data: bytes, source: Source, known: Known, limits: Limits = LIMITS) -> tuple[Lines, Checked]:
    """Read and check a delivery. Raises DeliveryRefused."""
    raw = shaped(read(data, source, limits), source)
    if not raw.frame.height:
        raise DeliveryRefused("no_rows", "The file has a header and no row", _NOTHING[source.is_site])
    lines = Lines(raw.lines_physical, raw.lines_header, raw.lines_blank, raw.encoding)
    return lines, check(raw, source, known)


def parse_again(data: bytes, source: Source, known: Known, only: pl.Series) -> Checked:
    """Check the lines ``only`` of a delivery that was read before, with what is known now."""
    raw = shaped(read(data, source, NO_LIMITS), source)
    return check(_with_lines(raw, only), source, known)


def _with_lines(raw: Raw, only: pl.Series) -> Raw:
    return replace(raw, frame=raw.frame.filter(pl.col(LINE).is_in(only.implode())))
