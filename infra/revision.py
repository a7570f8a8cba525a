"""Writes the Alembic revision that brings the database to the declared tables: ``infra/revision.py "why"``."""

from __future__ import annotations

import os
import sys

from medsupply.settings import Settings
from medsupply.warehouse.database.migrate import revise


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit('Say why, for instance: infra/revision.py "A unit for supply"')
    print(revise(Settings.from_environ(os.environ), sys.argv[1]))


if __name__ == "__main__":
    main()
