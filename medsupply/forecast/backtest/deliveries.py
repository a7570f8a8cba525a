"""A simulated nation's deliveries as daily sums per package: what the backtest reads, the truth never."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from medsupply.errors import InputError
from medsupply.forecast.backtest.seasons import read_purchases
from medsupply.forecast.calendar import Array, Mask
from medsupply.forecast.history import GRANTED, TOLD, Past, while_silent
from medsupply.picture.units import units_of_text

USABLE_RESERVE = ("hospital_pharmacy", "medicine_centre")
NATION_INFLOW = ("wholesaler", "mah", "thl")
OPEN_END = date(2999, 1, 1)
DAY_COLUMNS = ("day", "counted_on", "expires_on", "announced_on", "expected_on")
PACK_COLUMNS = ("packs", "reserve_packs", "returned_packs")
SAME_WEEKDAYS = 12


@dataclass(frozen=True)
class Nation:
    """The past of its packages, purchases as ``seasons.read_purchases`` gives them, ATC code of each series."""

    past: Past
    purchases: pl.DataFrame
    atc: tuple[str, ...]


def read_nation(data: Path) -> Nation:
    """Deliveries of a simulated nation. Raises InputError where the folder holds none."""
    inbox = data / "inbox"
    if not (inbox / "stock").is_dir():
        raise InputError(f"{data} holds no simulated nation", "Write one with `medsupply simulate`")
    packages = _packages(inbox)
    holders = _read(inbox / "holders").unique("holder_id", keep="last").select("holder_id", "holder_type")
    stock = _stock(inbox, holders)
    left = _dispensing(inbox)
    first, last = left["day"].min(), max(stock["day"].max(), left["day"].max())  # type: ignore[type-var]
    assert isinstance(first, date) and isinstance(last, date)
    days = tuple(first + timedelta(days=n) for n in range((last - first).days + 1))
    known = packages.filter(pl.col("vnr").is_in(left["vnr"].unique().implode())).sort("medicine_id", "vnr")
    per_pack = known["per_pack"].to_numpy()
    vnr = known["vnr"].to_list()
    demand = _completed(_cubes(left, "reporter_id", days, vnr))
    depots = holders.filter(pl.col("holder_type") == "wholesaler")["holder_id"].to_list()
    counts = _cubes(stock, "holder_id", days, vnr)
    past = Past(
        days,
        tuple(known["medicine_id"]),
        tuple(vnr),
        _carried(counts, depots, demand) * per_pack,
        demand * per_pack,
        _told(inbox),
        _granted(inbox),
        per_pack=per_pack,
    )
    atc = dict(known.select("medicine_id", "atc").iter_rows())
    return Nation(past, read_purchases(inbox / "kela_purchases"), tuple(atc[name] for name in past.names))


def announced(data: Path) -> pl.DataFrame:
    """medicine_id, vnr, announced_on, expected_on, units of supply announced to the country's holders."""
    inbox = data / "inbox"
    if not (inbox / "supply").is_dir():
        kinds = {
            "medicine_id": pl.String,
            "vnr": pl.String,
            "announced_on": pl.Date,
            "expected_on": pl.Date,
            "units": pl.Float64,
        }
        return pl.DataFrame(schema=kinds)
    holders = _read(inbox / "holders").unique("holder_id", keep="last")
    into = holders.filter(pl.col("holder_type").is_in(list(NATION_INFLOW))).select("holder_id")
    rows = _read(inbox / "supply").join(into, on="holder_id", how="semi").join(_packages(inbox), on="vnr")
    key = ["holder_id", "vnr", "announced_on", "expected_on"]
    once = rows.unique(key, keep="first", maintain_order=True)
    return once.select("medicine_id", "vnr", "announced_on", "expected_on", units=pl.col("packs") * pl.col("per_pack"))


def _files(folder: Path) -> list[Path]:
    """Files of a source as they arrived, those that came twice once."""
    found = [file for file in sorted(folder.iterdir()) if file.suffix in (".parquet", ".gz", ".csv")]
    manifest = folder.parent.parent / "manifest.csv"
    if manifest.exists():
        arrived = pl.read_csv(manifest, infer_schema=False).sort("received_at", maintain_order=True)["path"].to_list()
        place = {Path(path).name: n for n, path in enumerate(arrived) if Path(path).parent.name == folder.name}
        found.sort(key=lambda file: place.get(file.name, len(place)))
    hashes: dict[str, Path] = {}
    for file in found:
        hashes.setdefault(hashlib.sha256(file.read_bytes()).hexdigest(), file)
    return list(hashes.values())


