"""Backtests leave the files that section 11 of the design names, and read nothing later than the origin."""

from __future__ import annotations

import os
import re
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from medsupply.errors import InputError, MedsupplyError
from medsupply.forecast.backtest import run
from medsupply.forecast.backtest.kela import complete, read_kela
from medsupply.forecast.demand import forecast_demand
from medsupply.tables.forecast import QUANTILES

REAL = Path(os.environ.get("MEDSUPPLY_REAL_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
COLUMNS = ["series_id", "origin", "target", "model", "mean", *(f"q{level:g}" for level in QUANTILES)]


def long_file(path: Path) -> Path:
    rng = np.random.default_rng(3)
    weeks = [date(2021, 1, 4) + timedelta(weeks=k) for k in range(130)]
    frames = [
        pl.DataFrame({"unique_id": [name] * 130, "ds": weeks, "y": rng.gamma(50, 4.0, 130)}) for name in ("x", "y")
    ]
    pl.concat(frames).write_csv(path)
    return path


def test_series_writes_every_model_and_target(tmp_path: Path) -> None:
    origin = date(2023, 3, 27)
    written = run("series", long_file(tmp_path / "long.csv"), [origin], 4, tmp_path / "out")
    found = pl.read_parquet(written)
    assert written.name == "forecasts.parquet"
    assert found.columns == COLUMNS
    assert found["target"].unique().sort().to_list() == [origin + timedelta(weeks=k) for k in range(1, 5)]
    assert {"medsupply", "seasonal_naive", "mstl_ets", "theta", "prophet_default"} <= set(found["model"])
    assert found.group_by("model").len()["len"].to_list() == [8] * found["model"].n_unique()
    member = pl.read_parquet(written.parent / "members.parquet")
    assert member.columns == COLUMNS
    assert member["model"].unique().to_list() == ["own_prophet"]
    own = found.filter(pl.col("model") == "medsupply")
    assert member.select("series_id", "target").equals(own.select("series_id", "target"))
    assert not member["q0.5"].equals(own["q0.5"])


def test_a_file_without_its_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "wrong.csv").write_text("id,ds,y\n1,2024-01-01,3\n")
    with pytest.raises(InputError, match="unique_id"):
        run("series", tmp_path / "wrong.csv", [date(2024, 1, 1)], 4, tmp_path)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("x,2021-13-04,3", "row 131 after the head, column ds: '2021-13-04'"),
        ("x,1021-01-04,3", "row 131 after the head, column ds: '1021-01-04'"),
        ("x,2023-07-03,some", "row 131 after the head, column y: 'some'"),
        ("x,2023-07-03,-inf", "row 131 after the head, column y: '-inf'"),
        (",2023-07-03,3", "row 131 after the head, column unique_id"),
        ("x,2022-05-02,3", "Series x has two rows for the period of 2022-05-02"),
    ],
)
def test_a_row_that_cannot_be_read_is_named(tmp_path: Path, line: str, told: str) -> None:
    lines = long_file(tmp_path / "long.csv").read_text().splitlines()[:131]
    (tmp_path / "long.csv").write_text("\n".join([*lines, line]))
    with pytest.raises(MedsupplyError, match=re.escape(told)):
        run("series", tmp_path / "long.csv", [date(2023, 8, 7)], 4, tmp_path)


