"""Tables of the picture: medicines, what is measured of them, and the situation; and the views analysts see.

A measured row carries ``as_of`` and ``known_at``; a picture made again is another ``known_at``, nothing is overwritten.
"""

from __future__ import annotations

import dataframely as dy

from medsupply.tables.base import Table, count, day, flag, moment, number, text, texts

LEVELS = ("severe", "elevated", "watch", "normal", "unknown")
STATES = ("reported", "late", "missing", "not_stocked", "discontinued", "unmapped")
AREA = r"^(\d{2}|Y[1-5])$"

AS_OF, KNOWN_AT = "Report day the figure is about", "Moment the figure was known"
MEDICINE = "Medicine (G.., F.., A..) or family (S..)"
COUNTY = "Area: county 01-21, 90 Helsinki, 91 Åland, collaborative area Y1-Y5, 99 the country"
UNITS, DAYS, SHARE = "units", "days", "share 0-1"
MASS = "units, or mg of the substance for a family"


class Medicines(dy.Schema):
    medicine_id = text(MEDICINE, primary_key=True)
    as_of = day("Report day of the picture that wrote the row last")
    known_at = moment("Moment that picture was known")
    grain = text("medicine or family", check=lambda c: c.is_in(["medicine", "family"]))
    family_id = text("Family the medicine belongs to; a family's own id", nullable=True)
    atc = text("ATC code", nullable=True)
    name_fi = text("Name of the substance in Finnish; of another language with its mark, (en)", nullable=True)
    name_sv = text("Name of the substance in Swedish; of another language with its mark, (fi)", nullable=True)
    name_en = text("Name of the substance in English; of another language with its mark, (sv)", nullable=True)
    strength = text("Strength, parsed and written one way (500 mg)", nullable=True)
    form = text("Pharmaceutical form in Finnish", nullable=True)
    form_sv = text("Pharmaceutical form in Swedish", nullable=True)
    form_en = text("Pharmaceutical form in English", nullable=True)
    form_class = text("Form class of the reviewed form table", nullable=True)
    unit = text("Unit of the figures: kpl, ml, g, mg; empty: no units can be added", nullable=True)
    substitution_group = text("Substitution group of Fimea", nullable=True)
    critical = flag("The family is critical for security of supply")
    critical_class = count("Criticality class, 1 the highest", "class", nullable=True)
    critical_lists = texts("Lists the family stands on: national, eu, storage")
    ddd = number("Defined daily dose of the ATC code", "ddd_unit", nullable=True)
    ddd_unit = text("Unit of the DDD", nullable=True)
    season_from = text("First day of the season, MM-DD", nullable=True)
    season_to = text("Last day of the season, MM-DD", nullable=True)
    packages = count("Packages known", "packages")
    marketed_packages = count("Packages on the market", "packages")
    marketed_holders = count("Holders of a marketing authorisation with a marketed package", "holders")
    special_permit_articles = count("Articles under a fixed-term special permit", "packages")
    substitutes = texts("The family's other medicines")
    state = text("marketed, not_marketed, discontinued, special_permit (market not known) or no_package_known")


class Packages(dy.Schema):
    vnr = text("Package: VNR or article of package_map", primary_key=True)
    as_of = day("Report day of the picture that wrote the row last")
    known_at = moment("Moment that picture was known")
    medicine_id = text("Medicine it belongs to; empty: unmapped", nullable=True)
    family_id = text("Family it belongs to", nullable=True)
    current_vnr = text("VNR that replaced this one, or itself")
    atc = text("ATC code", nullable=True)
    product_name = text("Trade name", nullable=True)
    strength = text("Strength as published", nullable=True)
    form = text("Form as published", nullable=True)
    form_class = text("Form class of the reviewed form table", nullable=True)
    holder = text("Holder of the marketing authorisation as published", nullable=True)
    holder_key = text("The holder's name normalised, for comparison", nullable=True)
    substitution_group = text("Substitution group", nullable=True)
    pack_size = text("Pack size as published", nullable=True)
    factor = number("Inner packs", "inner packs", nullable=True)
    units_per_pack = number("Units in a pack; empty: the size is not parsed", UNITS, nullable=True)
    unit = text("Unit", nullable=True)
    units_source = text("Where the units come from: register, list, map, not_parsed or other_unit")
    mg_per_pack = number("Substance in a pack", "mg", nullable=True)
    family_units_per_pack = number("What a pack counts in its family's figures", MASS, nullable=True)
    marketed = flag("On the market: KAUPAN 1 in the newest register or list known")
    parallel_import = flag("Parallel import")
    counted_as_marketed = flag("Marketed and no parallel import beside a marketed original")
    special_permit = flag("Under a fixed-term special permit")
    left_market_on = day("Day it leaves or left the market", nullable=True)
    state = text("marketed, not_marketed, discontinued, special_permit, alias or unmapped")
    source = text("Source that named it last")
    member_from = moment("Since when the package is known in this medicine", nullable=True)


