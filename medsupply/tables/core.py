"""Reference and events as known over time: the contracts' columns with known_from and known_to."""

from __future__ import annotations

import dataframely as dy

from medsupply.tables.base import Table, View, moment, text
from medsupply.tables.deliveries import CONTRACTS, Contract

# Sources whose rows live in the record only.
SITE_SOURCES = ("stock", "dispensing")


def _versioned(contract: type[Contract]) -> type[dy.Schema]:
    extra = {
        "known_from": moment("When it was first known so", primary_key=True),
        "known_to": moment("When it was first known otherwise; empty: still so", nullable=True),
        "delivery_id": text("Delivery that said so first"),
    }
    return type(f"Core{contract.__name__}", (contract,), extra)


CORE: dict[str, Table] = {
    source: Table("core", source, _versioned(contract), f"{contract.__name__} as known over time")
    for source, contract in CONTRACTS.items()
    if source not in SITE_SOURCES
}
TABLES: tuple[Table, ...] = tuple(CORE.values())

VIEWS: tuple[View, ...] = (
    View(
        "holders",
        "SELECT holder_id, holder_type, name, county_code, valid_from, valid_to, serves, known_from"
        " FROM core.holders WHERE known_to IS NULL AND holder_type <> 'state_reserve'",
        "Who must report, as the newest list says; the state reserve is not inside",
        tables=(CORE["holders"],),
    ),
    View(
        "purchases_weekly",
        "SELECT vuosi AS year, viikko AS week,"
        " to_date(vuosi::text || lpad(viikko::text, 2, '0') || '1', 'IYYYIWID') AS week_start,"
        " nullif(atc_koodi, '') AS atc, atc_taso AS atc_level, aluekoodi AS county_code, var_n_ostot AS purchases,"
        " var_kustannus AS cost_euro, known_from, known_to FROM core.kela_purchases",
        "Kela: weekly purchases per ATC and area; a purchase is a dispensed lot, not packs. Absent is not zero. Every"
        " revision is a row; known_to is empty in the newest. Source: Kela, CC BY 4.0",
        columns={
            "year": "ISO year", "week": "ISO week", "week_start": "Monday of the week", "atc": "ATC code; empty: all",
            "atc_level": "ATC level 0-5 (counties: 0-2 only)", "county_code": "County, 99 the country",
            "purchases": "Purchases", "cost_euro": "Cost [euro]",
        },
        tables=(CORE["kela_purchases"],),
    ),
    View(
        "shortage_notices",
        "SELECT n.vnr, n.voimassa AS state, n.saatavuushairioalkupaiva AS starts_on,"
        " n.saatavuushairioloppupaiva AS ends_on, n.ilmoituspaiva AS notified_on, n.muokkauspaiva AS changed_on,"
        " n.yritys AS company, p.medicine_id, p.product_name, n.known_from, n.known_to"
        " FROM core.fimea_shortages n LEFT JOIN picture.packages p ON p.vnr = n.vnr",
        "Shortage notices of Fimea: every revision; K in force or to come, E ended; 9999-12-31 is an open end",
        columns={
            "vnr": "Package", "state": "K in force or to come, E ended", "starts_on": "First day",
            "ends_on": "Stated last day", "notified_on": "Day of the notice", "changed_on": "Day of the last change",
            "company": "Company as published", "medicine_id": "Medicine; empty: no list names the package",
            "product_name": "Trade name; empty: no list names the package",
        },
        tables=(CORE["fimea_shortages"],),
    ),
    View(
        "obligations",
        "SELECT year, vnr, sum(base_packs / base_months * factor_months) AS required_packs, count(*) AS obliged_parties"
        " FROM core.obligations WHERE known_to IS NULL GROUP BY year, vnr HAVING count(*) >= 3",
        "Obligatory storage per package and year where three or more parties are obliged; figures of single companies"
        " are shown by role in the dashboard only",
        columns={
            "year": "Storage year", "vnr": "Package", "required_packs": "Packs to be stored, all parties [packs]",
            "obliged_parties": "Obliged parties",
        },
    ),
)  # fmt: skip
