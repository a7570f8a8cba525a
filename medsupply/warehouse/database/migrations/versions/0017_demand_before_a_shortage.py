"""Last day above the floor and its trailing demand, measured from the deliveries"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


ADDED = (
    ("measured", "demand_before_on", sa.Date(), "Last day above the floor, while at or below it"),
    (
        "measured",
        "demand_before_trailing_units",
        sa.Float(),
        "Trailing demand of that day [units, or mg of the substance for a family]",
    ),
    ("situation", "demand_before_on", sa.Date(), "Last day above the floor, while at or below it"),
)


def upgrade() -> None:
    for table, column, kind, told in ADDED:
        op.add_column(table, sa.Column(column, kind, nullable=True, comment=told), schema="picture")


def downgrade() -> None:
    for table, column, _, _ in reversed(ADDED):
        op.drop_column(table, column, schema="picture")