class Memberships(dy.Schema):
    vnr = text("Package", primary_key=True)
    substitution_group = text("Substitution group it stood in", primary_key=True)
    known_from = moment("When the list that says so came", primary_key=True)
    known_to = moment("When a list first said otherwise; empty: still", nullable=True)
    atc = text("ATC code the list gave", nullable=True)
    reused = flag("The group number stood for other substances in an earlier list")


class StockDaily(dy.Schema):
    day = day("Report day", primary_key=True)
    known_at = moment(KNOWN_AT, primary_key=True)
    county_code = text("County of the holders; 99 for wholesalers, mah and thl", primary_key=True, regex=AREA)
    holder_type = text("Kind of holder", primary_key=True)
    vnr = text("Package", primary_key=True)
    state = text("reported, late, missing, not_stocked or unmapped", primary_key=True)
    medicine_id = text("Medicine; empty: unmapped", nullable=True)
    packs = number("Packs not expired, reserve included; empty: not known", "packs", nullable=True)
    units = number("Units that may be used: not expired, reserve of others left out", UNITS, nullable=True)
    reserve_units = number("Units of the reserve that may not be used", UNITS, nullable=True)
    holders = count("Holders behind the row", "holders")
    largest_share = number("Share of the packs that the largest of them has", SHARE, nullable=True)


class DispensingDaily(dy.Schema):
    day = day("Day", primary_key=True)
    known_at = moment(KNOWN_AT, primary_key=True)
    county_code = text("County", primary_key=True, regex=AREA)
    channel = text("community or hospital", primary_key=True)
    vnr = text("Package", primary_key=True)
    medicine_id = text("Medicine; empty: unmapped", nullable=True)
    packs = number("Packs that left, less returned", "packs")
    units = number("Units that left, less returned", UNITS, nullable=True)
    dispensings = number("Dispensings, exact: never shown outside", "dispensings", nullable=True)
    reporters = count("Reporters behind the row", "reporters")


class DemandWeekly(dy.Schema):
    week = day("Monday of the week", primary_key=True)
    known_at = moment(KNOWN_AT, primary_key=True)
    medicine_id = text(MEDICINE, primary_key=True)
    county_code = text(COUNTY, primary_key=True, regex=AREA)
    units = number("Demand of the week: the trailing formula over its seven days x 7", MASS, nullable=True)
    silent_share = number("Share of usual demand of reporters silent all week", SHARE)
    marked = flag("A reporter was silent all week: its usual share is inside")


class UsualUnits(dy.Schema):
    as_of = day(AS_OF, primary_key=True)
    known_at = moment(KNOWN_AT, primary_key=True)
    county_code = text("County of the holders; 99 for wholesalers, mah and thl", primary_key=True, regex=AREA)
    holder_type = text("Kind of holder", primary_key=True)
    medicine_id = text(MEDICINE, primary_key=True)
    usual_units = number("Usual units of the holders valid on the day", MASS)
    usual_units_heard = number("Of them holders heard of", MASS)


class Completeness(dy.Schema):
    as_of = day(AS_OF, primary_key=True)
    known_at = moment(KNOWN_AT, primary_key=True)
    source = text("stock, dispensing or a full list", primary_key=True)
    holder_id = text("Holder or reporter; the source's own name for a full list", primary_key=True)
    holder_type = text("Kind of holder", nullable=True)
    county_code = text("County", nullable=True)
    state = text("reported, late or missing")
    last_day = day("Newest day it reported", nullable=True)
    open_days_late = count("Open days since", DAYS, nullable=True)
    reported_days_84 = count("Days reported of the last 84", DAYS, nullable=True)


