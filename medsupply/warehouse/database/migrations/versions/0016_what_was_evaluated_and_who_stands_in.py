"""Content of the picture that was evaluated; mails to who stands in for a subscriber"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

ADDED = (
    ("evaluations", "content", sa.String(),
     "Content of that picture: made again under the same moment, it is evaluated again"),
    ("outbox", "stands_in", sa.Boolean(),
     "To a deputy, operations or who is on duty: no subscription that could be ended"),
)  # fmt: skip


def upgrade() -> None:
    for table, column, kind, told in ADDED:
        op.add_column(table, sa.Column(column, kind, nullable=True, comment=told), schema="alerts")


def downgrade() -> None:
    for table, column, _, _ in reversed(ADDED):
        op.drop_column(table, column, schema="alerts")
