"""Retention leaves a trace: what it deletes is counted, and what may go may be empty."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from medsupply.warehouse.database.revision import create_table, drop_tables

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

RETAINED = (
    ("at", sa.DateTime(timezone=True), False),
    ("kind", sa.String(), False),
    ("keep_days", sa.BigInteger(), False),
    ("before", sa.DateTime(timezone=True), False),
    ("rows", sa.BigInteger(), False),
    ("bytes", sa.BigInteger(), False),
    ("oldest", sa.DateTime(timezone=True), True),
    ("finished_at", sa.DateTime(timezone=True), True),
)
TEXTS = (("alerts", "outbox", "body_text"), ("alerts", "outbox", "body_html"), ("ops", "quarantine", "original"))


def upgrade() -> None:
    create_table("ops.retained", RETAINED, ("at", "kind"))
    for schema, table, column in TEXTS:
        op.alter_column(table, column, nullable=True, schema=schema)
    op.add_column("pictures", sa.Column("dropped_at", sa.DateTime(timezone=True), nullable=True), schema="picture")


def downgrade() -> None:
    op.drop_column("pictures", "dropped_at", schema="picture")
    for schema, table, column in TEXTS:
        op.execute(f'UPDATE {schema}."{table}" SET "{column}" = \'\' WHERE "{column}" IS NULL')  # noqa: S608
        op.alter_column(table, column, nullable=False, schema=schema)
    drop_tables("ops.retained")
