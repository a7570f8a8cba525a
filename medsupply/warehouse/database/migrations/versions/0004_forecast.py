"""Forecasts, run-out probabilities and their scores."""

from __future__ import annotations

import sqlalchemy as sa

from medsupply.warehouse.database.revision import create_table, drop_tables

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

RUNS = (
    ("measure", sa.String(), False),
    ("cutoff", sa.Date(), False),
    ("known_at", sa.DateTime(timezone=True), False),
    ("data_version", sa.String(), False),
    ("horizon_weeks", sa.BigInteger(), False),
    ("paths", sa.BigInteger(), False),
    ("series", sa.BigInteger(), False),
    ("substituted", sa.BigInteger(), False),
    ("models", sa.String(), False),
    ("kappa", sa.String(), False),
)
DEMAND = (
    ("measure", sa.String(), False),
    ("cutoff", sa.Date(), False),
    ("known_at", sa.DateTime(timezone=True), False),
    ("medicine_id", sa.String(), False),
    ("county_code", sa.String(), False),
    ("week", sa.Date(), False),
    ("horizon", sa.BigInteger(), False),
    ("mean", sa.Float(), False),
    ("q025", sa.Float(), False),
    ("q10", sa.Float(), False),
    ("q20", sa.Float(), False),
    ("q30", sa.Float(), False),
    ("q40", sa.Float(), False),
    ("q50", sa.Float(), False),
    ("q60", sa.Float(), False),
    ("q70", sa.Float(), False),
    ("q80", sa.Float(), False),
    ("q90", sa.Float(), False),
    ("q975", sa.Float(), False),
)
DEMAND_SERIES = (
    ("measure", sa.String(), False),
    ("cutoff", sa.Date(), False),
    ("known_at", sa.DateTime(timezone=True), False),
    ("medicine_id", sa.String(), False),
    ("county_code", sa.String(), False),
    ("model", sa.String(), False),
    ("daily_units", sa.Float(), True),
    ("total_13_q10", sa.Float(), True),
    ("total_13_q50", sa.Float(), True),
    ("total_13_q90", sa.Float(), True),
    ("total_26_q10", sa.Float(), True),
    ("total_26_q50", sa.Float(), True),
    ("total_26_q90", sa.Float(), True),
    ("beat_trailing", sa.Boolean(), True),
    ("surge", sa.Boolean(), True),
    ("season_effect", sa.Float(), True),
    ("calendar_effect", sa.Float(), True),
    ("level_effect", sa.Float(), True),
    ("year_effect", sa.Float(), True),
)
INDEX_EXPECTED = (
    ("atc", sa.String(), False),
    ("county_code", sa.String(), False),
    ("week", sa.Date(), False),
    ("known_at", sa.DateTime(timezone=True), False),
    ("cutoff", sa.Date(), True),
    ("expected", sa.Float(), False),
    ("high", sa.Float(), True),
    ("purchases", sa.Float(), True),
    ("surge", sa.Boolean(), True),
)
RUN_OUT = (
    ("as_of", sa.Date(), False),
    ("known_at", sa.DateTime(timezone=True), False),
    ("medicine_id", sa.String(), False),
    ("county_code", sa.String(), False),
    ("horizon_days", sa.BigInteger(), False),
    ("p", sa.Float(), False),
    ("p_announced", sa.Float(), True),
    ("p_with_reserve", sa.Float(), True),
    ("run_out_on", sa.Date(), True),
    ("run_out_early", sa.Date(), True),
    ("run_out_late", sa.Date(), True),
    ("unmet_units", sa.Float(), True),
    ("notice_driven", sa.Boolean(), True),
    ("cutoff", sa.Date(), True),
)
SCORES = (
    ("kind", sa.String(), False),
    ("measure", sa.String(), False),
    ("origin", sa.Date(), False),
    ("known_at", sa.DateTime(timezone=True), False),
    ("grouping", sa.String(), False),
    ("horizon", sa.BigInteger(), False),
    ("metric", sa.String(), False),
    ("value", sa.Float(), False),
    ("pairs", sa.BigInteger(), False),
)
SERIES_SCORES = (
    ("measure", sa.String(), False),
    ("cutoff", sa.Date(), False),
    ("known_at", sa.DateTime(timezone=True), False),
    ("medicine_id", sa.String(), False),
    ("county_code", sa.String(), False),
    ("pinball", sa.Float(), False),
    ("pinball_trailing", sa.Float(), False),
    ("beat_trailing", sa.Boolean(), False),
)
SUBSTITUTIONS = (
    ("measure", sa.String(), False),
    ("cutoff", sa.Date(), False),
    ("known_at", sa.DateTime(timezone=True), False),
    ("medicine_id", sa.String(), False),
    ("county_code", sa.String(), False),
    ("wanted", sa.String(), False),
    ("used", sa.String(), False),
    ("reason", sa.String(), False),
)


def upgrade() -> None:
    create_table("forecast.runs", RUNS, ("measure", "cutoff", "known_at"))
    create_table(
        "forecast.demand",
        DEMAND,
        ("measure", "cutoff", "known_at", "medicine_id", "county_code", "week"),
        indexes=(("medicine_id", "county_code", "cutoff"),),
        months_of="cutoff",
    )
    create_table(
        "forecast.demand_series", DEMAND_SERIES, ("measure", "cutoff", "known_at", "medicine_id", "county_code")
    )
    create_table("forecast.index_expected", INDEX_EXPECTED, ("atc", "county_code", "week", "known_at"))
    create_table(
        "forecast.run_out",
        RUN_OUT,
        ("as_of", "known_at", "medicine_id", "county_code", "horizon_days"),
        indexes=(("medicine_id", "county_code", "as_of"),),
        months_of="as_of",
    )
    create_table("forecast.scores", SCORES, ("kind", "measure", "origin", "known_at", "grouping", "horizon", "metric"))
    create_table(
        "forecast.series_scores", SERIES_SCORES, ("measure", "cutoff", "known_at", "medicine_id", "county_code")
    )
    create_table(
        "forecast.substitutions", SUBSTITUTIONS, ("measure", "cutoff", "known_at", "medicine_id", "county_code")
    )


def downgrade() -> None:
    drop_tables(
        "forecast.substitutions",
        "forecast.series_scores",
        "forecast.scores",
        "forecast.run_out",
        "forecast.index_expected",
        "forecast.demand_series",
        "forecast.demand",
        "forecast.runs",
    )
