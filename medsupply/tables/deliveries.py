"""The input contracts: what a delivery of each source may hold. Key columns carry ``primary_key``.

Names of published files are kept as published, in lower case. Columns that may be absent are listed in ``OPTIONAL``.
Every row of every source is stored with ``delivery_id``, ``line`` and ``received_at`` beside these columns.
"""

from __future__ import annotations

from typing import ClassVar

import dataframely as dy

from medsupply.tables.base import count, day, flag, number, text

HOLDER_TYPES = (
    "wholesaler",
    "mah",
    "hospital_pharmacy",
    "medicine_centre",
    "pharmacy",
    "dose_dispensing",
    "thl",
    "state_reserve",
)
VNR = r"^\d{6}$"
AREA_LIST = r"^[0-9Y]{2}(,[0-9Y]{2})*$"


class Contract(dy.Schema):
    """Base of the contracts; ``OPTIONAL`` names the columns that a file may lack."""

    OPTIONAL: ClassVar[frozenset[str]] = frozenset()


class Holders(Contract):
    OPTIONAL = frozenset({"valid_to", "serves"})
    holder_id = text("Site or company that keeps stock", primary_key=True)
    holder_type = dy.Enum(HOLDER_TYPES, description="Kind of holder")
    name = text("Name of the site or company")
    county_code = text("County of the site", regex=r"^\d{2}$", nullable=True)
    valid_from = day("First day it must report")
    valid_to = day("Last day it must report; empty: still", nullable=True)
    serves = text("Areas it serves, with commas, where not its own county alone", regex=AREA_LIST, nullable=True)


class Stock(Contract):
    OPTIONAL = frozenset({"lot", "expires_on", "reserve_packs", "owner_id"})
    holder_id = text("Holder that counted", primary_key=True)
    counted_on = day("Day of the count, end of day", primary_key=True)
    vnr = text("Package: six digits or an article of package_map; empty: the holder has nothing", primary_key=True)
    lot = text("Lot", nullable=True)
    expires_on = day("Day the lot expires", nullable=True)
    packs = number("Packs in stock, obligatory storage included", "packs", min=0)
    reserve_packs = number("Of them obligatory storage", "packs", min=0, nullable=True)
    owner_id = text("Company the stock is kept for", nullable=True)


class Dispensing(Contract):
    OPTIONAL = frozenset({"returned_packs"})
    reporter_id = text("Who reports", primary_key=True)
    day = day("Day of dispensing", primary_key=True)
    county_code = text("County where it was dispensed", regex=r"^\d{2}$", primary_key=True)
    channel = dy.Enum(("community", "hospital"), description="Channel", primary_key=True)
    vnr = text("Package; empty: nothing was dispensed that day (nil row)", primary_key=True)
    packs = number("Packs that left to a user or ward", "packs", min=0)
    dispensings = number("Dispensings", "dispensings", min=0, nullable=True)
    returned_packs = number("Packs returned", "packs", min=0, nullable=True)


class Supply(Contract):
    holder_id = text("Holder that expects the packs", primary_key=True)
    vnr = text("Package", primary_key=True)
    announced_on = day("Day of the announcement", primary_key=True)
    expected_on = day("Day of expected arrival", primary_key=True)
    packs = number("Packs announced", "packs", min=0)
    certainty = dy.Enum(("confirmed", "planned"), description="How sure")


class Obligations(Contract):
    year = count("Storage year", "year", primary_key=True, min=2000, max=2100)
    obliged_id = text("Obliged party", primary_key=True)
    obliged_type = text("Kind of obliged party")
    vnr = text("Package", primary_key=True)
    base_packs = number("Packs sold or used in the base period", "packs", min=0)
    base_months = number("Months of the base period", "months", min_exclusive=0)
    factor_months = number("Months to be stored (10, 6, 3, 0.5)", "months", min=0)


class Permits(Contract):
    kind = dy.Enum(("alitus", "vapautus", "korvaava", "release"), description="Kind of permit", primary_key=True)
    obliged_id = text("Holder of the permit", primary_key=True)
    vnr = text("Package", primary_key=True)
    applied_on = day("Day of application", primary_key=True)
    valid_from = day("First day in force; empty: applied for only", nullable=True)
    valid_to = day("Last day in force", nullable=True)
    allowed_packs = number("Packs that may be taken out of the reserve", "packs", min=0, nullable=True)


