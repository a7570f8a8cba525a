"""Alerts, events, mails and subscriptions."""

from __future__ import annotations

from alembic import op

from medsupply.tables.base import METADATA
from medsupply.tables.catalogue import TABLES

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ALERTS = [table.sql for table in TABLES if table.schema == "alerts"]


def upgrade() -> None:
    METADATA.create_all(op.get_bind(), tables=ALERTS, checkfirst=False)


def downgrade() -> None:
    METADATA.drop_all(op.get_bind(), tables=ALERTS, checkfirst=False)
