"""What Alembic compares: the tables that are declared, not their monthly partitions, not its own version table."""

from __future__ import annotations

import re
from typing import Any

from medsupply.warehouse.database.roles import SCHEMAS

_PARTITION = re.compile(r"_\d{4}_\d{2}(_.*)?$")


def include_name(name: str | None, kind: str, _parents: Any) -> bool:
    """Whether Alembic looks at this schema or table at all."""
    if kind == "schema":
        return name in SCHEMAS
    if kind == "table":
        return name != "alembic_version" and not _PARTITION.search(name or "")
    return True


def include_object(_object: Any, name: str | None, kind: str, reflected: bool, _other: Any) -> bool:
    """Whether a difference in this object counts."""
    return not (reflected and kind == "table" and name is not None and bool(_PARTITION.search(name)))
