"""What must never happen, on any input that can be thought up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_nation import AS_OF, nation

from medsupply.picture import before
from medsupply.picture.changes import changes
from medsupply.picture.judge import judge
from medsupply.picture.levels import RANK
from medsupply.picture.master import Master, master
from medsupply.picture.measure import Measurement, measure
from medsupply.rules import load_rules
from medsupply.tables.picture import CHANGES, MEASURED, SITUATION

RULES = load_rules()
KEY = ["county_code", "medicine_id"]


@pytest.fixture(autouse=True, scope="module")
def _one_week_back() -> Iterator[None]:
    """What must never happen hangs on no shortage of twelve weeks; each week looked back costs a second an example."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(before, "LOOK_BACK_DAYS", 7)
        yield


def found(seed: int) -> tuple[Master, Measurement, pl.DataFrame]:
    known = nation(seed)
    medicines = master(known)
    measured = measure(known, medicines, RULES)
    return medicines, measured, situation(measured.measured)


def situation(measured: pl.DataFrame, **known: Any) -> pl.DataFrame:
    nothing: dict[str, Any] = {"demand_forecast": None, "run_out": None, "index_expected": None, "previous": None}
    return judge(measured, **{**nothing, **known}, rules=RULES)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(100, 10_000))
def test_shares_probabilities_and_cover_stay_what_they_are(seed: int) -> None:
    _, measured, rows = found(seed)
    for name in ("reporting_share", "out_share", "notice_share", "notice_share_84"):
        assert rows[name].drop_nulls().is_between(0, 1 + 1e-9).all(), name
    assert rows.filter((pl.col("daily_demand_units") == 0) & pl.col("cover_days").is_not_null()).is_empty()
    assert rows["cover_days"].drop_nulls().is_finite().all()
    assert rows.filter(pl.col("cover_days_high") < pl.col("cover_days") - 1e-9).is_empty()
    assert rows.filter(pl.col("reserve_units") < -1e-9).is_empty()
    assert SITUATION.frame.is_valid(rows)
    assert MEASURED.frame.is_valid(measured.measured)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(100, 10_000))
def test_the_country_is_not_less_than_its_parts_and_holds_what_no_area_does(seed: int) -> None:
    _, measured, _ = found(seed)
    rows = measured.measured
    whole = rows.filter(pl.col("county_code") == "99").select("medicine_id", whole="trailing_demand_units")
    part = rows.filter(pl.col("county_code").str.starts_with("Y")).select("medicine_id", part="trailing_demand_units")
    joined = part.join(whole, on="medicine_id")
    assert joined.filter(pl.col("part") > pl.col("whole") * (1 + 1e-9) + 1e-9).is_empty()


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(100, 10_000))
def test_a_holder_that_falls_silent_never_makes_a_level_better(seed: int) -> None:
    """With the silent holder's stock at its usual units or gone, a level is the same or worse, or it is unknown."""
    _, measured, before = found(seed)
    full = measured.measured.with_columns(reporting_share=pl.lit(1.0), usual_units_silent=pl.lit(0.0))
    silent = full.with_columns(
        stock_units=pl.col("stock_units") * 0.5,
        usual_units_silent=pl.col("stock_units") * 0.5,
        reporting_share=pl.lit(0.5),
    )
    then, now = situation(full), situation(silent)
    joined = then.select(*KEY, was="level").join(now.select(*KEY, "level"), on=KEY)
    rank = {name: rank for name, rank in RANK.items() if name != "unknown"}
    known = joined.filter(pl.col("level").is_in(list(rank)) & pl.col("was").is_in(list(rank)))
    worse = pl.col("level").replace_strict(rank, return_dtype=pl.Int64) >= pl.col("was").replace_strict(
        rank, return_dtype=pl.Int64
    )
    assert known.filter(~worse).is_empty()
    assert before.height == then.height


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(100, 10_000), first=st.integers(0, 50))
def test_the_same_facts_in_another_order_give_the_same_picture(seed: int, first: int) -> None:
    known = nation(seed)
    medicines = master(known)
    from dataclasses import replace

    shuffled = replace(
        known,
        stock=known.stock.collect().sample(fraction=1.0, shuffle=True, seed=first).lazy(),
        dispensing=known.dispensing.collect().sample(fraction=1.0, shuffle=True, seed=first).lazy(),
        snapshots=known.snapshots.sample(fraction=1.0, shuffle=True, seed=first),
    )
    one, other = measure(known, medicines, RULES), measure(shuffled, medicines, RULES)
    for name, frame in one.frames().items():
        assert frame.equals(other.frames()[name]), name


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(100, 10_000))
def test_the_state_reserve_is_in_no_figure(seed: int) -> None:
    from dataclasses import replace

    known = nation(seed)
    permits = known.reference["permits"].filter(pl.col("kind") != "release")
    held = replace(known, reference={**known.reference, "permits": permits})
    without = replace(
        held,
        stock=held.stock.filter(pl.col("holder_id") != "S1"),
        snapshots=held.snapshots.filter(pl.col("holder_id") != "S1"),
        gaps=held.gaps.filter(pl.col("holder_id") != "S1"),
    )
    one, other = measure(held, master(held), RULES), measure(without, master(without), RULES)
    for name in ("measured", "stock_daily", "usual_units", "completeness", "obligations"):
        assert one.frames()[name].equals(other.frames()[name]), name


def test_without_any_delivery_nothing_is_zero() -> None:
    from dataclasses import replace

    known = nation(1)
    nobody = replace(
        known,
        stock=known.stock.filter(pl.lit(False)),
        snapshots=known.snapshots.clear(),
        gaps=known.gaps.clear(),
        dispensing=known.dispensing.filter(pl.lit(False)),
    )
    rows = situation(measure(nobody, master(nobody), RULES).measured)
    assert rows.height > 0
    for name in ("stock_units", "reserve_units", "trailing_demand_units", "floor_units", "cover_days", "out_share"):
        assert rows[name].null_count() == rows.height, name
    assert "normal" not in rows["level"].to_list()


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(100, 10_000), other=st.integers(100, 10_000))
def test_changes_name_exactly_the_rows_whose_level_differs(seed: int, other: int) -> None:
    before, now = found(seed)[2], found(other)[2].with_columns(as_of=pl.lit(AS_OF + timedelta(days=1)))
    told = changes(now, before)
    assert CHANGES.frame.is_valid(told)
    both = now.select(*KEY, "level").join(before.select(*KEY, was="level"), on=KEY)
    differ = both.filter(~pl.col("level").eq_missing(pl.col("was"))).select(KEY).sort(KEY)
    moved = told.filter(pl.col("change").is_in(["worse", "better"])).select(KEY).sort(KEY)
    assert moved.equals(differ)
    assert told["causes"].list.len().min() or told.is_empty()


@pytest.mark.parametrize("seed", [3, 4])
def test_every_reason_has_words_to_describe_it(seed: int) -> None:
    from medsupply.picture.reasons import DESCRIPTIONS, Reason

    rows = found(seed)[2]
    assert set(rows["reasons"].explode().drop_nulls()) <= {str(code) for code in Reason}
    assert set(DESCRIPTIONS) == set(Reason)
