"""Makes docs/coverage.md: what the critical lists cover, and which substitution groups changed members.

    .venv/bin/python infra/coverage.py ../shared/data

Loads the published registers and lists into a warehouse of its own and throws it away.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path

import structlog

from medsupply import flow
from medsupply.picture.coverage import coverage_page
from medsupply.picture.master import master
from medsupply.picture.vintages import vintages_page
from medsupply.published import files_in
from medsupply.settings import Settings
from medsupply.warehouse.database import server
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.database.migrate import migrate
from medsupply.warehouse.facts import facts

ROOT = Path(__file__).resolve().parent.parent
NOTE = "<!-- Made by infra/coverage.py from the published files; change the source, not this page. -->\n\n"
AS_OF, KNOWN_AT = date(2026, 6, 28), datetime(2026, 6, 30, 18, 0, tzinfo=UTC)


def page(data: Path, home: Path) -> str:
    """The page, from the files in ``data``."""
    settings = Settings.from_environ({"MEDSUPPLY_HOME": str(home)})
    migrate(settings)
    try:
        with Warehouse.open(settings) as wh:
            for one, path in files_in(data):
                if one.source != "kela_purchases":
                    flow.load(wh, one.source, [path], received_at=one.received_at)
            known = facts(wh, AS_OF, KNOWN_AT)
            found = master(known)
            return NOTE + coverage_page(known, found) + "\n" + vintages_page(found.memberships)
    finally:
        server.down(settings)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="Folder of the published files")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "coverage.md")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with tempfile.TemporaryDirectory(prefix="medsupply-coverage-") as home:
        given.out.write_text(page(given.data, Path(home)), encoding="utf-8")


if __name__ == "__main__":
    main()
