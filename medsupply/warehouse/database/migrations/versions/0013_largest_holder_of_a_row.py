"""How much of a row of daily stock its largest holder has"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

COMMENT = "Share of the packs that the largest of them has [share 0-1]"


def upgrade() -> None:
    column = sa.Column("largest_share", sa.Float(), autoincrement=False, nullable=True, comment=COMMENT)
    op.add_column("stock_daily", column, schema="picture")


def downgrade() -> None:
    op.drop_column("stock_daily", "largest_share", schema="picture")
