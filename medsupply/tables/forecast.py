"""Tables of the forecast: runs, demand, index, run-out, scores, substitutions of models; and the views analysts see.

Nothing is overwritten: a forecast made again is another ``known_at``; the views show the latest of each cutoff or day.
"""

from __future__ import annotations

import dataframely as dy

from medsupply.tables.base import Table, View, count, day, flag, moment, number, text

QUANTILES = (0.025, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.975)
HORIZON_DAYS = (14, 28, 56, 84)
# What scores are told of. The pages have a word for each; the class of critical medicines has its number behind it.
GROUPINGS = ALL, COUNTRYWIDE, COUNTIES, CRITICAL, OTHER = ("all", "country", "counties", "critical", "other")
CLASS = "class"

KNOWN_AT = "Moment the forecast was known"
CUTOFF = "Last day the forecast had read: the Sunday of the last complete week"
SERIES = "Medicine (G.., F.., A..), family (S..) or, for purchases, ATC code"
COUNTY = "Area: county 01-21, 90 Helsinki, 91 Åland, collaborative area Y1-Y5, 99 the country"
MEASURE = "units: demand of a medicine; purchases: Kela purchases of an ATC code"
OF_MEASURE = "units, mg or purchases"


def quantile_column(level: float) -> str:
    """Column of the quantile ``level`` in the warehouse: q025, q10 .. q90, q975."""
    return f"q{level:.3f}"[3:].rstrip("0").ljust(2, "0").join(("q", ""))


class Runs(dy.Schema):
    measure = text(MEASURE, primary_key=True)
    cutoff = day(CUTOFF, primary_key=True)
    known_at = moment(KNOWN_AT, primary_key=True)
    data_version = text("SHA-256 of the series that were read")
    horizon_weeks = count("Weeks ahead", "weeks")
    paths = count("Sample paths per series", "paths")
    series = count("Series forecast", "series")
    substituted = count("Series that did not get the model meant for them", "series")
    models = text("Models and their weights per class, as JSON")
    kappa = text("Scale factor per horizon and class, learnt on earlier origins only, as JSON")


class Demand(dy.Schema):
    measure = text(MEASURE, primary_key=True)
    cutoff = day(CUTOFF, primary_key=True)
    known_at = moment(KNOWN_AT, primary_key=True)
    medicine_id = text(SERIES, primary_key=True)
    county_code = text(COUNTY, primary_key=True)
    week = day("Monday of the week forecast", primary_key=True)
    horizon = count("Weeks after the cutoff", "weeks")
    mean = number("Mean over the paths", OF_MEASURE)
    q025 = number("2.5 % of the paths lie below", OF_MEASURE)
    q10 = number("10 % of the paths lie below", OF_MEASURE)
    q20 = number("20 % of the paths lie below", OF_MEASURE)
    q30 = number("30 % of the paths lie below", OF_MEASURE)
    q40 = number("40 % of the paths lie below", OF_MEASURE)
    q50 = number("Median of the paths", OF_MEASURE)
    q60 = number("60 % of the paths lie below", OF_MEASURE)
    q70 = number("70 % of the paths lie below", OF_MEASURE)
    q80 = number("80 % of the paths lie below", OF_MEASURE)
    q90 = number("90 % of the paths lie below", OF_MEASURE)
    q975 = number("97.5 % of the paths lie below", OF_MEASURE)


class DemandSeries(dy.Schema):
    measure = text(MEASURE, primary_key=True)
    cutoff = day(CUTOFF, primary_key=True)
    known_at = moment(KNOWN_AT, primary_key=True)
    medicine_id = text(SERIES, primary_key=True)
    county_code = text(COUNTY, primary_key=True)
    model = text("Way of forecasting: combined, short, intermittent or zero")
    daily_units = number("Median over the paths of the four weeks after the cutoff week / 28", "per day", nullable=True)
    total_13_q10 = number("10 % of the paths of the next 13 weeks' sum lie below", OF_MEASURE, nullable=True)
    total_13_q50 = number("Median of the next 13 weeks' sum", OF_MEASURE, nullable=True)
    total_13_q90 = number("90 % of the paths of the next 13 weeks' sum lie below", OF_MEASURE, nullable=True)
    total_26_q10 = number("10 % of the paths of the next 26 weeks' sum lie below", OF_MEASURE, nullable=True)
    total_26_q50 = number("Median of the next 26 weeks' sum", OF_MEASURE, nullable=True)
    total_26_q90 = number("90 % of the paths of the next 26 weeks' sum lie below", OF_MEASURE, nullable=True)
    beat_trailing = flag("Beat the trailing mean in pinball on its last two scored origins", nullable=True)
    surge = flag("The two newest complete weeks lie above the 97.5 % forecasts made before them", nullable=True)
    season_effect = number("Season of the next four weeks against the year's mean", "ratio", nullable=True)
    calendar_effect = number("Opening days of the next four weeks against the mean", "ratio", nullable=True)
    level_effect = number(
        "Next four weeks against the mean of the last 52, season and calendar taken out", "ratio", nullable=True
    )
    year_effect = number("Next four weeks against the same weeks a year before", "ratio", nullable=True)


