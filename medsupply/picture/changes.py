"""What changed between two pictures, and why: computed from the figures, never guessed."""

from __future__ import annotations

from enum import StrEnum

import polars as pl

from medsupply.picture.levels import RANK
from medsupply.picture.reasons import Reason
from medsupply.picture.rounding import rounded
from medsupply.tables.picture import CHANGES, CORRECTIONS


class Cause(StrEnum):
    """Why a level moved. A cause is named only where its figure moved towards the new level."""

    RULES = "rules"
    CORRECTION = "correction"
    HOLDERS_SILENT = "holders_silent"
    HOLDERS_BACK = "holders_back"
    STOCK_FELL = "stock_fell"
    STOCK_ROSE = "stock_rose"
    DEMAND_ROSE = "demand_rose"
    DEMAND_FELL = "demand_fell"
    SITES_OUT = "sites_out"
    SITES_STOCKED = "sites_stocked"
    NOTICE = "notice"
    NOTICE_ENDED = "notice_ended"
    NOTICE_END_PASSED = "notice_end_passed"
    LEFT_MARKET = "left_market"
    RISK_ROSE = "risk_rose"
    RISK_FELL = "risk_fell"
    NEW_IN_PICTURE = "new_in_picture"
    LEFT_PICTURE = "left_picture"
    SEASON = "season"
    RESTRICTED = "restricted"
    OTHER = "other"


CAUSES: dict[Cause, str] = {
    Cause.RULES: "Another version of the rules",
    Cause.CORRECTION: "The same day known later: deliveries that came or were corrected since",
    Cause.HOLDERS_SILENT: "Holders have fallen silent",
    Cause.HOLDERS_BACK: "Holders report again",
    Cause.STOCK_FELL: "Stock fell by a tenth or more",
    Cause.STOCK_ROSE: "Stock rose by a tenth or more",
    Cause.DEMAND_ROSE: "Daily demand rose by a tenth or more",
    Cause.DEMAND_FELL: "Daily demand fell by a tenth or more",
    Cause.SITES_OUT: "More sites have none left",
    Cause.SITES_STOCKED: "Fewer sites have none left",
    Cause.NOTICE: "A shortage notice came into force or lies ahead",
    Cause.NOTICE_ENDED: "A shortage notice ended",
    Cause.NOTICE_END_PASSED: "The stated end of a shortage notice has passed; the list is too old to say more",
    Cause.LEFT_MARKET: "The last package on the market has left it",
    Cause.RISK_ROSE: "The probability to run out rose",
    Cause.RISK_FELL: "The probability to run out fell",
    Cause.NEW_IN_PICTURE: "The row is new in the picture",
    Cause.LEFT_PICTURE: "The row is no longer in the picture",
    Cause.SEASON: "The season began or ended",
    Cause.RESTRICTED: "A reason that only Fimea and the ministry see",
    Cause.OTHER: "None of the figures shown moved enough to say",
}
PART = 0.1
SHARE_STEP = 0.05
_KEY = ["county_code", "medicine_id"]
_FIGURES = [
    "level",
    "reasons",
    "stock_units",
    "daily_demand_units",
    "out_share",
    "run_out_p56",
    "notice_share",
    "notice_share_84",
    "reporting_share",
    "rules_version",
    "as_of",
    "known_at",
]


def _rose(name: str, part: float) -> pl.Expr:
    """Whether a figure rose by ``part`` of what it was before."""
    now, before = pl.col(name), pl.col(f"{name}_before")
    return ((now - before > part * before.abs()) & (now > before)).fill_null(False)


def _fell(name: str, part: float) -> pl.Expr:
    now, before = pl.col(name), pl.col(f"{name}_before")
    return ((before - now > part * before.abs()) & (now < before)).fill_null(False)


def _moved(name: str, step: float) -> pl.Expr:
    return (pl.col(name).fill_null(0.0) - pl.col(f"{name}_before").fill_null(0.0)) > step


def _dropped(name: str, step: float) -> pl.Expr:
    return (pl.col(f"{name}_before").fill_null(0.0) - pl.col(name).fill_null(0.0)) > step


def _has(name: str, reason: str) -> pl.Expr:
    return pl.col(name).list.contains(reason).fill_null(False)


def _gained(reason: str) -> pl.Expr:
    return _has("reasons", reason) & ~_has("reasons_before", reason)


def _restricted() -> pl.Expr:
    """Whether short obligatory storage, which gives watch and nothing above it, has raised a level or left it."""
    now, before = (_has(name, Reason.OBLIGATION_SHORT) for name in ("reasons", "reasons_before"))
    raised = (pl.col("change") == "worse") & (pl.col("level") == "watch") & now & ~before
    left = (pl.col("change") == "better") & (pl.col("level_before") == "watch") & before & ~now
    return (raised | left).fill_null(False)


