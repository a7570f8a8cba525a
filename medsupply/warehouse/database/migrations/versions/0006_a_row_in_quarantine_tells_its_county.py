"""a row in quarantine tells its county"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "quarantine",
        sa.Column(
            "county_code", sa.String(), autoincrement=False, nullable=True, comment="County, where it can be read"
        ),
        schema="ops",
    )


def downgrade() -> None:
    op.drop_column("quarantine", "county_code", schema="ops")
