"""The past of packages as the forecast of the country reads it: counted, dispensed, told, per medicine and family."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from medsupply.days import HELSINKI
from medsupply.facts import Facts
from medsupply.forecast.calendar import Array, Mask
from medsupply.forecast.history import GRANTED, PROMISED, TOLD, Past, while_silent
from medsupply.picture.flows import Flows
from medsupply.picture.master import Master
from medsupply.picture.reach import valid_holders
from medsupply.picture.sites import conversions
from medsupply.rules import load_rules
from medsupply.steps.supplying import HISTORY_DAYS, INFLOW_HOLDERS

OPEN_END = date(9999, 1, 1)


def package_past(facts: Facts, master: Master, flows: Flows) -> Past:
    """Packages of the country's medicines and families, by day over the last half year.

    A holder that has not counted stands at its last count, but for the wholesaler of a package (``while_silent``).
    ``flows`` reach as far back.
    """
    days = tuple(facts.as_of - timedelta(days=n) for n in range(HISTORY_DAYS, -1, -1))
    units = conversions(master).sort("medicine_id", "vnr")
    kept = pl.concat([flows.left.select("vnr"), flows.country.select("vnr")]).unique()
    columns = units.join(kept, on="vnr", how="semi")
    vnr = columns["vnr"].to_list()
    per_pack = columns["per_pack"].to_numpy()
    left = _grid(flows.left.select("vnr", "day", packs="net"), days, vnr)
    counted = _counted(flows, days, vnr, facts.snapshots["counted_on"].min())
    stock = while_silent(counted, left, _silent(facts, days, vnr))
    return Past(
        days,
        tuple(columns["medicine_id"]),
        tuple(vnr),
        stock * per_pack,
        left * per_pack,
        _told(facts),
        _granted(facts),
        _promised(facts),
        per_pack,
    )


def _counted(flows: Flows, days: tuple[date, ...], vnr: list[str], first: object) -> Array:
    """Packs usable in the country, each holder at its newest count of the day or before; before the ``first`` nan."""
    grid = _grid(flows.country.select("vnr", "day", packs="usable"), days, vnr).cumsum(axis=0)
    if isinstance(first, date) and first > days[0]:
        grid[: (first - days[0]).days] = np.nan
    return np.asarray(grid)


def _silent(facts: Facts, days: tuple[date, ...], vnr: list[str]) -> Mask:
    """Days [days, columns] without a count of the wholesaler that has most of the package, since its first count."""
    depots = valid_holders(facts).filter(pl.col("holder_type") == "wholesaler").select("holder_id", "holder_type")
    snapshots = facts.snapshots.join(depots, on="holder_id").sort("holder_id", "counted_on")
    newest = snapshots.group_by("holder_id", "holder_type", maintain_order=True).agg(pl.col("counted_on").max())
    most = _newest_counts(facts, newest).sort("packs", "holder_id").group_by("vnr", maintain_order=True).last()
    main = dict(most.filter(pl.col("packs") > 0).select("vnr", "holder_id").iter_rows())
    found = np.zeros((len(days), len(vnr)), dtype=bool)
    for (holder,), counts in snapshots.group_by("holder_id", maintain_order=True):
        heard = set(counts["counted_on"])
        missed = [at for at, day in enumerate(days) if day > min(heard) and day not in heard]
        found[np.ix_(missed, [at for at, one in enumerate(vnr) if main.get(one) == holder])] = True
    return found


def _newest_counts(facts: Facts, newest: pl.DataFrame) -> pl.DataFrame:
    """holder_id, vnr, packs usable of the counts in ``newest`` (holder_id, holder_type, counted_on)."""
    own = pl.col("holder_type").is_in(list(load_rules().picture.usable_reserve))
    apart = pl.when(own).then(0.0).otherwise(pl.col("reserve_packs").fill_null(0))
    good = pl.col("expires_on").is_null() | (pl.col("expires_on") > pl.col("counted_on"))
    key = ["holder_id", "counted_on"]
    days = [facts.stock_of(day, day) for day in newest["counted_on"].unique().sort()]
    rows = pl.concat(days or [facts.stock.clear()]).filter(good).join(newest.lazy(), on=key)
    sums = rows.group_by("holder_id", "vnr").agg(packs=(pl.col("packs") - apart).sum().cast(pl.Float64))
    return sums.collect().sort("holder_id", "vnr")


def holder_units(facts: Facts, master: Master, medicines: pl.Series) -> pl.DataFrame:
    """holder_id, holder_type, name, medicine_id, vnr, units of ``medicines`` at the newest count of each holder."""
    named = facts.current("holders").select("holder_id", "name", pl.col("holder_type").cast(pl.String))
    last = facts.snapshots.group_by("holder_id").agg(pl.col("counted_on").max())
    newest = last.join(valid_holders(facts).select("holder_id", "holder_type"), on="holder_id")
    newest = newest.filter(pl.col("holder_type") != "state_reserve")
    wanted = conversions(master).filter(pl.col("medicine_id").is_in(medicines.implode()))
    rows = _newest_counts(facts, newest).join(wanted, on="vnr")
    return (
        rows.with_columns(units=pl.col("packs") * pl.col("per_pack"))
        .filter(pl.col("units") > 0)
        .join(named, on="holder_id")
        .select("holder_id", "holder_type", "name", "medicine_id", "vnr", "units")
        .sort("holder_id", "medicine_id", "vnr")
    )


def _grid(rows: pl.DataFrame, days: tuple[date, ...], vnr: list[str]) -> Array:
    """Packs [days, columns]."""
    grid = np.zeros((len(days), len(vnr)))
    place = pl.DataFrame({"vnr": vnr, "column": np.arange(len(vnr))})
    placed = rows.filter(pl.col("day") >= days[0]).join(place, on="vnr")
    at = (placed["day"] - days[0]).dt.total_days().to_numpy()
    grid[at, placed["column"].to_numpy()] = placed["packs"].to_numpy()
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


def _promised(facts: Facts) -> pl.DataFrame:
    """PROMISED: supply announced to wholesalers, companies and THL; to others it is a transfer."""
    holders = facts.current("holders").with_columns(pl.col("holder_type").cast(pl.String))
    into = holders.filter(pl.col("holder_type").is_in(INFLOW_HOLDERS)).select("holder_id")
    rows = facts.current("supply").join(into, on="holder_id", how="semi")
    known = rows.filter(pl.col("announced_on") <= facts.as_of)
    return known.select(pl.col(name).cast(kind) for name, kind in PROMISED.items()).sort(list(PROMISED))


def _granted(facts: Facts) -> pl.DataFrame:
    """GRANTED: permits to take from an obligatory storage, from the day they hold."""
    rows = facts.current("permits").filter(pl.col("kind").cast(pl.String) == "alitus").drop_nulls("valid_from")
    found = rows.select("vnr", day="valid_from", packs="allowed_packs").unique().sort("vnr", "day", "packs")
    return found.select(pl.col(name).cast(kind) for name, kind in GRANTED.items())
