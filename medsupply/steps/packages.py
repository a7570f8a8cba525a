"""The past of packages as the forecast of the country reads it: counted, dispensed, told, per medicine and family."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from medsupply.days import HELSINKI
from medsupply.facts import Facts
from medsupply.forecast.calendar import Array
from medsupply.forecast.history import TOLD, Past
from medsupply.picture.demand import net_packs
from medsupply.picture.master import Master
from medsupply.picture.reach import valid_holders
from medsupply.picture.sites import conversions
from medsupply.rules import load_rules
from medsupply.steps.supplying import HISTORY_DAYS

OPEN_END = date(9999, 1, 1)


def package_past(facts: Facts, master: Master, dispensing: pl.DataFrame) -> Past:
    """Packages of the country's medicines and families, by day over the last half year.

    A holder that has not counted stands at its last count. ``dispensing``: rows as far back as the stock.
    """
    days = tuple(facts.as_of - timedelta(days=n) for n in range(HISTORY_DAYS, -1, -1))
    units = conversions(master).sort("medicine_id", "vnr")
    used = dispensing.filter(pl.col("vnr") != "")
    kept = pl.concat([used.select("vnr"), facts.stock.select("vnr").collect()]).unique()
    columns = units.join(kept, on="vnr", how="semi")
    vnr = columns["vnr"].to_list()
    per_pack = columns["per_pack"].to_numpy()
    counted = _counted(facts)
    return Past(
        days,
        tuple(columns["medicine_id"]),
        tuple(vnr),
        _grid(counted, days, vnr, missing=counted["day"].min()) * per_pack,
        _grid(_dispensed(used), days, vnr) * per_pack,
        _told(facts),
        _granted(facts),
    )


def _counted(facts: Facts) -> pl.DataFrame:
    """vnr, day, packs usable in the country, each holder at its newest count of the day or before."""
    stands = _stands(facts, _counting(facts))
    joined = stands.lazy().join(_holder_counts(facts), on=["holder_id", "counted_on"])
    return joined.group_by("vnr", "day").agg(pl.col("packs").sum()).collect().sort("vnr", "day")


def _counting(facts: Facts) -> pl.DataFrame:
    return valid_holders(facts).filter(pl.col("holder_type") != "state_reserve")


def _holder_counts(facts: Facts) -> pl.LazyFrame:
    """holder_id, counted_on, vnr, packs usable of every count."""
    holders = _counting(facts)
    own = holders.filter(pl.col("holder_type").is_in(list(load_rules().picture.usable_reserve)))["holder_id"]
    apart = pl.when(pl.col("holder_id").is_in(own.implode())).then(0.0).otherwise(pl.col("reserve_packs").fill_null(0))
    good = pl.col("expires_on").is_null() | (pl.col("expires_on") > pl.col("counted_on"))
    rows = facts.stock.filter(good).join(holders.select("holder_id").lazy(), on="holder_id", how="semi")
    packs = (pl.col("packs") - apart).sum().cast(pl.Float64)
    return rows.group_by("holder_id", "counted_on", "vnr").agg(packs=packs)


def holder_units(facts: Facts, master: Master, medicines: pl.Series) -> pl.DataFrame:
    """holder_id, holder_type, name, medicine_id, vnr, units of ``medicines`` at the newest count of each holder."""
    named = facts.current("holders").select("holder_id", "name", pl.col("holder_type").cast(pl.String))
    counts = _holder_counts(facts)
    newest = _stands(facts, valid_holders(facts)).filter(pl.col("day") == facts.as_of).drop("day")
    wanted = conversions(master).filter(pl.col("medicine_id").is_in(medicines.implode()))
    rows = newest.join(counts.collect(), on=["holder_id", "counted_on"]).join(wanted, on="vnr")
    return (
        rows.with_columns(units=pl.col("packs") * pl.col("per_pack"))
        .filter(pl.col("units") > 0)
        .join(named, on="holder_id")
        .select("holder_id", "holder_type", "name", "medicine_id", "vnr", "units")
        .sort("holder_id", "medicine_id", "vnr")
    )


def _stands(facts: Facts, holders: pl.DataFrame) -> pl.DataFrame:
    """holder_id, day, counted_on: the count that stands for each holder on each day since its first."""
    snapshots = facts.snapshots.join(holders.select("holder_id"), on="holder_id", how="semi").sort("counted_on")
    if snapshots.is_empty():
        return snapshots.with_columns(day=pl.col("counted_on"))
    first = snapshots["counted_on"].min()
    days = pl.DataFrame({"day": pl.date_range(first, facts.as_of, eager=True)})  # type: ignore[arg-type]
    grid = days.join(snapshots.select("holder_id").unique(), how="cross").sort("day")
    return grid.join_asof(
        snapshots, left_on="day", right_on="counted_on", by="holder_id", check_sortedness=False
    ).drop_nulls("counted_on")


def _dispensed(used: pl.DataFrame) -> pl.DataFrame:
    return used.group_by("vnr", "day").agg(packs=net_packs().sum().cast(pl.Float64)).sort("vnr", "day")


def _grid(rows: pl.DataFrame, days: tuple[date, ...], vnr: list[str], missing: object = None) -> Array:
    """Packs [days, columns]; days before ``missing`` (the first count) are not known: nan."""
    grid = np.zeros((len(days), len(vnr)))
    place = pl.DataFrame({"vnr": vnr, "column": np.arange(len(vnr))})
    placed = rows.filter(pl.col("day") >= days[0]).join(place, on="vnr")
    at = (placed["day"] - days[0]).dt.total_days().to_numpy()
    grid[at, placed["column"].to_numpy()] = placed["packs"].to_numpy()
    if isinstance(missing, date) and missing > days[0]:
        grid[: (missing - days[0]).days] = np.nan
    return grid


def _told(facts: Facts) -> pl.DataFrame:
    """TOLD: every revision of every notice, and from which list to before which it stood."""
    rows = facts.reference["fimea_shortages"]

    def local(name: str) -> pl.Expr:
        return pl.col(name).dt.convert_time_zone(HELSINKI.key).dt.date()

    end = pl.col("saatavuushairioloppupaiva")
    found = rows.select(
        "vnr",
        start="saatavuushairioalkupaiva",
        end=pl.when(end < OPEN_END).then(end),
        ended=pl.col("voimassa").cast(pl.String) == "E",
        known_from=local("known_from"),
        known_to=local("known_to"),
    )
    sane = pl.col("start").is_not_null() & (pl.col("end").is_null() | (pl.col("end") >= pl.col("start")))
    return found.filter(sane).select(pl.col(name).cast(kind) for name, kind in TOLD.items())


def _granted(facts: Facts) -> pl.DataFrame:
    """vnr, day: permits to take from an obligatory storage, from the day they hold."""
    rows = facts.current("permits").filter(pl.col("kind").cast(pl.String) == "alitus")
    return rows.select("vnr", day="valid_from").drop_nulls().unique().sort("vnr", "day")
