"""Small deliveries for the tests of sources."""

from __future__ import annotations

from medsupply.sources.catalogue import SOURCES
from medsupply.sources.checking import Checked
from medsupply.sources.parsing import Lines, parse
from medsupply.sources.rules import Known

HEADER = "holder_id;counted_on;vnr;lot;expires_on;packs;reserve_packs;owner_id"
DISPENSING = "reporter_id;day;county_code;channel;vnr;packs;dispensings;returned_packs"
KNOWN = Known(holders=["H1", "H2"], articles=["ERITYIS-1"])


def stock(*rows: str, header: str = HEADER) -> bytes:
    return ("\n".join([header, *rows]) + "\n").encode()


def parsed(data: bytes, source: str = "stock", known: Known = KNOWN) -> tuple[Lines, Checked]:
    return parse(data, SOURCES[source], known)


def checked(*rows: str) -> Checked:
    return parsed(stock(*rows))[1]


def code_of(*rows: str) -> list[tuple[str, str | None]]:
    found = checked(*rows).quarantined
    return list(found.select("reason_code", "field").iter_rows())
