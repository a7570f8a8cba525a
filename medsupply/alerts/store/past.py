"""The evaluated days as rows for the rules: of pictures, and of the service itself."""

from __future__ import annotations

from datetime import date

import polars as pl
import sqlalchemy as sa

from medsupply.alerts.absence import absent, with_left
from medsupply.picture.reasons import Reason
from medsupply.warehouse.database.reading import read_frame

# Reasons on which a rule may open below level elevated.
CODES = ["single_holder_notice", "demand_surge", "obligation_short", "missing_decides"]
FORECAST_LIMIT_DAYS = 9
_FIGURES = """
    s.as_of, s.medicine_id, s.county_code, s.level, s.reasons, s.state, s.reporting_share,
    s.run_out_p14, s.run_out_p28, s.run_out_p56, s.run_out_p84, s.stock_units, s.floor_units
"""
# Families of which it is not known on an evaluated day whether their obligatory storage is short: a holder is silent.
UNSURE = """
    SELECT DISTINCT e.as_of, o.family_id AS medicine_id, '99' AS county_code, true AS obligation_unknown
    FROM alerts.evaluations e JOIN picture.obligations o ON o.as_of = e.as_of AND o.short_today IS NULL
      AND o.known_at = (SELECT max(p.known_at) FROM picture.pictures p
                        WHERE p.stage = 'measured' AND p.as_of = e.as_of AND p.known_at <= e.known_at)
"""
_JOINED = f"""
    LEFT JOIN ({UNSURE}) u
      ON u.as_of = s.as_of AND u.medicine_id = s.medicine_id AND u.county_code = s.county_code
"""
_EVALUATED = "picture.situation s JOIN alerts.evaluations e ON e.as_of = s.as_of AND e.known_at = s.known_at"
_FLAGGED = "(s.level IN ('elevated', 'severe') OR s.reasons && CAST(:codes AS varchar[]))"


def rows_since(connection: sa.Connection, first: date, enough: float) -> pl.DataFrame:
    """The evaluated days from ``first`` on, of each scope that a rule could have opened on since then; where an alert
    stood open on that day, from its opening on.

    ``enough``: the reporting threshold of the rules file, which each row carries.
    """
    query = f"""
        WITH scopes AS (
            SELECT medicine_id, county_code, min(since) AS since FROM (
                SELECT medicine_id, county_code, least(opened_on, :first) AS since FROM alerts.state
                WHERE closed_on IS NULL OR closed_on >= :first
                UNION ALL SELECT DISTINCT s.medicine_id, s.county_code, CAST(:first AS date) FROM {_EVALUATED}
                WHERE s.grain = 'family' AND s.as_of >= :first AND {_FLAGGED}) c
            GROUP BY 1, 2)
        SELECT {_FIGURES}, u.obligation_unknown FROM {_EVALUATED}
        JOIN scopes c ON c.medicine_id = s.medicine_id AND c.county_code = s.county_code {_JOINED}
        WHERE s.as_of >= c.since ORDER BY s.as_of
    """  # noqa: S608  the parts stand above
    return _with_threshold(read_frame(connection, query, {"codes": CODES, "first": first}), enough)


def rows_of_day(connection: sa.Connection, as_of: date, enough: float) -> pl.DataFrame:
    """One evaluated day: the scopes a rule could open on, and those where an alert is open; as ``rows_since``."""
    query = f"""
        SELECT {_FIGURES}, u.obligation_unknown FROM {_EVALUATED} {_JOINED}
        WHERE s.grain = 'family' AND s.as_of = :as_of AND ({_FLAGGED} OR EXISTS
            (SELECT 1 FROM alerts.state a WHERE a.closed_on IS NULL AND a.medicine_id = s.medicine_id
             AND a.county_code = s.county_code))
    """  # noqa: S608  the parts stand above
    return _with_threshold(read_frame(connection, query, {"codes": CODES, "as_of": as_of}), enough)


def _with_threshold(rows: pl.DataFrame, enough: float) -> pl.DataFrame:
    return rows.with_columns(reporting_threshold=pl.lit(enough))


def evaluated_days(connection: sa.Connection, first: date) -> pl.DataFrame:
    """``as_of`` of every evaluated day from ``first`` on."""
    query = "SELECT as_of FROM alerts.evaluations WHERE as_of >= :first ORDER BY as_of"
    return read_frame(connection, query, {"first": first})


