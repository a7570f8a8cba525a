"""Facts for tests of the picture: written by hand, or read from the published files as they are."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from medsupply.facts import Facts
from medsupply.tables.deliveries import CONTRACTS

Rows = Iterable[Mapping[str, Any]]
EARLY = datetime(2020, 1, 1, tzinfo=UTC)
REAL = Path(os.environ.get("MEDSUPPLY_REAL_DATA", Path(__file__).resolve().parents[3] / ".." / "shared" / "data"))


def _schema(source: str) -> dict[str, Any]:
    types = {name: column.dtype for name, column in CONTRACTS[source].columns().items()}
    return {name: pl.String if isinstance(dtype, pl.Enum) else dtype for name, dtype in types.items()}


def frame(source: str, rows: Rows) -> pl.DataFrame:
    """Rows of a source as the contract's columns; what a row leaves out is null."""
    schema = _schema(source)
    known = {"known_from": pl.Datetime("us", "UTC"), "known_to": pl.Datetime("us", "UTC")}
    full = schema if source in ("stock", "dispensing") else {**schema, **known}
    data = [{"known_from": EARLY, **row} for row in rows]
    unknown = {key for row in data for key in row} - set(full) - {"known_from"}
    assert not unknown, f"{source} has no columns {unknown}"
    return pl.DataFrame([{name: row.get(name) for name in full} for row in data], schema=full)


def end_of(day: date) -> datetime:
    return datetime.combine(day, time(21), UTC)


def facts(
    as_of: date,
    known_at: datetime | None = None,
    lists: Mapping[str, datetime] | None = None,
    gaps: Rows = (),
    **sources: Rows,
) -> Facts:
    """Facts from rows by source; snapshots are those of the stock rows (a nil row has an empty vnr)."""
    frames = {source: frame(source, sources.get(source, ())) for source in CONTRACTS}
    stock = frames["stock"]
    snapshots = stock.select("holder_id", "counted_on").unique().sort("holder_id", "counted_on")
    received = [{"source": name, "received_at": moment} for name, moment in (lists or {}).items()]
    return Facts(
        as_of=as_of,
        known_at=known_at or end_of(as_of),
        reference={name: value for name, value in frames.items() if name not in ("stock", "dispensing")},
        lists=pl.DataFrame(received, schema={"source": pl.String, "received_at": pl.Datetime("us", "UTC")}),
        stock=stock.filter(pl.col("vnr") != "").lazy(),
        snapshots=snapshots,
        gaps=pl.DataFrame(list(gaps), schema={"holder_id": pl.String, "counted_on": pl.Date, "vnr": pl.String}),
        dispensing=frames["dispensing"].lazy(),
    )


# --- the published files -------------------------------------------------------------------------------------------


def _cell(value: str, dtype: Any) -> Any:
    text = value.strip()
    if text == "":
        return None
    if dtype == pl.Boolean:
        return text == "1"
    if dtype == pl.Date:
        return date.fromisoformat(text)
    if dtype == pl.Int64:
        return int(float(text))
    return float(text.replace(",", ".")) if dtype == pl.Float64 else text


def _read(path: Path, source: str, encoding: str, delimiter: str = ";", quoted: bool = False) -> list[dict[str, Any]]:
    schema = _schema(source)
    quoting = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    with path.open(encoding=encoding, newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, quoting=quoting)
        header = [name.strip().lower() for name in next(reader)]
        rows = [dict(zip(header, row, strict=False)) for row in reader if row]
    return [{k: _cell(v, schema[k]) for k, v in row.items() if k in schema} for row in rows]


def _versions(source: str, key: list[str], deliveries: list[tuple[datetime, list[dict[str, Any]]]]) -> pl.DataFrame:
    """Full lists, one after another, as rows with known_from and known_to."""
    open_rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    closed: list[dict[str, Any]] = []
    for moment, rows in deliveries:
        seen = {tuple(row.get(name) for name in key): row for row in rows}
        for identity, row in list(open_rows.items()):
            if identity not in seen or {k: v for k, v in row.items() if k != "known_from"} != seen[identity]:
                closed.append({**open_rows.pop(identity), "known_to": moment})
        for identity, row in seen.items():
            open_rows.setdefault(identity, {**row, "known_from": moment})
    return frame(source, [*closed, *open_rows.values()])


