"""What is known of a delivery, and what became of it: the row of ``ops.deliveries``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from medsupply.sources.catalogue import Source
from medsupply.sources.personal import holds_code
from medsupply.tables.base import Table
from medsupply.warehouse.loading.parser_child import Parsed

TOLERANCE = 1e-6
GROUPS = ("received", "accepted", "quarantined", "duplicate")
# A delivery that is refused for one of these leaves no bytes: they are personal, or could not be searched whole.
NOT_KEPT = (
    "personal_code", "personal_column", "parser_failed", "too_large", "wrong_kind", "broken_parquet", "gzip_bomb",
)  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """What became of one delivery."""

    delivery_id: str
    source: str
    file_name: str
    verdict: str
    rows_received: int = 0
    rows_accepted: int = 0
    rows_quarantined: int = 0
    rows_duplicate: int = 0
    reason: str | None = None

    def __str__(self) -> str:
        counts = (
            f"{self.rows_received} rows = {self.rows_accepted} accepted + {self.rows_quarantined} quarantined"
            f" + {self.rows_duplicate} duplicate"
        )
        told = f"{self.source} {self.file_name}: {self.verdict}"
        if self.verdict not in ("refused", "duplicate"):
            told += f", {counts}"
        return f"{told}. {self.reason}" if self.reason else told


@dataclass(frozen=True)
class Delivery:
    """What is known of a delivery before its rows are. ``identity`` names the file in the inbox."""

    source: Source
    name: str
    data: bytes = field(repr=False)
    size: int
    sha256: str
    received_at: datetime
    sender: str | None = None
    identity: str | None = None

    @property
    def delivery_id(self) -> str:
        return f"{self.source.name}-{self.sha256[:12]}"


def told_name(name: str) -> str:
    """A file name that can be stored and shown: odd bytes replaced, never a personal identity code."""
    plain = re.sub(r"[\x00-\x1f\x7f]", "?", name.encode("utf-8", "replace").decode("utf-8"))[:200]
    return "(name withheld)" if holds_code(plain) else plain


def row_of(delivery: Delivery, verdict: Verdict) -> dict[str, object]:
    """The row without what only the rows of the delivery tell."""
    return {
        "delivery_id": verdict.delivery_id,
        "source": delivery.source.name,
        "file_name": delivery.name,
        "sha256": delivery.sha256,
        "sender": delivery.sender,
        "received_at": delivery.received_at,
        "verdict": verdict.verdict,
        "reason": verdict.reason,
        "bytes_received": delivery.size,
        "file_identity": delivery.identity,
        "held": False,
        "parts": 0,
        **{f"packs_{group}": 0.0 for group in GROUPS},
        **{f"rows_{group}": getattr(verdict, f"rows_{group}") for group in GROUPS},
    }


def counts_of(delivery: Delivery, parsed: Parsed, archived: int) -> dict[str, object]:
    """Control totals: packs, bytes, lines."""
    return {
        "packs_received": parsed.received.packs,
        "packs_accepted": parsed.taken.packs,
        "packs_quarantined": parsed.waiting.packs,
        "packs_duplicate": parsed.duplicate.packs,
        "bytes_archived": archived,
        "lines_physical": parsed.lines.physical,
        "lines_header": parsed.lines.header,
        "lines_blank": parsed.lines.blank,
        "encoding": parsed.lines.encoding,
        "warnings": parsed.warnings or None,
        "day_from": parsed.days[0] if parsed.days else None,
        "day_to": parsed.days[1] if parsed.days else None,
    }


def prove(row: dict[str, object], record_rows: int) -> None:
    """The equations of the design; a false one stops the transaction, so that nothing wrong is stored."""
    rows = [int(str(row[f"rows_{group}"])) for group in GROUPS]
    packs = [float(str(row[f"packs_{group}"])) for group in GROUPS]
    if rows[0] != sum(rows[1:]) or abs(packs[0] - sum(packs[1:])) > TOLERANCE * (1 + abs(packs[0])):
        raise AssertionError(f"rows or packs of {row['delivery_id']} do not add up: {rows}, {packs}")
    if row["bytes_archived"] != row["bytes_received"]:
        raise AssertionError(f"{row['delivery_id']}: bytes archived are not the bytes received")
    lines = row["lines_physical"]
    if lines is not None and lines != int(str(row["lines_header"])) + int(str(row["lines_blank"])) + rows[0]:
        raise AssertionError(f"{row['delivery_id']}: lines do not add up")
    if record_rows != rows[1]:
        raise AssertionError(f"{row['delivery_id']}: {record_rows} rows in the record, {rows[1]} accepted")


def insert(connection: sa.Connection, table: Table, rows: list[dict[str, object]]) -> None:
    """Write a few rows; COPY pays for many only."""
    if rows:
        connection.execute(sa.insert(table.sql), [{name: row.get(name) for name in table.columns} for row in rows])
