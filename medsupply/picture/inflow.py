"""Net inflow per holder and package between consecutive snapshots: for learning supply, never clipped."""

from __future__ import annotations

import polars as pl

from medsupply.picture.demand import net_packs

_KEY = ["holder_id", "vnr"]


def _balances(stock: pl.DataFrame, snapshots: pl.DataFrame) -> pl.DataFrame:
    """Holder, package and snapshot of every package a holder ever had in the rows, absent = 0 packs (not expired)."""
    good = pl.col("expires_on").is_null() | (pl.col("expires_on") > pl.col("counted_on"))
    balance = stock.group_by(*_KEY, "counted_on").agg(balance=pl.col("packs").filter(good).sum())
    grid = snapshots.join(stock.select(_KEY).unique(), on="holder_id")
    return grid.join(balance, on=[*_KEY, "counted_on"], how="left").with_columns(pl.col("balance").fill_null(0.0))


def net_inflow(stock: pl.DataFrame, snapshots: pl.DataFrame, dispensing: pl.DataFrame) -> pl.DataFrame:
    """``holder_id``, ``vnr``, ``from_on``, ``to_on``, ``packs`` that came in net between two own snapshots t1 < t2.

    B(t2) - B(t1) + dispensed in (t1, t2] + expired in (t1, t2], B = packs not expired, reserve included, absent = 0;
    expired = packs at t1 of lots with t1 < expires_on <= t2. The first snapshot of a holder is opening stock: no row.
    """
    steps = _steps(_balances(stock, snapshots))
    if steps.is_empty():
        return steps.select(*_KEY, "from_on", "to_on", packs=pl.lit(0.0))
    lots = stock.select(*_KEY, "counted_on", "expires_on", lot_packs="packs")
    old = steps.join(lots, left_on=[*_KEY, "from_on"], right_on=[*_KEY, "counted_on"])
    gone = (pl.col("expires_on") > pl.col("from_on")) & (pl.col("expires_on") <= pl.col("to_on"))
    expired = old.filter(gone).group_by(*_KEY, "to_on").agg(expired=pl.col("lot_packs").sum())
    left = dispensing.filter(pl.col("vnr") != "").select("vnr", "day", holder_id="reporter_id", out=net_packs())
    during = steps.join(left, on=_KEY).filter((pl.col("day") > pl.col("from_on")) & (pl.col("day") <= pl.col("to_on")))
    dispensed = during.group_by(*_KEY, "to_on").agg(dispensed=pl.col("out").sum())
    joined = steps.join(expired, on=[*_KEY, "to_on"], how="left").join(dispensed, on=[*_KEY, "to_on"], how="left")
    change = pl.col("balance") - pl.col("balance_before")
    packs = change + pl.col("dispensed").fill_null(0.0) + pl.col("expired").fill_null(0.0)
    return joined.select(*_KEY, "from_on", "to_on", packs=packs).sort(*_KEY, "to_on")


def _steps(balances: pl.DataFrame) -> pl.DataFrame:
    ordered = balances.sort(*_KEY, "counted_on")
    before = {
        "from_on": pl.col("counted_on").shift().over(_KEY),
        "balance_before": pl.col("balance").shift().over(_KEY),
    }
    return ordered.with_columns(**before, to_on=pl.col("counted_on")).filter(pl.col("from_on").is_not_null())