class Obligations(dy.Schema):
    as_of = day(AS_OF, primary_key=True)
    known_at = moment(KNOWN_AT, primary_key=True)
    obliged_id = text("Obliged party; 99: all of them, where owners are unknown", primary_key=True)
    family_id = text("Family", primary_key=True)
    required_units = number("To be stored", MASS, nullable=True)
    held_units = number("Reserve held", MASS, nullable=True)
    permit_units = number("Taken off by permits to go below and exemptions in force", MASS, nullable=True)
    missing_units = number("Required less permits, replacements and held, where positive", MASS, nullable=True)
    short_today = flag("Below required less permits today", nullable=True)
    short_days = count("Days running below, up to 14", DAYS, nullable=True)
    short = flag("Below on 14 days running", nullable=True)
    replaced_units = number("May be stored as an equivalent product or substance (korvaava)", MASS, nullable=True)
    months = text("Months of consumption that the law asks for: 10, 6, 3 or 0.5; several with commas", nullable=True)


class StateReserve(dy.Schema):
    as_of = day(AS_OF, primary_key=True)
    known_at = moment(KNOWN_AT, primary_key=True)
    medicine_id = text(MEDICINE, primary_key=True)
    units = number("In the state reserve, not released", MASS)
    released_units = number("Released: in the stock of the country", MASS)


class Measured(dy.Schema):
    as_of = day(AS_OF, primary_key=True)
    known_at = moment(KNOWN_AT, primary_key=True)
    medicine_id = text(MEDICINE, primary_key=True)
    county_code = text(COUNTY, primary_key=True, regex=AREA)
    grain = text("medicine or family")
    family_id = text("Family", nullable=True)
    atc = text("ATC code", nullable=True)
    unit = text("Unit of the figures; empty: no units can be added", nullable=True)
    critical = flag("The family is critical")
    critical_class = count("Criticality class", "class", nullable=True)
    season_from = text("First day of the season, MM-DD", nullable=True)
    season_to = text("Last day of the season, MM-DD", nullable=True)
    market_state = text("State of the medicine: marketed, not_marketed, discontinued, special_permit, no_package_known")
    stock_units = number("Stock that may be used", MASS, nullable=True)
    reserve_units = number("Reserve that may not be used", MASS, nullable=True)
    trailing_demand_units = number("Mean demand a day over the last 84 days", MASS, nullable=True)
    floor_units = number("Floor: k days of trailing demand", MASS, nullable=True)
    usual_units = number("Usual units of the holders valid on the day", MASS, nullable=True)
    usual_units_heard = number("Of them holders heard of", MASS, nullable=True)
    usual_units_silent = number("Of them holders not heard of", MASS, nullable=True)
    reporting_share = number("Usual units heard of / usual units of all", SHARE, nullable=True)
    out_share = number(
        "Demand of dispensing holders that had it and have none now / of all that had it", SHARE, nullable=True
    )
    dispensings_84 = number("Dispensings of the last 84 days, exact: never shown outside", "dispensings", nullable=True)
    dispensed_year = flag("Known demand in the last year: dispensing, or purchases of its ATC", nullable=True)
    notice_share = number("Share under a notice in force", SHARE, nullable=True)
    notice_share_84 = number("Share under a notice within 84 days, or leaving the market", SHARE, nullable=True)
    notice_packages_share = number("Share of marketed packages under a notice in force", SHARE, nullable=True)
    notice_packages_share_28 = number("... that goes on for 28 more days", SHARE, nullable=True)
    notice_basis = text("dispensing or packages", nullable=True)
    notices_open = count("Notices in force", "notices", nullable=True)
    notices_late = flag("It has a notice in the newest list, which is older than 4 days", nullable=True)
    marketed_packages = count("Packages on the market", "packages")
    marketed_holders = count("Holders with a marketed package", "holders")
    single_holder_notice = flag("The single marketed holder has a notice in force", nullable=True)
    special_permit_articles = count("Articles under a fixed-term special permit", "packages")
    other_medicines = count("Other medicines of the family", "medicines")
    obligation_short = flag("Short of the obligation on 14 days running", nullable=True)
    purchases = number("Kela purchases of the last complete week known", "purchases", nullable=True)
    purchases_week = day("Monday of that week", nullable=True)
    purchases_atc = text("ATC code the purchases are of", nullable=True)
    shared = flag("Holds stock or demand of a holder that serves several counties")
    state = text("State of the stock figure: reported, late, missing, not_stocked, discontinued or unmapped")
    holders_valid = count("Holders valid on the day", "holders")
    holders_heard = count("Of them heard of", "holders")
    packs_without_units = number("Packs that have no units and are in no sum", "packs", nullable=True)
    ddd_units = number("Units of a family in one defined daily dose of its ATC code", MASS, nullable=True)
    demand_before_on = day("Last day above the floor, while at or below it", nullable=True)
    demand_before_trailing_units = number("Trailing demand of that day", MASS, nullable=True)


