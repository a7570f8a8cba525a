"""Medicines, daily sums and situation pictures."""

from __future__ import annotations

import sqlalchemy as sa

from medsupply.warehouse.database.revision import create_table, drop_tables

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

PICTURES = (
    ("as_of", sa.Date(), False),
    ("known_at", sa.DateTime(timezone=True), False),
    ("stage", sa.String(), False),
    ("rules_version", sa.String(), True),
    ("rows", sa.BigInteger(), True),
    ("content", sa.String(), True),
)
MEDICINES = (
    ("medicine_id", sa.String(), False),
    ("as_of", sa.Date(), False),
    ("known_at", sa.DateTime(timezone=True), False),
    ("grain", sa.String(), False),
    ("family_id", sa.String(), True),
    ("atc", sa.String(), True),
    ("name_fi", sa.String(), True),
    ("name_sv", sa.String(), True),
    ("name_en", sa.String(), True),
    ("strength", sa.String(), True),
    ("form", sa.String(), True),
    ("form_sv", sa.String(), True),
    ("form_en", sa.String(), True),
    ("form_class", sa.String(), True),
    ("unit", sa.String(), True),
    ("substitution_group", sa.String(), True),
    ("critical", sa.Boolean(), False),
    ("critical_class", sa.BigInteger(), True),
    ("critical_lists", sa.ARRAY(sa.String()), False),
    ("ddd", sa.Float(), True),
    ("ddd_unit", sa.String(), True),
    ("season_from", sa.String(), True),
    ("season_to", sa.String(), True),
    ("packages", sa.BigInteger(), False),
    ("marketed_packages", sa.BigInteger(), False),
    ("marketed_holders", sa.BigInteger(), False),
    ("special_permit_articles", sa.BigInteger(), False),
    ("substitutes", sa.ARRAY(sa.String()), False),
    ("state", sa.String(), False),
)
PACKAGES = (
    ("vnr", sa.String(), False),
    ("as_of", sa.Date(), False),
    ("known_at", sa.DateTime(timezone=True), False),
    ("medicine_id", sa.String(), True),
    ("family_id", sa.String(), True),
    ("current_vnr", sa.String(), False),
    ("atc", sa.String(), True),
    ("product_name", sa.String(), True),
    ("strength", sa.String(), True),
    ("form", sa.String(), True),
    ("form_class", sa.String(), True),
    ("holder", sa.String(), True),
    ("holder_key", sa.String(), True),
    ("substitution_group", sa.String(), True),
    ("pack_size", sa.String(), True),
    ("factor", sa.Float(), True),
    ("units_per_pack", sa.Float(), True),
    ("unit", sa.String(), True),
    ("units_source", sa.String(), False),
    ("mg_per_pack", sa.Float(), True),
    ("family_units_per_pack", sa.Float(), True),
    ("marketed", sa.Boolean(), False),
    ("parallel_import", sa.Boolean(), False),
    ("counted_as_marketed", sa.Boolean(), False),
    ("special_permit", sa.Boolean(), False),
    ("left_market_on", sa.Date(), True),
    ("state", sa.String(), False),
    ("source", sa.String(), False),
    ("member_from", sa.DateTime(timezone=True), True),
)
MEMBERSHIPS = (
    ("vnr", sa.String(), False),
    ("substitution_group", sa.String(), False),
    ("known_from", sa.DateTime(timezone=True), False),
    ("known_to", sa.DateTime(timezone=True), True),
    ("atc", sa.String(), True),
    ("reused", sa.Boolean(), False),
)
STOCK_DAILY = (
    ("day", sa.Date(), False),
    ("known_at", sa.DateTime(timezone=True), False),
    ("county_code", sa.CHAR(2), False),
    ("holder_type", sa.String(), False),
    ("vnr", sa.String(), False),
    ("state", sa.String(), False),
    ("medicine_id", sa.String(), True),
    ("packs", sa.Float(), True),
    ("units", sa.Float(), True),
    ("reserve_units", sa.Float(), True),
    ("holders", sa.BigInteger(), False),
)
DISPENSING_DAILY = (
    ("day", sa.Date(), False),
    ("known_at", sa.DateTime(timezone=True), False),
    ("county_code", sa.CHAR(2), False),
    ("channel", sa.String(), False),
    ("vnr", sa.String(), False),
    ("medicine_id", sa.String(), True),
    ("packs", sa.Float(), False),
    ("units", sa.Float(), True),
    ("dispensings", sa.Float(), True),
    ("reporters", sa.BigInteger(), False),
)
DEMAND_WEEKLY = (
    ("week", sa.Date(), False),
    ("known_at", sa.DateTime(timezone=True), False),
    ("medicine_id", sa.String(), False),
    ("county_code", sa.CHAR(2), False),
    ("units", sa.Float(), True),
    ("silent_share", sa.Float(), False),
    ("marked", sa.Boolean(), False),
)
USUAL_UNITS = (
    ("as_of", sa.Date(), False),
    ("known_at", sa.DateTime(timezone=True), False),
    ("county_code", sa.CHAR(2), False),
    ("holder_type", sa.String(), False),
    ("medicine_id", sa.String(), False),
    ("usual_units", sa.Float(), False),
    ("usual_units_heard", sa.Float(), False),
)
COMPLETENESS = (
    ("as_of", sa.Date(), False),
    ("known_at", sa.DateTime(timezone=True), False),
    ("source", sa.String(), False),
    ("holder_id", sa.String(), False),
    ("holder_type", sa.String(), True),
    ("county_code", sa.String(), True),
    ("state", sa.String(), False),
    ("last_day", sa.Date(), True),
    ("open_days_late", sa.BigInteger(), True),
    ("reported_days_84", sa.BigInteger(), True),
)
OBLIGATIONS = (
    ("as_of", sa.Date(), False),
    ("known_at", sa.DateTime(timezone=True), False),
    ("obliged_id", sa.String(), False),
    ("family_id", sa.String(), False),
    ("required_units", sa.Float(), True),
    ("held_units", sa.Float(), True),
    ("permit_units", sa.Float(), True),
    ("missing_units", sa.Float(), True),
    ("short_today", sa.Boolean(), True),
    ("short_days", sa.BigInteger(), True),
    ("short", sa.Boolean(), True),
)
STATE_RESERVE = (
    ("as_of", sa.Date(), False),
    ("known_at", sa.DateTime(timezone=True), False),
    ("medicine_id", sa.String(), False),
    ("units", sa.Float(), False),
    ("released_units", sa.Float(), False),
)
MEASURED = (
    ("as_of", sa.Date(), False),
    ("known_at", sa.DateTime(timezone=True), False),
    ("medicine_id", sa.String(), False),
    ("county_code", sa.CHAR(2), False),
    ("grain", sa.String(), False),
    ("family_id", sa.String(), True),
    ("atc", sa.String(), True),
    ("unit", sa.String(), True),
    ("critical", sa.Boolean(), False),
    ("critical_class", sa.BigInteger(), True),
    ("season_from", sa.String(), True),
    ("season_to", sa.String(), True),
    ("market_state", sa.String(), False),
    ("stock_units", sa.Float(), True),
    ("reserve_units", sa.Float(), True),
    ("trailing_demand_units", sa.Float(), True),
    ("floor_units", sa.Float(), True),
    ("usual_units", sa.Float(), True),
    ("usual_units_heard", sa.Float(), True),
    ("usual_units_silent", sa.Float(), True),
    ("reporting_share", sa.Float(), True),
    ("out_share", sa.Float(), True),
    ("dispensings_84", sa.Float(), True),
    ("dispensed_year", sa.Boolean(), True),
    ("notice_share", sa.Float(), True),
    ("notice_share_84", sa.Float(), True),
    ("notice_packages_share", sa.Float(), True),
    ("notice_packages_share_28", sa.Float(), True),
    ("notice_basis", sa.String(), True),
    ("notices_open", sa.BigInteger(), True),
    ("notices_late", sa.Boolean(), True),
    ("marketed_packages", sa.BigInteger(), False),
    ("marketed_holders", sa.BigInteger(), False),
    ("single_holder_notice", sa.Boolean(), True),
    ("special_permit_articles", sa.BigInteger(), False),
    ("other_medicines", sa.BigInteger(), False),
    ("obligation_short", sa.Boolean(), True),
    ("purchases", sa.Float(), True),
    ("purchases_week", sa.Date(), True),
    ("purchases_atc", sa.String(), True),
    ("shared", sa.Boolean(), False),
    ("state", sa.String(), False),
    ("holders_valid", sa.BigInteger(), False),
    ("holders_heard", sa.BigInteger(), False),
    ("packs_without_units", sa.Float(), True),
)
SITUATION = (
    ("as_of", sa.Date(), False),
    ("known_at", sa.DateTime(timezone=True), False),
    ("county_code", sa.CHAR(2), False),
    ("medicine_id", sa.String(), False),
    ("grain", sa.String(), False),
    ("family_id", sa.String(), True),
    ("atc", sa.String(), True),
    ("critical", sa.Boolean(), False),
    ("critical_class", sa.BigInteger(), True),
    ("level", sa.String(), True),
    ("level_if_missing_empty", sa.String(), True),
    ("level_if_missing_usual", sa.String(), True),
    ("partial", sa.Boolean(), False),
    ("reasons", sa.ARRAY(sa.String()), False),
    ("stock_units", sa.Float(), True),
    ("reserve_units", sa.Float(), True),
    ("floor_units", sa.Float(), True),
    ("trailing_demand_units", sa.Float(), True),
    ("daily_demand_units", sa.Float(), True),
    ("demand_before_units", sa.Float(), True),
    ("demand_basis", sa.String(), True),
    ("demand_forecast_cutoff", sa.Date(), True),
    ("cover_days", sa.Float(), True),
    ("cover_days_high", sa.Float(), True),
    ("cover_days_with_reserve", sa.Float(), True),
    ("out_share", sa.Float(), True),
    ("run_out_p14", sa.Float(), True),
    ("run_out_p28", sa.Float(), True),
    ("run_out_p56", sa.Float(), True),
    ("run_out_p84", sa.Float(), True),
    ("run_out_p14_with_reserve", sa.Float(), True),
    ("run_out_p14_announced", sa.Float(), True),
    ("run_out_p84_announced", sa.Float(), True),
    ("run_out_on", sa.Date(), True),
    ("notice_share", sa.Float(), True),
    ("notice_share_84", sa.Float(), True),
    ("notices_open", sa.BigInteger(), True),
    ("demand_index", sa.Float(), True),
    ("demand_index_expected", sa.Float(), True),
    ("demand_index_week", sa.Date(), True),
    ("reporting_share", sa.Float(), True),
    ("shared", sa.Boolean(), False),
    ("state", sa.String(), False),
    ("last_complete_day", sa.Date(), True),
    ("last_complete_level", sa.String(), True),
    ("family_cover_days", sa.Float(), True),
    ("rules_version", sa.String(), False),
)
CHANGES = (
    ("as_of", sa.Date(), False),
    ("known_at", sa.DateTime(timezone=True), False),
    ("county_code", sa.CHAR(2), False),
    ("medicine_id", sa.String(), False),
    ("before_as_of", sa.Date(), False),
    ("before_known_at", sa.DateTime(timezone=True), False),
    ("change", sa.String(), False),
    ("level_before", sa.String(), True),
    ("level", sa.String(), True),
    ("causes", sa.ARRAY(sa.String()), False),
    ("stock_change_units", sa.Float(), True),
    ("demand_change_units", sa.Float(), True),
    ("reasons_gained", sa.ARRAY(sa.String()), False),
    ("reasons_lost", sa.ARRAY(sa.String()), False),
)


