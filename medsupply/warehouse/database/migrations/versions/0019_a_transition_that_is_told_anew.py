"""A transition that a later picture of the day gives another level, both kept; the level up to which a silence holds"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

TOLD = "Which picture of the day gave it: 1, and one more for each that gave it another level or reasons"
HOLDS = "Highest level of what it silences; above it mails go out. Empty: every level"
SAID = "Day of the rise whose mail said that it goes up and down"
KEY = ["alert_id", "on", "transition"]


def upgrade() -> None:
    column = sa.Column("version", sa.BigInteger(), nullable=False, server_default="1", comment=TOLD)
    op.add_column("event", column, schema="alerts")
    op.alter_column("event", "version", server_default=None, schema="alerts")
    _set_key([*KEY, "version"])
    op.add_column("state", sa.Column("told_flapping_on", sa.Date(), nullable=True, comment=SAID), schema="alerts")
    op.add_column("silence", sa.Column("level", sa.String(), nullable=True, comment=HOLDS), schema="alerts")


def downgrade() -> None:
    op.drop_column("silence", "level", schema="alerts")
    op.drop_column("state", "told_flapping_on", schema="alerts")
    # The older table has room for one: the last that a picture gave.
    op.execute(
        'DELETE FROM alerts.event e USING alerts.event n WHERE n.alert_id = e.alert_id AND n."on" = e."on"'
        " AND n.transition = e.transition AND n.version > e.version"
    )
    _set_key(KEY)
    op.drop_column("event", "version", schema="alerts")


def _set_key(columns: list[str]) -> None:
    op.drop_constraint("event_pkey", "event", schema="alerts", type_="primary")
    op.create_primary_key("event_pkey", "event", columns, schema="alerts")