class Situation(dy.Schema):
    as_of = day(AS_OF, primary_key=True)
    known_at = moment(KNOWN_AT, primary_key=True)
    county_code = text(COUNTY, primary_key=True, regex=AREA)
    medicine_id = text(MEDICINE, primary_key=True)
    grain = text("medicine or family")
    family_id = text("Family", nullable=True)
    atc = text("ATC code", nullable=True)
    critical = flag("The family is critical")
    critical_class = count("Criticality class", "class", nullable=True)
    level = text("severe, elevated, watch, normal, unknown; empty: no level (low demand, out of season)", nullable=True)
    level_if_missing_empty = text("The level were the holders not heard of empty", nullable=True)
    level_if_missing_usual = text("The level were the holders not heard of at their usual units", nullable=True)
    partial = flag("Reporting share under the threshold, and the level is the same both ways")
    reasons = texts("Stable codes of the reasons, the weightiest first")
    stock_units = number("Stock that may be used", MASS, nullable=True)
    reserve_units = number("Reserve that may not be used", MASS, nullable=True)
    floor_units = number("Floor: k days of trailing demand", MASS, nullable=True)
    trailing_demand_units = number("Mean demand a day over the last 84 days", MASS, nullable=True)
    daily_demand_units = number("Demand a day that cover is computed with", MASS, nullable=True)
    demand_before_units = number(
        "Daily demand of the last day above the floor, while at or below it", MASS, nullable=True
    )
    demand_basis = text("forecast, trailing or before_shortage", nullable=True)
    demand_forecast_cutoff = day("Last day the forecast had read", nullable=True)
    cover_days = number("stock_units / daily_demand_units", DAYS, nullable=True)
    cover_days_high = number("... with silent holders at their usual units", DAYS, nullable=True)
    cover_days_with_reserve = number("... with the reserve", DAYS, nullable=True)
    out_share = number("Demand of dispensing holders that have none now / of all that had it", SHARE, nullable=True)
    run_out_p14 = number("Probability to reach the floor within 14 days", "probability", nullable=True)
    run_out_p28 = number("... within 28 days", "probability", nullable=True)
    run_out_p56 = number("... within 56 days", "probability", nullable=True)
    run_out_p84 = number("... within 84 days", "probability", nullable=True)
    run_out_p14_with_reserve = number("... within 14 days, the reserve counted in", "probability", nullable=True)
    run_out_p14_announced = number("... within 14 days, announced supply only", "probability", nullable=True)
    run_out_p84_announced = number("... within 84 days, announced supply only", "probability", nullable=True)
    run_out_on = day("Median day of reaching the floor; empty: not within the horizon", nullable=True)
    notice_share = number("Share under a notice in force", SHARE, nullable=True)
    notice_share_84 = number("Share under a notice within 84 days, or leaving the market", SHARE, nullable=True)
    notices_open = count("Notices in force", "notices", nullable=True)
    demand_index = number("Kela purchases of the last complete week / expected", "ratio", nullable=True)
    demand_index_expected = number(
        "Purchases expected by the forecast made before that week", "purchases", nullable=True
    )
    demand_index_week = day("Monday of that week", nullable=True)
    reporting_share = number("Usual units heard of / usual units of all", SHARE, nullable=True)
    shared = flag("Holds stock or demand of a holder that serves several counties")
    state = text("State of the stock figure")
    last_complete_day = day("Newest day with reporting_share at the threshold or more", nullable=True)
    last_complete_level = text("Level of that day", nullable=True)
    family_cover_days = number("Cover of the family in the same area: other strengths last", DAYS, nullable=True)
    rules_version = text("Version of the rules file that gave the level")
    stock_ddd = number("Stock of a family across strengths in daily doses of its ATC code", "DDD", nullable=True)
    daily_demand_ddd = number("Daily demand of a family across strengths, a day", "DDD", nullable=True)
    demand_before_on = day("Last day above the floor, while at or below it", nullable=True)


class Pictures(dy.Schema):
    as_of = day("Report day; the Monday of the week for stage demand", primary_key=True)
    known_at = moment(KNOWN_AT, primary_key=True)
    stage = text("measured, judged, dispensing or demand: which tables hold this version", primary_key=True)
    rules_version = text("Version of the rules file, for stage judged", nullable=True)
    rows = count("Rows stored", "rows", nullable=True)
    content = text("SHA-256 of the rows without known_at: the same facts give the same content", nullable=True)
    dropped_at = moment("When retention deleted its daily sums; measured figures and situation stay", nullable=True)


