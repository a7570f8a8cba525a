"""What a later version of a day says differently"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

MASS = " [units, or mg of the substance for a family]"
AREA = "Area: county 01-21, 90 Helsinki, 91 Åland, collaborative area Y1-Y5, 99 the country"
KEY = (
    ("as_of", sa.Date(), "Report day"),
    ("known_at", sa.DateTime(timezone=True), "Known moment of the later version"),
    ("county_code", sa.CHAR(length=2), AREA),
    ("medicine_id", sa.String(), "Medicine (G.., F.., A..) or family (S..)"),
    ("before_known_at", sa.DateTime(timezone=True), "Known moment of the version before"),
)
FIGURES = (
    ("holders_change", sa.BigInteger(), "Holders heard of now less before [holders]"),
    ("level_before", sa.String(), "Level before"),
    ("level", sa.String(), "Level now"),
    ("stock_change_units", sa.Float(), f"Stock now less before{MASS}"),
    ("demand_change_units", sa.Float(), f"Daily demand now less before{MASS}"),
)


def upgrade() -> None:
    columns = [
        sa.Column(name, kind, autoincrement=False, nullable=part is FIGURES, comment=comment)
        for part in (KEY, FIGURES)
        for name, kind, comment in part
    ]
    op.create_table(
        "corrections",
        *columns,
        sa.PrimaryKeyConstraint("as_of", "known_at", "county_code", "medicine_id"),
        schema="picture",
        comment="What a later version of a day says differently: late and corrected files",
    )


def downgrade() -> None:
    op.drop_table("corrections", schema="picture")
