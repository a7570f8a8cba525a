"""Tables of operations: deliveries, the snapshots in them, quarantine, audit; and the views analysts see."""

from __future__ import annotations

import dataframely as dy

from medsupply.tables.base import Table, View, count, day, flag, moment, number, text, texts

VERDICTS = ("accepted", "partly", "held", "refused", "duplicate")
DELIVERY_STATES = ("received", "received_late", "late", "missing", "not_due")


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


class CompactedDays(dy.Schema):
    source = text("stock or dispensing", primary_key=True)
    day = day("Report day", primary_key=True)
    file_name = text("File of the record that holds the day")
    rows = count("Rows in it, superseded and withdrawn ones too")
    file_bytes = count("Its size", "bytes")
    compacted_at = moment("When it was written")


class CompactedParts(dy.Schema):
    delivery_id = text("Delivery", primary_key=True)
    part = count("Part of it in the record", "part", primary_key=True)
    day = day("Report day whose file holds the part's rows of that day", primary_key=True)
    source = text("stock or dispensing")


class Replaced(dy.Schema):
    file_name = text("File of the record that is not needed any more", primary_key=True)
    replaced_at = moment("Since when; it stays for those who are reading it")


class Expected(dy.Schema):
    source = text("stock or dispensing", primary_key=True)
    day = day("Report day", primary_key=True)
    holder_id = text("Holder or reporter that must deliver", primary_key=True)
    holder_type = text("Kind of holder", nullable=True)
    county_code = text("County of the holder", nullable=True)
    due_at = moment("Cut-off: until when the day is to be delivered")
    received_at = moment("When it was first received; empty: not yet", nullable=True)
    state = text(
        "received, received_late (after the cut-off), late (not here, still carried), missing, not_due",
        check=lambda c: c.is_in(list(DELIVERY_STATES)),
    )
    known_at = moment("Moment of which this is true")


class ExpectedDays(dy.Schema):
    source = text("stock or dispensing", primary_key=True)
    day = day("Report day", primary_key=True)
    expected = count("Holders whose delivery is due or here, by the calendar and the list of holders", "holders")
    received = count("Of them here", "holders")
    received_late = count("Of those received, after the cut-off", "holders")
    late = count("Of them not here, the snapshot before still carried", "holders")
    missing = count("Of them not here and not carried any more", "holders")
    not_due = count("Holders whose cut-off lies ahead", "holders")
    unexpected = count("Holders that delivered the day though the calendar does not ask for it", "holders")
    calendar_version = text("Version of the calendar of deliveries")
    known_at = moment("Moment of which this is true")


class Quarantine(dy.Schema):
    delivery_id = text("Delivery", primary_key=True)
    line = count("Line in the file; row number in a Parquet file", "line", primary_key=True)
    source = text("Source")
    field = text("Field that is wrong; empty: the row as a whole", nullable=True)
    reason_code = text("Stable code of the reason")
    what_to_do = text("What the sender or operator can do")
    original = text("The row as it came; empty: gone by retention, the archived file has it", nullable=True)
    holder_id = text("Holder or reporter, where it can be read", nullable=True)
    day = day("Report day, where it can be read", nullable=True)
    vnr = text("Package, where it can be read", nullable=True)
    packs = number("Packs in the row; a text that is no number counts 0", "packs")
    released_at = moment("When it was released", nullable=True)
    released_by = text("Who released it; service: the reason was gone", nullable=True)
    county_code = text("County, where it can be read", nullable=True)


class Retained(dy.Schema):
    at = moment("When", primary_key=True)
    kind = text(
        "done_files, forecast_paths, forecast_quantiles, replaced_sums, mail_texts or quarantine_texts",
        primary_key=True,
    )
    keep_days = count("Days that it was to be kept", "days")
    before = moment("What was older than this is gone")
    rows = count("Rows, texts or files deleted")
    bytes = count("Their size", "bytes")
    oldest = moment("The oldest of them", nullable=True)
    finished_at = moment("When it was done; empty: killed in it, the next run ends it", nullable=True)


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
    indexes=(("source", "day"), ("source", "holder_id", "day")),
)
COMPACTED_DAYS = Table("ops", "compacted_days", CompactedDays, "Closed days of the record: one file per source and day")
COMPACTED_PARTS = Table(
    "ops",
    "compacted_parts",
    CompactedParts,
    "Which part of which delivery the file of a closed day holds",
    indexes=(("source", "day"),),
)
REPLACED = Table("ops", "replaced", Replaced, "Files of the record that a compaction replaced and a sweep will delete")
EXPECTED = Table(
    "ops",
    "expected",
    Expected,
    "Deliveries that the calendar expects, by holder and day, and what became of each",
    indexes=(("day",),),
)
EXPECTED_DAYS = Table("ops", "expected_days", ExpectedDays, "Per source and day: expected, received, late, missing")
QUARANTINE = Table(
    "ops", "quarantine", Quarantine, "Rows that were not accepted, kept as they came", classification="restricted"
)
RETAINED = Table("ops", "retained", Retained, "What retention deleted: how much of what, how old, when")
AUDIT = Table(
    "ops",
    "audit",
    Audit,
    "Decisions of persons: withdrawals, releases, acknowledgements; never changed",
    classification="restricted",
)

