"""Levels: which conditions of the rules hold for a row, and what level and reasons follow.

Conditions are expressions over the columns of a row beside its thresholds (``t_<name>``, from :func:`with_thresholds`).
A comparison with an unknown figure does not hold.
"""

from __future__ import annotations

from dataclasses import asdict

import polars as pl

from medsupply.areas import COUNTRY
from medsupply.picture.reasons import Reason
from medsupply.picture.rounding import SIGNIFICANT_DIGITS
from medsupply.rules import Rules

SEVERE, ELEVATED, WATCH, NORMAL, UNKNOWN = "severe", "elevated", "watch", "normal", "unknown"
RANK = {UNKNOWN: 0, NORMAL: 0, WATCH: 1, ELEVATED: 2, SEVERE: 3}


def with_thresholds(frame: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """The thresholds of each row's criticality class beside it, as ``t_<name>``."""
    classes = frame["critical_class"].unique().to_list()
    rows = [{"critical_class": c, **{f"t_{k}": v for k, v in asdict(rules.thresholds(c)).items()}} for c in classes]
    table = pl.DataFrame(rows).with_columns(pl.col("critical_class").cast(pl.Int64)) if rows else None
    return frame if table is None else frame.join(table, on="critical_class", how="left", nulls_equal=True)


def _at_least(value: str, threshold: str) -> pl.Expr:
    return (pl.col(value) >= pl.col(f"t_{threshold}")).fill_null(False)


def _national() -> pl.Expr:
    return pl.col("county_code") == COUNTRY


def stock_conditions(stock: str) -> list[tuple[str, Reason, pl.Expr]]:
    """Level, reason and condition of stock, out_share and run-out; ``stock`` names the column of the stock used."""
    has_demand = (pl.col("trailing_demand_units") > 0).fill_null(False)
    with_reserve = (pl.col(stock) + pl.col("reserve_units").fill_null(0.0)).round_sig_figs(SIGNIFICANT_DIGITS)
    empty = has_demand & (with_reserve <= pl.col("floor_units")).fill_null(False)
    at_floor = has_demand & (pl.col(stock) <= pl.col("floor_units")).fill_null(False)
    reserve_left = (pl.col("reserve_units") > 0).fill_null(False)
    soon = _at_least("run_out_p14", "elevated_only_reserve_run_out_p14")
    reserve_due = soon | (at_floor & pl.col("t_elevated_only_reserve_stock_at_floor"))
    alone = pl.col("other_medicines") == 0
    p56 = (
        pl.when(alone)
        .then(pl.col("t_elevated_run_out_p56_no_other_medicine"))
        .otherwise(pl.col("t_elevated_run_out_p56"))
    )
    half = p56 * pl.col("t_watch_run_out_p56_of_elevated")
    return [
        (SEVERE, Reason.STOCK_AT_FLOOR, empty & pl.col("t_severe_stock_at_floor")),
        (
            SEVERE,
            Reason.RUN_OUT_P14_WITH_RESERVE,
            _at_least("run_out_p14_with_reserve", "severe_run_out_p14_with_reserve"),
        ),
        (SEVERE, Reason.OUT_SHARE, _at_least("out_share", "severe_out_share")),
        (ELEVATED, Reason.ONLY_RESERVE_LEFT, reserve_due & reserve_left & ~empty),
        (ELEVATED, Reason.RUN_OUT_P14, _at_least("run_out_p14", "elevated_run_out_p14")),
        (ELEVATED, Reason.RUN_OUT_P56, (pl.col("run_out_p56") >= p56).fill_null(False)),
        (
            WATCH,
            Reason.RUN_OUT_P56_WATCH,
            ((pl.col("run_out_p56") >= half) & (pl.col("run_out_p56") < p56)).fill_null(False),
        ),
        (WATCH, Reason.RUN_OUT_P84, _at_least("run_out_p84", "watch_run_out_p84")),
    ]


def other_conditions() -> list[tuple[str, Reason, pl.Expr]]:
    """Level, reason and condition of notices, demand, obligation and market; for the country only."""
    no_stock = ~pl.col("state").is_in(["reported", "late"])
    all_28 = (pl.col("family_notice_share_28") >= 1).fill_null(False) & (pl.col("family_marketed_packages") >= 1)
    no_permit = pl.col("family_special_permit_articles") == 0
    family_no_stock = ~pl.col("family_state").is_in(["reported", "late"])
    all_now = (pl.col("notice_packages_share") >= 1).fill_null(False) & (pl.col("marketed_packages") >= 1) & no_stock
    unlisted = pl.col("market_state").is_in(["not_marketed", "discontinued"])
    not_marketed = (pl.col("marketed_packages") == 0) & unlisted & pl.col("dispensed_year").fill_null(False)
    conditions = [
        (
            SEVERE,
            Reason.NOTICE_COVERS_ALL_28,
            all_28 & no_permit & family_no_stock & no_stock,
            "severe_all_under_notice",
        ),
        (ELEVATED, Reason.NOTICE_COVERS_ALL, all_now, "elevated_all_under_notice"),
        (WATCH, Reason.OBLIGATION_SHORT, pl.col("obligation_short").fill_null(False), "watch_obligation_short"),
        (WATCH, Reason.DEMAND_SURGE, pl.col("surge").fill_null(False), "watch_demand_surge"),
        (
            WATCH,
            Reason.SINGLE_HOLDER_NOTICE,
            pl.col("single_holder_notice").fill_null(False),
            "watch_single_holder_notice",
        ),
        (WATCH, Reason.NOT_ON_MARKET, not_marketed, "watch_not_on_market"),
    ]
    ahead = (WATCH, Reason.NOTICE_SHARE_84, _national() & _at_least("notice_share_84", "watch_notice_share_84"))
    return [
        ahead,
        *((level, reason, _national() & held & pl.col(f"t_{key}")) for level, reason, held, key in conditions),
    ]


def base_levels(frame: pl.DataFrame, stock: str) -> pl.DataFrame:
    """``level`` (before caps) and ``reasons`` with ``stock`` as the stock; thresholds must stand beside the rows."""
    conditions = [*stock_conditions(stock), *other_conditions()]
    known = pl.col(stock).is_not_null() & pl.col("daily_demand_units").is_not_null()
    level = pl.when(known).then(pl.lit(NORMAL)).otherwise(pl.lit(UNKNOWN))
    for wanted in (WATCH, ELEVATED, SEVERE):
        held = pl.any_horizontal(*(condition for rank, _, condition in conditions if rank == wanted))
        level = pl.when(held).then(pl.lit(wanted)).otherwise(level)
    ordered = sorted(conditions, key=lambda item: -RANK[item[0]])
    reasons = [pl.when(condition).then(pl.lit(str(reason))) for _, reason, condition in ordered]
    return frame.with_columns(level=level, reasons=pl.concat_list(reasons).list.drop_nulls())


def with_family_cap(frame: pl.DataFrame) -> pl.DataFrame:
    """A medicine whose family is normal or watch in the same area is at most elevated: other strengths last."""
    families = frame.filter(pl.col("grain") == "family").select(
        "county_code", family_id="medicine_id", family_level="level"
    )
    joined = frame.join(families, on=["county_code", "family_id"], how="left", maintain_order="left")
    family_lasts = pl.col("family_level").is_in([NORMAL, WATCH]).fill_null(False)
    capped = (pl.col("grain") == "medicine") & family_lasts & (pl.col("level") == SEVERE)
    return _cap(joined, capped, ELEVATED, Reason.OTHER_STRENGTHS_LAST).drop("family_level")


def with_area_cap(frame: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """An area stands above watch only where 99 is at least watch or half its demand has run out."""
    national = frame.filter(_national()).select("medicine_id", national_level="level")
    joined = frame.join(national, on="medicine_id", how="left", maintain_order="left")
    backed = pl.col("national_level").is_in([WATCH, ELEVATED, SEVERE]).fill_null(False)
    alone = (pl.col("out_share") >= rules.picture.area_alone_out_share).fill_null(False)
    capped = ~_national() & pl.col("level").is_in([ELEVATED, SEVERE]) & ~backed & ~alone
    return _cap(joined, capped, WATCH, Reason.COUNTRY_NORMAL).drop("national_level")


def _cap(frame: pl.DataFrame, capped: pl.Expr, level: str, reason: Reason) -> pl.DataFrame:
    with_reason = pl.col("reasons").list.concat(pl.lit([str(reason)], dtype=pl.List(pl.String)))
    return frame.with_columns(
        level=pl.when(capped).then(pl.lit(level)).otherwise(pl.col("level")),
        reasons=pl.when(capped).then(with_reason).otherwise(pl.col("reasons")),
    )


def levels(frame: pl.DataFrame, stock: str, rules: Rules) -> pl.DataFrame:
    """``level`` and ``reasons`` after the caps, with ``stock`` as the stock. Rows keep their order."""
    return with_family_cap(with_area_cap(base_levels(frame, stock), rules))
