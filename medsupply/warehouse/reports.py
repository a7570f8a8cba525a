"""What a sender is told of its delivery: what was taken, what not, why, with line numbers; in words and as CSV."""

from __future__ import annotations

import polars as pl

from medsupply.errors import InputError
from medsupply.warehouse.connection import Warehouse

_WORDS = {
    "fi": ("Toimitus {id} ({file}), vastaanotettu {at}: {verdict}.",
           "Rivejä {rows_received}: hyväksytty {rows_accepted}, odottaa korjausta {rows_quarantined}, kaksoiskappaleita"
           " {rows_duplicate}.", "Rivi {line}, {field}: {what} [{code}]"),
    "sv": ("Leverans {id} ({file}), mottagen {at}: {verdict}.",
           "Rader {rows_received}: godkända {rows_accepted}, väntar på rättelse {rows_quarantined}, dubbletter"
           " {rows_duplicate}.", "Rad {line}, {field}: {what} [{code}]"),
    "en": ("Delivery {id} ({file}), received {at}: {verdict}.",
           "Rows {rows_received}: accepted {rows_accepted}, waiting for correction {rows_quarantined}, duplicates"
           " {rows_duplicate}.", "Line {line}, {field}: {what} [{code}]"),
}  # fmt: skip


def sender_report(wh: Warehouse, delivery_id: str, language: str, *, as_csv: bool = False) -> str:
    """The report of one delivery. Raises InputError for an unknown one."""
    found = wh.read("select * from ops.deliveries where delivery_id = :id", id=delivery_id)
    if not found.height:
        raise InputError(f"There is no delivery {delivery_id!r}", "See analyst.deliveries for their names")
    rows = wh.read(
        "select line, field, reason_code, what_to_do, original from ops.quarantine"
        " where delivery_id = :id and released_at is null order by line",
        id=delivery_id,
    )
    if as_csv:
        return _harmless(rows).write_csv(separator=";").rstrip("\n")
    head, counts, line = _WORDS[language]
    one = found.row(0, named=True)
    lines = [
        head.format(id=delivery_id, file=one["file_name"], at=f"{one['received_at']:%Y-%m-%d %H:%M}", **one),
        counts.format(**one),
        *([one["reason"]] if one["reason"] else []),
        *(
            line.format(line=row["line"], field=row["field"] or "-", what=row["what_to_do"], code=row["reason_code"])
            for row in rows.iter_rows(named=True)
        ),
    ]
    return "\n".join(lines)


def _harmless(rows: pl.DataFrame) -> pl.DataFrame:
    """Text that a spreadsheet would run as a formula gets an apostrophe."""
    texts = [name for name, dtype in rows.schema.items() if dtype == pl.String]
    risky = r"^[=+\-@\t\r]"
    return rows.with_columns(
        pl.when(pl.col(name).str.contains(risky)).then(pl.lit("'") + pl.col(name)).otherwise(pl.col(name)).alias(name)
        for name in texts
    )


def export(wh: Warehouse, view: str, where: str = "true", **params: object) -> pl.DataFrame:
    """The rows of a view of ``analyst``, with harmless texts. Raises InputError for an unknown view."""
    known = wh.read("select table_name from information_schema.views where table_schema = 'analyst'")
    if view not in known["table_name"].to_list():
        raise InputError(f"analyst has no view {view!r}", f"Use one of {', '.join(sorted(known['table_name']))}")
    return _harmless(wh.read(f"select * from analyst.{view} where {where}", **params))  # noqa: S608
