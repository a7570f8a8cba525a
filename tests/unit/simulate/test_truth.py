"""Nothing is created or lost: packs of the nation, packs of the sites, and what the deliveries say."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from medsupply.simulate import Manifest
from tests.unit.simulate.conftest import write

FLOWS = ("stock", "shelf", "depot", "company", "given", "arrived", "expired", "permit", "wanted")


def nation_of(manifest: Manifest) -> pl.DataFrame:
    return pl.read_parquet(manifest.folder / "truth" / "nation.parquet").sort("vnr", "day")


def test_stock_changes_by_what_came_and_went(nation: Manifest) -> None:
    rows = nation_of(nation).with_columns(all=pl.col("shelf") + pl.col("depot") + pl.col("company"))
    change = pl.col("all") - pl.col("all").shift(1).over("vnr")
    off = rows.with_columns(off=change - (pl.col("arrived") - pl.col("given") - pl.col("expired")))["off"].drop_nulls()
    assert off.len() > 500
    assert off.abs().max() == 0.0


def test_nothing_is_negative_and_nobody_gets_more_than_there_is(nation: Manifest) -> None:
    rows = nation_of(nation)
    assert all(rows[name].min() >= 0 for name in FLOWS)
    assert all((rows[name] == rows[name].round(0)).all() for name in FLOWS)
    assert rows["given"].sum() <= rows["wanted"].sum() * 1.01


def test_deliveries_add_up_to_the_nation(nation: Manifest) -> None:
    """Where everyone reported, holders' packs without reserve of companies are the nation's stock, to the pack."""
    events = pl.read_csv(nation.folder / "truth" / "events.csv", try_parse_dates=True)
    events = events.filter(pl.col("kind") == "silence")
    rows = pl.read_parquet(nation.folder / "inbox" / "stock" / "*.parquet")
    silent = {
        day
        for start, end in zip(events["day"], events["detail"].str.slice(6).str.to_date(), strict=True)
        for day in pl.date_range(start, end, eager=True)
    }
    fresh = pl.col("expires_on").is_null() | (pl.col("expires_on") > pl.col("counted_on"))
    usable = rows.filter(~pl.col("holder_id").str.contains("^[MV]"), fresh)
    reported = usable.group_by(day="counted_on", vnr="vnr").agg(reported=pl.col("packs").sum())
    both = nation_of(nation).join(reported, on=["day", "vnr"], how="left").filter(~pl.col("day").is_in(list(silent)))
    both = both.filter(pl.col("day") <= rows["counted_on"].max()).with_columns(pl.col("reported").fill_null(0.0))
    assert both["day"].n_unique() >= 1
    assert (both["reported"] - both["shelf"] - both["depot"]).abs().max() == 0.0


def test_dispensing_adds_up_to_the_nation(nation_a: Manifest) -> None:
    rows = pl.read_parquet(nation_a.folder / "inbox" / "dispensing" / "*.parquet")
    net = pl.col("packs") - pl.col("returned_packs").fill_null(0.0)
    reported = rows.filter(pl.col("vnr") != "").group_by("day", "vnr").agg(reported=net.sum())
    both = nation_of(nation_a).join(reported, on=["day", "vnr"])
    share = both["reported"].sum() / both["given"].sum()
    assert 0.97 < share <= 1.0  # some were silent now and then


def test_every_reporter_has_a_row_for_every_day_it_is_heard(nation_a: Manifest) -> None:
    rows = pl.read_parquet(nation_a.folder / "inbox" / "dispensing" / "*.parquet")
    nil = rows.filter(pl.col("vnr") == "")
    assert nil.height > 0 and (nil["packs"] == 0).all()
    assert rows.filter(pl.col("vnr") != "")["packs"].min() > 0
    assert rows.group_by("reporter_id", "day").agg((pl.col("vnr") == "").any() & (pl.len() > 1))["vnr"].sum() == 0


def test_run_out_is_the_first_day_at_or_below_the_floor(nation_a: Manifest) -> None:
    found = pl.read_parquet(nation_a.folder / "truth" / "run_out.parquet").sort("medicine", "origin")
    rows = nation_of(nation_a).with_columns(units=pl.col("stock") * pl.col("units_per_pack"))
    daily = rows.group_by("medicine", "day").agg(pl.col("units").sum()).sort("medicine", "day")
    for row in found.gather_every(7).iter_rows(named=True):
        after = daily.filter(pl.col("medicine") == row["medicine"], pl.col("day") > row["origin"]).head(14)
        hit = bool((after["units"] <= row["floor"]).any()) or row["stock"] <= row["floor"]
        assert row["event_14"] == (hit if hit or after.height == 14 else None)


@pytest.mark.parametrize("name", ["outages.csv", "transfers.csv", "events.csv", "files.csv"])
def test_the_truth_is_told_beside(nation: Manifest, name: str) -> None:
    assert pl.read_csv(nation.folder / "truth" / name).height > 0


def test_what_stood_in_for_another_package_is_told(nation: Manifest) -> None:
    rows = pl.read_parquet(nation.folder / "truth" / "nation.parquet")
    assert (rows["substituted"] <= rows["given"]).all()
    # A package gives more than was wanted of it only in place of another one.
    assert (rows["given"] - rows["substituted"] <= rows["wanted"]).all()
    assert rows["substituted"].sum() > 0


def test_a_planted_nation_holds_everything_at_any_size(tmp_path: Path) -> None:
    made = write(tmp_path / "other", medicines=12, pharmacies=40, days=60, history_days=90, planted=True)
    told = pl.read_csv(made.folder / "truth" / "events.csv")
    assert set(told["kind"]) == {"silence", "regime", "correction", "delivery"}
    rows = pl.read_parquet(made.folder / "truth" / "nation.parquet")
    assert (rows["expired"] > 0).any()
    assert pl.read_csv(made.folder / "truth" / "transfers.csv").height > 0
    outages = pl.read_csv(made.folder / "truth" / "outages.csv", try_parse_dates=True)
    assert outages.filter(pl.col("published") > pl.col("start")).height > 0


def test_a_clean_nation_has_no_planted_regime(tmp_path: Path) -> None:
    made = write(tmp_path / "other", days=30, history_days=90, planted=False)
    told = pl.read_csv(made.folder / "truth" / "events.csv")
    assert set(told["kind"]) <= {"silence"}


def test_the_register_is_published_again_and_is_a_duplicate(nation_a: Manifest) -> None:
    files = pl.read_csv(nation_a.folder / "truth" / "files.csv").filter(pl.col("source") == "fimea_packages")
    assert set(files["verdict"]) == {"accepted", "duplicate"}
    days = [date.fromisoformat(path[-14:-4]) for path in files.filter(pl.col("verdict") == "duplicate")["path"]]
    assert len(days) >= 3
    assert {day.day for day in days} == {1, 15}
