"""All tables as they are declared."""

from __future__ import annotations

from alembic import op

from medsupply.tables.base import METADATA
from medsupply.tables.catalogue import TABLES

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    METADATA.create_all(op.get_bind(), tables=[table.sql for table in TABLES], checkfirst=False)


def downgrade() -> None:
    METADATA.drop_all(op.get_bind(), tables=[table.sql for table in TABLES], checkfirst=False)
