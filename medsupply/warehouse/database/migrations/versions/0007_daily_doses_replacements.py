"""Obligations know replacements and the months of the law; families have daily doses"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

MASS = " [units, or mg of the substance for a family]"
ADDED = (
    ("measured", "ddd_units", sa.Float(), f"Units of a family in one defined daily dose of its ATC code{MASS}"),
    (
        "obligations",
        "replaced_units",
        sa.Float(),
        f"May be stored as an equivalent product or substance (korvaava){MASS}",
    ),
    (
        "obligations",
        "months",
        sa.String(),
        "Months of consumption that the law asks for: 10, 6, 3 or 0.5; several with commas",
    ),
    ("situation", "stock_ddd", sa.Float(), "Stock of a family across strengths in daily doses of its ATC code [DDD]"),
    ("situation", "daily_demand_ddd", sa.Float(), "Daily demand of a family across strengths, a day [DDD]"),
)
# Column of obligations, comment before, comment now.
TOLD = (
    (
        "permit_units",
        f"May be taken out by permits in force{MASS}",
        f"Taken off by permits to go below and exemptions in force{MASS}",
    ),
    (
        "missing_units",
        f"Required less permits less held, where positive{MASS}",
        f"Required less permits, replacements and held, where positive{MASS}",
    ),
)


def upgrade() -> None:
    for table, name, kind, comment in ADDED:
        op.add_column(
            table, sa.Column(name, kind, autoincrement=False, nullable=True, comment=comment), schema="picture"
        )
    for name, before, now in TOLD:
        op.alter_column("obligations", name, comment=now, existing_comment=before, schema="picture")


def downgrade() -> None:
    for name, before, now in TOLD:
        op.alter_column("obligations", name, comment=before, existing_comment=now, schema="picture")
    for table, name, _, _ in reversed(ADDED):
        op.drop_column(table, name, schema="picture")
