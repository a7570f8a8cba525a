"""Names of ATC codes from Kela"""

from __future__ import annotations

import sqlalchemy as sa

from medsupply.warehouse.database.revision import create_table, drop_tables

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

KELA_NAMES = (
    ("code", sa.String(), False),
    ("values", sa.String(), False),
    ("class", sa.String(), True),
    ("name", sa.String(), True),
    ("description", sa.String(), True),
    ("known_from", sa.DateTime(timezone=True), False),
    ("known_to", sa.DateTime(timezone=True), True),
    ("delivery_id", sa.String(), False),
)


def upgrade() -> None:
    create_table("core.kela_names", KELA_NAMES, ("code", "values", "known_from"))


def downgrade() -> None:
    drop_tables("core.kela_names")
