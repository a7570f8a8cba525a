"""Tables of operations: deliveries, the snapshots in them, quarantine, audit; and the views analysts see."""

from __future__ import annotations

import dataframely as dy

from medsupply.tables.base import Table, View, count, day, flag, moment, number, text, texts

VERDICTS = ("accepted", "partly", "held", "refused", "duplicate")


class Deliveries(dy.Schema):
    delivery_id = text(
        "Delivery: source and the beginning of the hash; -d and a number for a duplicate", primary_key=True
    )
    source = text("Source, as in the contracts")
    file_name = text("Name of the file as it came")
    sha256 = text("SHA-256 of the bytes received")
    sender = text("Who sent it", nullable=True)
    received_at = moment("When it was received")
    verdict = text("accepted, partly, held, refused or duplicate", check=lambda c: c.is_in(list(VERDICTS)))
    reason = text("Why it was not accepted whole, and what to do", nullable=True)
    reason_code = text("Stable code of the reason", nullable=True)
    rows_received = count("Data rows in the file")
    rows_accepted = count("Of them accepted")
    rows_quarantined = count("Of them in quarantine")
    rows_duplicate = count("Of them exact duplicates of another row of the file")
    packs_received = number("Packs in the file; a text that is no number counts 0", "packs")
    packs_accepted = number("Of them accepted", "packs")
    packs_quarantined = number("Of them in quarantine", "packs")
    packs_duplicate = number("Of them exact duplicates", "packs")
    bytes_received = count("Bytes received", "bytes")
    bytes_archived = count("Bytes in the archive; empty: not kept", "bytes", nullable=True)
    lines_physical = count("Physical lines of the file", "lines", nullable=True)
    lines_header = count("Header lines", "lines", nullable=True)
    lines_blank = count("Blank lines and lines that are none of the data (footers)", "lines", nullable=True)
    encoding = text("Encoding that was used", nullable=True)
    warnings = texts("What was noticed and does no harm", nullable=True)
    day_from = day("First report day in the file", nullable=True)
    day_to = day("Last report day in the file", nullable=True)
    duplicate_of = text("Delivery that holds the same bytes", nullable=True)
    file_identity = text("Device, inode and time of the file in the inbox, to move it after a kill", nullable=True)
    held = flag("Its snapshots or list wait for an operator or for the next one to agree")
    released_at = moment("When the hold ended", nullable=True)
    withdrawn_at = moment("When it was withdrawn", nullable=True)
    parts = count("Parquet files of it in the record", "files")


class Snapshots(dy.Schema):
    delivery_id = text("Delivery", primary_key=True)
    source = text("stock or dispensing", primary_key=True)
    holder_id = text("Holder or reporter", primary_key=True)
    day = day("Report day", primary_key=True)
    rows = count("Accepted rows of it, nil rows not counted")
    held = flag("Over 20 % shorter than the one before: waits for an operator or for the next one to agree")
    released_at = moment("When the hold ended", nullable=True)


class Quarantine(dy.Schema):
    delivery_id = text("Delivery", primary_key=True)
    line = count("Line in the file; row number in a Parquet file", "line", primary_key=True)
    source = text("Source")
    field = text("Field that is wrong; empty: the row as a whole", nullable=True)
    reason_code = text("Stable code of the reason")
    what_to_do = text("What the sender or operator can do")
    original = text("The row as it came")
    holder_id = text("Holder or reporter, where it can be read", nullable=True)
    day = day("Report day, where it can be read", nullable=True)
    vnr = text("Package, where it can be read", nullable=True)
    packs = number("Packs in the row; a text that is no number counts 0", "packs")
    released_at = moment("When it was released", nullable=True)
    released_by = text("Who released it; service: the reason was gone", nullable=True)
    county_code = text("County, where it can be read", nullable=True)


class Audit(dy.Schema):
    at = moment("When", primary_key=True)
    action = text("What was done", primary_key=True)
    subject = text("To what", primary_key=True)
    author = text("Who")
    reason = text("Why")


DELIVERIES = Table(
    "ops",
    "deliveries",
    Deliveries,
    "Every delivery with its verdict, counts and reasons",
    indexes=(("source", "sha256"),),
)
SNAPSHOTS = Table(
    "ops",
    "snapshots",
    Snapshots,
    "Which holder reported which day in which delivery",
    indexes=(("source", "day"), ("holder_id",)),
)
QUARANTINE = Table(
    "ops", "quarantine", Quarantine, "Rows that were not accepted, kept as they came", classification="restricted"
)
AUDIT = Table(
    "ops",
    "audit",
    Audit,
    "Decisions of persons: withdrawals, releases, acknowledgements; never changed",
    classification="restricted",
)

TABLES: tuple[Table, ...] = (DELIVERIES, SNAPSHOTS, QUARANTINE, AUDIT)

_PUBLIC = (
    "delivery_id", "source", "file_name", "sha256", "sender", "received_at", "verdict", "reason",
    "rows_received", "rows_accepted", "rows_quarantined", "rows_duplicate",
    "packs_received", "packs_accepted", "packs_quarantined", "packs_duplicate",
    "reason_code", "bytes_received", "bytes_archived", "lines_physical", "lines_header", "lines_blank", "encoding",
    "warnings", "day_from", "day_to", "duplicate_of", "held", "released_at", "withdrawn_at",
)  # fmt: skip
EQUATIONS = (
    "(d.verdict = 'refused' or (d.rows_received = d.rows_accepted + d.rows_quarantined + d.rows_duplicate"
    " and abs(d.packs_received - d.packs_accepted - d.packs_quarantined - d.packs_duplicate)"
    " <= 1e-6 * (1 + abs(d.packs_received))"
    " and (d.bytes_archived is null or d.bytes_archived = d.bytes_received)"
    " and (d.lines_physical is null or d.lines_physical = d.lines_header + d.lines_blank + d.rows_received)))"
)
VIEWS: tuple[View, ...] = (
    View(
        "deliveries",
        f"SELECT {', '.join(f'd.{name}' for name in _PUBLIC)}, {EQUATIONS} AS equations_hold FROM ops.deliveries d",  # noqa: S608
        "Every delivery: what came, what was accepted, what was not and why. One row per delivery",
        columns={"equations_hold": "Rows, packs, lines and bytes add up as section 5 of the design says"},
        tables=(DELIVERIES,),
    ),
    View(
        "quarantine",
        "SELECT delivery_id, source, line, field, reason_code, what_to_do, original, holder_id, day, vnr, packs,"
        " released_at, released_by, county_code FROM ops.quarantine",
        "Rows that were not accepted, with the line, the original text, a stable reason code and what to do",
        tables=(QUARANTINE,),
    ),
)
