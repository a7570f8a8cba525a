"""When a person has queued a failed mail again"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

TOLD = "When a person queued it again; ops.audit says who and why"


def upgrade() -> None:
    column = sa.Column("requeued_at", sa.DateTime(timezone=True), nullable=True, comment=TOLD)
    op.add_column("outbox", column, schema="alerts")


def downgrade() -> None:
    op.drop_column("outbox", "requeued_at", schema="alerts")