class IndexExpected(dy.Schema):
    atc = text("ATC code: level 5 for the country, level 2 for counties", primary_key=True)
    county_code = text(COUNTY, primary_key=True)
    week = day("Monday of the week the expectation is of", primary_key=True)
    known_at = moment(KNOWN_AT, primary_key=True)
    cutoff = day("Last day the forecast had read", nullable=True)
    expected = number("Median forecast made before the week", "purchases")
    high = number("97.5 % forecast made before the week", "purchases", nullable=True)
    purchases = number("Purchases of the week", "purchases", nullable=True)
    surge = flag("The week and the complete week before it lie above their 97.5 % forecasts", nullable=True)


class RunOut(dy.Schema):
    as_of = day("Report day the simulation starts from", primary_key=True)
    known_at = moment(KNOWN_AT, primary_key=True)
    medicine_id = text("Medicine or family", primary_key=True)
    county_code = text(COUNTY, primary_key=True)
    horizon_days = count("Days ahead: 14, 28, 56 or 84", "days", primary_key=True)
    p = number("Probability to be at or below the floor on a day of the horizon", "probability", min=0, max=1)
    p_announced = number(
        "... with announced supply only, without usual resupply", "probability", min=0, max=1, nullable=True
    )
    p_with_reserve = number("... with the reserve counted in", "probability", min=0, max=1, nullable=True)
    run_out_on = day("Median day of reaching the floor; empty: later than 84 days", nullable=True)
    run_out_early = day("10 % of the paths reach the floor by this day; empty: fewer do", nullable=True)
    run_out_late = day("90 % of the paths reach the floor by this day; empty: fewer do", nullable=True)
    unmet_units = number("Expected demand of the horizon that finds no stock", "units or mg", nullable=True)
    notice_driven = flag("A notice takes away supply in the horizon", nullable=True)
    cutoff = day("Last day the demand paths had read; empty: the trailing demand", nullable=True)
    p_simulated = number(
        "What the paths alone said, before past days corrected it", "probability", min=0, max=1, nullable=True
    )


class Scores(dy.Schema):
    kind = text("demand or run_out", primary_key=True)
    measure = text("units, purchases, or probability for run_out", primary_key=True)
    origin = day("Cutoff of the demand forecast, as_of of the run-out", primary_key=True)
    known_at = moment("Moment the score was computed: what had come in then", primary_key=True)
    grouping = text(
        "all, country, counties, or the class: critical, other, class 1 ..",
        primary_key=True,
        check=lambda c: c.str.contains(f"^({'|'.join(GROUPINGS)})$|^{CLASS} [0-9]+$"),
    )
    horizon = count("Weeks ahead for demand, days for run-out", "weeks or days", primary_key=True)
    metric = text(
        "wape, mase, pinball, cover80, cover95, cum_cover80, cover_high (share at or below the 97.5 % forecast), "
        "brier, brier_climatology, ece; mean_p_k and rate_k of the k-th tenth of probability; degraded (1: the newest "
        "did much worse than those before)",
        primary_key=True,
    )
    value = number("The score", "its own")
    pairs = count("Forecast and outcome pairs behind it", "pairs")


class SeriesScores(dy.Schema):
    measure = text(MEASURE, primary_key=True)
    cutoff = day("Cutoff of the forecast scored", primary_key=True)
    known_at = moment("Moment the score was computed", primary_key=True)
    medicine_id = text(SERIES, primary_key=True)
    county_code = text(COUNTY, primary_key=True)
    pinball = number("Mean pinball loss at 10 .. 90 % of its first four weeks", OF_MEASURE)
    pinball_trailing = number("The same of the trailing mean", OF_MEASURE)
    beat_trailing = flag("The forecast's loss is the smaller")


