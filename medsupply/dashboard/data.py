"""What pages read: queries on the analyst views, as frames. Only what every signed-in person may see passes here."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import polars as pl

from medsupply.alerts.findings import Finding
from medsupply.alerts.store.signs import channel
from medsupply.areas import COUNTRY, COUNTY_CODES
from medsupply.dashboard.asking import ask, fresh, warehouse
from medsupply.dashboard.context import current
from medsupply.sources.catalogue import SOURCES, Kind

HISTORY_DAYS = 182
WHOLE_LISTS = [one.name for one in SOURCES.values() if one.kind is Kind.FULL_LIST and not one.scope]
CORRECTIONS_SHOWN_DAYS = 7
MEDICINE = """m.name_fi, m.name_sv, m.name_en, m.strength, m.form, m.form_sv, m.form_en, m.form_class, m.unit,
    m.state AS market_state, m.critical_lists"""
NAMED = f"SELECT a.*, {MEDICINE} FROM {{alerts}} a LEFT JOIN analyst.medicines m USING (medicine_id)"  # noqa: S608


def pictures() -> pl.DataFrame:
    """as_of, known_at, rules_version of every judged picture, the newest first."""
    return ask(
        "SELECT as_of, known_at, rules_version FROM picture.pictures WHERE stage = 'judged' "
        "ORDER BY as_of DESC, known_at DESC"
    )


def situation(as_of: date, known_at: datetime, area: str, grain: str = "family") -> pl.DataFrame:
    """Every row of one area of a picture, with the names of the medicine."""
    return ask(
        f"SELECT s.*, {MEDICINE} FROM analyst.situation_history s LEFT JOIN analyst.medicines m USING (medicine_id) "  # noqa: S608
        "WHERE s.as_of = :as_of AND s.known_at = :known_at AND s.county_code = :area AND s.grain = :grain",
        as_of=as_of,
        known_at=known_at,
        area=area,
        grain=grain,
    )


def county_levels(as_of: date, known_at: datetime) -> pl.DataFrame:
    """county_code, level, n: critical families per county and level."""
    return ask(
        "SELECT county_code, level, count(*) AS n FROM analyst.situation_history WHERE as_of = :as_of "
        "AND known_at = :known_at AND grain = 'family' AND critical AND county_code = any(:counties) "
        "GROUP BY county_code, level ORDER BY county_code, level",
        as_of=as_of,
        known_at=known_at,
        counties=list(COUNTY_CODES),
    )


def counties_apart(as_of: date, known_at: datetime) -> pl.DataFrame:
    """Families and the counties that are elevated or severe and worse than the country, with names and class."""
    return ask(
        f"SELECT a.*, m.critical, m.critical_class, {MEDICINE} FROM analyst.areas_apart a "  # noqa: S608
        "JOIN analyst.medicines m USING (medicine_id) WHERE a.as_of = :as_of AND a.known_at = :known_at "
        "AND a.grain = 'family' AND a.county_code = any(:counties)",
        as_of=as_of,
        known_at=known_at,
        counties=list(COUNTY_CODES),
    )


def changes(as_of: date, known_at: datetime, area: str) -> pl.DataFrame:
    """What changed since the picture before, families only, with names."""
    return ask(
        f"SELECT c.*, m.critical, {MEDICINE} FROM analyst.changes c JOIN analyst.medicines m USING (medicine_id) "  # noqa: S608
        "WHERE c.as_of = :as_of AND c.known_at = :known_at AND c.county_code = :area AND m.grain = 'family'",
        as_of=as_of,
        known_at=known_at,
        area=area,
    )


def corrections(as_of: date, known_at: datetime, area: str) -> pl.DataFrame:
    """What later versions of past days say differently, of the week before ``known_at``: families, with names.

    Without the amounts: what one late site added to a sum is that site's figure.
    """
    return ask(
        "SELECT c.as_of, c.known_at, c.before_known_at, c.medicine_id, c.holders_change, c.level_before, c.level, "  # noqa: S608
        f"m.critical, m.critical_class, m.atc, s.run_out_p56, s.notice_share, {MEDICINE} "
        "FROM analyst.corrections c JOIN analyst.medicines m USING (medicine_id) "
        "LEFT JOIN analyst.situation_history s ON (s.as_of, s.known_at, s.county_code, s.medicine_id) = "
        "(c.as_of, c.known_at, c.county_code, c.medicine_id) "
        "WHERE c.as_of <= :as_of AND c.known_at <= :known_at AND c.known_at > :since "
        "AND c.county_code = :area AND m.grain = 'family'",
        as_of=as_of,
        known_at=known_at,
        since=known_at - timedelta(days=CORRECTIONS_SHOWN_DAYS),
        area=area,
    )


def completeness(as_of: date) -> pl.DataFrame:
    """source, holder_type, state, n: how many have reported, are late, are missing."""
    return ask(
        "SELECT source, holder_type, state, count(*) AS n FROM analyst.completeness WHERE as_of = :as_of "
        "GROUP BY source, holder_type, state ORDER BY source, holder_type, state",
        as_of=as_of,
    )


def old_notices(as_of: date) -> date | None:
    """Day of the newest list of shortage notices, where it is late by its rhythm."""
    found = ask(
        "SELECT last_day FROM analyst.completeness WHERE as_of = :as_of AND source = 'fimea_shortages' "
        "AND state = 'late'",
        as_of=as_of,
    )
    return found["last_day"].max()  # type: ignore[return-value]


def expected(day: date) -> pl.DataFrame:
    """source, expected, received, late, missing, not_due: deliveries of a report day by the calendar."""
    return ask(
        "SELECT source, expected, received, late, missing, not_due FROM analyst.expected_deliveries WHERE day = :day "
        "AND expected + not_due > 0 ORDER BY source",
        day=day,
    )


def silent_holders(as_of: date, area: str) -> pl.DataFrame:
    """Holders and reporters that are late or missing; of one county where ``area`` is one."""
    return ask(
        "SELECT c.source, c.holder_id, coalesce(h.name, c.holder_id) AS name, c.holder_type, c.county_code, c.state, "
        "c.last_day, c.open_days_late FROM analyst.completeness c LEFT JOIN analyst.holders h USING (holder_id) "
        "WHERE c.as_of = :as_of AND c.state <> 'reported' AND (:area = '99' OR c.county_code = :area) "
        "ORDER BY c.state DESC, c.source, c.last_day NULLS FIRST, name",
        as_of=as_of,
        area=area,
    )


def medicines() -> pl.DataFrame:
    """Every medicine and family that can be looked up."""
    return ask("SELECT * FROM analyst.medicines ORDER BY grain, critical DESC, name_en, medicine_id")


def medicine_areas(as_of: date, known_at: datetime, medicine_id: str) -> pl.DataFrame:
    """One medicine or family in every area of a picture."""
    return ask(
        "SELECT * FROM analyst.situation_history WHERE as_of = :as_of AND known_at = :known_at "
        "AND medicine_id = :medicine_id ORDER BY county_code",
        as_of=as_of,
        known_at=known_at,
        medicine_id=medicine_id,
    )


def members(as_of: date, known_at: datetime, family_id: str, area: str) -> pl.DataFrame:
    """The medicines of a family in one area, with their rows of the picture where they have one."""
    return ask(
        f"SELECT m.medicine_id, {MEDICINE}, s.level, s.cover_days, s.run_out_p56, s.notice_share, s.reasons "  # noqa: S608
        "FROM analyst.medicines m LEFT JOIN analyst.situation_history s ON s.medicine_id = m.medicine_id "
        "AND s.as_of = :as_of AND s.known_at = :known_at AND s.county_code = :area "
        "WHERE m.family_id = :family_id AND m.grain = 'medicine' ORDER BY m.strength, m.medicine_id",
        as_of=as_of,
        known_at=known_at,
        family_id=family_id,
        area=area,
    )


def history(medicine_id: str, area: str, as_of: date) -> pl.DataFrame:
    """The latest known pictures of the days up to ``as_of``: stock, floor, demand, level."""
    return ask(
        "SELECT as_of, level, stock_units, floor_units, reserve_units, daily_demand_units, trailing_demand_units, "
        "cover_days, run_out_p56, reporting_share FROM analyst.situation WHERE medicine_id = :medicine_id "
        "AND county_code = :area AND as_of > CAST(:as_of AS date) - :days AND as_of <= :as_of ORDER BY as_of",
        medicine_id=medicine_id,
        area=area,
        as_of=as_of,
        days=HISTORY_DAYS,
    )


def weekly_demand(medicine_id: str, area: str, as_of: date) -> pl.DataFrame:
    """week, units, marked: complete weeks of the last year."""
    return ask(
        "SELECT week, units, marked FROM analyst.demand_weekly WHERE medicine_id = :medicine_id "
        "AND county_code = :area AND week > CAST(:as_of AS date) - 371 AND week <= :as_of ORDER BY week",
        medicine_id=medicine_id,
        area=area,
        as_of=as_of,
    )


def weekly_purchases(atc: str, area: str, as_of: date, known_at: datetime) -> pl.DataFrame:
    """week, units: Kela purchases of an ATC code as known at a moment, over the last year."""
    return ask(
        "SELECT week_start AS week, purchases AS units FROM analyst.purchases_weekly WHERE atc = :atc "
        "AND county_code = :area AND known_from <= :known_at AND (known_to IS NULL OR known_to > :known_at) "
        "AND week_start > CAST(:as_of AS date) - 371 AND week_start <= :as_of ORDER BY week_start",
        atc=atc,
        area=area,
        as_of=as_of,
        known_at=known_at,
    )


def demand_forecast(series: str, area: str, as_of: date, measure: str = "units") -> pl.DataFrame:
    """The newest forecast whose cutoff is not after ``as_of``, one row per week."""
    return ask(
        "SELECT * FROM analyst.demand_forecast WHERE measure = :measure AND medicine_id = :series "
        "AND county_code = :area AND cutoff = (SELECT max(cutoff) FROM analyst.demand_forecast WHERE "
        "measure = :measure AND medicine_id = :series AND county_code = :area AND cutoff <= :as_of) ORDER BY week",
        series=series,
        area=area,
        as_of=as_of,
        measure=measure,
    )


def drivers(series: str, as_of: date) -> pl.DataFrame:
    """What drives the newest demand forecast of the country whose cutoff is not after ``as_of``: one row or none."""
    return ask(
        "SELECT cutoff, model, level_effect, season_effect, calendar_effect, year_effect FROM "
        "analyst.demand_forecast_series WHERE measure = 'units' AND medicine_id = :series AND county_code = '99' "
        "AND cutoff <= :as_of ORDER BY cutoff DESC LIMIT 1",
        series=series,
        as_of=as_of,
    )


def run_out(medicine_id: str, area: str, as_of: date) -> pl.DataFrame:
    """horizon_days, p, p_announced, p_with_reserve and median day, of one report day."""
    return ask(
        "SELECT * FROM analyst.run_out WHERE medicine_id = :medicine_id AND county_code = :area AND as_of = :as_of "
        "ORDER BY horizon_days",
        medicine_id=medicine_id,
        area=area,
        as_of=as_of,
    )


def notices(family_or_medicine: str, known_at: datetime) -> pl.DataFrame:
    """Shortage notices of the packages of a medicine or family, as known at a moment, the newest first."""
    return ask(
        "SELECT n.vnr, n.product_name, n.state, n.starts_on, n.ends_on, n.notified_on, n.changed_on, n.company "
        "FROM analyst.shortage_notices n JOIN analyst.packages p USING (vnr) "
        "WHERE (p.medicine_id = :id OR p.family_id = :id) AND n.known_from <= :known_at "
        "AND (n.known_to IS NULL OR n.known_to > :known_at) ORDER BY n.starts_on DESC, n.vnr",
        id=family_or_medicine,
        known_at=known_at,
    )


def packages(family_or_medicine: str) -> pl.DataFrame:
    """Packages of a medicine or family."""
    return ask(
        "SELECT * FROM analyst.packages WHERE medicine_id = :id OR family_id = :id "
        "ORDER BY counted_as_marketed DESC, product_name, strength, vnr",
        id=family_or_medicine,
    )


def deliveries(limit: int = 200) -> pl.DataFrame:
    """The newest deliveries with counts and whether their equations hold."""
    return ask("SELECT * FROM analyst.deliveries ORDER BY received_at DESC, delivery_id LIMIT :limit", limit=limit)


def delivery_totals() -> pl.DataFrame:
    """Per source: deliveries by verdict, rows by fate, the newest, and how many do not add up."""
    return ask(
        "SELECT source, count(*) AS deliveries, count(*) FILTER (WHERE verdict = 'refused') AS refused, "
        "count(*) FILTER (WHERE held) AS held, sum(rows_received)::bigint AS rows_received, "
        "sum(rows_accepted)::bigint AS rows_accepted, sum(rows_quarantined)::bigint AS rows_quarantined, "
        "sum(rows_duplicate)::bigint AS rows_duplicate, max(received_at) AS newest, "
        "count(*) FILTER (WHERE NOT equations_hold) AS broken FROM analyst.deliveries "
        "WHERE verdict <> 'duplicate' GROUP BY source ORDER BY source"
    )


def quarantine() -> pl.DataFrame:
    """Rows that wait in quarantine, by source and reason, with one example of each.

    Of lists that come whole those of the newest: the same wrong line of a daily list is one, however often it came.
    """
    return ask(
        "SELECT source, reason_code, count(*) AS n, count(DISTINCT delivery_id) AS deliveries, "
        "min(delivery_id || ', ' || line) AS example FROM analyst.quarantine WHERE released_at IS NULL "
        "AND (source <> ALL(:lists) OR delivery_id IN (SELECT DISTINCT ON (source) delivery_id FROM analyst.deliveries "
        "WHERE source = ANY(:lists) AND (verdict IN ('accepted', 'partly') OR verdict = 'held' "
        "AND released_at IS NOT NULL) AND withdrawn_at IS NULL "
        "ORDER BY source, received_at DESC, sha256 DESC)) "
        "GROUP BY source, reason_code ORDER BY n DESC, source, reason_code",
        lists=WHOLE_LISTS,
    )


def scores() -> pl.DataFrame:
    """Scores of stored forecasts."""
    return ask("SELECT * FROM analyst.forecast_scores ORDER BY kind, measure, origin DESC, grouping, metric, horizon")


def forecast_runs() -> pl.DataFrame:
    """The newest forecast runs."""
    return ask("SELECT * FROM analyst.forecast_runs ORDER BY cutoff DESC, known_at DESC LIMIT 20")


def substitutions() -> pl.DataFrame:
    """Series without the model meant for them in the newest run, by reason."""
    return ask(
        "SELECT wanted, used, reason, count(*) AS n FROM analyst.forecast_substitutions WHERE cutoff = "
        "(SELECT max(cutoff) FROM analyst.forecast_substitutions) GROUP BY wanted, used, reason ORDER BY n DESC"
    )


def alerts() -> pl.DataFrame:
    """Every alert that all may see, with the names of its medicine; the open ones first."""
    return fresh(
        NAMED.format(alerts="analyst.alerts")
        + " ORDER BY a.closed_on DESC NULLS FIRST, a.changed_on DESC, a.alert_id LIMIT 500"
    )


def noticed() -> pl.DataFrame:
    """medicine_id, county_code, notices_open, notice_share of the newest picture, where a notice is known."""
    return ask(
        "SELECT medicine_id, county_code, notices_open, notice_share FROM analyst.situation WHERE notices_open > 0 "
        "AND as_of = (SELECT max(as_of) FROM picture.pictures WHERE stage = 'judged')"
    )


def notifications() -> pl.DataFrame:
    """The newest mails: queued, sent, failed."""
    return fresh("SELECT * FROM analyst.notifications ORDER BY created_at DESC, message_id LIMIT 200")


def silences() -> pl.DataFrame:
    """Silences that hold now, with the names of their medicine; the next to end first."""
    return fresh(
        f"SELECT i.*, {MEDICINE} FROM alerts.silence i LEFT JOIN analyst.medicines m USING (medicine_id) "  # noqa: S608
        "WHERE i.starts_at <= :now AND i.ends_at > :now ORDER BY i.ends_at, i.silence_id",
        now=current().clock(),
    )


def subscriptions() -> pl.DataFrame:
    """Standing subscriptions, by address."""
    return fresh("SELECT * FROM alerts.subscription WHERE ended_at IS NULL ORDER BY address, subscription_id")


def dead_addresses() -> list[str]:
    """Addresses, masked, whose newest mail of the last 30 days was refused for good."""
    found = fresh(
        "SELECT DISTINCT ON (recipient) recipient, status FROM analyst.notifications WHERE status <> 'queued' "
        "AND created_at > :since ORDER BY recipient, created_at DESC",
        since=current().clock() - timedelta(days=30),
    )
    return found.filter(pl.col("status") == "failed")["recipient"].to_list()


def broken_channel() -> list[Finding]:
    """What keeps mails from their readers now; nothing where the service sends no mail at all."""
    return channel(warehouse(), current().clock()) if current().settings.smtp_url else []


def held_evaluations() -> list[date]:
    """Report days whose mails wait, since too many alerts opened at once."""
    found = fresh("SELECT as_of FROM alerts.evaluations WHERE held AND released_at IS NULL ORDER BY as_of")
    return found["as_of"].to_list()


def alert_scores() -> pl.DataFrame:
    """Precision, recall and lead of the alerts."""
    return fresh("SELECT * FROM analyst.alert_scores")


def area_names() -> list[str]:
    """Area codes in the order of a choice: the country, collaborative areas, counties."""
    return [COUNTRY, "Y1", "Y2", "Y3", "Y4", "Y5", *COUNTY_CODES]
