"""Run-out of a report day from its measured stock, the demand paths known and supply."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

import polars as pl

from medsupply.areas import COUNTRY
from medsupply.days import week_start
from medsupply.facts import Facts
from medsupply.forecast.calendar import Array
from medsupply.forecast.fed import learn_areas
from medsupply.forecast.national import Country, country_of, instead, only, simulated
from medsupply.forecast.run_out import DemandPaths, run_out
from medsupply.forecast.shares import learn_shares
from medsupply.forecast.supply import learn_supply
from medsupply.forecast.twins import AMOUNTS, twins
from medsupply.picture.flows import Flows, flows
from medsupply.picture.master import Master
from medsupply.rules import load_rules
from medsupply.steps.correcting import corrected
from medsupply.steps.demand import weekly_series
from medsupply.steps.forecasting import PATHS, UNITS, stored_paths
from medsupply.steps.packages import package_past
from medsupply.steps.supplying import HISTORY_DAYS, Supply, supply
from medsupply.steps.what_if import keep_start
from medsupply.tables.forecast import RUN_OUT
from medsupply.tables.picture import MEASURED, STOCK_DAILY, USUAL_UNITS
from medsupply.warehouse import pictures
from medsupply.warehouse.database import bulk
from medsupply.warehouse.database.connection import Warehouse
from medsupply.warehouse.facts import dispensing
from medsupply.warehouse.storage.kept_files import KeptFiles

# A probability of an area is judged against 0.2 and more; four times the paths would cost four times the time.
AREA_PATHS = 100
# Two half years: a corrected day does not push out one that is still asked for.
DAYS_KEPT = 400
# Below so many series a process takes longer to start than the work.
FEW = 2000


def simulate_run_out(wh: Warehouse, facts: Facts, master: Master, *, workers: int = 1) -> int:
    """Simulate and store; returns the series for which something can be said."""
    as_of, known_at = facts.as_of, facts.known_at
    if (stands := _unchanged(wh, as_of, known_at)) is not None:
        return stands
    measured = pictures.stored(wh, MEASURED, "measured", as_of, known_at)
    state = _state(wh, measured, master, as_of, known_at)
    if state.filter(pl.col("stock_units").is_not_null()).is_empty():
        return 0
    cutoff, paths = _demand_paths(wh, as_of, known_at)
    past = _flows(wh, facts)
    known = supply(facts, master, past)
    same = twins(state, _families(master))
    processes = workers if workers > 1 and state.height > FEW else 0
    once = same.once(state)
    country = country_of(package_past(facts, master, past), state, paths, as_of)
    if country is not None:
        keep_start(wh, facts, master, country)
        country = only(country, once["medicine_id"].unique().to_list())
    found = _simulated(once, as_of, paths, known, country, processes)
    found = corrected(wh, same.both(found), state, as_of, known_at)
    rows = found.with_columns(known_at=pl.lit(known_at), cutoff=pl.lit(cutoff, dtype=pl.Date))
    with wh.transaction() as connection:
        bulk.replace(connection, RUN_OUT, rows, as_of=as_of, known_at=known_at)
    return rows.select("medicine_id", "county_code").n_unique()


_SAME = """
    SELECT count(DISTINCT (r.medicine_id, r.county_code)) AS n, max(r.known_at) AS known_at FROM forecast.run_out r
    WHERE r.as_of = :as_of AND r.known_at = (
        SELECT max(known_at) FROM forecast.run_out WHERE as_of = :as_of AND known_at <= :known_at)
"""
_NEWEST = """
    SELECT greatest(
        (SELECT max(v.at) FROM ops.deliveries, LATERAL (VALUES (received_at), (withdrawn_at), (released_at)) v (at)
         WHERE v.at <= :known_at),
        (SELECT max(released_at) FROM ops.quarantine WHERE released_at <= :known_at),
        (SELECT max(known_at) FROM forecast.runs WHERE measure = 'units' AND known_at <= :known_at),
        (SELECT max(known_at) FROM picture.pictures WHERE stage = 'measured' AND as_of = :as_of
         AND known_at <= :known_at)) AS at
