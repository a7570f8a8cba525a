"""The audit: who decided or took out what, and why. Rows are only ever added."""

from __future__ import annotations

from datetime import datetime

import polars as pl
import sqlalchemy as sa

from medsupply.tables.ops import AUDIT
from medsupply.warehouse.database import bulk


def audit(connection: sa.Connection, at: datetime, action: str, subject: str, author: str, reason: str) -> None:
    """One line of the audit, in the transaction of what it tells."""
    row = {"at": at, "action": action, "subject": subject, "author": author, "reason": reason}
    bulk.copy(connection, AUDIT, pl.DataFrame([row], schema=AUDIT.dtypes()))