def _read(folder: Path, by: tuple[str, ...] = (), value: pl.Expr | None = None, whole: int = 0) -> pl.DataFrame:
    """All files of a source, exact duplicates of a file once; with ``by`` each file is summed at once, and of what has
    the same first ``whole`` columns the file that came last stands. A file that is none is left out, as it is refused.
    """
    frames = []
    for number, file in enumerate(_files(folder)):
        frame = pl.read_parquet(file) if file.suffix == ".parquet" else _csv(file)
        if value is not None and not {*by, "packs"} <= set(frame.columns):
            continue
        typed = _typed(frame.unique(maintain_order=True))
        frames.append(typed if value is None else typed.group_by(by).agg(packs=value.sum(), file=pl.lit(number)))
    rows = pl.concat(frames, how="diagonal_relaxed")
    if value is None:
        return rows
    last = pl.col("file") == pl.col("file").max().over(by[:whole])
    return rows.filter(last & pl.all_horizontal(pl.col(by[:2]).is_not_null())).drop("file")


def _typed(frame: pl.DataFrame) -> pl.DataFrame:
    """Numbers and days as such; a number that is none is left out."""
    packs = [pl.col(name) for name in PACK_COLUMNS if name in frame.columns]
    numbers = [
        one.str.replace(",", ".").cast(pl.Float64, strict=False)
        if frame.schema[one.meta.output_name()] == pl.String
        else one.cast(pl.Float64)
        for one in packs
    ]
    days = [
        pl.col(name).str.to_date(strict=False) if frame.schema[name] == pl.String else pl.col(name)
        for name in DAY_COLUMNS
        if name in frame.columns
    ]
    typed = frame.with_columns(*numbers, *days)
    return typed.filter(pl.col("packs").is_not_null()) if "packs" in frame.columns else typed


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
        atc="ATCKOODI",
    )


def _stock(inbox: Path, holders: pl.DataFrame) -> pl.DataFrame:
    """holder_id, day, vnr, packs: usable packs of each count; a holder with nothing keeps its empty row."""
    own = holders.filter(pl.col("holder_type").is_in(list(USABLE_RESERVE)))["holder_id"]
    apart = pl.when(pl.col("holder_id").is_in(own.implode())).then(0.0).otherwise(pl.col("reserve_packs").fill_null(0))
    good = pl.col("expires_on").is_null() | (pl.col("expires_on") > pl.col("counted_on"))
    usable = pl.when(good).then(pl.col("packs") - apart).otherwise(0.0)
    rows = _read(inbox / "stock", ("holder_id", "counted_on", "vnr"), usable, 2).rename({"counted_on": "day"})
    counted = holders.filter(pl.col("holder_type") != "state_reserve")
    return rows.join(counted.select("holder_id"), on="holder_id", how="semi")


def _dispensing(inbox: Path) -> pl.DataFrame:
    """reporter_id, day, vnr, packs less returned; a day with nothing keeps its nil row."""
    left = pl.col("packs") - pl.col("returned_packs").fill_null(0.0)
    return _read(inbox / "dispensing", ("reporter_id", "day", "vnr"), left, 3)


def _cubes(rows: pl.DataFrame, who: str, days: tuple[date, ...], vnr: list[str]) -> dict[str, tuple[Array, Mask]]:
    """By holder or reporter: packs [days, packages] and the days it was heard of."""
    place = pl.DataFrame({"vnr": vnr, "at": np.arange(len(vnr))})
    found: dict[str, tuple[Array, Mask]] = {}
    placed = rows.with_columns(on=(pl.col("day") - days[0]).dt.total_days()).join(place, on="vnr", how="left")
    for part in placed.sort(who).partition_by(who, maintain_order=True):
        heard = np.zeros(len(days), dtype=bool)
        heard[part["on"].to_numpy()] = True
        some = part.filter(pl.col("at").is_not_null())
        packs = np.zeros((len(days), len(vnr)), dtype=np.float32)
        np.add.at(packs, (some["on"].to_numpy(), some["at"].to_numpy()), some["packs"].to_numpy())
        found[str(part[who][0])] = (np.asarray(packs), heard)
    return found