def _at(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(hour=6, tzinfo=UTC)


def real_facts(as_of: date, known_at: datetime) -> Facts:
    """The published register, lists, notices and Kela purchases as known at ``known_at``."""
    fimea = REAL / "fimea"
    empty = facts(as_of, known_at)
    shortages = []
    for day in ("2022-11-14", "2022-11-16", "2022-11-17"):
        rows = _read(fimea / f"shortages/Saatavuushairiot.{day}.txt", "fimea_shortages", "utf-8-sig", quoted=True)
        good = [r for r in rows if r["saatavuushairioloppupaiva"] >= r["saatavuushairioalkupaiva"] > date(2000, 1, 1)]
        shortages.append((_at(day), good))
    lists = [("2022-12-10", "utf-8-sig"), ("2025-03-14", "latin-1")]
    groups = [
        (_at(day), _read(fimea / f"substitution/GS-ladattava.{day}.txt", "fimea_substitution", encoding))
        for day, encoding in lists
        if day == "2022-12-10" or _at(day) <= known_at
    ]
    register = fimea / "register_2023"
    union = _read(REAL / "eu/union_list_v2.1.csv", "critical_list", "utf-8", delimiter=",", quoted=True)
    union = [row for row in union if len(row["atc5"] or "") == 7]
    reference = dict(empty.reference) | {
        "fimea_shortages": _versions("fimea_shortages", ["vnr", "saatavuushairioalkupaiva"], shortages),
        "fimea_substitution": _versions("fimea_substitution", ["vnrnro"], groups),
        "fimea_atc": frame("fimea_atc", _read(register / "atc.txt", "fimea_atc", "latin-1")),
        "fimea_forms": frame("fimea_forms", _read(register / "laakemuoto.txt", "fimea_forms", "latin-1")),
        "fimea_packages": frame("fimea_packages", _read(register / "pakkaus-m.txt", "fimea_packages", "latin-1")),
        "critical_list": frame("critical_list", [{"list": "eu", **row} for row in union]),
        "kela_purchases": _kela(known_at),
        "kela_names": frame("kela_names", _kela_names()),
    }
    received = [("fimea_shortages", _at("2022-11-17")), ("fimea_substitution", groups[-1][0])]
    received_frame = pl.DataFrame(
        received, schema={"source": pl.String, "received_at": pl.Datetime("us", "UTC")}, orient="row"
    )
    return Facts(as_of, known_at, reference, received_frame, empty.stock, empty.snapshots, empty.gaps, empty.dispensing)


def _kela_names() -> list[dict[str, Any]]:
    path = REAL / "kela/metadata_viikko_hva.parquet"
    if not path.exists():
        return []
    rows = pl.read_parquet(path)
    kept = rows.rename({name: name.lower() for name in rows.columns}).drop("updated")
    return kept.with_columns(pl.col("values").fill_null("")).to_dicts()


def _kela(known_at: datetime) -> pl.DataFrame:
    frames = []
    for year in range(2019, known_at.year + 1):
        path = REAL / f"kela/data_viikko_hva_{year}.parquet"
        if path.exists():
            rows = pl.read_parquet(path)
            frames.append(rows.rename({name: name.lower() for name in rows.columns}))
    joined = pl.concat(frames, how="diagonal_relaxed")
    monday = pl.date(pl.col("vuosi"), 1, 4)
    monday = monday - pl.duration(days=monday.dt.weekday() - 1) + pl.duration(weeks=pl.col("viikko") - 1)
    known = joined.filter(monday + timedelta(days=6) <= pl.lit(known_at.date())).unique(
        ["vuosi", "viikko", "atc_koodi", "aluekoodi", "atc_taso"], keep="first", maintain_order=True
    )
    schema = _schema("kela_purchases")
    area = pl.col("aluekoodi").cast(pl.Int64).cast(pl.String).str.zfill(2)
    return known.with_columns(
        aluekoodi=area,
        known_from=pl.lit(EARLY).cast(pl.Datetime("us", "UTC")),
        known_to=pl.lit(None, pl.Datetime("us", "UTC")),
    ).select(*(pl.col(name).cast(dtype) for name, dtype in schema.items()), "known_from", "known_to")


__all__ = ["REAL", "end_of", "facts", "frame", "real_facts"]
