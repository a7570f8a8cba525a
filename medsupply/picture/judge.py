"""Judge: daily demand, cover, run-out and the level of every row; the only writer of the situation."""

from __future__ import annotations

from datetime import date

import polars as pl

from medsupply.areas import COUNTRY
from medsupply.picture.cover import KEY, last_before, with_cover, with_demand, with_index, with_run_out
from medsupply.picture.levels import NORMAL, UNKNOWN, WATCH, levels, with_thresholds
from medsupply.picture.reasons import Reason
from medsupply.picture.rounding import rounded
from medsupply.rules import Rules
from medsupply.tables.picture import SITUATION


def judge(
    measured: pl.DataFrame,
    *,
    demand_forecast: pl.DataFrame | None,
    run_out: pl.DataFrame | None,
    index_expected: pl.DataFrame | None,
    previous: pl.DataFrame | None,
    rules: Rules,
) -> pl.DataFrame:
    """The situation of one report day, as ``picture.situation`` declares it.

    Columns that are read (None: nothing known):
    ``demand_forecast``: medicine_id, county_code, cutoff, daily_units, beat_trailing, and surge where known;
    ``run_out``: as_of, known_at, medicine_id, county_code, horizon_days, p, p_announced, p_with_reserve, run_out_on;
    ``index_expected``: atc, county_code, week, expected, and surge where known;
    ``previous``: the newest situation of an earlier day.
    """
    if measured.is_empty():
        return SITUATION.empty()
    as_of: date = measured["as_of"][0]
    frame = measured.join(last_before(previous, as_of), on=KEY, how="left", maintain_order="left")
    frame = with_run_out(with_demand(frame, demand_forecast), run_out, as_of)
    frame = with_index(with_cover(frame), index_expected, demand_forecast)
    frame = with_thresholds(with_family(frame), rules).sort(KEY)
    judged = _both_ways(frame, rules)
    judged = _without_level(_partly(judged, rules), rules, as_of)
    return SITUATION.conform(rounded(_told(judged, rules).sort(KEY)))


def with_family(frame: pl.DataFrame) -> pl.DataFrame:
    """What the rules ask of a row's family in the same area: notices, market, stock, cover."""
    families = frame.filter(pl.col("grain") == "family").select(
        "county_code",
        family_id="medicine_id",
        family_notice_share_28="notice_packages_share_28",
        family_marketed_packages="marketed_packages",
        family_special_permit_articles="special_permit_articles",
        family_state="state",
        family_cover_days="cover_days",
    )
    joined = frame.join(families, on=["county_code", "family_id"], how="left", maintain_order="left")
    return joined.with_columns(
        pl.col("family_marketed_packages", "family_special_permit_articles").fill_null(0),
        pl.col("family_state").fill_null("missing"),
    )


def _both_ways(frame: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Levels with the holders not heard of empty (the stock as it is) and at their usual units."""
    empty = levels(frame, "stock_units", rules)
    usual = levels(frame, "stock_usual", rules).select(*KEY, level_if_missing_usual="level")
    joined = empty.join(usual, on=KEY, how="left", maintain_order="left")
    return joined.with_columns(level_if_missing_empty=pl.col("level"))


def _partly(frame: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Under the reporting threshold: the level stands where it is the same both ways, else it is unknown."""
    few = (pl.col("reporting_share") < rules.picture.reporting_threshold).fill_null(False) & pl.col(
        "stock_units"
    ).is_not_null()
    same = pl.col("level_if_missing_empty") == pl.col("level_if_missing_usual")
    reasons = (
        pl.when(few & same)
        .then(_plus(Reason.PARTIAL))
        .when(few)
        .then(_plus(Reason.MISSING_DECIDES))
        .otherwise(pl.col("reasons"))
    )
    complete = ~few & pl.col("reporting_share").is_not_null()
    before_complete = (pl.col("before_share") >= rules.picture.reporting_threshold).fill_null(False)
    earlier_day = pl.when(before_complete).then(pl.col("before_as_of")).otherwise(pl.col("before_complete_day"))
    earlier_level = pl.when(before_complete).then(pl.col("before_level")).otherwise(pl.col("before_complete_level"))
    return frame.with_columns(
        level=pl.when(few & ~same).then(pl.lit(UNKNOWN)).otherwise(pl.col("level")),
        partial=few & same,
        reasons=reasons,
        last_complete_day=pl.when(complete).then(pl.col("as_of")).otherwise(earlier_day),
        complete=complete,
        earlier_level=earlier_level,
    ).with_columns(last_complete_level=pl.when("complete").then(pl.col("level")).otherwise(pl.col("earlier_level")))


def _plus(reason: Reason) -> pl.Expr:
    return pl.col("reasons").list.concat(pl.lit([str(reason)], dtype=pl.List(pl.String)))


def in_season(as_of: date) -> pl.Expr:
    """Whether ``as_of`` lies in the row's season; a season may run over the turn of the year."""
    today = f"{as_of:%m-%d}"
    start, end = pl.col("season_from"), pl.col("season_to")
    after, before = pl.lit(today) >= start, pl.lit(today) <= end
    inside = pl.when(start <= end).then(after & before).otherwise(after | before)
    return (start.is_null() | end.is_null() | inside).fill_null(True)


def _without_level(frame: pl.DataFrame, rules: Rules, as_of: date) -> pl.DataFrame:
    """No level outside the season, and in areas with too few dispensings."""
    area = pl.col("county_code") != COUNTRY
    few = pl.col("dispensings_84") < rules.picture.low_demand_dispensings
    low = (area & few).fill_null(False)
    out = ~in_season(as_of)
    reasons = (
        pl.when(out)
        .then(_only(Reason.OUT_OF_SEASON))
        .when(low)
        .then(_only(Reason.LOW_DEMAND))
        .otherwise(pl.col("reasons"))
    )
    none = out | low
    names = ("level", "level_if_missing_empty", "level_if_missing_usual", "last_complete_level")
    return frame.with_columns(
        *(pl.when(~none).then(pl.col(name)).alias(name) for name in names),
        reasons=reasons,
        partial=pl.col("partial") & ~none,
    )


def _only(reason: Reason) -> pl.Expr:
    return pl.lit([str(reason)], dtype=pl.List(pl.String))


def _told(frame: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """The reasons that only inform, after those of the level: unknown figures, carried data, late notices."""
    unknown = pl.col("level") == UNKNOWN
    told = [
        (unknown & (pl.col("market_state") == "no_package_known"), Reason.NO_PACKAGE_KNOWN),
        (unknown & pl.col("stock_units").is_null(), Reason.STOCK_UNKNOWN),
        (unknown & pl.col("daily_demand_units").is_null(), Reason.DEMAND_UNKNOWN),
        (pl.col("state") == "late", Reason.LATE_DATA),
        (pl.col("notices_late").fill_null(False), Reason.NOTICES_LATE),
    ]
    extra = pl.concat_list([pl.when(held).then(pl.lit(str(reason))) for held, reason in told]).list.drop_nulls()
    return frame.with_columns(
        reasons=pl.col("reasons").list.concat(extra),
        rules_version=pl.lit(rules.version),
        stock_ddd=pl.col("stock_units") / pl.col("ddd_units"),
        daily_demand_ddd=pl.col("daily_demand_units") / pl.col("ddd_units"),
        family_cover_days=pl.when(pl.col("grain") == "medicine").then(pl.col("family_cover_days")),
    )


__all__ = ["NORMAL", "WATCH", "in_season", "judge"]
