"""Reference lists as known over time."""

from __future__ import annotations

import sqlalchemy as sa

from medsupply.warehouse.database.revision import create_table, drop_tables

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

HOLDERS = (
    ("holder_id", sa.String(), False),
    ("holder_type", sa.String(17), False),
    ("name", sa.String(), False),
    ("county_code", sa.CHAR(2), True),
    ("valid_from", sa.Date(), False),
    ("valid_to", sa.Date(), True),
    ("serves", sa.String(), True),
    ("known_from", sa.DateTime(timezone=True), False),
    ("known_to", sa.DateTime(timezone=True), True),
    ("delivery_id", sa.String(), False),
)
SUPPLY = (
    ("holder_id", sa.String(), False),
    ("vnr", sa.String(), False),
    ("announced_on", sa.Date(), False),
    ("expected_on", sa.Date(), False),
    ("packs", sa.Float(), False),
    ("certainty", sa.String(9), False),
    ("known_from", sa.DateTime(timezone=True), False),
    ("known_to", sa.DateTime(timezone=True), True),
    ("delivery_id", sa.String(), False),
)
OBLIGATIONS = (
    ("year", sa.BigInteger(), False),
    ("obliged_id", sa.String(), False),
    ("obliged_type", sa.String(), False),
    ("vnr", sa.String(), False),
    ("base_packs", sa.Float(), False),
    ("base_months", sa.Float(), False),
    ("factor_months", sa.Float(), False),
    ("known_from", sa.DateTime(timezone=True), False),
    ("known_to", sa.DateTime(timezone=True), True),
    ("delivery_id", sa.String(), False),
)
PERMITS = (
    ("kind", sa.String(8), False),
    ("obliged_id", sa.String(), False),
    ("vnr", sa.String(), False),
    ("applied_on", sa.Date(), False),
    ("valid_from", sa.Date(), True),
    ("valid_to", sa.Date(), True),
    ("allowed_packs", sa.Float(), True),
    ("known_from", sa.DateTime(timezone=True), False),
    ("known_to", sa.DateTime(timezone=True), True),
    ("delivery_id", sa.String(), False),
)
CRITICAL_LIST = (
    ("list", sa.String(8), False),
    ("atc5", sa.CHAR(7), False),
    ("n", sa.String(), False),
    ("route", sa.String(), False),
    ("d", sa.String(), True),
    ("cat", sa.String(), True),
    ("grp", sa.String(), True),
    ("class", sa.BigInteger(), True),
    ("season_from", sa.CHAR(5), True),
    ("season_to", sa.CHAR(5), True),
    ("known_from", sa.DateTime(timezone=True), False),
    ("known_to", sa.DateTime(timezone=True), True),
    ("delivery_id", sa.String(), False),
)
PACKAGE_MAP = (
    ("article", sa.String(), False),
    ("vnr", sa.CHAR(6), True),
    ("atc", sa.String(), True),
    ("strength", sa.String(), True),
    ("form", sa.String(), True),
    ("factor", sa.Float(), True),
    ("size", sa.Float(), True),
    ("unit", sa.String(), True),
    ("medicine_id", sa.String(), True),
    ("valid_from", sa.Date(), False),
    ("valid_to", sa.Date(), True),
    ("author", sa.String(), False),
    ("known_from", sa.DateTime(timezone=True), False),
    ("known_to", sa.DateTime(timezone=True), True),
    ("delivery_id", sa.String(), False),
)
FIMEA_PACKAGES = (
    ("pakkausnro", sa.String(), False),
    ("vnrnro", sa.CHAR(6), True),
    ("pakkauskoko", sa.String(), True),
    ("kerroin", sa.Float(), True),
    ("koko", sa.Float(), True),
    ("yksikko", sa.String(), True),
    ("laite", sa.String(), True),
    ("astiatun", sa.String(), True),
    ("kauppaantulopvm", sa.Date(), True),
    ("kaupastapoispvm", sa.Date(), True),
    ("reseptistatus", sa.String(), True),
    ("laakenimi", sa.String(), True),
    ("vahvuus", sa.String(), True),
    ("laakemuotonimi", sa.String(), True),
    ("laakemuototun", sa.String(), True),
    ("haltija", sa.String(), True),
    ("hum", sa.Boolean(), True),
    ("vet", sa.Boolean(), True),
    ("rinnakkaistuonti", sa.Boolean(), True),
    ("vaikainelkm", sa.BigInteger(), True),
    ("atckoodi", sa.String(), True),
    ("atctun", sa.String(), True),
    ("ddd", sa.Float(), True),
    ("dddyksikko", sa.String(), True),
    ("huume", sa.String(), True),
    ("psykoluokitus", sa.String(), True),
    ("liikennevaara", sa.Boolean(), True),
    ("ehtokoodi", sa.String(), True),
    ("myyntilupanro", sa.String(), True),
    ("eumyyntilupanro", sa.String(), True),
    ("paatospvm", sa.Date(), True),
    ("paattymispvm", sa.Date(), True),
    ("tilanimi", sa.String(), True),
    ("tilakoodi", sa.String(), True),
    ("muutos", sa.String(), True),
    ("edellinen_vnrnro", sa.String(), True),
    ("substituutioryhma", sa.String(), True),
    ("kaupan", sa.Boolean(), True),
    ("edellinen_laakenimi", sa.String(), True),
    ("known_from", sa.DateTime(timezone=True), False),
    ("known_to", sa.DateTime(timezone=True), True),
    ("delivery_id", sa.String(), False),
)
FIMEA_ATC = (
    ("atctun", sa.String(), False),
    ("atckoodi", sa.String(), False),
    ("selites", sa.String(), True),
    ("seliter", sa.String(), True),
    ("ddd", sa.Float(), True),
    ("dddyksikko", sa.String(), True),
    ("known_from", sa.DateTime(timezone=True), False),
    ("known_to", sa.DateTime(timezone=True), True),
    ("delivery_id", sa.String(), False),
)
FIMEA_SUBSTANCES = (
    ("pakkausnro", sa.String(), False),
    ("ainetun", sa.String(), False),
    ("ainenimi", sa.String(), True),
    ("known_from", sa.DateTime(timezone=True), False),
    ("known_to", sa.DateTime(timezone=True), True),
    ("delivery_id", sa.String(), False),
)
FIMEA_FORMS = (
    ("laakemuototun", sa.String(), False),
    ("laakemuotonimi", sa.String(), True),
    ("laakemuotonimir", sa.String(), True),
    ("laakemuotonimie", sa.String(), True),
    ("known_from", sa.DateTime(timezone=True), False),
    ("known_to", sa.DateTime(timezone=True), True),
    ("delivery_id", sa.String(), False),
)
FIMEA_SUBSTITUTION = (
    ("substituutioryhma", sa.String(), True),
    ("vnrnro", sa.CHAR(6), False),
    ("pakkauskoko", sa.String(), True),
    ("reseptistatus", sa.String(), True),
    ("laakenimi", sa.String(), True),
    ("vahvuus", sa.String(), True),
    ("laakemuotonimi", sa.String(), True),
    ("haltija", sa.String(), True),
    ("atckoodi", sa.String(), True),
    ("selites", sa.String(), True),
    ("kaupan", sa.Boolean(), True),
    ("dokumentaatio", sa.String(), True),
    ("rinnakkaistuonti", sa.Boolean(), True),
    ("myyntilupanro", sa.String(), True),
    ("eumyyntilupanro", sa.String(), True),
    ("known_from", sa.DateTime(timezone=True), False),
    ("known_to", sa.DateTime(timezone=True), True),
    ("delivery_id", sa.String(), False),
)
FIMEA_SHORTAGES = (
    ("vnr", sa.CHAR(6), False),
    ("voimassa", sa.CHAR(1), False),
    ("saatavuushairioalkupaiva", sa.Date(), False),
    ("saatavuushairioloppupaiva", sa.Date(), True),
    ("ilmoituspaiva", sa.Date(), True),
    ("muokkauspaiva", sa.Date(), True),
    ("yritys", sa.String(), True),
    ("known_from", sa.DateTime(timezone=True), False),
    ("known_to", sa.DateTime(timezone=True), True),
    ("delivery_id", sa.String(), False),
)
KELA_PURCHASES = (
    ("vuosi", sa.BigInteger(), False),
    ("viikko", sa.BigInteger(), False),
    ("var_kustannus", sa.Float(), True),
    ("var_n_ostot", sa.Float(), True),
    ("var_n_henkilot", sa.Float(), True),
    ("atc_koodi", sa.String(), False),
    ("aluekoodi", sa.String(), False),
    ("atc_taso", sa.BigInteger(), False),
    ("known_from", sa.DateTime(timezone=True), False),
    ("known_to", sa.DateTime(timezone=True), True),
    ("delivery_id", sa.String(), False),
)


