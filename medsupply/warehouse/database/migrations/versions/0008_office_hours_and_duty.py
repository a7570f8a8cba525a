"""Office hours and duty; when parts of the service were last alive."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

ADDED = (
    ("outbox", "level", sa.String(), "Level of the alert that it tells"),
    ("outbox", "rota", sa.String(),
     "In office hours only; outside them a severe alert goes to who is on duty in this rota"),
    ("outbox", "waits", sa.Boolean(), "Not before due_at, though never tried: it waits for office hours"),
    ("subscription", "rota", sa.String(),
     "Mails in office hours only; outside them a severe alert goes to who is on duty here"),
)  # fmt: skip
DUTY = (
    ("duty_id", sa.String(), "Hash of rota, address and time"),
    ("rota", sa.String(), "Rota"),
    ("address", sa.String(), "Who is on duty"),
    ("starts_at", sa.DateTime(timezone=True), "From"),
    ("ends_at", sa.DateTime(timezone=True), "Until"),
    ("author", sa.String(), "Who has said so"),
)
BEAT = (
    ("part", sa.String(), "Part of the service"),
    ("at", sa.DateTime(timezone=True), "When it last did its work, by its own clock"),
)


def upgrade() -> None:
    for name, columns, comment in (
        ("duty", DUTY, "Who is on duty outside office hours, by rota"),
        ("beat", BEAT, "When parts of the service were last alive"),
    ):
        made = [sa.Column(column, kind, nullable=False, comment=told) for column, kind, told in columns]
        op.create_table(name, *made, sa.PrimaryKeyConstraint(columns[0][0]), schema="alerts", comment=comment)
    for table, column, kind, told in ADDED:
        op.add_column(table, sa.Column(column, kind, nullable=True, comment=told), schema="alerts")


def downgrade() -> None:
    for table, column, _, _ in reversed(ADDED):
        op.drop_column(table, column, schema="alerts")
    op.drop_table("duty", schema="alerts")
    op.drop_table("beat", schema="alerts")
