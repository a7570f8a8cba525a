"""The start of what-ifs as bytes: arrays and frames, so that a page can simulate without reading the record again."""

from __future__ import annotations

import io
from dataclasses import fields
from datetime import date

import numpy as np
import polars as pl

from medsupply.forecast.calendar import Array
from medsupply.forecast.national import Country
from medsupply.forecast.outages import Outages
from medsupply.forecast.promises import Promises
from medsupply.forecast.resupply import Laws, Resupply
from medsupply.forecast.run_out import DemandPaths
from medsupply.forecast.scenario import Start
from medsupply.forecast.waits import Packages, Waits

VERSION = 4
HISTORY = ("to_end", "foretold", "granted", "promised")


def packed(start: Start) -> bytes:
    """``start`` as a NumPy archive; ``unpacked`` gives the same futures from it. Not compressed: paths are nearly
    random numbers, and a nation of them took twenty seconds to save a tenth."""
    country = start.country
    arrays: dict[str, Array] = {"version": np.array([VERSION]), "as_of": np.array([country.as_of.toordinal()])}
    for field in fields(Packages):
        value = getattr(country.packages, field.name)
        # Of the past only demand is needed, and the stock of the last day.
        arrays[f"packages.{field.name}"] = value[-1:] if field.name in ("stock", *HISTORY) else value
    for field in fields(Waits):
        if field.name != "laws":
            arrays[f"waits.{field.name}"] = getattr(country.laws.waits, field.name)
    laws = country.laws.waits.laws
    arrays |= {"laws.states": np.array(list(laws)), "laws.table": np.stack(list(laws.values()))}
    arrays |= {f"outages.{f.name}": np.asarray(getattr(country.laws.outages, f.name)) for f in fields(Outages)}
    arrays |= {f"resupply.{f.name}": np.asarray(getattr(country.laws.resupply, f.name)) for f in fields(Resupply)}
    arrays |= {f"promises.{f.name}": np.asarray(getattr(country.laws.promises, f.name)) for f in fields(Promises)}
    arrays["usual"] = country.laws.usual
    arrays |= _frames({"state": country.state, "holders": start.holders, "vnr": pl.DataFrame({"vnr": country.vnr})})
    arrays |= _paths(country)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def _frames(frames: dict[str, pl.DataFrame]) -> dict[str, Array]:
    found: dict[str, Array] = {}
    for name, frame in frames.items():
        buffer = io.BytesIO()
        frame.write_parquet(buffer)
        found[f"frame.{name}"] = np.asarray(np.frombuffer(buffer.getvalue(), dtype=np.uint8))
    return found


def _paths(country: Country) -> dict[str, Array]:
    mine = [(name, country.demand.paths.get((name, "99"))) for name in country.names]
    kept = {f"paths.{name}": one.astype(np.float32) for name, one in mine if one is not None}
    return {"first_week": np.array([country.demand.first_week.toordinal()]), **kept}


def unpacked(data: bytes) -> Start | None:
    """The start that ``packed`` wrote; None where an earlier version wrote it: the next run-out writes a new one."""
    with np.load(io.BytesIO(data), allow_pickle=False) as read:
        arrays = {name: read[name] for name in read.files}
    if int(arrays["version"][0]) != VERSION:
        return None
    laws = dict(zip(arrays["laws.states"].tolist(), arrays["laws.table"], strict=True))
    waits = {f.name: arrays[f"waits.{f.name}"] for f in fields(Waits) if f.name != "laws"}
    outages = {f.name: arrays[f"outages.{f.name}"] for f in fields(Outages)}
    resupply = {f.name: arrays[f"resupply.{f.name}"] for f in fields(Resupply)}
    country = Country(
        date.fromordinal(int(arrays["as_of"][0])),
        Packages(**{f.name: arrays[f"packages.{f.name}"] for f in fields(Packages)}),
        Laws(
            arrays["usual"],
            Resupply(resupply["position"], int(resupply["lead"]), resupply["spread"]),
            Waits(**waits, laws=laws),
            Outages(outages["rate"], float(outages["common"]), outages["length"], outages["slip"]),
            Promises(arrays["promises.due"], arrays["promises.late"], float(arrays["promises.share"])),
        ),
        _frame(arrays, "state"),
        DemandPaths(
            date.fromordinal(int(arrays["first_week"][0])),
            {(name[6:], "99"): one.astype(float) for name, one in arrays.items() if name.startswith("paths.")},
        ),
        tuple(_frame(arrays, "vnr")["vnr"]),
    )
    return Start(country, _frame(arrays, "holders"))


def _frame(arrays: dict[str, Array], name: str) -> pl.DataFrame:
    return pl.read_parquet(io.BytesIO(arrays[f"frame.{name}"].tobytes()))