TABLES: tuple[Table, ...] = (
    DELIVERIES, SNAPSHOTS, QUARANTINE, AUDIT, COMPACTED_DAYS, COMPACTED_PARTS, REPLACED, EXPECTED, EXPECTED_DAYS,
    RETAINED,
)  # fmt: skip

_PUBLIC = (
    "delivery_id", "source", "file_name", "sha256", "sender", "received_at", "verdict", "reason",
    "rows_received", "rows_accepted", "rows_quarantined", "rows_duplicate",
    "packs_received", "packs_accepted", "packs_quarantined", "packs_duplicate",
    "reason_code", "bytes_received", "bytes_archived", "lines_physical", "lines_header", "lines_blank", "encoding",
    "warnings", "day_from", "day_to", "duplicate_of", "held", "released_at", "withdrawn_at",
)  # fmt: skip
EQUATIONS = (
    "((d.bytes_archived is null or d.bytes_archived = d.bytes_received) and (d.verdict = 'refused' or ("
    "d.rows_received = d.rows_accepted + d.rows_quarantined + d.rows_duplicate"
    " and abs(d.packs_received - d.packs_accepted - d.packs_quarantined - d.packs_duplicate)"
    " <= 1e-6 * (1 + abs(d.packs_received))"
    " and (d.lines_physical is null or d.lines_physical = d.lines_header + d.lines_blank + d.rows_received))))"
)
# The state reserve is in no figure of ``analyst``: which deliveries hold snapshots of it, and whether nothing else.
_RESERVE = "SELECT holder_id FROM core.holders WHERE holder_type = 'state_reserve'"
_OF_THE_RESERVE = f"""
    SELECT s.delivery_id, NOT EXISTS (
        SELECT FROM ops.snapshots o WHERE o.delivery_id = s.delivery_id AND o.holder_id NOT IN ({_RESERVE})) AS whole
    FROM ops.snapshots s WHERE s.holder_id IN ({_RESERVE}) GROUP BY s.delivery_id
"""  # noqa: S608
_RESERVE_ROW = (
    f"(q.holder_id IN ({_RESERVE}) OR (q.holder_id IS NULL AND r.delivery_id IS NOT NULL)"
    " OR (q.source = 'permits' AND q.original ILIKE '%release%'))"
)


def _told(name: str) -> str:
    """SQL: a column of a delivery; packs of the state reserve are not told."""
    return f"CASE WHEN r.whole IS NOT TRUE THEN d.{name} END AS {name}" if name.startswith("packs_") else f"d.{name}"


VIEWS: tuple[View, ...] = (
    View(
        "deliveries",
        f"SELECT {', '.join(map(_told, _PUBLIC))}, {EQUATIONS} AS equations_hold FROM ops.deliveries d"  # noqa: S608
        f" LEFT JOIN ({_OF_THE_RESERVE}) r USING (delivery_id)",
        "Every delivery: what came, what was accepted, what was not and why. One row per delivery; no packs where "
        "all of it is the state reserve",
        columns={"equations_hold": "Rows, packs, lines and bytes add up as section 5 of the design says"},
        tables=(DELIVERIES,),
    ),
    View(
        "quarantine",
        "SELECT q.delivery_id, q.source, q.line, q.field, q.reason_code, q.what_to_do, "  # noqa: S608
        + ", ".join(
            f"CASE WHEN {_RESERVE_ROW} IS NOT TRUE THEN q.{name} END AS {name}"
            for name in ("original", "holder_id", "day", "vnr", "packs")
        )
        + f", q.released_at, q.released_by, q.county_code FROM ops.quarantine q LEFT JOIN ({_OF_THE_RESERVE}) r"
        " USING (delivery_id)",
        "Rows that were not accepted, with the line, the original text, a stable reason code and what to do",
        tables=(QUARANTINE,),
    ),
    View(
        "retention",
        "SELECT at, kind, keep_days, before, rows, bytes, oldest, finished_at FROM ops.retained",
        "What retention deleted. One row per run and kind; archive and record are never in it",
        tables=(RETAINED,),
    ),
    View(
        "expected_deliveries",
        "SELECT source, day, expected, received, received_late, late, missing, not_due, unexpected, calendar_version,"
        " known_at, expected = received + late + missing AS equation_holds FROM ops.expected_days",
        "Per source and report day: deliveries expected by the calendar = received + late + missing, by holder",
        columns={"equation_holds": "Expected = received + late + missing"},
        tables=(EXPECTED_DAYS,),
    ),
)