@pytest.mark.parametrize(
    ("name", "held", "told"),
    [
        ("a.csv", b"", "a.csv cannot be read"),
        ("a.csv", b"unique_id,ds,y\n", "a.csv has no rows"),
        ("a.csv", "unique_id,ds,y\nä,2024-01-01,1\n".encode("latin-1"), "a.csv cannot be read"),
        ("a.parquet", b"no parquet", "a.parquet cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, held: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(held)
    with pytest.raises(InputError, match=re.escape(told)):
        run("series", tmp_path / name, [date(2024, 1, 1)], 4, tmp_path)


@pytest.mark.parametrize("kind", ["kela", "civ", "uk", "nation"])
def test_a_folder_without_the_files_is_named(tmp_path: Path, kind: str) -> None:
    with pytest.raises(InputError, match=f"{re.escape(str(tmp_path))} holds no "):
        run(kind, tmp_path, [date(2024, 1, 1)], 4, tmp_path)


@pytest.mark.parametrize("kind", ["kela", "civ", "uk"])
def test_a_damaged_file_is_named(tmp_path: Path, kind: str) -> None:
    (tmp_path / "damaged").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"damaged (cannot be read|has no column)"):
        run(kind, tmp_path / "damaged", [date(2024, 1, 1)], 4, tmp_path)


def test_odd_series_stop_nobody(tmp_path: Path) -> None:
    """Gaps as NA, amounts with a comma, one value, zeros alone; of a series without a value nothing is said."""
    days = [date(2021, 1, 4) + timedelta(weeks=k) for k in range(130)]
    values = {"comma": "10,5", "zero": "0", "gaps": "NA", "unknown": ""}
    lines = [f"{name};{day};{value}" for name, value in values.items() for day in days]
    lines += [f"gaps;{days[-1] + timedelta(weeks=1)};7", f"single;{days[3]};5"]
    (tmp_path / "odd.csv").write_text("\n".join(["unique_id;ds;y", *lines]))
    found = pl.read_parquet(run("series", tmp_path / "odd.csv", [date(2023, 7, 3)], 4, tmp_path / "out"))
    assert set(found["series_id"]) == {"comma", "zero", "gaps", "single"}
    assert not found.select(pl.any_horizontal(pl.col(pl.Float64).is_nan() | pl.col(pl.Float64).is_null()).any()).item()
    comma = found.filter((pl.col("series_id") == "comma") & (pl.col("model") == "medsupply"))
    assert comma["q0.5"].is_between(8, 13).all()


def test_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no backtest"):
        run("weather", tmp_path, [date(2024, 1, 1)], 4, tmp_path)


@pytest.mark.real
@pytest.mark.skipif(not REAL.exists(), reason="the real files are not here")
def test_stock_outs_do_not_see_later_months(tmp_path: Path) -> None:
    """The file cut at the origin gives the same probabilities: every fourth site, the whole file takes minutes."""
    rows = pl.read_csv(sorted((REAL / "civ").glob("logistics*.csv"))[0])
    some, origin = rows["site_code"].unique().sort().gather_every(4), date(2018, 12, 1)
    source, left = tmp_path / "logistics_whole.csv", rows.filter(pl.col("site_code").is_in(some.implode()))
    left.write_csv(source)
    left.filter(pl.col("year") * 100 + pl.col("month") <= 201812).write_csv(tmp_path / "logistics_cut.csv")
    whole = pl.read_parquet(run("civ", source, [origin], 3, tmp_path / "a"))
    short = pl.read_parquet(run("civ", tmp_path / "logistics_cut.csv", [origin], 3, tmp_path / "b"))
    assert whole.columns == ["series_id", "origin", "horizon", "p"]
    assert whole.select("series_id", "horizon").equals(short.select("series_id", "horizon"))
    np.testing.assert_allclose(whole["p"].to_numpy(), short["p"].to_numpy(), atol=1e-9)
    assert whole["p"].is_between(0, 1).all()
    peers = pl.read_parquet(tmp_path / "a" / "peers.parquet")
    assert set(peers["model"]) == {"logistic", "boosted_trees", "months_of_stock"}
    assert peers.group_by("model").len()["len"].unique().to_list() == [whole.height]
    assert (peers["p"] - pl.read_parquet(tmp_path / "b" / "peers.parquet")["p"]).abs().max() < 1e-9  # type: ignore[operator]


@pytest.mark.real
@pytest.mark.skipif(not REAL.exists(), reason="the real files are not here")
def test_complete_series_are_judged_by_what_was_known() -> None:
    """A substance that is absent later is complete at an earlier origin; turn-of-year weeks are gaps, not zeros."""
    rows = read_kela(REAL / "kela")
    early, late = complete(rows, date(2020, 12, 14)), complete(rows, date(2025, 6, 23))
    assert early["period"].max() <= date(2020, 12, 14)  # type: ignore[operator]
    assert set(late["series_id"]) < set(early["series_id"])
    assert (rows["y"] > 0).all()
    assert date(2019, 12, 30) not in set(rows["period"])


@pytest.mark.real
@pytest.mark.skipif(not REAL.exists(), reason="the real files are not here")
def test_later_vintages_of_kela_change_nothing_but_by_revision(tmp_path: Path) -> None:
    """The file of 2025 as it stood in July and in December: rows of later weeks change no digit of a forecast, and
    where the older weeks were not revised the two forecasts are the same."""
    origin, codes = date(2025, 6, 16), ["A10AC01", "C07AB03", "N05AD01"]
    vintages = sorted((REAL / "kela" / "vintages_2025").glob("*.parquet"))
    before = read_kela(REAL / "kela").filter(pl.col("period") < date(2025, 1, 1))
    july, december = (pl.concat([before, read_kela(vintages[k])]) for k in (0, -1))
    assert december["period"].max() > july["period"].max()  # type: ignore[operator]
    some = [rows.filter(pl.col("series_id").is_in(codes)) for rows in (july, december)]
    cut = some[1].filter(pl.col("period") <= origin)
    found = [forecast_demand(rows, origin, horizon=4, n_paths=50) for rows in (*some, cut)]
    np.testing.assert_array_equal(found[1].paths(), found[2].paths())
    same = some[0].filter(pl.col("period") <= origin).equals(cut)
    assert same == (found[0].data_version == found[1].data_version)
    ratio = np.log(np.median(found[0].paths(), axis=1) / np.median(found[1].paths(), axis=1))
    assert np.abs(ratio).max() < 0.05


def test_sums_are_made_of_the_paths_that_are_written(tmp_path: Path) -> None:
    origin = date(2023, 3, 27)
    written = run("series", long_file(tmp_path / "long.csv"), [origin], 4, tmp_path / "out")
    paths = pl.read_parquet(tmp_path / "out" / "paths.parquet")
    assert paths.columns == ["series_id", "target", "paths", "origin"]
    assert paths["paths"].list.len().unique().to_list() == [500]
    own = pl.read_parquet(written).filter(pl.col("model") == "medsupply")
    both = own.join(paths, on=["series_id", "origin", "target"])
    assert both.height == 8
    assert ((both["paths"].list.median() / both["q0.5"]).log().abs() < 0.02).all()