class CriticalList(Contract):
    OPTIONAL = frozenset({"list", "class", "season_from", "season_to", "d", "cat", "grp"})
    list = dy.Enum(("eu", "national", "storage"), description="Which list", primary_key=True)
    atc5 = text("ATC code", regex=r"^[A-Z]\d{2}[A-Z]{2}\d{2}$", primary_key=True)
    n = text("Name of the substance")
    route = text("Routes of administration, with commas; empty: unknown", primary_key=True)
    d = text("Day of the decision, as published", nullable=True)
    cat = text("ATC level 1, as published", nullable=True)
    grp = text("ATC level 4, as published", nullable=True)
    class_ = count("Criticality class", "class", alias="class", min=1, max=9, nullable=True)
    season_from = text("First day of the season, MM-DD", regex=r"^\d{2}-\d{2}$", nullable=True)
    season_to = text("Last day of the season, MM-DD", regex=r"^\d{2}-\d{2}$", nullable=True)


class PackageMap(Contract):
    OPTIONAL = frozenset({"vnr", "atc", "strength", "form", "factor", "size", "unit", "medicine_id", "valid_to"})
    article = text("Article as senders write it", primary_key=True)
    vnr = text("Package it stands for", regex=VNR, nullable=True)
    atc = text("ATC code", nullable=True)
    strength = text("Strength", nullable=True)
    form = text("Form", nullable=True)
    factor = number("Inner packs", "inner packs", min_exclusive=0, nullable=True)
    size = number("Units per inner pack", "units", min_exclusive=0, nullable=True)
    unit = text("Unit", nullable=True)
    medicine_id = text("Medicine it belongs to", nullable=True)
    valid_from = day("First day", primary_key=True)
    valid_to = day("Last day", nullable=True)
    author = text("Who decided")


class FimeaPackages(Contract):
    pakkausnro = text("Number of the package in the register", primary_key=True)
    vnrnro = text("VNR", regex=VNR, nullable=True)
    pakkauskoko = text("Pack size as text", nullable=True)
    kerroin = number("Inner packs", "inner packs", nullable=True)
    koko = number("Units per inner pack", "units", nullable=True)
    yksikko = text("Unit", nullable=True)
    laite = text("Device", nullable=True)
    astiatun = text("Container code", nullable=True)
    kauppaantulopvm = day("Day it came to the market", nullable=True)
    kaupastapoispvm = day("Day it leaves or left the market", nullable=True)
    reseptistatus = text("R prescription, K self-care", nullable=True)
    laakenimi = text("Trade name", nullable=True)
    vahvuus = text("Strength", nullable=True)
    laakemuotonimi = text("Form", nullable=True)
    laakemuototun = text("Form code", nullable=True)
    haltija = text("Holder of the marketing authorisation", nullable=True)
    hum = flag("For humans", nullable=True)
    vet = flag("Veterinary", nullable=True)
    rinnakkaistuonti = flag("Parallel import", nullable=True)
    vaikainelkm = count("Active substances", "substances", nullable=True)
    atckoodi = text("ATC code", nullable=True)
    atctun = text("ATC number", nullable=True)
    ddd = number("Defined daily dose", "dddyksikko", nullable=True)
    dddyksikko = text("Unit of the DDD", nullable=True)
    huume = text("Narcotic", nullable=True)
    psykoluokitus = text("Psychotropic class", nullable=True)
    liikennevaara = flag("Dangerous in traffic", nullable=True)
    ehtokoodi = text("Prescribing condition", nullable=True)
    myyntilupanro = text("Authorisation", nullable=True)
    eumyyntilupanro = text("EU authorisation", nullable=True)
    paatospvm = day("Day of the decision", nullable=True)
    paattymispvm = day("Day of expiry", nullable=True)
    tilanimi = text("State", nullable=True)
    tilakoodi = text("State code", nullable=True)
    muutos = text("Change mark", nullable=True)
    edellinen_vnrnro = text("VNR before", nullable=True)
    substituutioryhma = text("Substitution group", nullable=True)
    kaupan = flag("On the market", nullable=True)
    edellinen_laakenimi = text("Trade name before", nullable=True)


