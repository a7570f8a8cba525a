"""Deliveries, snapshots, quarantine and the audit."""

from __future__ import annotations

import sqlalchemy as sa

from medsupply.warehouse.database.revision import create_table, drop_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

DELIVERIES = (
    ("delivery_id", sa.String(), False),
    ("source", sa.String(), False),
    ("file_name", sa.String(), False),
    ("sha256", sa.String(), False),
    ("sender", sa.String(), True),
    ("received_at", sa.DateTime(timezone=True), False),
    ("verdict", sa.String(), False),
    ("reason", sa.String(), True),
    ("reason_code", sa.String(), True),
    ("rows_received", sa.BigInteger(), False),
    ("rows_accepted", sa.BigInteger(), False),
    ("rows_quarantined", sa.BigInteger(), False),
    ("rows_duplicate", sa.BigInteger(), False),
    ("packs_received", sa.Float(), False),
    ("packs_accepted", sa.Float(), False),
    ("packs_quarantined", sa.Float(), False),
    ("packs_duplicate", sa.Float(), False),
    ("bytes_received", sa.BigInteger(), False),
    ("bytes_archived", sa.BigInteger(), True),
    ("lines_physical", sa.BigInteger(), True),
    ("lines_header", sa.BigInteger(), True),
    ("lines_blank", sa.BigInteger(), True),
    ("encoding", sa.String(), True),
    ("warnings", sa.ARRAY(sa.String()), True),
    ("day_from", sa.Date(), True),
    ("day_to", sa.Date(), True),
    ("duplicate_of", sa.String(), True),
    ("file_identity", sa.String(), True),
    ("held", sa.Boolean(), False),
    ("released_at", sa.DateTime(timezone=True), True),
    ("withdrawn_at", sa.DateTime(timezone=True), True),
    ("parts", sa.BigInteger(), False),
)
SNAPSHOTS = (
    ("delivery_id", sa.String(), False),
    ("source", sa.String(), False),
    ("holder_id", sa.String(), False),
    ("day", sa.Date(), False),
    ("rows", sa.BigInteger(), False),
    ("held", sa.Boolean(), False),
    ("released_at", sa.DateTime(timezone=True), True),
)
QUARANTINE = (
    ("delivery_id", sa.String(), False),
    ("line", sa.BigInteger(), False),
    ("source", sa.String(), False),
    ("field", sa.String(), True),
    ("reason_code", sa.String(), False),
    ("what_to_do", sa.String(), False),
    ("original", sa.String(), False),
    ("holder_id", sa.String(), True),
    ("day", sa.Date(), True),
    ("vnr", sa.String(), True),
    ("packs", sa.Float(), False),
    ("released_at", sa.DateTime(timezone=True), True),
    ("released_by", sa.String(), True),
)
AUDIT = (
    ("at", sa.DateTime(timezone=True), False),
    ("action", sa.String(), False),
    ("subject", sa.String(), False),
    ("author", sa.String(), False),
    ("reason", sa.String(), False),
)


def upgrade() -> None:
    create_table("ops.deliveries", DELIVERIES, ("delivery_id",), indexes=(("source", "sha256"),))
    create_table(
        "ops.snapshots",
        SNAPSHOTS,
        ("delivery_id", "source", "holder_id", "day"),
        indexes=(("source", "day"), ("holder_id",)),
    )
    create_table("ops.quarantine", QUARANTINE, ("delivery_id", "line"))
    create_table("ops.audit", AUDIT, ("at", "action", "subject"))


def downgrade() -> None:
    drop_tables("ops.audit", "ops.quarantine", "ops.snapshots", "ops.deliveries")
