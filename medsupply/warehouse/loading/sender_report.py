"""What a sender is told of its delivery, in fi, sv or en: what was taken, what not, why, in which lines, what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import polars as pl

from medsupply.errors import InputError
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.reports import harmless
from medsupply.words import has_word, word
from medsupply.words import numbers as write

GROUPS = ("received", "accepted", "quarantined", "duplicate")
EXAMPLE = 120
_ROWS = """
    SELECT line, field, reason_code, what_to_do, original FROM ops.quarantine
    WHERE delivery_id = :id AND released_at IS NULL ORDER BY line
"""


def sender_report(wh: Warehouse, delivery_id: str, language: str, *, as_csv: bool = False) -> str:
    """The report of one delivery. Raises InputError for an unknown one, or a language that is not spoken here."""
    found = wh.read("select * from ops.deliveries where delivery_id = :id", id=delivery_id)
    if not found.height:
        raise InputError(f"There is no delivery {delivery_id!r}", "See analyst.deliveries for their names")
    delivery, rows = found.row(0, named=True), wh.read(_ROWS, id=delivery_id)
    if as_csv:
        return _table(language, delivery, rows)
    return "\n".join(_sentences(language, delivery, rows))


def _sentences(language: str, delivery: dict[str, Any], rows: pl.DataFrame) -> Iterator[str]:
    said = _Speaker(language)
    yield said(
        "title",
        id=delivery["delivery_id"],
        file=delivery["file_name"],
        source=word(language, f"source.{delivery['source']}"),
        received=write.moment(language, delivery["received_at"]),
    )
    yield said("verdict", verdict=word(language, f"verdict.{delivery['verdict']}"))
    if delivery["withdrawn_at"]:
        yield said("withdrawn", at=write.moment(language, delivery["withdrawn_at"]))
    code = delivery["reason_code"] or ("held" if delivery["verdict"] == "held" else None)
    if code:
        yield said("why", why=_told(language, "refusal", code, str(delivery["reason"])), code=code)
        yield said("detail", detail=delivery["reason"])
    if delivery["verdict"] not in ("refused", "duplicate"):
        for what, decimals in (("rows", 0), ("packs", 2)):
            counts = {group: write.number(language, delivery[f"{what}_{group}"], decimals) for group in GROUPS}
            yield said(what, **counts)
    yield from (said("warning", warning=one) for one in delivery["warnings"] or [])
    yield from _waiting(said, rows)


class _Speaker:
    """The words of the report in one language."""

    def __init__(self, language: str) -> None:
        self.language = language

    def __call__(self, key: str, **values: object) -> str:
        return word(self.language, f"sender_report.{key}", **values)


def _waiting(said: _Speaker, rows: pl.DataFrame) -> Iterator[str]:
    """Each reason with the lines that wait for it, and the first of them as it came."""
    if not rows.height:
        return
    yield ""
    yield said("waiting")
    for (code, field), group in rows.group_by("reason_code", "field", maintain_order=True):
        reason = _told(said.language, "quarantine", str(code), str(code))
        action = _told(said.language, "quarantine_action", str(code), str(group["what_to_do"][0]))
        yield f"- {reason}{f' ({field})' if field else ''}. {action}. [{code}]"
        yield f"  {said('lines', lines=ranges(group['line']))}"
        if group["original"][0] is not None:  # else gone by retention
            yield f"  {said('example', line=group['line'][0], original=group['original'][0][:EXAMPLE])}"


def ranges(lines: Iterable[int]) -> str:
    """``2, 5-9, 12`` of sorted line numbers."""
    runs: list[list[int]] = []
    for line in lines:
        if runs and line == runs[-1][1] + 1:
            runs[-1][1] = line
        else:
            runs.append([line, line])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def _told(language: str, group: str, code: str, otherwise: str) -> str:
    """The word of a code; what was stored with it where a later version of the service has brought a new one."""
    return word(language, f"{group}.{code}") if has_word(language, f"{group}.{code}") else otherwise


def _table(language: str, delivery: dict[str, Any], rows: pl.DataFrame) -> str:
    """One line per row that waits, or one for a delivery that was refused whole."""
    columns = ("line", "field", "reason", "action", "code", "original")
    table = [
        (
            row["line"],
            row["field"],
            _told(language, "quarantine", row["reason_code"], row["reason_code"]),
            _told(language, "quarantine_action", row["reason_code"], row["what_to_do"]),
            row["reason_code"],
            row["original"],
        )
        for row in rows.iter_rows(named=True)
    ]
    if delivery["verdict"] == "refused":
        code = str(delivery["reason_code"])
        table = [(None, None, _told(language, "refusal", code, code), str(delivery["reason"]), code, None)]
    types = {name: pl.Int64 if name == "line" else pl.String for name in columns}
    frame = harmless(pl.DataFrame(table, schema=types, orient="row"))
    heads = {name: word(language, f"sender_report.column_{name}") for name in columns}
    return frame.rename(heads).write_csv(separator=";").rstrip("\n")