def with_absences(
    connection: sa.Connection, rows: pl.DataFrame, scopes: pl.DataFrame, days: pl.DataFrame, enough: float
) -> pl.DataFrame:
    """``rows`` of ``days``, and a row for each of ``scopes`` that has left the picture of one of them."""
    missing = absent(rows, scopes, days)
    return with_left(rows, missing, _counted(connection, missing, enough)) if missing.height else rows


def _counted(connection: sa.Connection, missing: pl.DataFrame, enough: float) -> pl.DataFrame:
    """What ``absence.counted`` gives of whole situations, of the days and areas of ``missing`` alone."""
    query = f"""
        SELECT s.as_of, s.county_code, count(*) AS families,
               count(*) FILTER (WHERE s.reporting_share >= :enough) AS heard, bool_or(:late = ANY(s.reasons)) AS late
        FROM {_EVALUATED} JOIN unnest(CAST(:days AS date[]), CAST(:counties AS varchar[])) w (as_of, county_code)
          ON w.as_of = s.as_of AND w.county_code = s.county_code
        WHERE s.grain = 'family' GROUP BY 1, 2
    """  # noqa: S608  the parts stand above
    wanted = missing.select("as_of", "county_code").unique()
    values = {"days": wanted["as_of"].to_list(), "counties": wanted["county_code"].to_list()}
    return read_frame(connection, query, {**values, "enough": enough, "late": str(Reason.NOTICES_LATE)})


# A day that late files have changed is evaluated again days later: what was refused since is not of that day.
_OF_SERVICE = """
    WITH e AS (
        SELECT as_of, least(known_at, (as_of + 2)::timestamp AT TIME ZONE 'Europe/Helsinki') AS known_at
        FROM alerts.evaluations WHERE as_of >= :first)
    SELECT e.as_of, d.source AS medicine_id, bool_or(d.bad) AS bad, 'delivery_refused' AS code
    FROM e CROSS JOIN LATERAL (
        SELECT DISTINCT ON (source, sender) source, verdict IN ('refused', 'held') AS bad FROM ops.deliveries
        WHERE received_at <= e.known_at AND received_at > e.known_at - interval '14 days'
          AND verdict <> 'duplicate' ORDER BY source, sender, received_at DESC) d
    GROUP BY 1, 2
    UNION ALL
    SELECT e.as_of, 'forecast', e.known_at - max(r.known_at) > :limit * interval '1 day', 'forecast_degraded'
    FROM e JOIN forecast.runs r ON r.known_at <= e.known_at GROUP BY e.as_of, e.known_at
    UNION ALL
    SELECT e.as_of, 'forecast ' || s.kind, s.value > 0, 'forecast_degraded'
    FROM e CROSS JOIN LATERAL (
        SELECT DISTINCT ON (kind) kind, value FROM forecast.scores
        WHERE metric = 'degraded' AND known_at <= e.known_at ORDER BY kind, known_at DESC, origin DESC) s
    ORDER BY 1, 2
"""


def service_rows(connection: sa.Connection, first: date) -> pl.DataFrame:
    """Of the evaluated days from ``first`` on: sources whose newest delivery of a sender was refused or is held, the
    age of the demand forecast, and whether forecasts turned out worse than before."""
    found = read_frame(connection, _OF_SERVICE, {"first": first, "limit": FORECAST_LIMIT_DAYS})
    empty = pl.lit(None, dtype=pl.Float64)
    return found.select(
        "as_of",
        "medicine_id",
        county_code=pl.lit("99"),
        level=pl.when("bad").then(pl.lit("watch")),
        reasons=pl.when("bad").then(pl.concat_list("code")).otherwise(pl.lit([], dtype=pl.List(pl.String))),
        state=pl.lit("reported"),
        reporting_share=empty,
        run_out_p14=empty,
        run_out_p28=empty,
        run_out_p56=empty,
        run_out_p84=empty,
        stock_units=empty,
        floor_units=empty,
    )


def picture_rows(connection: sa.Connection, as_of: date) -> dict[tuple[str, str], dict[str, object]]:
    """The families of an evaluated day by medicine and area: what a mail is written from."""
    query = f"""
        SELECT {_FIGURES}, s.notice_share, s.notices_open FROM {_EVALUATED}
        WHERE s.grain = 'family' AND s.as_of = :as_of
    """  # noqa: S608
    found = read_frame(connection, query, {"as_of": as_of})
    return {(row["medicine_id"], row["county_code"]): row for row in found.iter_rows(named=True)}