def _causes() -> pl.Expr:
    worse, better = pl.col("change") == "worse", pl.col("change") == "better"
    same_day = pl.col("as_of") == pl.col("as_of_before")
    seasonal = pl.col("reasons").list.contains("out_of_season") != pl.col("reasons_before").list.contains(
        "out_of_season"
    )
    notices = _moved("notice_share", 0) | _moved("notice_share_84", 0)
    ended = _dropped("notice_share", 0) | _dropped("notice_share_84", 0)
    unsure = pl.col("reasons").list.contains("notices_late").fill_null(False)
    silent, back = _dropped("reporting_share", SHARE_STEP), _moved("reporting_share", SHARE_STEP)
    told = [
        (pl.col("change") == "new", Cause.NEW_IN_PICTURE),
        (pl.col("change") == "gone", Cause.LEFT_PICTURE),
        ((pl.col("rules_version") != pl.col("rules_version_before")).fill_null(False), Cause.RULES),
        (same_day.fill_null(False), Cause.CORRECTION),
        (seasonal.fill_null(False), Cause.SEASON),
        (silent, Cause.HOLDERS_SILENT),
        (back, Cause.HOLDERS_BACK),
        (worse & _fell("stock_units", PART), Cause.STOCK_FELL),
        (worse & _rose("daily_demand_units", PART), Cause.DEMAND_ROSE),
        (worse & _moved("out_share", SHARE_STEP), Cause.SITES_OUT),
        (worse & notices, Cause.NOTICE),
        (worse & _gained("not_on_market"), Cause.LEFT_MARKET),
        (worse & _moved("run_out_p56", SHARE_STEP), Cause.RISK_ROSE),
        (better & _rose("stock_units", PART), Cause.STOCK_ROSE),
        (better & _fell("daily_demand_units", PART), Cause.DEMAND_FELL),
        (better & _dropped("out_share", SHARE_STEP), Cause.SITES_STOCKED),
        (better & ended & ~unsure, Cause.NOTICE_ENDED),
        (better & ended & unsure, Cause.NOTICE_END_PASSED),
        (better & _dropped("run_out_p56", SHARE_STEP), Cause.RISK_FELL),
        (_restricted(), Cause.RESTRICTED),
    ]
    found = pl.concat_list([pl.when(held).then(pl.lit(str(cause))) for held, cause in told]).list.drop_nulls()
    return pl.when(found.list.len() > 0).then(found).otherwise(pl.lit([str(Cause.OTHER)], dtype=pl.List(pl.String)))


def _change() -> pl.Expr:
    rank = pl.col("level").replace_strict(RANK, default=-1, return_dtype=pl.Int64)
    before = pl.col("level_before").replace_strict(RANK, default=-1, return_dtype=pl.Int64)
    return (
        pl.when(pl.col("as_of_before").is_null())
        .then(pl.lit("new"))
        .when(pl.col("as_of").is_null())
        .then(pl.lit("gone"))
        .when(rank > before)
        .then(pl.lit("worse"))
        .when(rank < before)
        .then(pl.lit("better"))
        .when(pl.col("level").eq_missing(pl.col("level_before")))
        .then(None)
        # unknown and normal stand on one rung: becoming unknown is no improvement
        .otherwise(pl.when(pl.col("level") == "unknown").then(pl.lit("worse")).otherwise(pl.lit("better")))
    )


def changes(now: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """Rows whose level differs between two situations, new and gone ones, as ``picture.changes`` declares them.

    Rows that come or go without a level above normal are left out: they change nothing for anybody.
    """
    if now.is_empty() or before.is_empty():
        return CHANGES.empty()
    stamps = {"as_of": now["as_of"][0], "known_at": now["known_at"][0]}
    earlier = before.select(*_KEY, *(pl.col(name).alias(f"{name}_before") for name in _FIGURES))
    joined = now.select(*_KEY, *_FIGURES).join(earlier, on=_KEY, how="full", coalesce=True)
    joined = joined.with_columns(change=_change()).filter(pl.col("change").is_not_null())
    high = pl.col("level").is_in(["watch", "elevated", "severe"]).fill_null(False)
    was_high = pl.col("level_before").is_in(["watch", "elevated", "severe"]).fill_null(False)
    told = joined.filter(pl.col("change").is_in(["worse", "better"]) | high | was_high)
    now_reasons, old_reasons = pl.col("reasons").fill_null([]), pl.col("reasons_before").fill_null([])
    result = told.with_columns(
        causes=_causes(),
        stock_change_units=pl.col("stock_units") - pl.col("stock_units_before"),
        demand_change_units=pl.col("daily_demand_units") - pl.col("daily_demand_units_before"),
        reasons_gained=now_reasons.list.set_difference(old_reasons).list.sort(),
        reasons_lost=old_reasons.list.set_difference(now_reasons).list.sort(),
        before_as_of=pl.lit(before["as_of"][0]),
        before_known_at=pl.lit(before["known_at"][0]),
        as_of=pl.lit(stamps["as_of"]),
        known_at=pl.lit(stamps["known_at"]),
    )
    return CHANGES.conform(rounded(result)).sort("county_code", "medicine_id")


def corrections(now: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """Rows in which a later version of the same day differs in level, stock, demand or holders heard of, as
    ``picture.corrections`` declares them. Both: situation rows with ``holders_heard``."""
    if now.is_empty() or before.is_empty():
        return CORRECTIONS.empty()
    figures = ["level", "stock_units", "daily_demand_units", "holders_heard"]
    earlier = before.select(*_KEY, *(pl.col(name).alias(f"{name}_before") for name in figures))
    joined = now.select(*_KEY, *figures).join(earlier, on=_KEY, how="full", coalesce=True)
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_before")) for name in figures)
    result = joined.filter(~same).with_columns(
        as_of=pl.lit(now["as_of"][0]),
        known_at=pl.lit(now["known_at"][0]),
        before_known_at=pl.lit(before["known_at"][0]),
        holders_change=pl.col("holders_heard") - pl.col("holders_heard_before"),
        stock_change_units=pl.col("stock_units") - pl.col("stock_units_before"),
        demand_change_units=pl.col("daily_demand_units") - pl.col("daily_demand_units_before"),
    )
    return CORRECTIONS.conform(rounded(result)).sort("county_code", "medicine_id")