class FimeaAtc(Contract):
    atctun = text("Number of the ATC code", primary_key=True)
    atckoodi = text("ATC code")
    selites = text("Name in Finnish", nullable=True)
    seliter = text("Name in Swedish", nullable=True)
    ddd = number("Defined daily dose", "dddyksikko", nullable=True)
    dddyksikko = text("Unit of the DDD", nullable=True)


class FimeaSubstances(Contract):
    pakkausnro = text("Number of the package in the register", primary_key=True)
    ainetun = text("Number of the substance", primary_key=True)
    ainenimi = text("Name of the substance", nullable=True)


class FimeaForms(Contract):
    laakemuototun = text("Number of the form", primary_key=True)
    laakemuotonimi = text("Name in Finnish", nullable=True)
    laakemuotonimir = text("Name in Swedish", nullable=True)
    laakemuotonimie = text("Name in English", nullable=True)


class FimeaSubstitution(Contract):
    substituutioryhma = text("Substitution group", nullable=True)
    vnrnro = text("VNR", regex=VNR, primary_key=True)
    pakkauskoko = text("Pack size as text", nullable=True)
    reseptistatus = text("R prescription, K self-care", nullable=True)
    laakenimi = text("Trade name", nullable=True)
    vahvuus = text("Strength", nullable=True)
    laakemuotonimi = text("Form", nullable=True)
    haltija = text("Holder of the marketing authorisation", nullable=True)
    atckoodi = text("ATC code", nullable=True)
    selites = text("Name of the substance in Finnish", nullable=True)
    kaupan = flag("On the market", nullable=True)
    dokumentaatio = text("Kind of documentation", nullable=True)
    rinnakkaistuonti = flag("Parallel import", nullable=True)
    myyntilupanro = text("Authorisation", nullable=True)
    eumyyntilupanro = text("EU authorisation", nullable=True)


class FimeaShortages(Contract):
    vnr = text("Package", regex=VNR, primary_key=True)
    voimassa = dy.Enum(("K", "E"), description="K in force or to come, E ended")
    saatavuushairioalkupaiva = day("First day of the shortage", primary_key=True)
    saatavuushairioloppupaiva = day("Stated last day; 9999-12-31: open", nullable=True)
    ilmoituspaiva = day("Day of the notice", nullable=True)
    muokkauspaiva = day("Day of the last change", nullable=True)
    yritys = text("Company", nullable=True)


class KelaPurchases(Contract):
    vuosi = count("ISO year", "year", primary_key=True)
    viikko = count("ISO week", "week", primary_key=True)
    var_kustannus = number("Cost", "euro", nullable=True)
    var_n_ostot = number("Purchases (dispensed lots, not packs)", "purchases", nullable=True)
    var_n_henkilot = number("Persons; for disclosure rules only", "persons", nullable=True)
    atc_koodi = text("ATC code of level atc_taso; empty: all", primary_key=True)
    aluekoodi = text("County, 99 the country", primary_key=True)
    atc_taso = count("ATC level 0-5", "level", primary_key=True)


class KelaNames(Contract):
    OPTIONAL = frozenset({"class", "name", "description"})
    code = text("Column of the weekly purchases that the row describes", primary_key=True)
    values = text("A value it takes: (ATC code) name for ATC_SELITE_FI, _SV, _EN; empty: any", primary_key=True)
    class_ = text("Type of the column", alias="class", nullable=True)
    name = text("Name of the column", nullable=True)
    description = text("Meaning of the column", nullable=True)


CONTRACTS: dict[str, type[Contract]] = {
    "holders": Holders,
    "stock": Stock,
    "dispensing": Dispensing,
    "supply": Supply,
    "obligations": Obligations,
    "permits": Permits,
    "critical_list": CriticalList,
    "package_map": PackageMap,
    "fimea_packages": FimeaPackages,
    "fimea_atc": FimeaAtc,
    "fimea_substances": FimeaSubstances,
    "fimea_forms": FimeaForms,
    "fimea_substitution": FimeaSubstitution,
    "fimea_shortages": FimeaShortages,
    "kela_purchases": KelaPurchases,
    "kela_names": KelaNames,
}
_REGISTERS = tuple(source for source in CONTRACTS if source.startswith("fimea"))
REFERENCE: tuple[str, ...] = ("holders", "critical_list", "package_map", *_REGISTERS, "kela_names")