class Substitutions(dy.Schema):
    measure = text(MEASURE, primary_key=True)
    cutoff = day(CUTOFF, primary_key=True)
    known_at = moment(KNOWN_AT, primary_key=True)
    medicine_id = text(SERIES, primary_key=True)
    county_code = text(COUNTY, primary_key=True)
    wanted = text("Model that was meant for the series")
    used = text("Model that was used")
    reason = text("Why: short, intermittent, all_zero, fit_failed, timeout ...")


RUNS = Table("forecast", "runs", Runs, "Demand forecasts that were made: cutoff, data version, models, weights")
DEMAND = Table(
    "forecast",
    "demand",
    Demand,
    "Weekly demand forecast as quantiles of sample paths. Never add quantiles: sums are in demand_series",
    partition_by_month="cutoff",
    indexes=(("medicine_id", "county_code", "cutoff"),),
)
DEMAND_SERIES = Table(
    "forecast", "demand_series", DemandSeries, "Per series of a demand forecast: sums over weeks, model, what drives it"
)
INDEX_EXPECTED = Table(
    "forecast", "index_expected", IndexExpected, "Kela purchases expected of a week by the forecast made before it"
)
RUN_OUT = Table(
    "forecast",
    "run_out",
    RunOut,
    "Probability of running out per medicine, area and horizon",
    partition_by_month="as_of",
    indexes=(("medicine_id", "county_code", "as_of"),),
)
SCORES = Table("forecast", "scores", Scores, "Stored forecasts against what came in, by horizon and class")
SERIES_SCORES = Table("forecast", "series_scores", SeriesScores, "Stored demand forecasts against the trailing mean")
SUBSTITUTIONS = Table("forecast", "substitutions", Substitutions, "Series that did not get the model meant for them")

TABLES: tuple[Table, ...] = (
    RUNS,
    DEMAND,
    DEMAND_SERIES,
    INDEX_EXPECTED,
    RUN_OUT,
    SCORES,
    SERIES_SCORES,
    SUBSTITUTIONS,
)


def _latest(table: Table, *versioned: str) -> str:
    """SQL: rows of ``table`` of the latest known_at of each combination of ``versioned``."""
    columns = ", ".join(f"t.{name}" for name in table.columns)
    keys = ", ".join(versioned)
    return (
        f"SELECT {columns} FROM {table.full_name} t JOIN (SELECT {keys}, max(known_at) AS known_at "  # noqa: S608
        f"FROM {table.full_name} GROUP BY {keys}) v USING ({keys}, known_at)"
    )


VIEWS: tuple[View, ...] = (
    View(
        "demand_forecast",
        _latest(DEMAND, "measure", "cutoff", "medicine_id", "county_code"),
        "Weekly demand forecasts, the latest known of each cutoff: quantiles of sample paths per medicine or ATC code, "
        "area and week. Quantiles of sums are in demand_forecast_series",
        tables=(DEMAND,),
    ),
    View(
        "demand_forecast_series",
        _latest(DEMAND_SERIES, "measure", "cutoff", "medicine_id", "county_code"),
        "Per series of a demand forecast: sums of the next 13 and 26 weeks, the model used and what drives it",
        tables=(DEMAND_SERIES,),
    ),
    View(
        "demand_index",
        _latest(INDEX_EXPECTED, "atc", "county_code", "week"),
        "Kela purchases of a week beside what the forecast made before it expected",
        tables=(INDEX_EXPECTED,),
    ),
    View(
        "run_out",
        _latest(RUN_OUT, "as_of", "medicine_id", "county_code"),
        "Probability of reaching the floor within 14, 28, 56 and 84 days, the latest known of each report day",
        tables=(RUN_OUT,),
    ),
    View(
        "forecast_runs",
        "SELECT * FROM forecast.runs",
        "Demand forecasts that were made: cutoff, data version, models and weights",
        tables=(RUNS,),
    ),
    View(
        "forecast_scores",
        _latest(SCORES, "kind", "measure", "origin", "grouping", "horizon", "metric"),
        "How good stored forecasts were, by horizon and class, the latest scoring of each",
        tables=(SCORES,),
    ),
    View(
        "forecast_substitutions",
        "SELECT * FROM forecast.substitutions",
        "Series that did not get the model meant for them, and why",
        tables=(SUBSTITUTIONS,),
    ),
)
