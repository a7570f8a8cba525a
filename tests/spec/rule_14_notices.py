# ruff: noqa: E501  (tables are as wide as they are)
from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from spec_cases import day, measured, picture_facts, text

TITLE = "Notices in force"
TEXT = """A notice is in force on a day when its newest revision known has start <= day <= end (9999-12-31 is an open end)
and is K, or is E and the day lies before the first list that showed E. Lists came on 2 and 4 March. A package whose start
was moved has one notice, as the newest list says; one that left the lists keeps what the last list said."""
TABLE = """
| list of 2 March | list of 4 March | report day | = in force | = within 84 days |
|---|---|---|---|---|
| K 2026-02-01 2026-04-01 | same | 2026-03-05 | 1 | 1 |
| K 2026-02-01 9999-12-31 | same | 2026-03-05 | 1 | 1 |
| K 2026-02-01 2026-03-05 | same | 2026-03-05 | 1 | 1 |
| K 2026-02-01 2026-03-04 | same | 2026-03-05 | 0 | 0 |
| K 2026-03-06 2026-04-01 | same | 2026-03-05 | 0 | 1 |
| K 2026-05-28 2026-07-01 | same | 2026-03-05 | 0 | 1 |
| K 2026-05-29 2026-07-01 | same | 2026-03-05 | 0 | 0 |
| K 2026-02-01 2026-04-01 | E 2026-02-01 2026-04-01 | 2026-03-05 | 0 | 0 |
| K 2026-02-01 2026-04-01 | E 2026-02-01 2026-04-01 | 2026-03-03 | 1 | 1 |
| E 2026-02-01 2026-04-01 | same | 2026-03-03 | 0 | 0 |
| E 2026-02-01 2026-04-01 | same | 2026-03-01 | 1 | 1 |
| K 2026-02-01 2026-04-01 | K 2026-03-20 2026-04-01 | 2026-03-05 | 0 | 1 |
| K 2026-02-01 2026-04-01 | absent | 2026-03-05 | 1 | 1 |
"""
LISTS = (datetime(2026, 3, 2, 6, tzinfo=UTC), datetime(2026, 3, 4, 6, tzinfo=UTC))


def revision(cell: str, known_from: datetime, known_to: datetime | None) -> dict[str, Any]:
    state, start, end = cell.split()
    row = {"vnr": "000101", "voimassa": state, "yritys": "A Oy", "known_from": known_from, "known_to": known_to}
    return {**row, "saatavuushairioalkupaiva": day(start), "saatavuushairioloppupaiva": day(end)}


def outcome(row: dict[str, str]) -> dict[str, str]:
    later = row["list of 4 March"]
    first = revision(row["list of 2 March"], LISTS[0], None if later == "same" else LISTS[1])
    rows = [first] if later in ("same", "absent") else [first, revision(later, LISTS[1], None)]
    as_of = day(row["report day"])
    known = picture_facts(as_of=as_of, fimea_shortages=rows)
    found = measured(known, "99")
    return {"= in force": text(found["notices_open"]), "= within 84 days": text(found["notice_share_84"])}
