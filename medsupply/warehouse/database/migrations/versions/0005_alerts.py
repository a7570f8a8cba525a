"""Alerts, events, mails and subscriptions."""

from __future__ import annotations

import sqlalchemy as sa

from medsupply.warehouse.database.revision import create_table, drop_tables

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

EVALUATIONS = (
    ("as_of", sa.Date(), False),
    ("known_at", sa.DateTime(timezone=True), False),
    ("rules_version", sa.String(), False),
    ("held", sa.Boolean(), False),
    ("released_at", sa.DateTime(timezone=True), True),
)
STATE = (
    ("alert_id", sa.String(), False),
    ("rule", sa.String(), False),
    ("medicine_id", sa.String(), False),
    ("county_code", sa.String(), False),
    ("episode", sa.BigInteger(), False),
    ("level", sa.String(), True),
    ("state", sa.String(), False),
    ("opened_on", sa.Date(), False),
    ("changed_on", sa.Date(), False),
    ("closed_on", sa.Date(), True),
    ("opening_p56", sa.Float(), True),
    ("quiet", sa.BigInteger(), False),
    ("flapping", sa.Boolean(), False),
    ("reasons", sa.ARRAY(sa.String()), False),
    ("lower", sa.BigInteger(), True),
    ("last_stock", sa.Float(), True),
    ("told", sa.String(), True),
    ("told_closed", sa.Boolean(), True),
    ("held", sa.Boolean(), True),
)
EVENT = (
    ("alert_id", sa.String(), False),
    ("on", sa.Date(), False),
    ("transition", sa.String(), False),
    ("level", sa.String(), True),
    ("known_at", sa.DateTime(timezone=True), False),
    ("rules_version", sa.String(), False),
    ("reasons", sa.ARRAY(sa.String()), False),
    ("withdrawn_at", sa.DateTime(timezone=True), True),
)
OUTBOX = (
    ("message_id", sa.String(), False),
    ("alert_id", sa.String(), False),
    ("episode", sa.BigInteger(), True),
    ("alert_ids", sa.ARRAY(sa.String()), True),
    ("recipient", sa.String(), False),
    ("language", sa.String(), False),
    ("kind", sa.String(), False),
    ("as_of", sa.Date(), True),
    ("subject", sa.String(), False),
    ("body_text", sa.String(), False),
    ("body_html", sa.String(), False),
    ("thread", sa.String(), True),
    ("status", sa.String(), False),
    ("created_at", sa.DateTime(timezone=True), False),
    ("due_at", sa.DateTime(timezone=True), False),
    ("sent_at", sa.DateTime(timezone=True), True),
    ("attempts", sa.BigInteger(), False),
    ("last_error", sa.String(), True),
)
ATTEMPT = (
    ("message_id", sa.String(), False),
    ("number", sa.BigInteger(), False),
    ("at", sa.DateTime(timezone=True), False),
    ("outcome", sa.String(), False),
    ("detail", sa.String(), True),
)
SUBSCRIPTION = (
    ("subscription_id", sa.String(), False),
    ("address", sa.String(), False),
    ("language", sa.String(), False),
    ("role", sa.String(), True),
    ("level", sa.String(), False),
    ("county_code", sa.String(), True),
    ("atc_prefix", sa.String(), True),
    ("medicine_id", sa.String(), True),
    ("form_class", sa.String(), True),
    ("digest", sa.Boolean(), False),
    ("deputy", sa.String(), True),
    ("created_at", sa.DateTime(timezone=True), False),
    ("confirmed_at", sa.DateTime(timezone=True), True),
    ("ended_at", sa.DateTime(timezone=True), True),
)
ACKNOWLEDGEMENT = (
    ("alert_id", sa.String(), False),
    ("at", sa.DateTime(timezone=True), False),
    ("owner", sa.String(), False),
    ("note", sa.String(), False),
    ("level", sa.String(), True),
    ("expires_at", sa.DateTime(timezone=True), False),
)
SILENCE = (
    ("silence_id", sa.String(), False),
    ("medicine_id", sa.String(), True),
    ("county_code", sa.String(), True),
    ("rule", sa.String(), True),
    ("author", sa.String(), False),
    ("reason", sa.String(), False),
    ("starts_at", sa.DateTime(timezone=True), False),
    ("ends_at", sa.DateTime(timezone=True), False),
)
SCORE = (
    ("rule", sa.String(), False),
    ("grouping", sa.String(), False),
    ("as_of", sa.Date(), False),
    ("episodes", sa.BigInteger(), False),
    ("true_episodes", sa.BigInteger(), False),
    ("false_episodes", sa.BigInteger(), False),
    ("averted", sa.BigInteger(), False),
    ("left_out", sa.BigInteger(), False),
    ("events", sa.BigInteger(), False),
    ("warned", sa.BigInteger(), False),
    ("recall", sa.Float(), True),
    ("precision", sa.Float(), True),
    ("warned_28", sa.BigInteger(), True),
    ("median_lead_days", sa.Float(), True),
    ("false_per_100_years", sa.Float(), True),
    ("base_rate_per_100_years", sa.Float(), True),
)


def upgrade() -> None:
    create_table("alerts.evaluations", EVALUATIONS, ("as_of",))
    create_table("alerts.state", STATE, ("alert_id",), indexes=(("medicine_id",),))
    create_table("alerts.event", EVENT, ("alert_id", "on", "transition"))
    create_table("alerts.outbox", OUTBOX, ("message_id",), indexes=(("status", "due_at"),))
    create_table("alerts.attempt", ATTEMPT, ("message_id", "number"))
    create_table("alerts.subscription", SUBSCRIPTION, ("subscription_id",))
    create_table("alerts.acknowledgement", ACKNOWLEDGEMENT, ("alert_id", "at"))
    create_table("alerts.silence", SILENCE, ("silence_id",))
    create_table("alerts.score", SCORE, ("rule", "grouping", "as_of"))


def downgrade() -> None:
    drop_tables(
        "alerts.score",
        "alerts.silence",
        "alerts.acknowledgement",
        "alerts.subscription",
        "alerts.attempt",
        "alerts.outbox",
        "alerts.event",
        "alerts.state",
        "alerts.evaluations",
    )