def _carried(cubes: dict[str, tuple[Array, Mask]], depots: list[str], demand: Array) -> Array:
    """Packs in the country by day: each holder at its last count; nan before anybody has counted."""
    total = np.zeros(demand.shape)
    silent, most = np.zeros(demand.shape, dtype=bool), np.zeros(demand.shape[1])
    first = min(int(np.argmax(heard)) for _, heard in cubes.values())
    for name, (packs, heard) in cubes.items():
        last = np.maximum.accumulate(np.where(heard, np.arange(len(heard)), -1))
        total += np.where((last >= 0)[:, None], packs[np.maximum(last, 0)], 0.0)
        if name in depots:
            kept = packs[heard].sum(axis=0)
            silent = np.where((kept > most)[None, :], ~heard[:, None], silent)
            most = np.maximum(most, kept)
    silent[: first + 1] = False
    total[:first] = np.nan
    return while_silent(total, demand, silent)


def _completed(cubes: dict[str, tuple[Array, Mask]]) -> Array:
    """Packs dispensed in the country by day: a silent day counts as the reporter's last same weekdays."""
    total = np.zeros(next(iter(cubes.values()))[0].shape)
    for packs, heard in cubes.values():
        begun = int(np.argmax(heard))
        full = packs.astype(float)
        for day in (np.flatnonzero(~heard[begun:]) + begun).tolist():
            same = np.arange(int(day) - 7, max(int(day) - 7 * SAME_WEEKDAYS, 0) - 1, -7)
            same = same[same >= begun][:SAME_WEEKDAYS]
            if len(same):
                full[day] = full[same].mean(axis=0)
        total += full
    return total


def _granted(inbox: Path) -> pl.DataFrame:
    """GRANTED: permits to take from a reserve, from the day they hold."""
    kinds = GRANTED
    files = _files(inbox / "permits") if (inbox / "permits").is_dir() else []
    frames = [pl.read_parquet(file) if file.suffix == ".parquet" else _csv(file) for file in files]
    days = [
        frame.select(
            pl.col("vnr").cast(pl.String),
            day=pl.col("valid_from").cast(pl.String).str.to_date(strict=False),
            packs=pl.col("allowed_packs").cast(pl.Float64, strict=False),
        )
        for frame in frames
    ]
    return pl.concat([pl.DataFrame(schema=kinds), *days]).drop_nulls("day").unique().sort("vnr", "day", "packs")


def _told(inbox: Path) -> pl.DataFrame:
    """TOLD: the rows of every list of notices, known from its day to the day of the next one."""
    files = sorted((inbox / "fimea_shortages").glob("*.txt"))
    days = [date.fromisoformat(file.stem.split(".")[1]) for file in files]
    frames = [_list(file, day, later) for file, day, later in zip(files, days, [*days[1:], None], strict=False)]
    rows = pl.concat([pl.DataFrame(schema=TOLD), *frames])
    sane = pl.col("start").is_not_null() & (pl.col("end") >= pl.col("start"))
    return rows.filter(sane).with_columns(end=pl.when(pl.col("end") < OPEN_END).then(pl.col("end")))


def _list(file: Path, day: date, later: date | None) -> pl.DataFrame:
    frame = pl.read_csv(file, separator=";", infer_schema_length=0, encoding="utf8-lossy", truncate_ragged_lines=True)
    start, end = (next(n for n in frame.columns if part in n.lower()) for part in ("alkupaiva", "loppupaiva"))
    vnr, state = (next(n for n in frame.columns if part in n.lower()) for part in ("vnr", "voimassa"))
    return frame.select(
        vnr=pl.col(vnr).str.strip_chars('" ').str.zfill(6),
        start=pl.col(start).str.slice(0, 10).str.to_date(strict=False),
        end=pl.col(end).str.slice(0, 10).str.to_date(strict=False),
        ended=pl.col(state).str.contains("E"),
        known_from=pl.lit(day),
        known_to=pl.lit(later, dtype=pl.Date),
    )