def upgrade() -> None:
    create_table("core.holders", HOLDERS, ("holder_id", "known_from"))
    create_table("core.supply", SUPPLY, ("holder_id", "vnr", "announced_on", "expected_on", "known_from"))
    create_table("core.obligations", OBLIGATIONS, ("year", "obliged_id", "vnr", "known_from"))
    create_table("core.permits", PERMITS, ("kind", "obliged_id", "vnr", "applied_on", "known_from"))
    create_table("core.critical_list", CRITICAL_LIST, ("list", "atc5", "route", "known_from"))
    create_table("core.package_map", PACKAGE_MAP, ("article", "valid_from", "known_from"))
    create_table("core.fimea_packages", FIMEA_PACKAGES, ("pakkausnro", "known_from"))
    create_table("core.fimea_atc", FIMEA_ATC, ("atctun", "known_from"))
    create_table("core.fimea_substances", FIMEA_SUBSTANCES, ("pakkausnro", "ainetun", "known_from"))
    create_table("core.fimea_forms", FIMEA_FORMS, ("laakemuototun", "known_from"))
    create_table("core.fimea_substitution", FIMEA_SUBSTITUTION, ("vnrnro", "known_from"))
    create_table("core.fimea_shortages", FIMEA_SHORTAGES, ("vnr", "saatavuushairioalkupaiva", "known_from"))
    create_table(
        "core.kela_purchases", KELA_PURCHASES, ("vuosi", "viikko", "atc_koodi", "aluekoodi", "atc_taso", "known_from")
    )


def downgrade() -> None:
    drop_tables(
        "core.kela_purchases",
        "core.fimea_shortages",
        "core.fimea_substitution",
        "core.fimea_forms",
        "core.fimea_substances",
        "core.fimea_atc",
        "core.fimea_packages",
        "core.package_map",
        "core.critical_list",
        "core.permits",
        "core.obligations",
        "core.supply",
        "core.holders",
    )
