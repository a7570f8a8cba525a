# ruff: noqa: E501  (tables are as wide as they are)
from __future__ import annotations

from datetime import timedelta

from spec_cases import count, day, holder, picture_facts, text

from medsupply.picture.reach import heard_of, valid_holders

TITLE = "Heard of: snapshots carried forward"
TEXT = """A snapshot is carried forward over at most 3 open days (Monday to Saturday, no Finnish public holiday). A holder
is heard of while its latest snapshot is no older than that; a holder that has closed is not."""
TABLE = """
| latest count | report day | closed on | open days since | = heard of |
|---|---|---|---|---|
| 2026-03-05 | 2026-03-05 |  | counted that day | yes |
| 2026-03-02 | 2026-03-05 |  | Tue, Wed, Thu | yes |
| 2026-02-28 | 2026-03-05 |  | Mon, Tue, Wed, Thu | no |
| 2026-02-27 | 2026-03-03 |  | Sat, Mon, Tue; Sunday is no open day | yes |
| 2025-12-23 | 2025-12-29 |  | Sat 27, Mon 29; 24 to 26 are holidays, 28 is a Sunday | yes |
| 2025-12-23 | 2025-12-31 |  | Sat 27, Mon 29, Tue 30, Wed 31 | no |
| 2026-04-02 | 2026-04-08 |  | Sat 4, Tue 7, Wed 8; Good Friday to Easter Monday are closed | yes |
| 2026-03-04 | 2026-03-05 | 2026-03-04 | closed | no |
"""


def outcome(row: dict[str, str]) -> dict[str, str]:
    counted, as_of = day(row["latest count"]), day(row["report day"])
    assert counted and as_of
    counts = [count("P1", counted, 5.0), count("P1", counted - timedelta(days=30), 5.0)]
    known = picture_facts(as_of=as_of, holders=[holder("P1", valid_to=day(row["closed on"]))], stock=counts)
    heard = heard_of(known, valid_holders(known)).height == 1
    return {"= heard of": text(heard)}