def upgrade() -> None:
    create_table("picture.pictures", PICTURES, ("as_of", "known_at", "stage"))
    create_table("picture.medicines", MEDICINES, ("medicine_id",))
    create_table("picture.packages", PACKAGES, ("vnr",), indexes=(("medicine_id",),))
    create_table("picture.memberships", MEMBERSHIPS, ("vnr", "substitution_group", "known_from"))
    create_table(
        "picture.stock_daily",
        STOCK_DAILY,
        ("day", "known_at", "county_code", "holder_type", "vnr", "state"),
        indexes=(("medicine_id", "day"),),
        months_of="day",
    )
    create_table(
        "picture.dispensing_daily",
        DISPENSING_DAILY,
        ("day", "known_at", "county_code", "channel", "vnr"),
        indexes=(("medicine_id", "day"),),
        months_of="day",
    )
    create_table("picture.demand_weekly", DEMAND_WEEKLY, ("week", "known_at", "medicine_id", "county_code"))
    create_table("picture.usual_units", USUAL_UNITS, ("as_of", "known_at", "county_code", "holder_type", "medicine_id"))
    create_table("picture.completeness", COMPLETENESS, ("as_of", "known_at", "source", "holder_id"))
    create_table("picture.obligations", OBLIGATIONS, ("as_of", "known_at", "obliged_id", "family_id"))
    create_table("picture.state_reserve", STATE_RESERVE, ("as_of", "known_at", "medicine_id"))
    create_table("picture.measured", MEASURED, ("as_of", "known_at", "medicine_id", "county_code"), months_of="as_of")
    create_table(
        "picture.situation",
        SITUATION,
        ("as_of", "known_at", "county_code", "medicine_id"),
        indexes=(("medicine_id", "county_code", "as_of"),),
        months_of="as_of",
    )
    create_table("picture.changes", CHANGES, ("as_of", "known_at", "county_code", "medicine_id"))


def downgrade() -> None:
    drop_tables(
        "picture.changes",
        "picture.situation",
        "picture.measured",
        "picture.state_reserve",
        "picture.obligations",
        "picture.completeness",
        "picture.usual_units",
        "picture.demand_weekly",
        "picture.dispensing_daily",
        "picture.stock_daily",
        "picture.memberships",
        "picture.packages",
        "picture.medicines",
        "picture.pictures",
    )