class Changes(dy.Schema):
    as_of = day("Report day of the later picture", primary_key=True)
    known_at = moment("Known moment of the later picture", primary_key=True)
    county_code = text(COUNTY, primary_key=True, regex=AREA)
    medicine_id = text(MEDICINE, primary_key=True)
    before_as_of = day("Report day of the earlier picture")
    before_known_at = moment("Known moment of the earlier picture")
    change = text("new, worse, better or gone")
    level_before = text("Level before", nullable=True)
    level = text("Level now", nullable=True)
    causes = texts("Stable codes of the causes, computed, the weightiest first")
    stock_change_units = number("Stock now less before", MASS, nullable=True)
    demand_change_units = number("Daily demand now less before", MASS, nullable=True)
    reasons_gained = texts("Reasons that hold now and did not before")
    reasons_lost = texts("Reasons that held before and do not now")


class Corrections(dy.Schema):
    as_of = day("Report day", primary_key=True)
    known_at = moment("Known moment of the later version", primary_key=True)
    county_code = text(COUNTY, primary_key=True, regex=AREA)
    medicine_id = text(MEDICINE, primary_key=True)
    before_known_at = moment("Known moment of the version before")
    holders_change = count("Holders heard of now less before", "holders", nullable=True)
    level_before = text("Level before", nullable=True)
    level = text("Level now", nullable=True)
    stock_change_units = number("Stock now less before", MASS, nullable=True)
    demand_change_units = number("Daily demand now less before", MASS, nullable=True)


PICTURES = Table("picture", "pictures", Pictures, "Which versions of which day there are: views show the latest")
MEDICINES = Table("picture", "medicines", Medicines, "Medicines and families as the newest picture knows them")
PACKAGES = Table(
    "picture", "packages", Packages, "Packages as the newest picture knows them", indexes=(("medicine_id",),)
)
MEMBERSHIPS = Table("picture", "memberships", Memberships, "Which package stood in which substitution group, and when")
STOCK_DAILY = Table(
    "picture",
    "stock_daily",
    StockDaily,
    "Stock of a day summed by county, kind of holder and package; the state reserve is not inside",
    partition_by_month="day",
    indexes=(("medicine_id", "day"),),
)
DISPENSING_DAILY = Table(
    "picture",
    "dispensing_daily",
    DispensingDaily,
    "Dispensing of a day summed by county, channel and package",
    classification="restricted",
    partition_by_month="day",
    indexes=(("medicine_id", "day"),),
)
DEMAND_WEEKLY = Table("picture", "demand_weekly", DemandWeekly, "Demand of complete weeks, as fed to the forecast")
USUAL_UNITS = Table("picture", "usual_units", UsualUnits, "Usual units by county, kind of holder and medicine")
COMPLETENESS = Table("picture", "completeness", Completeness, "Who has reported, who is late, who is missing")
OBLIGATIONS = Table(
    "picture",
    "obligations",
    Obligations,
    "Obligatory storage per obliged party and family: required, held, permitted, short",
    classification="restricted",
)
STATE_RESERVE = Table(
    "picture", "state_reserve", StateReserve, "State reserve: NESA, STM and Fimea only", classification="secret"
)
MEASURED = Table(
    "picture",
    "measured",
    Measured,
    "What was measured per area and medicine, before levels",
    partition_by_month="as_of",
)
SITUATION = Table(
    "picture",
    "situation",
    Situation,
    "The situation picture: every figure and the level, per area and medicine or family",
    partition_by_month="as_of",
    indexes=(("medicine_id", "county_code", "as_of"),),
)
CHANGES = Table("picture", "changes", Changes, "What changed between a picture and the one before, and why")
CORRECTIONS = Table(
    "picture", "corrections", Corrections, "What a later version of a day says differently: late and corrected files"
)

TABLES: tuple[Table, ...] = (
    PICTURES, MEDICINES, PACKAGES, MEMBERSHIPS, STOCK_DAILY, DISPENSING_DAILY, DEMAND_WEEKLY, USUAL_UNITS,
    COMPLETENESS, OBLIGATIONS, STATE_RESERVE, MEASURED, SITUATION, CHANGES, CORRECTIONS,
)  # fmt: skip
