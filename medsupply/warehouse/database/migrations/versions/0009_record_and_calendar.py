"""Closed days of the record are one file; the calendar of deliveries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from medsupply.warehouse.database.revision import create_table, drop_tables

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

COMPACTED_DAYS = (
    ("source", sa.String(), False),
    ("day", sa.Date(), False),
    ("file_name", sa.String(), False),
    ("rows", sa.BigInteger(), False),
    ("file_bytes", sa.BigInteger(), False),
    ("compacted_at", sa.DateTime(timezone=True), False),
)
COMPACTED_PARTS = (
    ("delivery_id", sa.String(), False),
    ("part", sa.BigInteger(), False),
    ("day", sa.Date(), False),
    ("source", sa.String(), False),
)
REPLACED = (("file_name", sa.String(), False), ("replaced_at", sa.DateTime(timezone=True), False))
EXPECTED = (
    ("source", sa.String(), False),
    ("day", sa.Date(), False),
    ("holder_id", sa.String(), False),
    ("holder_type", sa.String(), True),
    ("county_code", sa.String(), True),
    ("due_at", sa.DateTime(timezone=True), False),
    ("received_at", sa.DateTime(timezone=True), True),
    ("state", sa.String(), False),
    ("known_at", sa.DateTime(timezone=True), False),
)
EXPECTED_DAYS = (
    ("source", sa.String(), False),
    ("day", sa.Date(), False),
    ("expected", sa.BigInteger(), False),
    ("received", sa.BigInteger(), False),
    ("received_late", sa.BigInteger(), False),
    ("late", sa.BigInteger(), False),
    ("missing", sa.BigInteger(), False),
    ("not_due", sa.BigInteger(), False),
    ("unexpected", sa.BigInteger(), False),
    ("calendar_version", sa.String(), False),
    ("known_at", sa.DateTime(timezone=True), False),
)
OLD_INDEX, NEW_INDEX = "ix_snapshots_holder_id", "ix_snapshots_source_holder_id_day"


def upgrade() -> None:
    create_table("ops.compacted_days", COMPACTED_DAYS, ("source", "day"))
    create_table("ops.compacted_parts", COMPACTED_PARTS, ("delivery_id", "part", "day"), (("source", "day"),))
    create_table("ops.replaced", REPLACED, ("file_name",))
    create_table("ops.expected", EXPECTED, ("source", "day", "holder_id"), (("day",),))
    create_table("ops.expected_days", EXPECTED_DAYS, ("source", "day"))
    op.drop_index(OLD_INDEX, "snapshots", schema="ops")
    op.create_index(NEW_INDEX, "snapshots", ["source", "holder_id", "day"], schema="ops")


def downgrade() -> None:
    op.drop_index(NEW_INDEX, "snapshots", schema="ops")
    op.create_index(OLD_INDEX, "snapshots", ["holder_id"], schema="ops")
    drop_tables("ops.expected_days", "ops.expected", "ops.replaced", "ops.compacted_parts", "ops.compacted_days")
