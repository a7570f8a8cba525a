"""Backtest on a simulated nation: probability of running out in the country, from the deliveries alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from medsupply.areas import COUNTRY
from medsupply.errors import ForecastError, InputError
from medsupply.forecast.lateness import learn_lateness, match_arrivals
from medsupply.forecast.run_out import run_out
from medsupply.forecast.workers import Progress
from medsupply.picture.units import units_of_text

WINDOW, FLOOR_DAYS, WEEKS, STILL_EXPECTED = 84, 7, 26, 120
USABLE_RESERVE = ("hospital_pharmacy", "medicine_centre")
NATION_INFLOW = ("wholesaler", "mah", "thl")
PATHS = 1000
DAY_COLUMNS = ("day", "counted_on", "expires_on", "announced_on", "expected_on")


@dataclass(frozen=True)
class Deliveries:
    """Daily sums of the country in units: ``stock`` (medicine_id, day, units), ``demand`` (with vnr); ``supply`` and
    ``notices`` with the day they were known."""

    stock: pl.DataFrame
    demand: pl.DataFrame
    supply: pl.DataFrame
    notices: pl.DataFrame


def nation(
    data: Path,
    origins: Sequence[date],
    horizon: int,
    out: Path,
    *,
    workers: int = 1,
    progress: Progress | None = None,
) -> Path:
    """P(stock at or below 7 days of trailing demand within 14, 28, 56, 84 days, up to ``horizon``) of each medicine.

    ``data``: a folder written by ``medsupply simulate``; its ``truth`` is not read. An origin reads what was counted or
    published by that day. Writes ``run_out.parquet`` (series_id, origin, horizon, p) and returns its path.
    """
    read = read_nation(data)
    frames = []
    ordered = sorted(set(origins))
    for number, origin in enumerate(ordered, 1):
        found = predict(read, origin).filter(pl.col("horizon_days") <= horizon)
        frames.append(found.select(series_id="medicine_id", origin="as_of", horizon="horizon_days", p="p"))
        if progress:
            progress(number, len(ordered))
    out.mkdir(parents=True, exist_ok=True)
    path = out / "run_out.parquet"
    pl.concat(frames).sort("series_id", "origin", "horizon").write_parquet(path)
    return path


def read_nation(data: Path) -> Deliveries:
    """Deliveries of a simulated nation, summed for the country. Raises InputError where the folder holds none."""
    inbox = data / "inbox"
    if not (inbox / "stock").is_dir():
        raise InputError(f"{data} holds no simulated nation", "Write one with `medsupply simulate`")
    packages = _packages(inbox)
    holders = _read(inbox / "holders").unique("holder_id", keep="last").select("holder_id", "holder_type")
    stock = _read(inbox / "stock").filter(pl.col("vnr").fill_null("") != "").join(holders, on="holder_id")
    own = pl.col("holder_type").is_in(list(USABLE_RESERVE))
    usable = pl.col("packs") - pl.when(own).then(0.0).otherwise(pl.col("reserve_packs").fill_null(0.0))
    good = pl.col("expires_on").is_null() | (pl.col("expires_on") > pl.col("counted_on"))
    stock = stock.filter(good & (pl.col("holder_type") != "state_reserve")).with_columns(packs=usable)
    left = pl.col("packs") - pl.col("returned_packs").fill_null(0.0)
    demand = _read(inbox / "dispensing").filter(pl.col("vnr").fill_null("") != "").with_columns(packs=left)
    supply = _read(inbox / "supply").join(holders, on="holder_id").filter(pl.col("holder_type").is_in(NATION_INFLOW))
    return Deliveries(
        _sums(stock.rename({"counted_on": "day"}), packages, ["medicine_id", "day"]),
        _sums(demand, packages, ["medicine_id", "vnr", "day"]),
        _announced(supply, packages),
        _notices(inbox, packages),
    )


def _read(folder: Path) -> pl.DataFrame:
    """All files of a source, exact duplicates once; a number that is no number is left out."""
    frames = [
        pl.read_parquet(file) if file.suffix == ".parquet" else _csv(file)
        for file in sorted(folder.iterdir())
        if file.suffix in (".parquet", ".gz", ".csv")
    ]
    texts = pl.concat([frame.with_columns(pl.all().cast(pl.String)) for frame in frames], how="diagonal").unique(
        maintain_order=True
    )
    packs = [name for name in ("packs", "reserve_packs", "returned_packs") if name in texts.columns]
    days = [
        name for name in texts.columns if name in ("day", "counted_on", "expires_on", "announced_on", "expected_on")
    ]
    return texts.with_columns(
        pl.col(packs).str.replace(",", ".").cast(pl.Float64, strict=False), pl.col(days).str.to_date(strict=False)
    ).filter(pl.col("packs").is_not_null() if "packs" in packs else pl.lit(True))


def _csv(file: Path) -> pl.DataFrame:
    """A delivery as text, its dirt with it: only what cannot be a row is left out."""
    return pl.read_csv(
        file, separator=";", infer_schema_length=0, encoding="utf8-lossy", truncate_ragged_lines=True, quote_char='"'
    )


def _packages(inbox: Path) -> pl.DataFrame:
    """vnr, medicine_id, per_pack (units) of the substitution list."""
    file = sorted((inbox / "fimea_substitution").iterdir())[-1]
    frame = pl.read_csv(file, separator=";", encoding="iso-8859-1", infer_schema_length=0, quote_char=None)
    return frame.filter(pl.col("SUBSTITUUTIORYHMA").fill_null("") != "").select(
        vnr="VNRNRO",
        medicine_id=pl.concat_str(pl.lit("G"), "SUBSTITUUTIORYHMA"),
        per_pack=units_of_text(pl.col("PAKKAUSKOKO")),
    )


def _sums(rows: pl.DataFrame, packages: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    joined = rows.join(packages, on="vnr").with_columns(units=pl.col("packs") * pl.col("per_pack"))
    return joined.group_by(by).agg(pl.col("units").sum()).drop_nulls().sort(by)


def _announced(supply: pl.DataFrame, packages: pl.DataFrame) -> pl.DataFrame:
    rows = supply.unique(["holder_id", "vnr", "announced_on", "expected_on"], keep="first", maintain_order=True)
    return rows.join(packages, on="vnr").select(
        "medicine_id",
        "announced_on",
        "expected_on",
        "certainty",
        county_code=pl.lit(COUNTRY),
        units=pl.col("packs") * pl.col("per_pack"),
    )


def _notices(inbox: Path, packages: pl.DataFrame) -> pl.DataFrame:
    """vnr, medicine_id, start, end, listed (day of the list), of every list."""
    frames = []
    for file in sorted((inbox / "fimea_shortages").glob("*.txt")):
        frame = pl.read_csv(
            file, separator=";", infer_schema_length=0, encoding="utf8-lossy", truncate_ragged_lines=True
        )
        start, end = (next(n for n in frame.columns if part in n.lower()) for part in ("alkupaiva", "loppupaiva"))
        vnr, state = (next(n for n in frame.columns if part in n.lower()) for part in ("vnr", "voimassa"))
        listed = date.fromisoformat(file.stem.split(".")[1])
        frames.append(
            frame.select(
                vnr=pl.col(vnr).str.strip_chars('" ').str.zfill(6),
                start=pl.col(start).str.slice(0, 10).str.to_date(strict=False),
                end=pl.col(end).str.slice(0, 10).str.to_date(strict=False),
                ended=pl.col(state).str.contains("E"),
                listed=pl.lit(listed),
            )
        )
    return pl.concat(frames).join(packages, on="vnr") if frames else packages.clear()


def predict(read: Deliveries, origin: date) -> pl.DataFrame:
    """``run_out`` of the country on ``origin`` from what was known then."""
    stock = read.stock.filter(pl.col("day") <= origin)
    demand = read.demand.filter(pl.col("day") <= origin)
    newest = stock["day"].max()
    if not isinstance(newest, date) or (origin - newest).days > 3:
        raise ForecastError(f"No stock is known of {origin}", "Choose an origin inside the nation's days")
    history = weekly(stock, demand, newest)
    known = read.supply.filter(pl.col("announced_on") <= origin)
    inflow = history.filter(pl.col("inflow_units").is_not_null()).select(
        "medicine_id", "county_code", day=pl.col("week") + pl.duration(days=6), units="inflow_units"
    )
    past = match_arrivals(known, inflow)
    waiting = past.filter(
        pl.col("arrived_on").is_null() & (pl.col("expected_on") >= origin - timedelta(days=STILL_EXPECTED))
    )
    return run_out(
        _state(stock, demand, newest),
        origin,
        announced=waiting,
        notices=_in_force(read, origin),
        history=history,
        lateness=learn_lateness(past.filter(pl.col("expected_on") <= origin), None),
        n_paths=PATHS,
    )


def _state(stock: pl.DataFrame, demand: pl.DataFrame, day: date) -> pl.DataFrame:
    since = demand.filter(pl.col("day") > day - timedelta(days=WINDOW))
    days = max(since["day"].n_unique(), 1)
    trailing = since.group_by("medicine_id").agg(trailing_demand_units=pl.col("units").sum() / days)
    now = stock.filter(pl.col("day") == day).select("medicine_id", stock_units="units")
    return trailing.join(now, on="medicine_id", how="left").select(
        "medicine_id",
        pl.col("stock_units").fill_null(0.0),
        "trailing_demand_units",
        county_code=pl.lit(COUNTRY),
        stock_units_high=pl.lit(None, dtype=pl.Float64),
        reserve_units=pl.lit(0.0),
        floor_units=FLOOR_DAYS * pl.col("trailing_demand_units"),
        upstream_units=pl.lit(None, dtype=pl.Float64),
    )


def weekly(stock: pl.DataFrame, demand: pl.DataFrame, newest: date) -> pl.DataFrame:
    """``history`` of ``run_out``: weeks that end on the newest day counted, net inflow by the identity."""
    ends = [newest - timedelta(weeks=k) for k in range(WEEKS, -1, -1)]
    at = stock.filter(pl.col("day").is_in(ends)).select("medicine_id", "day", stock_units="units")
    late = (pl.lit(newest) - pl.col("day")).dt.total_days() // 7
    used = demand.with_columns(day=pl.lit(newest) - pl.duration(days=late * 7))
    sums = used.group_by("medicine_id", "day").agg(demand_units=pl.col("units").sum())
    joined = at.join(sums, on=["medicine_id", "day"], how="left").sort("medicine_id", "day")
    before = pl.col("stock_units").shift().over("medicine_id")
    return joined.with_columns(
        inflow_units=pl.col("stock_units") - before + pl.col("demand_units"),
        county_code=pl.lit(COUNTRY),
        week=pl.col("day") - pl.duration(days=6),
        notice_share=pl.lit(0.0),
    )


def _in_force(read: Deliveries, origin: date) -> pl.DataFrame | None:
    """Notices of the newest list known, each with its package's share of the medicine's demand."""
    lists = read.notices.filter(pl.col("listed") <= origin) if "listed" in read.notices.columns else read.notices
    if lists.is_empty():
        return None
    newest = lists.filter(pl.col("listed") == pl.col("listed").max())
    open_end = pl.when(pl.col("end") < date(2999, 1, 1)).then(pl.col("end"))
    in_force = newest.filter(~pl.col("ended") & ((pl.col("end") >= origin) | pl.col("end").is_null()))
    since = read.demand.filter(pl.col("day").is_between(origin - timedelta(days=WINDOW - 1), origin))
    of = since.group_by("medicine_id", "vnr").agg(pl.col("units").sum())
    shares = of.with_columns(share=pl.col("units") / pl.col("units").sum().over("medicine_id")).select("vnr", "share")
    return (
        in_force.join(shares, on="vnr")
        .filter(pl.col("share") > 0)
        .select("medicine_id", "share", "start", end=open_end, county_code=pl.lit(COUNTRY))
        .sort("medicine_id", "start", "end", "share")
    )