"""


def _unchanged(wh: Warehouse, as_of: date, known_at: datetime) -> int | None:
    """The series of the newest run-out of the day where nothing that it reads has changed since; None: simulate.

    It reads deliveries, what was released or withdrawn, the measured picture and the demand paths. The same moment is
    simulated again: that is how a killed command goes on.
    """
    found = wh.read(_SAME, as_of=as_of, known_at=known_at).row(0, named=True)
    if not found["n"] or found["known_at"] == known_at:
        return None
    newest = wh.read(_NEWEST, as_of=as_of, known_at=known_at).item()
    return int(found["n"]) if newest is None or newest <= found["known_at"] else None


def _families(master: Master) -> pl.DataFrame:
    medicines = master.medicines.filter(pl.col("grain") == "medicine")
    return medicines.select("medicine_id", "family_id").drop_nulls()


def _flows(wh: Warehouse, facts: Facts) -> Flows:
    left = dispensing(wh, facts.as_of - timedelta(days=HISTORY_DAYS), facts.as_of, facts.known_at)
    return flows(facts, left, load_rules().picture.usable_reserve, KeptFiles(wh.settings.home, "days", DAYS_KEPT))


def _simulated(
    state: pl.DataFrame, as_of: date, paths: DemandPaths | None, known: Supply, country: Country | None, workers: int
) -> pl.DataFrame:
    """The country on all paths, by its packages where they are known; areas on the first of them, fed by what its
    wholesalers have on the same path."""
    law, fed_areas = learn_supply(known.history), learn_areas(known.history)

    def by_law(rows: pl.DataFrame, n_paths: int, available: Mapping[str, Array]) -> pl.DataFrame:
        return run_out(
            rows,
            as_of,
            demand=paths,
            announced=known.announced,
            notices=known.notices,
            law=law,
            areas=fed_areas,
            lateness=known.lateness,
            available=available,
            n_paths=n_paths,
            workers=workers,
        )

    national = pl.col("county_code") == COUNTRY
    found = by_law(state.filter(national), PATHS, {})
    available: Mapping[str, Array] = {}
    if country is not None and country.names:
        told = simulated(country, n_paths=PATHS, fed=AREA_PATHS, workers=workers)
        found, available = instead(found, told.rows), told.available
    feeding = ~national | ~pl.col("medicine_id").is_in(list(available))
    areas = by_law(state.filter(feeding), AREA_PATHS, available).filter(~national)
    return pl.concat([found, areas]).sort("medicine_id", "county_code", "horizon_days")


def _state(wh: Warehouse, measured: pl.DataFrame, master: Master, as_of: date, known_at: datetime) -> pl.DataFrame:
    """Where the simulation starts: stock, stock with silent holders, reserve, floor, demand, wholesalers' stock."""
    upstream = _upstream(wh, master, as_of, known_at)
    high = pl.col("stock_units") + pl.col("usual_units_silent").fill_null(0.0)
    rows = measured.with_columns(stock_units_high=high).join(upstream, on=["medicine_id", "county_code"], how="left")
    return rows.select("medicine_id", "county_code", *AMOUNTS)


def _upstream(wh: Warehouse, master: Master, as_of: date, known_at: datetime) -> pl.DataFrame:
    """Stock of the wholesalers heard of, and what silent ones usually keep beside."""
    from medsupply.picture.sites import conversions

    is_wholesaler = pl.col("holder_type") == "wholesaler"
    rows = pictures.stored(wh, STOCK_DAILY, "measured", as_of, known_at)
    units = rows.filter(is_wholesaler & pl.col("packs").is_not_null()).join(conversions(master), "vnr", suffix="_all")
    heard = units.group_by(pl.col("medicine_id_all").alias("medicine_id")).agg(
        upstream_units=(pl.col("packs") * pl.col("per_pack")).sum(), county_code=pl.lit(COUNTRY).first()
    )
    usual = pictures.stored(wh, USUAL_UNITS, "measured", as_of, known_at).filter(is_wholesaler)
    silent = usual.group_by("medicine_id").agg(
        upstream_units_silent=(pl.col("usual_units") - pl.col("usual_units_heard").fill_null(0.0)).sum()
    )
    return heard.join(silent, on="medicine_id", how="left")


def _demand_paths(wh: Warehouse, as_of: date, known_at: datetime) -> tuple[date | None, DemandPaths | None]:
    """The country's stored paths, and the areas' shares of them drawn again as they were at the fit."""
    cutoff, national = stored_paths(wh, UNITS, as_of, known_at)
    if cutoff is None:
        return None, None
    shares = learn_shares(weekly_series(wh, cutoff, known_at), COUNTRY)
    paths = {(medicine, COUNTRY): one for medicine, one in national.items()}
    return cutoff, DemandPaths(week_start(cutoff) + timedelta(days=7), paths, shares, cutoff)
